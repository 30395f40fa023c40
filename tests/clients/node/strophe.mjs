// A chat client on strophe.js that is driven line by line; see ../README.md.
import { webcrypto } from "node:crypto";
import dns from "node:dns";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import tls from "node:tls";

const [fullJid, password, ip, port, transport, caFile, ...options] = process.argv.slice(2);
const stays = options.includes("stay");
const host = fullJid.split("@")[1].split("/")[0];

// As in chat.js: names lead to the server under test, and only the test's authority is trusted.
dns.lookup = (name, options, done) =>
  options.all ? done(null, [{ address: ip, family: 4 }]) : done(null, ip, 4);
const createSecureContext = tls.createSecureContext;
tls.createSecureContext = (options) =>
  createSecureContext({ ...options, ca: readFileSync(caFile) });

// What a browser has and Node 18 has not; before the library looks for it.
globalThis.crypto ??= webcrypto;
const { default: Xhr } = await import("xhr2");
globalThis.XMLHttpRequest = class extends Xhr {
  constructor() {
    super();
    const get = () =>
      this.responseText ? new DOMParser().parseFromString(this.responseText, "text/xml") : null;
    Object.defineProperty(this, "responseXML", { get, set() {} });
  }
};
const { Strophe, $msg, $pres, $iq } = await import("strophe.js");
Strophe.setLogLevel(Strophe.LogLevel.WARN); // lower ones go to stdout

const say = (...fields) => process.stdout.write(`${fields.join("\t")}\n`);
const addresses = {
  ws: `ws://${host}:${port}/ws`,
  wss: `wss://${host}:${port}/ws`,
  bosh: `http://${host}:${port}/bosh`,
  boshs: `https://${host}:${port}/bosh`,
};
const connection = new Strophe.Connection(addresses[transport], {
  enableStreamManagement: stays, // over WebSocket only: the library has it nowhere else
});
if (process.env.DEBUG) {
  connection.xmlInput = (e) => process.stderr.write(`< ${Strophe.serialize(e)}\n`);
  connection.xmlOutput = (e) => process.stderr.write(`> ${Strophe.serialize(e)}\n`);
}
let online = false;
let quits = false;
let mechanism = "";

function fail(why) {
  say("failed", String(why).replaceAll("\n", " "));
  process.exit(1);
}

function sayRoster(stanza) {
  for (const item of Array.from(stanza.getElementsByTagName("item"))) {
    say("roster", item.getAttribute("jid"), item.getAttribute("subscription"));
  }
}

function listen() {
  connection.addHandler((presence) => {
    say("presence", presence.getAttribute("type") || "available", presence.getAttribute("from"));
    return true;
  }, null, "presence");
  connection.addHandler((message) => {
    const body = message.getElementsByTagName("body")[0];
    if (body) say("message", message.getAttribute("from"), body.textContent);
    return true;
  }, null, "message");
  connection.addHandler((push) => {
    sayRoster(push);
    connection.send($iq({ type: "result", id: push.getAttribute("id") }));
    return true;
  }, Strophe.NS.ROSTER, "iq", "set");
}

function onStatus(status, why) {
  if (status === Strophe.Status.CONNECTED) {
    listen(); // the library forgets handlers when a connection ends
    if (connection.hasResumed()) return;
    mechanism = connection._sasl_mechanism.mechname;
    connection.sendIQ($iq({ type: "get" }).c("query", { xmlns: Strophe.NS.ROSTER }), (roster) => {
      sayRoster(roster);
      connection.send($pres());
      online = true;
      say("online", connection.jid, mechanism);
    });
  }
  const staysOn = stays && online && !quits;
  if (status === Strophe.Status.AUTHFAIL || (status === Strophe.Status.CONNFAIL && !staysOn)) {
    fail(why || "unknown");
  }
  if (status === Strophe.Status.DISCONNECTED) {
    if (staysOn) return setTimeout(connect, 200);
    if (!online) fail(why || "disconnected");
    say("offline");
    process.exit(0);
  }
}

const connect = () => connection.connect(fullJid, password, onStatus);
connect();

const commands = {
  presence: (type, to) => connection.send($pres({ type, to })),
  message: (to, body) => connection.send($msg({ to, type: "chat" }).c("body").t(body)),
  quit: () => {
    quits = true;
    connection.disconnect();
  },
};
const input = createInterface({ input: process.stdin });
input.on("line", (line) => {
  const [name, ...fields] = line.split("\t");
  commands[name](...fields);
});
once(input, "close").then(commands.quit);
