// A question over the page: what is to be done, with what, and how it went. And the short notes
// that something was done.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import type { Problem, Values } from "../api";
import { t } from "../i18n";
import { Fields, valuesOf, type Field } from "./fields";
import { Icon } from "./icons";
import { problemOf, Trouble } from "./trouble";

export interface Question {
  title: string;
  text?: ComponentChildren;
  fields?: Field[];
  action: string; // on the button
  danger?: boolean;
  // Does it. What it returns is noted (not ""), or shown in the dialog until it is closed.
  act: (values: Values) => Promise<string | { show: ComponentChildren }>;
}

const asked = signal<Question | null>(null);
const notes = signal<{ id: number; text: string }[]>([]);
let noted = 0;

export function ask(question: Question): void {
  asked.value = question;
}

export function note(text: string): void {
  const id = ++noted;
  notes.value = [...notes.value, { id, text }];
  setTimeout(() => forget(id), 8_000);
}

function forget(id: number): void {
  notes.value = notes.value.filter((one) => one.id !== id);
}

export function Dialogs() {
  const question = asked.value;
  return (
    <>
      {question && <Dialog question={question} key={question.title} />}
      <div class="notes" role="status" aria-live="polite">
        {notes.value.map((one) => (
          <div class="note" key={one.id}>
            <span>{one.text}</span>
            <button
              type="button"
              class="plain"
              aria-label={t.value.common.close}
              onClick={() => forget(one.id)}
            >
              <Icon name="close" />
            </button>
          </div>
        ))}
      </div>
    </>
  );
}

function Dialog({ question }: { question: Question }) {
  const words = t.value.common;
  const element = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const [shown, setShown] = useState<ComponentChildren>();
  const fields = question.fields ?? [];

  useEffect(() => element.current?.showModal(), []);
  const close = () => element.current?.close();

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      const done = await question.act(valuesOf(event.currentTarget as HTMLFormElement, fields));
      if (typeof done === "string") {
        close();
        if (done !== "") note(done);
      } else {
        setShown(done.show);
      }
    } catch (trouble) {
      const why = problemOf(trouble);
      // The page leads back to signing in.
      if (why.status === 401) close();
      setProblem(why);
    }
    setBusy(false);
  }

  return (
    <dialog ref={element} aria-labelledby="dialog-title" onClose={() => (asked.value = null)}>
      <form onSubmit={submit}>
        <h2 id="dialog-title">{question.title}</h2>
        {shown ?? (
          <>
            {question.text && <div class="dialog-text">{question.text}</div>}
            <Fields fields={fields} id="dialog" />
          </>
        )}
        {problem && <Trouble problem={problem} />}
        <div class="row end">
          <button type="button" onClick={close}>
            {shown ? words.close : words.cancel}
          </button>
          {!shown && (
            <button type="submit" class={question.danger ? "danger" : "primary"} disabled={busy}>
              {busy ? words.working : question.action}
            </button>
          )}
        </div>
      </form>
    </dialog>
  );
}
