import { usePages } from "../api";
import type { SessionInfo } from "../answers";
import { t } from "../i18n";
import { Heading } from "../parts/heading";
import { SessionsTable } from "../parts/sessions_table";
import { Pager } from "../parts/table";
import { Missing, Shown } from "../parts/trouble";
import { useLater } from "../parts/use_later";
import { place, setQuery } from "../router";

export function Sessions() {
  const words = t.value.sessions;
  const typed = place.value.query["filter"] ?? "";
  const filter = useLater(typed);
  const sessions = usePages<SessionInfo>("list_sessions", { filter }, 50, 5);
  return (
    <>
      <Heading title={t.value.nav.sessions} text={words.text} />
      <form class="filter" role="search" onSubmit={(event) => event.preventDefault()}>
        <div class="field grow">
          <label for="filter">{words.filter}</label>
          <input
            id="filter"
            type="search"
            autocapitalize="off"
            spellcheck={false}
            value={typed}
            onInput={(event) => setQuery({ filter: event.currentTarget.value })}
          />
        </div>
      </form>
      <Shown of={sessions}>
        {(data) => (
          <>
            <Missing nodes={data.missing} />
            <SessionsTable sessions={data.items} changed={sessions.reload} />
          </>
        )}
      </Shown>
      <Pager of={sessions} />
    </>
  );
}
