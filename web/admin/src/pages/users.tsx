import { useEffect } from "preact/hooks";

import { session, useAnswer, usePages, type Page } from "../api";
import type { Account, AccountInfo, Host, RosterItem, SessionInfo } from "../answers";
import { day, moment, number } from "../format";
import { t } from "../i18n";
import { bareOf, partsOf } from "../jid";
import * as actions from "../parts/account_actions";
import { Heading, State } from "../parts/heading";
import { SessionsTable } from "../parts/sessions_table";
import { Pager, Table, type Column } from "../parts/table";
import { Missing, Shown } from "../parts/trouble";
import { useLater } from "../parts/use_later";
import { go, href, place, setQuery } from "../router";

export function Users() {
  const jid = place.value.rest[0];
  return jid ? <One jid={jid} key={jid} /> : <Search />;
}

function Search() {
  const words = t.value.users;
  const hosts = useAnswer<{ items: Host[] }>("list_hosts");
  const names = hosts.data?.items.map(({ host }) => host) ?? [];
  const { query } = place.value;
  const own = partsOf(session.value?.jid ?? "").host;
  const host = query["host"] ?? (names.includes(own) ? own : names[0]);
  const prefix = useLater(query["prefix"] ?? "");
  const accounts = usePages<Account>(host ? "list_accounts" : null, { host, prefix }, 50);
  const filter = (change: Record<string, string>) => setQuery({ ...query, ...change });
  const columns: Column<Account>[] = [
    {
      title: words.address,
      kind: "long",
      cell: ({ user, host: at }) => <a href={href(["users", `${user}@${at}`])}>{`${user}@${at}`}</a>,
    },
    {
      title: words.state,
      cell: ({ banned, sessions }) =>
        banned ? (
          <State kind="bad">{words.isBanned}</State>
        ) : sessions > 0 ? (
          <State kind="good">{words.online(sessions)}</State>
        ) : (
          <State kind="none">{words.offline}</State>
        ),
    },
  ];
  return (
    <>
      <Heading title={t.value.nav.users} text={words.text}>
        <button
          type="button"
          class="primary"
          disabled={names.length === 0}
          onClick={() => actions.createAccount(host!, names, (jid) => go(["users", jid]))}
        >
          {words.create}
        </button>
      </Heading>
      <form class="filter" role="search" onSubmit={(event) => event.preventDefault()}>
        <div class="field">
          <label for="host">{words.host}</label>
          <select id="host" value={host} onChange={(event) => filter({ host: event.currentTarget.value })}>
            {names.map((name) => (
              <option value={name} key={name}>
                {name}
              </option>
            ))}
          </select>
        </div>
        <div class="field grow">
          <label for="prefix">{words.prefix}</label>
          <input
            id="prefix"
            type="search"
            autocapitalize="off"
            spellcheck={false}
            value={query["prefix"] ?? ""}
            onInput={(event) => filter({ host: host ?? "", prefix: event.currentTarget.value })}
          />
        </div>
      </form>
      {hosts.problem && <Shown of={hosts}>{() => null}</Shown>}
      <Shown of={accounts}>
        {(data) => (
          <Table caption={t.value.nav.users} columns={columns} rows={data.items} empty={words.none} />
        )}
      </Shown>
      <Pager of={accounts} />
    </>
  );
}

function One({ jid }: { jid: string }) {
  const words = t.value.users;
  const { user, host } = partsOf(jid);
  const info = useAnswer<AccountInfo>("account_info", { user, host }, 10);
  const roster = useAnswer<RosterItem[]>("get_roster", { user, host });
  // In byte order its own come right after `jid/`: before any others that have it within theirs.
  const own = { filter: `${jid}/`, after: `${jid}/`, limit: 1_000 };
  const connected = useAnswer<Page<SessionInfo>>("list_sessions", own, 5);
  const sessions = connected.data?.items.filter((one) => bareOf(one.jid) === jid) ?? [];
  const changed = () => {
    info.reload();
    connected.reload();
  };
  useEffect(() => {
    document.title = `${jid} – Starling`;
  }, [jid]);
  return (
    <>
      <p class="crumbs">
        <a href={href(["users"], { host })}>{t.value.nav.users}</a>
      </p>
      <Heading title={jid}>
        <button type="button" onClick={() => actions.changePassword(jid, changed)}>
          {words.changePassword}
        </button>
        {info.data?.banned ? (
          <button type="button" onClick={() => actions.unban(jid, changed)}>
            {words.unban}
          </button>
        ) : (
          <button type="button" onClick={() => actions.ban(jid, changed)}>
            {words.ban}
          </button>
        )}
        <button
          type="button"
          class="danger"
          onClick={() => actions.deleteAccount(jid, () => go(["users"], { host }))}
        >
          {words.delete}
        </button>
      </Heading>
      <Shown of={info}>{(data) => <Facts info={data} />}</Shown>
      <section aria-labelledby="sessions">
        <div class="row between">
          <h2 id="sessions">{t.value.nav.sessions}</h2>
          {sessions.length > 1 && (
            <button type="button" onClick={() => actions.kickAccount(jid, changed)}>
              {words.kickAll}
            </button>
          )}
        </div>
        <Shown of={connected}>
          {({ missing }) => (
            <>
              <Missing nodes={missing} />
              <SessionsTable sessions={sessions} whose={jid} changed={changed} />
            </>
          )}
        </Shown>
      </section>
      <section aria-labelledby="roster">
        <h2 id="roster">{words.roster}</h2>
        <Shown of={roster}>{(items) => <Roster items={items} />}</Shown>
      </section>
    </>
  );
}

function Facts({ info }: { info: AccountInfo }) {
  const words = t.value.users;
  const archived = number(info.archived) + (info.archived_more ? "+" : "");
  const { archive_oldest: oldest, archive_newest: newest } = info;
  const span = oldest && newest ? `, ${day(oldest)} – ${day(newest)}` : "";
  const facts = [
    [words.createdAt, moment(info.created)],
    [words.last, info.online ? words.now : info.last_activity ? moment(info.last_activity) : words.never],
    [words.contacts, number(info.contacts)],
    [words.archive, words.messages(info.archived, archived) + span],
    [words.offlineMessages, number(info.offline_messages)],
  ] as const;
  return (
    <>
      {info.banned && (
        <p class="notice bad">
          {words.bannedSince(moment(info.banned_since ?? ""), info.banned_by ?? "")}{" "}
          <q>{info.ban_reason}</q>
        </p>
      )}
      <dl class="facts card">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function Roster({ items }: { items: RosterItem[] }) {
  const words = t.value.users;
  const columns: Column<RosterItem>[] = [
    { title: words.address, kind: "long", cell: ({ jid }) => jid },
    { title: words.nick, cell: ({ nick }) => nick || "–" },
    {
      title: words.subscription,
      cell: ({ subscription, pending }) =>
        pending && pending !== "none" ? `${subscription} (${words.pending(pending)})` : subscription,
    },
    { title: words.groups, cell: ({ groups }) => groups.join(", ") || "–" },
  ];
  return <Table caption={words.roster} columns={columns} rows={items} empty={words.noRoster} />;
}
