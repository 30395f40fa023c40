import { signal } from "@preact/signals";

import { change, useAnswer } from "../api";
import type { ClusterEvent, Node, Pair } from "../answers";
import { moment, number } from "../format";
import { t } from "../i18n";
import { ask } from "../parts/dialog";
import { Heading, State } from "../parts/heading";
import { byName, NodeState, Utilisation } from "../parts/node";
import { Table, type Column } from "../parts/table";
import { Shown } from "../parts/trouble";

// The most sessions seen at each node that drains: what its progress is measured by.
const drains = signal<ReadonlyMap<number, number>>(new Map());

function noteDrains(nodes: Node[]): void {
  const seen = new Map<number, number>();
  for (const { node, state, sessions } of nodes) {
    const most = drains.peek().get(node);
    if (sessions === "unknown") {
      if (most !== undefined) seen.set(node, most);
    } else if (state === "draining" || most !== undefined) {
      seen.set(node, Math.max(sessions, most ?? 0));
    }
  }
  drains.value = seen;
}

export function Cluster() {
  const words = t.value.cluster;
  const nodes = useAnswer<Node[]>("list_cluster", {}, 2);
  const alone = nodes.problem?.status === 400;
  // Not asked of a node that may be alone: it would refuse.
  const known = nodes.data !== undefined && !alone;
  const pairs = useAnswer<Pair[]>(known ? "cluster_status" : null, {}, 5);
  const events = useAnswer<{ items: ClusterEvent[] }>(known ? "cluster_events" : null, {}, 5);
  const rebalance = () =>
    ask({
      title: words.rebalance,
      text: words.rebalanceMeans,
      action: words.rebalance,
      act: async () => words.moving((await change<{ moving: number }>("rebalance")).moving),
    });
  return (
    <>
      <Heading title={t.value.nav.cluster} text={words.text}>
        {!alone && (
          <button type="button" onClick={rebalance}>
            {words.rebalance}
          </button>
        )}
      </Heading>
      {alone ? (
        <p class="notice">{words.alone}</p>
      ) : (
        <>
          <Shown of={nodes}>{(data) => <Nodes nodes={data} reload={nodes.reload} />}</Shown>
          <section aria-labelledby="hears">
            <h2 id="hears">{words.hears}</h2>
            <Shown of={pairs}>{(data) => <Hearing nodes={nodes.data ?? []} pairs={data} />}</Shown>
          </section>
          <section aria-labelledby="timeline">
            <h2 id="timeline">{words.timeline}</h2>
            <Shown of={events}>{(data) => <Timeline events={data.items} />}</Shown>
          </section>
        </>
      )}
    </>
  );
}

function Nodes({ nodes, reload }: { nodes: Node[]; reload: () => void }) {
  noteDrains(nodes);
  const words = t.value.cluster;
  const known = (value: number | "unknown", show: (value: number) => string) =>
    value === "unknown" ? words.unknown : show(value);
  const drain = (node: Node) =>
    ask({
      title: words.drainTitle(node.name),
      text: words.drainMeans,
      action: words.drain,
      danger: true,
      act: async () => {
        await change("leave_cluster", { node: String(node.node) });
        reload();
        return words.drainBegun(node.name);
      },
    });
  const columns: Column<Node>[] = [
    {
      title: words.node,
      cell: (node) => (
        <>
          {node.name} <span class="quiet">{node.node}</span>
          <br />
          <code class="quiet">{node.client_address || node.address}</code>
        </>
      ),
    },
    {
      title: words.state,
      cell: ({ state }) => <NodeState state={state} />,
    },
    { title: words.sessions, kind: "number", cell: (node) => known(node.sessions, number) },
    {
      title: words.utilisation,
      cell: ({ utilisation }) => <Utilisation value={utilisation === "unknown" ? null : utilisation} />,
    },
    { title: words.stanzas, kind: "number", cell: (node) => known(node.stanzas_per_second, number) },
    { title: words.leases, cell: (node) => node.leases.join(", ") || "–" },
    {
      title: words.actions,
      kind: "actions",
      cell: (node) =>
        node.state === "draining" ? (
          <Progress node={node} />
        ) : (
          <button type="button" onClick={() => drain(node)}>
            {words.drain}
          </button>
        ),
    },
  ];
  return <Table caption={words.nodes} columns={columns} rows={byName(nodes, ({ name }) => name)} />;
}

function Progress({ node }: { node: Node }) {
  const left = node.sessions === "unknown" ? 0 : node.sessions;
  const most = Math.max(1, drains.value.get(node.node) ?? left);
  const said = t.value.cluster.left(number(left));
  return (
    <span class="progress" aria-live="polite">
      <progress max={most} value={most - left} aria-label={said} />
      {said}
    </span>
  );
}

// Rows hear columns.
function Hearing({ nodes, pairs }: { nodes: Node[]; pairs: Pair[] }) {
  const words = t.value.cluster;
  const names = new Map(nodes.map(({ node, name }) => [node, name]));
  const name = (node: number) => names.get(node) ?? String(node);
  // Those that have left since are no longer of interest.
  const numbers = byName(
    [...new Set(pairs.map(({ node }) => node))].filter((node) => names.has(node)),
    name,
  );
  if (numbers.length < 2) return <p class="empty">{words.oneNode}</p>;
  const columns: Column<number>[] = [
    { title: words.node, cell: name },
    ...numbers.map((other) => ({
      title: name(other),
      cell: (node: number) => {
        if (node === other) return <span class="quiet">–</span>;
        const pair = pairs.find((one) => one.node === node && one.other === other);
        const silent = pairs.find((one) => one.node === node && one.error);
        if (silent) return <State kind="bad">{words.noAnswer}</State>;
        if (!pair?.hears) return <State kind="bad">{words.deaf}</State>;
        if (!pair.knows_sessions) return <State kind="warn">{words.learning}</State>;
        return <State kind="good">{`${number(pair.heard_ms_ago ?? 0)} ms`}</State>;
      },
    })),
  ];
  return (
    <>
      <p class="quiet">{words.hearsText}</p>
      <Table caption={words.hears} columns={columns} rows={numbers} />
    </>
  );
}

function Timeline({ events }: { events: ClusterEvent[] }) {
  const words = t.value.cluster;
  if (events.length === 0) return <p class="empty">{words.noEvents}</p>;
  const names = new Map(events.map(({ node, name }) => [node, name]));
  const said: Record<string, string> = words.events;
  const more = ({ by, lease }: ClusterEvent) =>
    lease ?? (by === undefined ? "" : `(${names.get(by) ?? by})`);
  return (
    <ol class="timeline">
      {[...events].reverse().map((event) => (
        <li key={event.time + event.node + event.event}>
          <time dateTime={event.time}>{moment(event.time)}</time>
          <span>
            <strong>{event.name}</strong> {said[event.event] ?? event.event} {more(event)}
          </span>
        </li>
      ))}
    </ol>
  );
}
