// Lines of a command that goes on: the last thousand, newest at the end.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { follow, type Problem, type Values } from "../api";
import { t } from "../i18n";
import { problemOf, Trouble } from "./trouble";

const KEPT = 1_000;

export interface Stream<Line> {
  lines: Line[];
  running: boolean;
  problem: Problem | undefined;
  start: (values: Values, command?: string) => void;
  stop: () => void;
  clear: () => void;
}

// `keep`: without those lines that say only that it has begun.
export function useStream<Line>(
  command: string,
  keep: (line: Line) => boolean = () => true,
): Stream<Line> {
  const [lines, setLines] = useState<Line[]>([]);
  const [problem, setProblem] = useState<Problem>();
  const [running, setRunning] = useState(false);
  const current = useRef<AbortController>();
  const stop = () => current.current?.abort();
  useEffect(() => stop, []);

  function start(values: Values, instead = command) {
    stop();
    const mine = new AbortController();
    current.current = mine;
    setProblem(undefined);
    setRunning(true);
    // Many lines may come at once: shown a few times a second.
    let fresh: Line[] = [];
    const show = () => {
      if (fresh.length === 0) return;
      const more = fresh;
      fresh = [];
      setLines((old) => [...old, ...more].slice(-KEPT));
    };
    const timer = setInterval(show, 250);
    follow<Line>(instead, values, (line) => keep(line) && fresh.push(line), mine.signal)
      .catch((trouble) => setProblem(problemOf(trouble)))
      .finally(() => {
        clearInterval(timer);
        show();
        if (current.current === mine) setRunning(false);
      });
  }
  return { lines, running, problem, start, stop, clear: () => setLines([]) };
}

export function Lines<Line>(props: {
  of: Stream<Line>;
  label: string;
  children: (line: Line) => ComponentChildren;
}) {
  const { of, label } = props;
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  // Follows the end, unless one has scrolled up to read.
  useEffect(() => {
    if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [of.lines]);
  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!;
    atEnd.current = scrollHeight - scrollTop - clientHeight < 24;
  };
  return (
    <>
      {of.problem && <Trouble problem={of.problem} />}
      <div
        class="lines"
        ref={box}
        role="log"
        aria-label={label}
        aria-live="off"
        tabIndex={0}
        onScroll={scrolled}
      >
        {of.lines.length === 0 ? (
          <p class="empty">{of.running ? t.value.logs.waiting : t.value.logs.nothingYet}</p>
        ) : (
          of.lines.map((line, i) => <div key={i}>{props.children(line)}</div>)
        )}
      </div>
    </>
  );
}
