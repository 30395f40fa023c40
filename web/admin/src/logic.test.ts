// What is reckoned rather than shown: `npm test`.
import assert from "node:assert/strict";
import { test } from "node:test";

import { eventsOf } from "./api";
import { bytes, duration } from "./format";
import { language } from "./i18n";
import { bareOf, partsOf } from "./jid";
import { commandsOf } from "./operations";
import { href, placeOf } from "./router";
import { en } from "./texts/en";
import { fr } from "./texts/fr";

test("a JID is taken apart at its first slash and the @ before it", () => {
  assert.deepEqual(partsOf("alice@example.org/my@phone/2"), {
    user: "alice",
    host: "example.org",
    resource: "my@phone/2",
  });
  assert.deepEqual(partsOf("example.org"), { user: "", host: "example.org", resource: "" });
  assert.equal(bareOf("alice@example.org/phone"), "alice@example.org");
});

test("a place survives its link, whatever is in it", () => {
  const user = "a/b?c#d@example.org";
  const place = placeOf(href(["users", user], { prefix: "é&=", empty: "" }));
  assert.deepEqual(place, { page: "users", rest: [user], query: { prefix: "é&=" } });
  assert.equal(placeOf("#/users/%E0%A4%A").rest[0], "%E0%A4%A");
  assert.equal(placeOf("").page, "");
});

test("server-sent events have names and data; comments are none", () => {
  const text = ': \n\ndata: {"a":1}\n\nevent: end\ndata: {\ndata: }\n\n';
  assert.deepEqual(eventsOf(text), [
    { name: "", data: '{"a":1}' },
    { name: "end", data: "{\n}" },
  ]);
});

test("durations and sizes are said in their largest units", () => {
  language.value = "en";
  assert.equal(duration(0), "0 s");
  assert.equal(duration(59.6), "1 min");
  assert.equal(duration(3 * 86_400 + 4 * 3_600 + 59), "3 d 4 h");
  assert.equal(duration(3_601), "1 h");
  assert.equal(bytes(1_023), "1,023 B");
  assert.equal(bytes(1_536), "1.5 KiB");
  assert.equal(bytes(310 * 1_048_576), "310 MiB");
});

test("both languages have the same texts, and none is empty", () => {
  const compare = (one: unknown, other: unknown, path: string): void => {
    assert.equal(typeof one, typeof other, path);
    if (typeof one === "string") assert.ok(one !== "" && other !== "", path);
    if (typeof one !== "object") return;
    const [left, right] = [one as Record<string, unknown>, other as Record<string, unknown>];
    assert.deepEqual(Object.keys(left).sort(), Object.keys(right).sort(), path);
    for (const name of Object.keys(left)) compare(left[name], right[name], `${path}.${name}`);
  };
  compare(en, fr, "texts");
});

test("commands are made from their description", () => {
  const { tags, operations } = commandsOf({
    tags: [
      { name: "logs", description: "Logs and tracing" },
      { name: "unused", description: "Nothing" },
    ],
    paths: {
      "/api/trace": {
        get: {
          tags: ["logs"],
          summary: "Show stanzas",
          description: "Changes nothing.",
          "x-starlingctl": "trace JID [COUNT]",
          parameters: [
            { name: "jid", in: "query", required: true, schema: { type: "string" }, example: "a@b" },
            { name: "count", in: "query", schema: { $ref: "#/components/schemas/count" } },
          ],
          responses: { 200: { content: { "text/event-stream": {} } } },
        },
      },
      "/api/register": {
        post: {
          tags: ["accounts"],
          parameters: [{ $ref: "#/components/parameters/key" }],
          requestBody: {
            content: {
              "application/json": {
                schema: {
                  required: ["user"],
                  properties: {
                    user: { type: "string", description: "its name" },
                    password: { type: "string", format: "password" },
                    level: { enum: ["info", "debug"] },
                  },
                },
                example: { user: "alice", password: "secret" },
              },
            },
          },
        },
      },
      "/api/session": { post: { tags: ["accounts"] } },
      "/api/openapi.json": { get: { tags: ["logs"] } },
    },
    components: {
      schemas: { count: { type: "integer" } },
      parameters: { key: { name: "Idempotency-Key", in: "header" } },
    },
  });
  assert.deepEqual(tags, [
    { name: "logs", title: "Logs and tracing" },
    { name: "accounts", title: "accounts" },
  ]);
  const [trace, register] = operations;
  assert.equal(operations.length, 2);
  assert.ok(trace?.goesOn && !trace.changes && trace.usage === "trace JID [COUNT]");
  assert.deepEqual(
    trace.fields.map(({ name, type, optional, example }) => [name, type, optional, example]),
    [
      ["jid", "text", false, "a@b"],
      ["count", "number", true, ""],
    ],
  );
  assert.ok(register?.changes && !register.goesOn);
  assert.deepEqual(
    register.fields.map(({ name, type, optional, example }) => [name, type, optional, example]),
    [
      ["user", "text", false, "alice"],
      ["password", "password", true, ""],
      ["level", "select", true, ""],
    ],
  );
  assert.deepEqual(commandsOf(null), { tags: [], operations: [] });
});
