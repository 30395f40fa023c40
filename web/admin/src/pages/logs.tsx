import { useEffect, useState } from "preact/hooks";

import { useAnswer, type Json, type Page } from "../api";
import type { Happening, LogLine, TraceLine } from "../answers";
import { bytes, clock } from "../format";
import { t } from "../i18n";
import { Heading } from "../parts/heading";
import { Result } from "../parts/result";
import { Lines, useStream } from "../parts/stream";
import { Table, type Column } from "../parts/table";
import { Missing, Shown } from "../parts/trouble";
import { go, href, place } from "../router";

const TABS = ["log", "trace", "where", "why"] as const;

export function Logs() {
  const words = t.value.logs;
  const tab = TABS.find((name) => name === place.value.rest[0]) ?? "log";
  return (
    <>
      <Heading title={t.value.nav.logs} text={words.texts[tab]} />
      <nav class="tabs" aria-label={t.value.nav.logs}>
        {TABS.map((name) => (
          <a href={href(["logs", name])} aria-current={name === tab ? "page" : undefined} key={name}>
            {words.tabs[name]}
          </a>
        ))}
      </nav>
      {tab === "log" && <Log />}
      {tab === "trace" && <Trace key={place.value.query["jid"] ?? ""} />}
      {tab === "where" && <Where />}
      {tab === "why" && <Why />}
    </>
  );
}

const LEVELS = ["debug", "info", "warning", "error"];

function Log() {
  const words = t.value.logs;
  const [level, setLevel] = useState("info");
  const recent = useAnswer<Page<LogLine>>("recent_log", { level, limit: 200 });
  const live = useStream<LogLine>("follow_log", ({ event }) => event !== undefined);
  const toggle = () => (live.running ? live.stop() : live.start({ level }));
  return (
    <>
      <div class="filter">
        <div class="field">
          <label for="level">{words.level}</label>
          <select
            id="level"
            value={level}
            onChange={(event) => {
              setLevel(event.currentTarget.value);
              if (live.running) live.start({ level: event.currentTarget.value });
            }}
          >
            {LEVELS.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </div>
        <button type="button" class={live.running ? "" : "primary"} onClick={toggle}>
          {live.running ? words.stop : words.follow}
        </button>
        <button type="button" onClick={recent.reload}>
          {words.refresh}
        </button>
      </div>
      {(live.running || live.lines.length > 0 || live.problem) && (
        <section aria-labelledby="live">
          <h2 id="live">{words.live}</h2>
          <Lines of={live} label={words.live}>
            {(line) => <LogEntry line={line} />}
          </Lines>
        </section>
      )}
      <section aria-labelledby="recent">
        <h2 id="recent">{words.recent}</h2>
        <Shown of={recent}>
          {({ items, missing }) => (
            <div class="lines" role="group" aria-label={words.recent} tabIndex={0}>
              <Missing nodes={missing} />
              {items.length === 0 && <p class="empty">{t.value.common.nothing}</p>}
              {[...items].reverse().map((line, i) => (
                <LogEntry line={line} key={i} />
              ))}
            </div>
          )}
        </Shown>
      </section>
    </>
  );
}

function LogEntry({ line }: { line: LogLine }) {
  const { at_node: node, time, level, subsystem, event, ...fields } = line;
  return (
    <p class={`line ${level}`} lang="en">
      <time dateTime={time} title={time}>
        {clock(time)}
      </time>{" "}
      <span class="quiet">{node}</span> <b>{level}</b> <span class="quiet">{subsystem}</span>{" "}
      <strong>{event}</strong>
      {Object.entries(fields).map(([name, value]) => (
        <span key={name}>
          {" "}
          <span class="quiet">{name}=</span>
          {typeof value === "string" ? value : JSON.stringify(value)}
        </span>
      ))}
    </p>
  );
}

function Trace() {
  const words = t.value.logs;
  const asked = place.value.query["jid"] ?? "";
  const live = useStream<TraceLine>("trace", ({ tracing }) => tracing === undefined);
  const [jid, setJid] = useState(asked);
  const [bodies, setBodies] = useState(false);
  useEffect(() => {
    if (asked) live.start({ jid: asked });
  }, []);
  return (
    <>
      <form
        class="filter"
        onSubmit={(event) => {
          event.preventDefault();
          if (live.running) live.stop();
          else live.start({ jid }, bodies ? "trace_bodies" : "trace");
        }}
      >
        <JidField value={jid} change={setJid} />
        <label class="check">
          <input
            type="checkbox"
            checked={bodies}
            disabled={live.running}
            onChange={(event) => setBodies(event.currentTarget.checked)}
          />
          {words.bodies}
        </label>
        <button type="submit" class={live.running ? "" : "primary"}>
          {live.running ? words.stop : words.trace}
        </button>
        <button type="button" onClick={live.clear} disabled={live.lines.length === 0}>
          {words.clear}
        </button>
      </form>
      <p class="notice">{bodies ? words.bodiesShown : words.bodiesHidden}</p>
      <Lines of={live} label={words.tabs.trace}>
        {(line) => <Stanza line={line} />}
      </Lines>
    </>
  );
}

function Stanza({ line }: { line: TraceLine }) {
  const words = t.value.logs;
  if (line.left_out !== undefined) return <p class="left-out">{words.leftOut(line.left_out)}</p>;
  return (
    <div class="stanza">
      <p>
        <time dateTime={line.time} title={line.time}>
          {clock(line.time)}
        </time>{" "}
        <b class={line.direction}>{line.direction === "in" ? words.in : words.out}</b> {line.jid}{" "}
        <span class="quiet">
          {bytes(line.size)} {line.node}
        </span>{" "}
        {line.trace_id && <a href={href(["logs", "why"], { id: line.trace_id })}>{words.tabs.why}</a>}
      </p>
      <code>{line.xml}</code>
    </div>
  );
}

function JidField({ value, change }: { value: string; change: (to: string) => void }) {
  return (
    <div class="field grow">
      <label for="jid">{t.value.logs.jid}</label>
      <input
        id="jid"
        type="text"
        inputMode="email"
        autocapitalize="off"
        spellcheck={false}
        required
        value={value}
        onInput={(event) => change(event.currentTarget.value)}
      />
    </div>
  );
}

function Where() {
  const words = t.value.logs;
  const asked = place.value.query["jid"];
  const [jid, setJid] = useState(asked ?? "");
  const answer = useAnswer<Json>(asked ? "where" : null, { jid: asked });
  return (
    <>
      <form
        class="filter"
        onSubmit={(event) => {
          event.preventDefault();
          if (jid === asked) answer.reload();
          else go(["logs", "where"], { jid });
        }}
      >
        <JidField value={jid} change={setJid} />
        <button type="submit" class="primary">
          {words.find}
        </button>
      </form>
      {asked && <Shown of={answer}>{(data) => <Result value={data} />}</Shown>}
    </>
  );
}

function Why() {
  const words = t.value.logs;
  const { id: asked, from: askedFrom } = place.value.query;
  const [id, setId] = useState(asked ?? "");
  const [from, setFrom] = useState(askedFrom ?? "");
  const answer = useAnswer<Happening[]>(asked ? "why" : null, {
    id: asked,
    from: askedFrom,
  });
  const columns: Column<Happening>[] = [
    { title: words.time, kind: "code", cell: ({ time }) => clock(time) },
    { title: words.node, kind: "whole", cell: ({ name }) => name },
    { title: words.what, cell: ({ what }) => <span lang="en">{what}</span> },
    { title: words.sender, kind: "code", cell: ({ from }) => from },
    { title: words.recipient, kind: "code", cell: ({ to }) => to },
  ];
  return (
    <>
      <form
        class="filter"
        onSubmit={(event) => {
          event.preventDefault();
          if (id === asked && from === (askedFrom ?? "")) answer.reload();
          else go(["logs", "why"], { id, from });
        }}
      >
        <div class="field grow">
          <label for="id">{words.messageId}</label>
          <input
            id="id"
            type="text"
            autocapitalize="off"
            spellcheck={false}
            required
            value={id}
            onInput={(event) => setId(event.currentTarget.value)}
          />
        </div>
        <div class="field grow">
          <label for="from">
            {words.from} <span class="quiet">({t.value.common.optional})</span>
          </label>
          <input
            id="from"
            type="text"
            inputMode="email"
            autocapitalize="off"
            spellcheck={false}
            value={from}
            onInput={(event) => setFrom(event.currentTarget.value)}
          />
        </div>
        <button type="submit" class="primary">
          {words.find}
        </button>
      </form>
      {asked && <Shown of={answer}>{(data) => <Table caption={words.tabs.why} columns={columns} rows={data} />}</Shown>}
    </>
  );
}
