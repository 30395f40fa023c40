import { useAnswer } from "../api";
import type { Certificate } from "../answers";
import { day } from "../format";
import { t } from "../i18n";
import { Heading, State } from "../parts/heading";
import { Table, type Column } from "../parts/table";
import { Shown } from "../parts/trouble";
import { Validity } from "../parts/validity";

export function Certificates() {
  const words = t.value.certificates;
  const certificates = useAnswer<{ items: Certificate[] }>("list_certificates", {}, 60);
  const columns: Column<Certificate>[] = [
    {
      title: words.names,
      kind: "long",
      cell: ({ names, subject, fingerprint, file }) => (
        <>
          <span title={`SHA-256 ${fingerprint}`}>{names.join(", ") || subject}</span>
          <br />
          <code class="quiet">{file}</code>
        </>
      ),
    },
    {
      title: words.validity,
      cell: ({ not_after, self_signed, error }) =>
        error ? (
          <span class="wraps" lang="en">
            <State kind="bad">{error}</State>
          </span>
        ) : (
          <Validity until={not_after} selfSigned={self_signed} />
        ),
    },
    { title: words.until, cell: ({ not_after }) => day(not_after) },
    { title: words.issuer, cell: ({ issuer }) => issuer },
    { title: words.hosts, cell: ({ hosts }) => hosts.join(", ") || "–" },
  ];
  return (
    <>
      <Heading title={t.value.nav.certificates} text={words.text} />
      <Shown of={certificates}>
        {(data) => <Table caption={t.value.nav.certificates} columns={columns} rows={data.items} />}
      </Shown>
    </>
  );
}
