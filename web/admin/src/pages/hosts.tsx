import { useAnswer } from "../api";
import type { Host } from "../answers";
import { number } from "../format";
import { t } from "../i18n";
import { Heading, State } from "../parts/heading";
import { Table, type Column } from "../parts/table";
import { Shown } from "../parts/trouble";
import { Validity } from "../parts/validity";
import { href } from "../router";

export function Hosts() {
  const words = t.value.hosts;
  const hosts = useAnswer<{ items: Host[] }>("list_hosts", {}, 10);
  const columns: Column<Host>[] = [
    { title: words.host, kind: "long", cell: ({ host }) => host },
    {
      title: words.accounts,
      kind: "number",
      cell: ({ host, accounts }) => <a href={href(["users"], { host })}>{number(accounts)}</a>,
    },
    {
      title: words.sessions,
      kind: "number",
      cell: ({ host, sessions }) => (
        <a href={href(["sessions"], { filter: `@${host}` })}>{number(sessions)}</a>
      ),
    },
    {
      title: words.certificate,
      cell: ({ certificate }) =>
        certificate === null ? (
          <State kind="warn">{words.noCertificate}</State>
        ) : (
          <Validity until={certificate.not_after} selfSigned={certificate.self_signed} />
        ),
    },
  ];
  return (
    <>
      <Heading title={t.value.nav.hosts} text={words.text} />
      <Shown of={hosts}>
        {(data) => <Table caption={t.value.nav.hosts} columns={columns} rows={data.items} />}
      </Shown>
    </>
  );
}
