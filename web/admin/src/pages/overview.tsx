import { useMemo } from "preact/hooks";

import { useAnswer } from "../api";
import type { LastHour as Hour, Load, NodeFacts, Overview as Summary } from "../answers";
import { bytes, duration, number, percent } from "../format";
import { t } from "../i18n";
import { Chart } from "../parts/chart";
import { Heading } from "../parts/heading";
import { byName, NodeState, Utilisation } from "../parts/node";
import { Table, type Column } from "../parts/table";
import { Shown } from "../parts/trouble";
import { href } from "../router";

export function Overview() {
  const words = t.value.overview;
  const summary = useAnswer<Summary>("overview", {}, 5);
  return (
    <>
      <Heading title={t.value.nav.overview} text={words.text}>
        <a class="button" href={href(["commands", "doctor"])}>
          {words.examine}
        </a>
      </Heading>
      <Shown of={summary}>
        {(data) => (
          <>
            <Figures summary={data} />
            <Alerts summary={data} />
          </>
        )}
      </Shown>
      <LastHour />
      {summary.data && <Nodes nodes={summary.data.nodes} />}
    </>
  );
}

function Alerts({ summary }: { summary: Summary }) {
  const words = t.value.overview;
  return (
    <section class="alerts" aria-label={words.alerts} aria-live="polite" tabIndex={0}>
      {summary.alerts.length === 0 ? (
        <p class="notice good">{words.allWell}</p>
      ) : (
        summary.alerts.map(({ severity, text }) => (
          <p class={`notice ${severity === "error" ? "bad" : "warn"}`} lang="en" key={text}>
            {text}
          </p>
        ))
      )}
    </section>
  );
}

function Figures({ summary }: { summary: Summary }) {
  const words = t.value.overview;
  const up = summary.nodes.filter(({ state }) => state === "up").length;
  const figures = [
    { name: words.nodesUp, value: words.ofNodes(up, summary.nodes.length), page: "cluster" },
    { name: words.sessions, value: number(summary.sessions), page: "sessions" },
    { name: words.accounts, value: number(summary.accounts), page: "users" },
    { name: t.value.cluster.messages, value: number(summary.messages_per_second) },
    { name: words.lost, value: number(summary.messages_lost) },
    { name: words.utilisation, value: percent(summary.utilisation) },
  ];
  return (
    <dl class="figures">
      {figures.map(({ name, value, page }) => (
        <div class="card" key={name}>
          <dt>{page ? <a href={href([page])}>{name}</a> : name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Nodes({ nodes }: { nodes: NodeFacts[] }) {
  const words = t.value.cluster;
  const known = (value: number | null, show: (value: number) => string) =>
    value === null ? words.unknown : show(value);
  const columns: Column<NodeFacts>[] = [
    { title: words.node, cell: ({ name }) => name },
    { title: words.state, cell: ({ state }) => <NodeState state={state} /> },
    { title: words.sessions, kind: "number", cell: ({ sessions }) => known(sessions, number) },
    {
      title: words.messages,
      kind: "number",
      cell: ({ messages_per_second }) => known(messages_per_second, number),
    },
    { title: words.utilisation, cell: ({ utilisation }) => <Utilisation value={utilisation} /> },
    { title: words.cpu, kind: "number", cell: ({ cpu }) => known(cpu, percent) },
    { title: words.memory, kind: "number", cell: ({ memory }) => known(memory, bytes) },
    { title: words.uptime, kind: "number", cell: ({ uptime }) => known(uptime, duration) },
    { title: words.version, cell: ({ version }) => version ?? words.unknown },
  ];
  return (
    <section aria-labelledby="nodes">
      <h2 id="nodes">{words.nodes}</h2>
      <Table caption={words.nodes} columns={columns} rows={byName(nodes, ({ name }) => name)} />
    </section>
  );
}

function LastHour() {
  const words = t.value.overview;
  const load = useAnswer<Hour>("load_last_hour", {}, 10);
  return (
    <section aria-labelledby="last-hour">
      <h2 id="last-hour">{words.lastHour}</h2>
      <Shown of={load}>{(data) => <Charts hour={data} />}</Shown>
    </section>
  );
}

function Charts({ hour }: { hour: Hour }) {
  const words = t.value.overview;
  const { times, sessions, messages, utilisation } = useMemo(() => {
    const { step_s: step, series } = hour;
    const from = Date.parse(hour.from) / 1000;
    // Nodes that came later, or went, know less of the hour.
    const inTime = (load: Load) => {
      const skipped = Math.round((Date.parse(load.from) / 1000 - from) / step);
      return series.sessions.map((_, i) => load.utilisation[i - skipped] ?? null);
    };
    return {
      times: series.sessions.map((_, i) => from + i * step),
      sessions: [{ label: words.sessions, values: series.sessions }],
      messages: [{ label: words.messages, values: series.messages_per_second }],
      utilisation: byName(Object.entries(hour.nodes), ([name]) => name).flatMap(([name, load]) =>
        load === null ? [] : [{ label: name, values: inTime(load) }],
      ),
    };
  }, [hour, words]);
  if (times.length < 2) return <p class="empty">{words.noLoad}</p>;
  return (
    <div class="charts">
      <Chart title={words.sessions} times={times} series={sessions} show={number} />
      <Chart title={words.messages} times={times} series={messages} show={number} />
      <Chart title={words.utilisation} times={times} series={utilisation} show={percent} />
    </div>
  );
}
