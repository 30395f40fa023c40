// What a command answered, whatever it is: the answer's shape is the command's own.
import type { Json } from "../api";
import { t } from "../i18n";
import { Table } from "./table";

type Record_ = { [name: string]: Json };

function isRecord(value: Json): value is Record_ {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function short(value: Json | undefined): string {
  if (value === undefined || value === null || value === "") return "–";
  if (Array.isArray(value) && value.length === 0) return "–";
  if (Array.isArray(value) && value.every((one) => typeof one !== "object")) return value.join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function Result({ value }: { value: Json }) {
  if (Array.isArray(value) && value.length > 0 && value.every(isRecord)) {
    const names = [...new Set(value.flatMap((row) => Object.keys(row)))];
    const columns = names.map((name) => ({ title: name, cell: (row: Record_) => short(row[name]) }));
    return <Table caption={t.value.commands.answer} columns={columns} rows={value} />;
  }
  if (Array.isArray(value)) {
    if (value.length === 0) return <p class="empty">{t.value.common.nothing}</p>;
    return <pre class="output">{value.map(short).join("\n")}</pre>;
  }
  if (isRecord(value)) {
    return (
      <dl class="facts">
        {Object.entries(value).map(([name, one]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              {Array.isArray(one) && one.some((item) => typeof item === "object") ? (
                <Result value={one} />
              ) : (
                short(one)
              )}
            </dd>
          </div>
        ))}
      </dl>
    );
  }
  return <pre class="output">{value === null || value === "" ? t.value.commands.done : String(value)}</pre>;
}
