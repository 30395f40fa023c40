import { useMemo, useState } from "preact/hooks";

import { change, useAnswer } from "../api";
import type { Token } from "../answers";
import { moment } from "../format";
import { t } from "../i18n";
import { commandsOf } from "../operations";
import { ask } from "../parts/dialog";
import { Heading, State } from "../parts/heading";
import { Table, type Column } from "../parts/table";
import { Shown } from "../parts/trouble";

export function Tokens() {
  const words = t.value.tokens;
  const tokens = useAnswer<Token[]>("list_tokens", {}, 30);
  const description = useAnswer<unknown>("openapi.json");
  const chapters = useMemo(() => commandsOf(description.data).tags, [description.data]);
  const create = () =>
    ask({
      title: words.create,
      fields: [
        { name: "name", label: words.name, help: words.nameHelp },
        { name: "may", label: words.may, type: "select", choices: ["read", "write"], help: words.mayHelp },
        {
          name: "chapters",
          label: words.chapters,
          type: "checks",
          choices: chapters.map(({ name }) => name),
          help: words.chaptersHelp,
          optional: true,
        },
        { name: "days", label: words.days, type: "number", value: "90" },
      ],
      action: words.create,
      act: async ({ name, days, may, chapters: chosen }) => {
        const scopes = chosen
          ? String(chosen)
              .split(",")
              .map((chapter) => `${chapter}:${may}`)
              .join(",")
          : may;
        const { token } = await change<{ token: string }>("create_token", { name, scopes, days });
        tokens.reload();
        return { show: <Once token={token} /> };
      },
    });
  const revoke = ({ id, name }: Token) =>
    ask({
      title: words.revokeTitle(name),
      text: words.revokeMeans,
      action: words.revoke,
      danger: true,
      act: async () => {
        await change("revoke_token", { id });
        tokens.reload();
        return words.revoked(name);
      },
    });
  const columns: Column<Token>[] = [
    { title: words.name, cell: ({ name }) => name },
    { title: words.scopes, cell: ({ scopes }) => scopes.replaceAll(",", ", ") },
    { title: words.createdBy, cell: ({ created_by }) => created_by },
    { title: words.created, cell: ({ created }) => moment(created) },
    {
      title: words.expires,
      cell: ({ expires }) =>
        Date.parse(expires) < Date.now() ? (
          <State kind="bad">{words.expired}</State>
        ) : (
          moment(expires)
        ),
    },
    { title: words.used, cell: ({ last_used }) => (last_used ? moment(last_used) : words.never) },
    {
      title: t.value.common.actions,
      kind: "actions",
      cell: (token) => (
        <button type="button" onClick={() => revoke(token)}>
          {words.revoke}
        </button>
      ),
    },
  ];
  return (
    <>
      <Heading title={t.value.nav.tokens} text={words.text}>
        <button type="button" class="primary" onClick={create}>
          {words.create}
        </button>
      </Heading>
      <Shown of={tokens}>
        {(data) => (
          <Table caption={t.value.nav.tokens} columns={columns} rows={data} empty={words.none} />
        )}
      </Shown>
    </>
  );
}

// The server keeps a hash of it only.
function Once({ token }: { token: string }) {
  const words = t.value.tokens;
  const [copied, setCopied] = useState(false);
  const copy = () => navigator.clipboard.writeText(token).then(() => setCopied(true));
  return (
    <div role="status">
      <p class="notice warn">{words.once}</p>
      <pre class="output" tabIndex={0}>
        {token}
      </pre>
      {"clipboard" in navigator && (
        <button type="button" onClick={copy}>
          {copied ? words.copied : words.copy}
        </button>
      )}
      <p class="help">
        {words.use} <code>Authorization: Bearer …</code>
      </p>
    </div>
  );
}
