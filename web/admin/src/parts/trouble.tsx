// What went wrong, in words.
import { Problem, type Answer } from "../api";
import { t } from "../i18n";
import type { ComponentChildren } from "preact";

function headline(status: number): string {
  const words = t.value.problems;
  switch (status) {
    case 0:
      return words.unreachable;
    case 400:
      return words.invalid;
    case 401:
      return words.signedOut;
    case 403:
      return words.forbidden;
    case 404:
      return words.notFound;
    case 409:
      return words.conflict;
    case 429:
      return words.tooOften;
    case 503:
      return words.unavailable;
    default:
      return words.other(status);
  }
}

// The details come from the server, which speaks English.
export function Trouble({ problem, again }: { problem: Problem; again?: () => void }) {
  return (
    <div class="notice bad" role="alert">
      <p>
        <strong>{headline(problem.status)}</strong>
        {problem.detail !== "" && (
          <>
            {t.value.problems.because}
            <span lang="en">{problem.detail}</span>
          </>
        )}
      </p>
      {again && (
        <button type="button" onClick={again}>
          {t.value.common.tryAgain}
        </button>
      )}
    </div>
  );
}

// A list without what these nodes know.
export function Missing({ nodes = [] }: { nodes: (string | number)[] | undefined }) {
  if (nodes.length === 0) return null;
  return <p class="notice warn">{t.value.problems.missing(nodes.join(", "))}</p>;
}

export function problemOf(trouble: unknown): Problem {
  return trouble instanceof Problem ? trouble : new Problem(-1, String(trouble));
}

// What came of asking: the answer, or that it is not there yet, or why it will not come.
export function Shown<Data>(props: {
  of: Answer<Data>;
  children: (data: Data) => ComponentChildren;
}) {
  const { data, problem, reload } = props.of;
  return (
    <>
      {problem && <Trouble problem={problem} again={reload} />}
      {data !== undefined
        ? props.children(data)
        : !problem && <p class="waiting">{t.value.common.loading}</p>}
    </>
  );
}
