// The commands, as GET /api/openapi.json describes them (OpenAPI 3.1), as forms.
import type { Field } from "./parts/fields";

export interface Operation {
  name: string;
  tag: string;
  summary: string;
  effect: string;
  usage: string; // of starlingctl
  changes: boolean; // POST
  goesOn: boolean; // answers line after line
  fields: Field[];
}

export interface Tag {
  name: string;
  title: string;
}

export interface Commands {
  tags: Tag[];
  operations: Operation[];
}

type Doc = Record<string, unknown>;

const isDoc = (value: unknown): value is Doc =>
  value !== null && typeof value === "object" && !Array.isArray(value);
const doc = (value: unknown): Doc => (isDoc(value) ? value : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

function fieldOf(
  name: string,
  schema: Doc,
  meaning: string,
  required: boolean,
  example: unknown,
): Field {
  const choices = list(schema["enum"]).map(String);
  const secret = schema["format"] === "password";
  const numeric = schema["type"] === "integer" || schema["type"] === "number";
  return {
    name,
    label: name,
    type: choices.length > 0 ? "select" : secret ? "password" : numeric ? "number" : "text",
    help: meaning || text(schema["description"]),
    helpLang: "en",
    choices,
    example: secret || example === undefined ? "" : String(example),
    optional: !required,
  };
}

export function commandsOf(openapi: unknown): Commands {
  const api = doc(openapi);
  const resolve = (value: unknown): Doc => {
    const reference = text(doc(value)["$ref"]);
    if (!reference.startsWith("#/")) return doc(value);
    return reference
      .slice(2)
      .split("/")
      .reduce<Doc>((at, name) => doc(at[name]), api);
  };
  const operations: Operation[] = [];
  for (const [path, methods] of Object.entries(doc(api["paths"]))) {
    for (const method of ["get", "post"]) {
      const operation = doc(methods)[method];
      if (!isDoc(operation)) continue;
      const tag = text(list(operation["tags"])[0]);
      const name = path.slice(path.lastIndexOf("/") + 1);
      // Signing in and out, and this description: no commands.
      if (tag === "" || name === "session" || name === "sessions" || name.includes(".")) continue;
      const queries = list(operation["parameters"])
        .map(resolve)
        .filter((parameter) => parameter["in"] === "query")
        .map((parameter) =>
          fieldOf(
            text(parameter["name"]),
            resolve(parameter["schema"]),
            text(parameter["description"]),
            parameter["required"] === true,
            parameter["example"],
          ),
        );
      const content = doc(resolve(operation["requestBody"])["content"]);
      const json = doc(content["application/json"]);
      const body = resolve(json["schema"]);
      const examples = doc(json["example"]);
      const required = list(body["required"]);
      const members = Object.entries(doc(body["properties"])).map(([member, schema]) =>
        fieldOf(member, resolve(schema), "", required.includes(member), examples[member]),
      );
      const ok = doc(resolve(doc(operation["responses"])["200"])["content"]);
      operations.push({
        name,
        tag,
        summary: text(operation["summary"]),
        effect: text(operation["description"]),
        usage: text(operation["x-starlingctl"]),
        changes: method === "post",
        goesOn: "text/event-stream" in ok,
        fields: [...queries, ...members],
      });
    }
  }
  const titles = new Map(
    list(api["tags"]).map((tag) => [text(doc(tag)["name"]), text(doc(tag)["description"])]),
  );
  const used = new Set(operations.map(({ tag }) => tag));
  const names = [...new Set([...titles.keys(), ...used])].filter((name) => used.has(name));
  const tags = names.map((name) => ({ name, title: titles.get(name) || name }));
  return { tags, operations };
}
