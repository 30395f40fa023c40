import { useEffect, useRef, useState } from "preact/hooks";

import { farewell, signIn, type Problem } from "../api";
import { t } from "../i18n";
import { Brand, Switches } from "../parts/top";
import { problemOf, Trouble } from "../parts/trouble";

export function SignIn() {
  const words = t.value.signIn;
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();

  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  useEffect(() => {
    document.title = `${words.title} – Starling`;
  }, [words]);

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setProblem(undefined);
    try {
      await signIn(String(data.get("jid")).trim(), String(data.get("password")));
    } catch (trouble) {
      setProblem(problemOf(trouble));
      setBusy(false);
    }
  }

  return (
    <main class="sign-in">
      <form class="card" onSubmit={submit}>
        <div class="row between">
          <Brand />
          <div class="row">
            <Switches />
          </div>
        </div>
        <h1>{words.title}</h1>
        {farewell.value && !problem && (
          <p class="notice" role="status">
            {words.farewells[farewell.value]}
          </p>
        )}
        {problem?.status === 401 ? (
          <p class="notice bad" role="alert">
            {words.wrong}
          </p>
        ) : (
          problem && <Trouble problem={problem} />
        )}
        <div class="field">
          <label for="jid">{words.address}</label>
          <input
            id="jid"
            ref={first}
            name="jid"
            type="text"
            inputMode="email"
            autocomplete="username"
            autocapitalize="off"
            spellcheck={false}
            placeholder="admin@example.org"
            required
          />
        </div>
        <div class="field">
          <label for="password">{words.password}</label>
          <input id="password" name="password" type="password" autocomplete="current-password" required />
        </div>
        <button type="submit" class="primary" disabled={busy}>
          {busy ? t.value.common.working : words.action}
        </button>
        <p class="help">{words.help}</p>
      </form>
    </main>
  );
}
