// Lines over time.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import { locale, t } from "../i18n";
import { scheme } from "./scheme";

export interface Series {
  label: string;
  values: (number | null)[];
}

const HEIGHT = 160;
const LEGEND = 24;

function options(host: HTMLElement, series: Series[], show: (value: number) => string) {
  const colour = (name: string) => {
    const probe = host.appendChild(document.createElement("i"));
    probe.className = name;
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  };
  const quiet = colour("ink-quiet");
  const grid = { stroke: colour("ink-line"), width: 1 };
  const clock = new Intl.DateTimeFormat(locale.value, { timeStyle: "short" });
  const axis = { stroke: quiet, font: "12px system-ui, sans-serif", grid, ticks: { show: false } };
  return {
    width: host.clientWidth,
    height: series.length > 1 ? HEIGHT - LEGEND : HEIGHT,
    legend: { show: series.length > 1, live: false },
    cursor: { y: false, drag: { x: false, y: false } },
    padding: [8, 18, 0, 0],
    series: [
      {},
      ...series.map((one, i) => ({
        label: one.label,
        stroke: colour(`ink-${(i % 6) + 1}`),
        width: 1.75,
        points: { show: false },
        ...(series.length === 1 ? { fill: colour("ink-fill") } : {}),
      })),
    ],
    scales: { y: { range: (_: uPlot, __: number, most: number) => [0, Math.max(1, most * 1.15)] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 26,
        space: 70,
        values: (_: uPlot, times: number[]) => times.map((at) => clock.format(at * 1000)),
      },
      {
        ...axis,
        size: 52,
        space: 36,
        values: (_: uPlot, values: number[]) =>
          values.map((value) => (Number.isInteger(value) ? show(value) : "")),
      },
    ],
  } as uPlot.Options;
}

export function Chart(props: {
  title: string;
  times: number[]; // seconds since 1970
  series: Series[];
  show: (value: number) => string;
}) {
  const { title, times, series, show } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  const labels = series.map((one) => one.label).join("\n");
  const data = [times, ...series.map((one) => one.values)] as uPlot.AlignedData;

  // Colours are painted, not styled: anew in another scheme.
  useEffect(() => {
    const paint = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(host.current!, series, show), data, host.current!);
    };
    paint();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", paint);
    const fit = new ResizeObserver(() =>
      plot.current?.setSize({ width: host.current!.clientWidth, height: plot.current.height }),
    );
    fit.observe(host.current!);
    return () => {
      dark.removeEventListener("change", paint);
      fit.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [labels, scheme.value, locale.value]);
  useEffect(() => plot.current?.setData(data), [times, series]);

  const all = series.flatMap((one) => one.values.filter((value) => value !== null));
  const now = series.map((one) => one.values[one.values.length - 1] ?? null);
  const said =
    all.length === 0
      ? title
      : t.value.common.chart(
          title,
          now.map((value) => (value === null ? "–" : show(value))).join(", "),
          show(Math.min(...all)),
          show(Math.max(...all)),
        );
  return (
    <figure class="card chart">
      <figcaption>
        <span>{title}</span>
        {now.length === 1 && now[0] != null && <strong>{show(now[0])}</strong>}
      </figcaption>
      <div ref={host} role="img" aria-label={said} />
    </figure>
  );
}
