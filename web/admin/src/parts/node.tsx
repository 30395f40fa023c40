// What is said of a node in more than one place.
import type { NodeState as Name } from "../answers";
import { percent } from "../format";
import { t } from "../i18n";
import { State } from "./heading";

// node2 before node10.
export function byName<Item>(items: Item[], name: (item: Item) => string): Item[] {
  return [...items].sort((a, b) => name(a).localeCompare(name(b), "en", { numeric: true }));
}

const KINDS = { up: "good", joining: "warn", draining: "warn" } as const;

export function NodeState({ state }: { state: Name }) {
  return <State kind={KINDS[state] ?? "none"}>{t.value.cluster.states[state] ?? state}</State>;
}

export function Utilisation({ value }: { value: number | null }) {
  if (value === null) return <>{t.value.cluster.unknown}</>;
  const kind = value >= 85 ? "bad" : value >= 60 ? "warn" : "good";
  return (
    <span class="share">
      <meter class={kind} min={0} max={100} value={value} aria-hidden="true" />
      {percent(value)}
    </span>
  );
}
