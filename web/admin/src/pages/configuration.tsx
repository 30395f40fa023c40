import { change, useAnswer } from "../api";
import type { Option } from "../answers";
import { t } from "../i18n";
import { ask } from "../parts/dialog";
import { Heading, State } from "../parts/heading";
import { Shown } from "../parts/trouble";
import { place, setQuery } from "../router";

function matches({ name, meaning, value }: Option, wanted: string): boolean {
  const text = `${name} ${value} ${meaning}`.toLowerCase();
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

export function Configuration() {
  const words = t.value.configuration;
  const options = useAnswer<{ items: Option[] }>("list_options");
  const { query } = place.value;
  const wanted = query["filter"] ?? "";
  const setOnly = query["set"] === "1";
  const reload = () =>
    ask({
      title: words.reload,
      text: words.reloadMeans,
      action: words.reload,
      act: async () => {
        const lines = await change<string[]>("reload_config");
        options.reload();
        if (lines.length === 0) return words.unchanged;
        return {
          show: (
            <ul lang="en" role="status">
              {lines.map((line) => (
                <li key={line}>{line}</li>
              ))}
            </ul>
          ),
        };
      },
    });
  return (
    <>
      <Heading title={t.value.nav.configuration} text={words.text}>
        <button type="button" onClick={reload}>
          {words.reload}
        </button>
      </Heading>
      <form class="filter" role="search" onSubmit={(event) => event.preventDefault()}>
        <div class="field grow">
          <label for="filter">{words.filter}</label>
          <input
            id="filter"
            type="search"
            autocapitalize="off"
            spellcheck={false}
            value={wanted}
            onInput={(event) => setQuery({ ...query, filter: event.currentTarget.value })}
          />
        </div>
        <label class="check">
          <input
            type="checkbox"
            checked={setOnly}
            onChange={(event) => setQuery({ ...query, set: event.currentTarget.checked ? "1" : "" })}
          />
          {words.setOnly}
        </label>
      </form>
      <Shown of={options}>
        {(data) => (
          <List
            options={data.items.filter(
              (option) => matches(option, wanted) && (!setOnly || option.from !== "default"),
            )}
          />
        )}
      </Shown>
    </>
  );
}

function List({ options }: { options: Option[] }) {
  const words = t.value.configuration;
  return (
    <>
      <p class="quiet" role="status">
        {words.count(options.length)}
      </p>
      <ul class="options">
        {options.map((option) => (
          <One option={option} key={option.name} />
        ))}
      </ul>
    </>
  );
}

const SHOWN = 100; // of a long value; the rest is a click away

function One({ option }: { option: Option }) {
  const words = t.value.configuration;
  const { name, value, from, meaning, when, type, example } = option;
  const isSet = from !== "default";
  return (
    <li>
      <div class="option-head">
        <code class="option-name">{name}</code>
        <code class="option-value">
          {value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value}
        </code>
        {isSet ? <State kind="good">{from}</State> : <State kind="none">{words.default}</State>}
      </div>
      <p class="quiet" lang="en">
        {meaning} {when}
      </p>
      <details>
        <summary>{words.more}</summary>
        <dl class="facts">
          <div>
            <dt>{words.takes}</dt>
            <dd lang="en">{type}</dd>
          </div>
          <div>
            <dt>{words.byDefault}</dt>
            <dd lang="en">{option.default}</dd>
          </div>
          <div>
            <dt>{words.change}</dt>
            <dd>
              {words.needs[option.change_needs]}
              {option.per_host && `, ${words.perHost}`}
            </dd>
          </div>
        </dl>
        {value.length > SHOWN && <pre class="output">{value}</pre>}
        {example && (
          <pre class="output" aria-label={words.example}>
            {example}
          </pre>
        )}
      </details>
    </li>
  );
}
