// A table that is a list of cards where there is no room. The roles say again what CSS's `display`
// would take from the elements.
import type { ComponentChildren } from "preact";

import type { Pages } from "../api";
import { t } from "../i18n";

export interface Column<Row> {
  title: string;
  cell: (row: Row) => ComponentChildren;
  // whole: in one line, where there is room for a table.
  kind?: "number" | "actions" | "code" | "long" | "whole";
}

export function Table<Row>(props: {
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  empty?: string;
}) {
  const { caption, columns, rows } = props;
  if (rows.length === 0) return <p class="empty">{props.empty ?? t.value.common.nothing}</p>;
  return (
    <div class="table" role="group" aria-label={caption} tabIndex={0}>
      <table role="table">
        <caption class="unseen">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <th role="columnheader" scope="col" class={column.kind} key={column.title}>
                {column.kind === "actions" ? <span class="unseen">{column.title}</span> : column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row, line) => (
            <tr role="row" key={line}>
              {columns.map((column, i) =>
                i === 0 ? (
                  <th role="rowheader" scope="row" class={column.kind} key={column.title}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td role="cell" class={column.kind} data-title={column.title} key={column.title}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Pager<Item>({ of }: { of: Pages<Item> }) {
  if (!of.back && !of.onward) return null;
  const words = t.value.common;
  return (
    <nav class="pager" aria-label={words.pages}>
      <button type="button" disabled={!of.back} onClick={() => of.back?.()}>
        {words.back}
      </button>
      <button type="button" disabled={!of.onward} onClick={() => of.onward?.()}>
        {words.onward}
      </button>
    </nav>
  );
}
