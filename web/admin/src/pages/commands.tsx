import { useMemo, useState } from "preact/hooks";

import { change, get, useAnswer, type Json, type Problem, type Values } from "../api";
import { t } from "../i18n";
import { commandsOf, type Commands as All, type Operation } from "../operations";
import { Fields, valuesOf } from "../parts/fields";
import { Heading } from "../parts/heading";
import { Result } from "../parts/result";
import { Lines, useStream } from "../parts/stream";
import { problemOf, Shown, Trouble } from "../parts/trouble";
import { href, place } from "../router";

export function Commands() {
  const words = t.value.commands;
  const description = useAnswer<Json>("openapi.json");
  const all = useMemo(() => commandsOf(description.data), [description.data]);
  const name = place.value.rest[0];
  const chosen = all.operations.find((operation) => operation.name === name);
  return (
    <>
      <Heading title={t.value.nav.commands} text={words.text} />
      <Shown of={description}>
        {() => (
          <div class={chosen ? "split chosen" : "split"}>
            <List all={all} chosen={name} />
            {chosen ? (
              <Form operation={chosen} key={chosen.name} />
            ) : (
              <p class="empty wide-only">{name ? words.unknown(name) : words.choose}</p>
            )}
          </div>
        )}
      </Shown>
    </>
  );
}

function List({ all, chosen }: { all: All; chosen: string | undefined }) {
  const words = t.value.commands;
  const [wanted, setWanted] = useState("");
  const fits = ({ name, summary }: Operation) =>
    `${name} ${summary}`.toLowerCase().includes(wanted.trim().toLowerCase());
  return (
    <nav class="command-list" aria-label={t.value.nav.commands}>
      <div class="field">
        <label for="search">{words.search}</label>
        <input
          id="search"
          type="search"
          autocapitalize="off"
          spellcheck={false}
          value={wanted}
          onInput={(event) => setWanted(event.currentTarget.value)}
        />
      </div>
      {all.tags.map((tag) => {
        const found = all.operations.filter((one) => one.tag === tag.name && fits(one));
        if (found.length === 0) return null;
        return (
          <section key={tag.name} lang="en">
            <h2 class="small">{tag.title}</h2>
            <ul>
              {found.map(({ name, summary }) => (
                <li key={name}>
                  <a
                    href={href(["commands", name])}
                    aria-current={name === chosen ? "page" : undefined}
                  >
                    <code>{name}</code>
                    <span class="quiet">{summary}</span>
                  </a>
                </li>
              ))}
            </ul>
          </section>
        );
      })}
    </nav>
  );
}

function Form({ operation }: { operation: Operation }) {
  const words = t.value.commands;
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const [answer, setAnswer] = useState<Json>();
  const live = useStream<Json>(operation.name);

  async function run(values: Values) {
    setBusy(true);
    setProblem(undefined);
    setAnswer(undefined);
    try {
      const ask = operation.changes ? change<Json> : get<Json>;
      setAnswer(await ask(operation.name, values));
    } catch (trouble) {
      setProblem(problemOf(trouble));
    }
    setBusy(false);
  }
  function submit(event: SubmitEvent) {
    event.preventDefault();
    const values = valuesOf(event.currentTarget as HTMLFormElement, operation.fields);
    if (!operation.goesOn) void run(values);
    else if (live.running) live.stop();
    else live.start(values);
  }

  return (
    <article class="command card">
      <p class="crumbs narrow-only">
        <a href={href(["commands"])}>{t.value.nav.commands}</a>
      </p>
      <h2>
        <code>{operation.name}</code>
      </h2>
      <p lang="en">{operation.summary}</p>
      <p lang="en" class="quiet">
        {operation.effect}
      </p>
      <p>
        <span class="quiet">{words.inShell}</span> <code>starlingctl {operation.usage}</code>
      </p>
      <form onSubmit={submit}>
        <Fields fields={operation.fields} id="command" />
        <div class="row">
          <button type="submit" class="primary" disabled={busy}>
            {busy ? t.value.common.working : live.running ? t.value.logs.stop : words.run}
          </button>
          <span class="quiet">{operation.changes ? words.changes : words.changesNothing}</span>
        </div>
      </form>
      <div aria-live="polite">
        {problem && <Trouble problem={problem} />}
        {answer !== undefined && (
          <section class="answer" aria-label={words.answer}>
            <h3>{words.answer}</h3>
            <Result value={answer} />
          </section>
        )}
      </div>
      {operation.goesOn && (
        <Lines of={live} label={words.answer}>
          {(line) => <p class="line">{typeof line === "string" ? line : JSON.stringify(line)}</p>}
        </Lines>
      )}
    </article>
  );
}
