// A chat client on @xmpp/client that is driven line by line; see ../README.md.
import { once } from "node:events";
import dns from "node:dns";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import tls from "node:tls";
import { client, jid, xml } from "@xmpp/client";

const [fullJid, password, ip, port, kindOfTls, caFile, ...options] = process.argv.slice(2);
const stays = options.includes("stay");
const address = jid(fullJid);

// The library takes names, not addresses, and no authority: its names lead to the server under
// test here, and nobody is trusted but the test's authority. What it checks, and how, is its own.
dns.lookup = (name, options, done) =>
  options.all ? done(null, [{ address: ip, family: 4 }]) : done(null, ip, 4);
const createSecureContext = tls.createSecureContext;
tls.createSecureContext = (options) =>
  createSecureContext({ ...options, ca: readFileSync(caFile) });

const say = (...fields) => process.stdout.write(`${fields.join("\t")}\n`);

const schemes = { starttls: "xmpp", direct: "xmpps", ws: "ws", wss: "wss" };
const serviceAt = (kind, port) =>
  `${schemes[kind]}://${address.domain}:${port}${kind.startsWith("ws") ? "/ws" : ""}`;
const entity = client({
  service: serviceAt(kindOfTls, port),
  domain: address.domain,
  resource: address.resource,
  username: address.local,
  password,
});
if (!stays) entity.reconnect.stop();
let mechanism = "";
let online = false;

function fail(error) {
  if (stays && online) return; // it connects again
  if (!online) say("failed", String(error.message || error).replaceAll("\n", " "));
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
}

entity.on("error", fail);
entity.on("send", (element) => {
  if (element.is("auth")) mechanism = element.attrs.mechanism;
});

const sayRoster = (query) =>
  query.getChildren("item").forEach((i) => say("roster", i.attrs.jid, i.attrs.subscription));

entity.iqCallee.set("jabber:iq:roster", "query", ({ element }) => {
  sayRoster(element);
  return true;
});
entity.on("stanza", (stanza) => {
  const { from, type } = stanza.attrs;
  if (stanza.is("presence")) say("presence", type || "available", from);
  if (stanza.is("message")) say("message", from, stanza.getChildText("body"));
});
entity.on("online", async (self) => {
  // The library does not count answers to its own questions (XEP-0198 section 4), so that it is
  // sent as many stanzas again when it resumes.
  if (!stays) sayRoster(await entity.iqCaller.get(xml("query", "jabber:iq:roster")));
  await entity.send(xml("presence"));
  online = true;
  say("online", self.toString(), mechanism);
});

async function quit() {
  await entity.stop();
  say("offline");
  process.exit(0);
}

const commands = {
  presence: (type, to) => entity.send(xml("presence", { type, to })),
  next: async (kind, port) => {
    entity.options.service = serviceAt(kind, port);
    say("next", kind);
  },
  message: (to, body) => entity.send(xml("message", { to, type: "chat" }, xml("body", {}, body))),
  quit,
};
const input = createInterface({ input: process.stdin });
input.on("line", (line) => {
  const [name, ...fields] = line.split("\t");
  commands[name](...fields).catch(fail);
});
once(input, "close").then(quit).catch(fail);

entity.start().catch(fail);
