import { usePages } from "../api";
import type { AuditLine } from "../answers";
import { moment } from "../format";
import { t } from "../i18n";
import { Heading, State } from "../parts/heading";
import { Pager, Table, type Column } from "../parts/table";
import { Shown } from "../parts/trouble";

function argumentsOf(line: AuditLine): string {
  return Object.entries(line.arguments)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(" ");
}

export function Audit() {
  const words = t.value.audit;
  const trail = usePages<AuditLine>("audit_log", {}, 50, 15);
  const columns: Column<AuditLine>[] = [
    { title: words.time, cell: ({ time }) => <time dateTime={time}>{moment(time)}</time> },
    { title: words.who, cell: ({ who }) => who },
    { title: words.from, kind: "code", cell: ({ from }) => from },
    { title: words.command, kind: "code", cell: ({ command }) => command },
    { title: words.arguments, cell: (line) => <code>{argumentsOf(line)}</code> },
    {
      title: words.result,
      cell: ({ result }) => (
        <span class="wraps" lang="en">
          <State kind={result === "done" ? "good" : "bad"}>{result}</State>
        </span>
      ),
    },
  ];
  return (
    <>
      <Heading title={t.value.nav.audit} text={words.text} />
      <Shown of={trail}>
        {(data) => (
          <Table caption={t.value.nav.audit} columns={columns} rows={data.items} empty={words.none} />
        )}
      </Shown>
      <Pager of={trail} />
    </>
  );
}
