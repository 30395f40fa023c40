// The API as the pages use it: commands by name, and the session of the browser.
import { signal } from "@preact/signals";
import { useCallback, useEffect, useState } from "preact/hooks";

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };
export type Values = Record<string, string | number | boolean | undefined>;

export interface Session {
  jid: string;
  expires: string;
}

export interface Page<Item> {
  items: Item[];
  next: string | null;
  missing?: (string | number)[]; // nodes that did not answer
}

// An answer that is none (RFC 9457). Status 0: no answer came.
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
  ) {
    super(detail);
  }
}

// undefined: not known yet. null: nobody is signed in.
export const session = signal<Session | null | undefined>(undefined);
// Why nobody is, if somebody was.
export const farewell = signal<"expired" | "signed_out" | "signed_out_everywhere" | null>(null);

// Changes by cookie need it: no other site's form can send it.
const CHANGES = { "X-Requested-With": "starling" };

// `told` is application/problem+json, if all is as it should be.
function problemOf(status: number, told: unknown): Problem {
  const members = (told ?? {}) as { status?: unknown; detail?: unknown };
  return new Problem(
    status > 0 ? status : Number(members.status ?? 0),
    typeof members.detail === "string" ? members.detail : "",
  );
}

async function send(path: string, options: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  } catch (trouble) {
    if (options.signal?.aborted) throw trouble;
    throw new Problem(0, "");
  }
  if (answer.ok) return answer;
  const problem = problemOf(answer.status, await answer.json().catch(() => null));
  if (answer.status === 401 && session.value) {
    farewell.value = "expired";
    session.value = null;
  }
  throw problem;
}

async function read<Answer>(answer: Response): Promise<Answer> {
  const text = await answer.text();
  return (text === "" ? null : JSON.parse(text)) as Answer;
}

function queryOf(values: Values): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return text === "" ? "" : "?" + text;
}

const post = (body: object): RequestInit => ({
  method: "POST",
  headers: { ...CHANGES, "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

// A command that changes nothing.
export async function get<Answer>(
  command: string,
  values: Values = {},
  stop?: AbortSignal,
): Promise<Answer> {
  return read(await send(`/api/${command}${queryOf(values)}`, stop ? { signal: stop } : {}));
}

// A command that changes something.
export async function change<Answer = Json>(command: string, values: Values = {}): Promise<Answer> {
  return read(await send(`/api/${command}`, post(values)));
}

export interface ServerEvent {
  name: string;
  data: string;
}

// Those in a piece of text/event-stream that ends with a whole one. Comments are none.
export function eventsOf(text: string): ServerEvent[] {
  const field = (event: string, name: string) =>
    event
      .split("\n")
      .filter((line) => line.startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).replace(/^ /, ""))
      .join("\n");
  return text
    .split("\n\n")
    .map((event) => ({ name: field(event, "event"), data: field(event, "data") }))
    .filter(({ data }) => data !== "");
}

// A command that goes on, until it or we end it. Not by EventSource, which keeps to itself why the
// server refused, and begins anew when the server has ended.
export async function follow<Line>(
  command: string,
  values: Values,
  each: (line: Line) => unknown,
  stop: AbortSignal,
): Promise<void> {
  try {
    const answer = await send(`/api/${command}${queryOf(values)}`, {
      headers: { Accept: "text/event-stream" },
      signal: stop,
    });
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      text += value;
      const whole = text.lastIndexOf("\n\n");
      if (whole < 0) continue;
      for (const { name, data } of eventsOf(text.slice(0, whole))) {
        if (name === "error") throw problemOf(0, JSON.parse(data));
        if (name === "") each(JSON.parse(data) as Line);
      }
      text = text.slice(whole + 2);
    }
  } catch (trouble) {
    if (stop.aborted) return;
    throw trouble instanceof Problem ? trouble : new Problem(0, "");
  }
  // Perhaps it has ended because the session has.
  await get("session");
}

export async function findSession(): Promise<void> {
  try {
    session.value = await get<Session>("session");
  } catch {
    session.value = null;
  }
}

export async function signIn(jid: string, password: string): Promise<void> {
  session.value = await read<Session>(await send("/api/session", post({ jid, password })));
  farewell.value = null;
}

export async function signOut(everywhere: boolean): Promise<void> {
  const path = everywhere ? "/api/sessions" : "/api/session";
  await send(path, { method: "DELETE", headers: CHANGES });
  farewell.value = everywhere ? "signed_out_everywhere" : "signed_out";
  session.value = null;
}

export interface Answer<Data> {
  data: Data | undefined; // the last one that came
  problem: Problem | undefined; // of the last time we asked
  reload: () => void;
}

// Asks while the component is there; again every so many seconds, but for a page nobody sees.
// Command null: does not ask.
export function useAnswer<Data>(
  command: string | null,
  values: Values = {},
  seconds = 0,
): Answer<Data> {
  const [data, setData] = useState<Data>();
  const [problem, setProblem] = useState<Problem>();
  const [turn, setTurn] = useState(0);
  const query = queryOf(values);
  useEffect(() => {
    if (command === null) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      if (!document.hidden) {
        try {
          const answer = await get<Data>(command + query, {}, stop.signal);
          if (stop.signal.aborted) return;
          setData(() => answer);
          setProblem(undefined);
        } catch (trouble) {
          if (stop.signal.aborted) return;
          const why = trouble instanceof Problem ? trouble : new Problem(0, String(trouble));
          setProblem(why);
          // The question itself is wrong here, and will stay so.
          if (why.status === 400) return;
        }
      }
      if (seconds > 0) timer = setTimeout(ask, seconds * 1000);
    };
    void ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [command, query, seconds, turn]);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  return { data, problem, reload };
}

export interface Pages<Item> extends Answer<Page<Item>> {
  back: (() => void) | undefined;
  onward: (() => void) | undefined;
}

// A list that comes page by page. Back to the first one when the question changes.
export function usePages<Item>(
  command: string | null,
  values: Values,
  limit: number,
  seconds = 0,
): Pages<Item> {
  const question = queryOf(values);
  const [way, setWay] = useState<{ question: string; cursors: string[] }>({ question, cursors: [] });
  const cursors = way.question === question ? way.cursors : [];
  const after = cursors[cursors.length - 1];
  const answer = useAnswer<Page<Item>>(command, { ...values, after, limit }, seconds);
  const next = answer.data?.next;
  const go = (to: string[]) => () => setWay({ question, cursors: to });
  return {
    ...answer,
    back: cursors.length > 0 ? go(cursors.slice(0, -1)) : undefined,
    onward: next ? go([...cursors, next]) : undefined,
  };
}
