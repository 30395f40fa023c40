// A double of the API for work on the page without a node: `npm run dev`, or, as it is built,
// `npm run preview`. Any address may sign in
// with the password "pencil". Nothing is kept.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";

type Args = Record<string, string>;
type Json = unknown;

class Refusal extends Error {
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(detail);
  }
}

const NAMES = "adele bruno chloe dario elena farid greta hugo ines jonas karim lena".split(" ");
const HOSTS = ["example.org", "example.net"];
const PAGE = 50;
const now = () => Date.now();
const iso = (ms: number) => new Date(ms).toISOString();
const wave = (i: number) => 0.5 + 0.5 * Math.sin(i / 7) * Math.cos(i / 31);

const nodes = ["blue-1", "blue-2", "blue-3"].map((name, i) => ({
  node: 41 + i,
  name,
  address: `192.0.2.${11 + i}:5269`,
  state: "up",
  version: "0.9.0",
  sessions: 1200 + i * 97,
  client_address: `${name}.example.org:5222`,
  utilisation: 31 + i * 20,
  stanzas_per_second: 410 + i * 30,
  cpu_percent: 96 + i * 14,
  memory: (310 + i * 25) * 1024 * 1024,
  leases: i === 0 ? ["archive_expiry", "advice"] : [],
}));
type Node = (typeof nodes)[number];

const accounts = Array.from({ length: 4000 }, (_, i) => ({
  jid: `${NAMES[i % 12]}${Math.floor(i / 12) || ""}@${HOSTS[i % 37 === 0 ? 1 : 0]}`,
  banned: i % 97 === 5,
})).sort((a, b) => (a.jid < b.jid ? -1 : 1));
const sessions = accounts
  .filter((_, i) => i % 3 === 0)
  .map(({ jid }, i) => ({
    jid: `${jid}/${["phone", "laptop", "Conversations.7Kq2"][i % 3]}`,
    connection: "c2s_tls",
    ip: `198.51.100.${i % 250}`,
    port: 40_000 + i,
    node: nodes[i % 3]!.name,
    priority: i % 5 === 0 ? 5 : 0,
    uptime: 61 * i,
    show: ["available", "away", "available", "dnd", "xa"][i % 5],
    status: i % 5 === 3 ? "In a meeting" : "",
  }));
const events: Json[] = nodes.flatMap(({ node, name }, i) => [
  { time: iso(now() - 4e6 + i * 9e3), event: "joined", node, name },
  { time: iso(now() - 4e6 + i * 9e3 + 4e3), event: "up", node, name },
]);
const tokens = [
  {
    id: "ab2cd3ef4g",
    name: "backup",
    scopes: "backup:write,server:read",
    created_by: "admin@example.org",
    created: iso(now() - 9e8),
    expires: iso(now() + 4e9),
    last_used: iso(now() - 4e6),
  },
];
const audit: Json[] = [];

function page<Item>(all: Item[], { after, limit }: Args) {
  const from = Number(after ?? 0);
  const end = from + Number(limit || PAGE);
  return { items: all.slice(from, end), next: end < all.length ? String(end) : null };
}

function account({ user, host }: Args) {
  const found = accounts.find(({ jid }) => jid === `${user}@${host}`);
  if (!found) throw new Refusal(404, `there is no account ${user}@${host}`);
  return found;
}
const of = (jid: string) => sessions.filter((session) => session.jid.startsWith(`${jid}/`));

function drain(node: Node) {
  node.state = "draining";
  events.push({ time: iso(now()), event: "draining", node: node.node, name: node.name });
  const timer = setInterval(() => {
    node.sessions = Math.max(0, node.sessions - 90);
    if (node.sessions > 0) return;
    clearInterval(timer);
    nodes.splice(nodes.indexOf(node), 1);
    events.push({ time: iso(now()), event: "left", node: node.node, name: node.name });
  }, 700);
}

const logLine = (i: number) => ({
  time: iso(now() - i * 700),
  level: ["info", "info", "warning", "info", "error"][i % 5],
  event: ["session_bound", "stream_closed", "login_refused", "session_resumed", "store_slow"][i % 5],
  node: nodes[i % nodes.length]!.name,
  subsystem: ["core", "stream", "stream", "core", "store"][i % 5],
  jid: sessions[i]!.jid,
  ms: i * 3,
});

const readers: Record<string, (args: Args) => Json> = {
  overview: () => ({
    nodes: nodes.map((node, i) => ({
      ...node,
      id: node.node,
      uptime: 4000 + i * 86_000,
      messages_per_second: 120 + i,
      cpu: node.cpu_percent,
    })),
    sessions: nodes.reduce((sum, node) => sum + node.sessions, 0),
    accounts: accounts.length,
    messages_per_second: Math.round(360 + 40 * wave(now() / 5e3)),
    utilisation: 48,
    alerts: nodes
      .filter(({ state }) => state === "draining")
      .map(({ name, sessions: left }) => ({
        severity: "warning",
        text: `node ${name} is draining: ${left} of 1200 sessions are left`,
      })),
    missing: [],
  }),
  load_last_hour: () => {
    const from = iso(now() - 3_600_000);
    const line = (base: number, swing: number) =>
      Array.from({ length: 360 }, (_, i) => Math.round(base + swing * wave(i + base)));
    const load = (n: number) => ({
      from,
      sessions: line(1000 * n, 400 * n),
      messages_per_second: line(100 * n, 90 * n),
      utilisation: line(20 + 13 * n, 30),
    });
    const each = Object.fromEntries(nodes.map(({ name }, i) => [name, load(i)]));
    return { step_s: 10, from, series: load(3), nodes: each, missing: [] };
  },
  list_cluster: () => nodes,
  cluster_status: () =>
    nodes.flatMap(({ node }) =>
      nodes
        .filter((other) => other.node !== node)
        .map((other) => ({
          node,
          other: other.node,
          hears: true,
          heard_ms_ago: (node * other.node) % 190,
          waiting_bytes: 0,
          knows_sessions: true,
          lease_ms_ago: 900,
        })),
    ),
  cluster_events: () => ({ items: events, missing: [] }),
  list_accounts: (args) => {
    const { items, next } = page(
      accounts.filter(
        ({ jid }) => jid.startsWith(args["prefix"] ?? "") && jid.endsWith(`@${args["host"]}`),
      ),
      args,
    );
    const one = ({ jid, banned }: (typeof accounts)[number]) => {
      const [user, host] = jid.split("@");
      return { user, host, sessions: of(jid).length, banned };
    };
    return { items: items.map(one), next, missing: [] };
  },
  account_info: (args) => {
    const { jid, banned } = account(args);
    return {
      jid,
      created: iso(now() - 9e9),
      sessions: of(jid).map((session) => session.jid),
      contacts: 5,
      archived: 4211,
      archived_more: false,
      archive_newest: iso(now() - 9e5),
      archive_oldest: iso(now() - 8e9),
      offline_messages: 3,
      banned,
      ban_reason: banned ? "sends spam" : null,
      banned_since: banned ? iso(now() - 5e8) : null,
      banned_by: banned ? "admin@example.org" : null,
      online: of(jid).length > 0,
      last_activity: iso(now() - 9e7),
    };
  },
  list_sessions: (args) => {
    const { filter = "", after = "", limit } = args;
    const found = sessions.filter(({ jid }) => jid.includes(filter) && jid > after);
    found.sort((a, b) => (a.jid < b.jid ? -1 : 1));
    const { items, next } = page(found, { limit: limit ?? "" });
    return { items, next: next && items.at(-1)!.jid, missing: [] };
  },
  get_roster: () =>
    NAMES.slice(0, 5).map((name, i) => ({
      jid: `${name}@example.net`,
      nick: name,
      subscription: ["both", "to", "none"][i % 3],
      pending: i === 2 ? "out" : "none",
      groups: i % 2 ? ["Friends", "Work"] : [],
    })),
  list_hosts: () => ({
    items: HOSTS.map((host, i) => ({
      host,
      accounts: accounts.filter(({ jid }) => jid.endsWith(`@${host}`)).length,
      sessions: sessions.filter(({ jid }) => jid.includes(`@${host}/`)).length,
      certificate: { not_after: iso(now() + (i ? 9e8 : 6e9)), self_signed: i === 1 },
    })),
  }),
  list_certificates: () => ({
    items: HOSTS.map((host, i) => ({
      hosts: [host],
      subject: `CN=${host}`,
      issuer: i ? `CN=${host}` : "CN=R3, O=Example Certificate Authority",
      not_before: iso(now() - 3e9),
      not_after: iso(now() + (i ? 9e8 : 6e9)),
      names: [host, `*.${host}`],
      self_signed: i === 1,
      file: `/etc/starling/${host}.pem`,
      fingerprint: "9f:2c:41",
      error: "",
    })),
  }),
  list_options: () => ({
    items: [
      ["hosts", "[example.org, example.net]", "/etc/starling/starling.yml:1:1", "reload"],
      ["loglevel", "info", "environment variable STARLING_LOGLEVEL", "reload"],
      ["listen", "[{port: 5222}, {port: 5223, tls: true}]", "default", "reload"],
      ["workers", "4", "default", "restart"],
    ].map(([name, value, from, needs]) => ({
      name,
      value,
      default: value,
      from,
      type: "a text",
      meaning: `What ${name} means, in a sentence or two: what it is, and what follows from it.`,
      when: "When to change it.",
      example: `${name}: ${value}`,
      change_needs: needs,
      per_host: name === "loglevel",
    })),
  }),
  recent_log: () => ({ items: Array.from({ length: 60 }, (_, i) => logLine(60 - i)) }),
  doctor: () => [
    { state: "ok", check: "certificate", what: "good for 69 days", advice: "" },
    {
      state: "warning",
      check: "dns",
      what: "_xmpps-client._tcp.example.net has no record",
      advice: "Add an SRV record.",
    },
  ],
  where: ({ jid }) => ({ jid, home: 41, name: "blue-1", why: "its sessions are there", sessions: [] }),
  why: (args) => {
    if (args["id"] === "none") throw new Refusal(404, "nothing is known of a message none");
    const ends = { from: "adele@example.org/phone", to: "bruno@example.org" };
    return ["came from its client", "went to node blue-2", "was kept in the archive", "reached phone"].map(
      (what, i) => ({ time: iso(now() - 5e3 + i * 3), name: `blue-${i ? 2 : 1}`, what, ...ends }),
    );
  },
  list_tokens: () => tokens,
  audit_log: (args) => page([...audit].reverse(), args),
};

const changers: Record<string, (args: Args) => Json> = {
  leave_cluster: ({ node }) => {
    drain(nodes.find((one) => String(one.node) === node)!);
    return `node ${node} is leaving`;
  },
  rebalance: () => ({ moving: 12, nodes: [], missing: [] }),
  register: ({ user, host }) => {
    const jid = `${user}@${host}`;
    if (accounts.some((one) => one.jid === jid)) throw new Refusal(409, `${jid} exists already`);
    accounts.push({ jid, banned: false });
    return `registered ${jid}`;
  },
  unregister: (args) => accounts.splice(accounts.indexOf(account(args)), 1) && "done",
  change_password: (args) => account(args) && "done",
  ban_account: (args) => {
    account(args).banned = true;
    return 0;
  },
  unban_account: (args) => {
    account(args).banned = false;
    return "unbanned";
  },
  kick_session: ({ user, host, resource }) => {
    const i = sessions.findIndex(({ jid }) => jid === `${user}@${host}/${resource}`);
    if (i < 0) throw new Refusal(404, "there is no such session");
    sessions.splice(i, 1);
    return "done";
  },
  kick_user: () => 1,
  reload_config: () => ["loglevel: info -> debug", "workers: waits for a restart"],
  create_token: ({ name, scopes, days }) => {
    const made = {
      id: `t${now()}`,
      name: name!,
      scopes: scopes!,
      created_by: "admin@example.org",
      created: iso(now()),
      expires: iso(now() + Number(days) * 864e5),
      last_used: "",
    };
    tokens.push(made);
    return { ...made, token: `${made.id}_pFv0m3yq7Z2s8Jw5` };
  },
  revoke_token: ({ id }) => tokens.splice(tokens.findIndex((one) => one.id === id), 1) && "revoked",
};

const streams: Record<string, (i: number, args: Args) => Json> = {
  follow_log: (i) => logLine(i % 60),
  trace: (i, { jid }) => ({
    time: iso(now()),
    direction: i % 2 ? "in" : "out",
    stream: "c2s",
    session: "s1",
    jid: `${jid}/phone`,
    size: 210 + i,
    trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
    xml: `<message to="bruno@example.org" type="chat" id="m${i}"><body>[${i % 40} bytes]</body></message>`,
  }),
};

function openapi() {
  const text = { type: "string" };
  const paths: Record<string, Json> = {};
  const named = { register: ["user", "host", "password"], account_info: ["user", "host"] };
  for (const [name, method] of [
    ...[...Object.keys(readers), ...Object.keys(streams)].map((one) => [one, "get"] as const),
    ...Object.keys(changers).map((one) => [one, "post"] as const),
  ]) {
    const fields = named[name as keyof typeof named] ?? [];
    paths[`/api/${name}`] = {
      [method]: {
        tags: [name.includes("cluster") ? "cluster" : "accounts"],
        summary: `What ${name} does, in one line`,
        description: "What changes, what it answers, what can go wrong.",
        "x-starlingctl": [name, ...fields.map((field) => field.toUpperCase())].join(" "),
        parameters:
          method === "get"
            ? fields.map((field) => ({ name: field, in: "query", required: true, schema: text }))
            : [],
        requestBody:
          method === "post"
            ? {
                content: {
                  "application/json": {
                    schema: {
                      required: fields,
                      properties: Object.fromEntries(
                        fields.map((field) => [
                          field,
                          { ...text, format: field === "password" ? "password" : undefined },
                        ]),
                      ),
                    },
                  },
                },
              }
            : undefined,
        responses: { 200: { content: { [name in streams ? "text/event-stream" : "application/json"]: {} } } },
      },
    };
  }
  return {
    tags: [
      { name: "accounts", description: "Accounts" },
      { name: "cluster", description: "The cluster" },
    ],
    paths,
  };
}

let signedIn: { jid: string; expires: string } | null = null;

async function bodyOf(request: IncomingMessage): Promise<Args> {
  let text = "";
  for await (const piece of request) text += piece;
  return text === "" ? {} : (JSON.parse(text) as Args);
}

function stream(response: ServerResponse, name: string, args: Args) {
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  let i = 0;
  const timer = setInterval(
    () => response.write(`data: ${JSON.stringify(streams[name]!(i++, args))}\n\n`),
    400,
  );
  response.on("close", () => clearInterval(timer));
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<Json> {
  const url = new URL(request.url!, "http://localhost");
  const name = url.pathname.slice(1);
  const method = request.method!;
  if (name === "session" && method === "POST") {
    const { jid, password } = await bodyOf(request);
    if (password !== "pencil") throw new Refusal(401, "wrong address or password");
    signedIn = { jid: jid!, expires: iso(now() + 36e5) };
    return signedIn;
  }
  if (!signedIn) throw new Refusal(401, "not signed in");
  if (method === "DELETE") {
    signedIn = null;
    return null;
  }
  if (name === "session") return signedIn;
  if (name === "openapi.json") return openapi();
  const args = method === "GET" ? Object.fromEntries(url.searchParams) : await bodyOf(request);
  if (name in streams) return stream(response, name, args);
  const command = (method === "GET" ? readers : changers)[name];
  if (!command) throw new Refusal(404, `there is no command ${name}`);
  if (method === "GET") return command(args);
  const { password: _, ...shown } = args;
  const record = { time: iso(now()), who: signedIn.jid, from: "192.0.2.1", command: name };
  try {
    const result = command(args);
    audit.push({ ...record, arguments: shown, result: "done" });
    return result;
  } catch (trouble) {
    audit.push({ ...record, arguments: shown, result: String(trouble) });
    throw trouble;
  }
}

function handle(request: IncomingMessage, response: ServerResponse): void {
  answer(request, response).then(
    (result) => {
      if (result === undefined) return;
      response.setHeader("Content-Type", "application/json");
      response.end(JSON.stringify(result));
    },
    (trouble: unknown) => {
      const status = trouble instanceof Refusal ? trouble.status : 500;
      response.writeHead(status, { "Content-Type": "application/problem+json" });
      response.end(JSON.stringify({ status, detail: (trouble as Error).message }));
    },
  );
}

export function apiDouble(): Plugin {
  return {
    name: "api-double",
    configureServer: (server) => void server.middlewares.use("/api", handle),
    configurePreviewServer: (server) => void server.middlewares.use("/api", handle),
  };
}
