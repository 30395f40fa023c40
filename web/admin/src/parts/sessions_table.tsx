import type { SessionInfo } from "../answers";
import { duration } from "../format";
import { t } from "../i18n";
import { bareOf, partsOf } from "../jid";
import { href } from "../router";
import { kickSession } from "./account_actions";
import { State } from "./heading";
import { Table, type Column } from "./table";

const KINDS: Record<string, "good" | "warn" | "bad"> = {
  available: "good",
  chat: "good",
  away: "warn",
  xa: "warn",
  dnd: "bad",
};

// `whose`: on a page of one account, its address need not be said again.
export function SessionsTable(props: {
  sessions: SessionInfo[];
  whose?: string;
  changed: () => void;
}) {
  const words = t.value.sessions;
  const { sessions, whose, changed } = props;
  const shows: Record<string, string> = words.shows;
  const columns: Column<SessionInfo>[] = [
    whose
      ? { title: words.resource, cell: ({ jid }) => partsOf(jid).resource }
      : {
          title: words.jid,
          kind: "long",
          cell: ({ jid }) => (
            <>
              <a href={href(["users", bareOf(jid)])}>{bareOf(jid)}</a>
              <wbr />
              <span class="quiet">/{partsOf(jid).resource}</span>
            </>
          ),
        },
    {
      title: words.presence,
      cell: ({ show, status }) => (
        <span title={status}>
          <State kind={KINDS[show] ?? "none"}>{shows[show] ?? show}</State>
        </span>
      ),
    },
    { title: words.node, kind: "whole", cell: ({ node }) => node },
    { title: words.connection, cell: ({ connection }) => connection },
    { title: words.ip, kind: "code", cell: ({ ip }) => ip },
    { title: words.priority, kind: "number", cell: ({ priority }) => priority },
    { title: words.since, kind: "number", cell: ({ uptime }) => duration(uptime) },
    {
      title: t.value.common.actions,
      kind: "actions",
      cell: ({ jid }) => (
        <span class="row end">
          <a class="button" href={href(["logs", "trace"], { jid })}>
            {words.trace}
          </a>
          <button type="button" onClick={() => kickSession(jid, changed)}>
            {t.value.users.kick}
          </button>
        </span>
      ),
    },
  ];
  return (
    <Table caption={t.value.nav.sessions} columns={columns} rows={sessions} empty={words.none} />
  );
}
