"""Lines over time, as an SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from demo.samples import Sample

_WIDTH, _HEIGHT = 860, 170  # of a panel
_LEFT, _RIGHT, _GAP = 60, 170, 50
_STYLE = """
  text { font: 12px sans-serif; fill: #333 }
  .title { font-weight: bold }
  .frame { fill: none; stroke: #999 }
  .grid { stroke: #e4e4e4 }
  .line { fill: none; stroke-width: 1.8 }
  @media (prefers-color-scheme: dark) {
    svg { background: #16181c } text { fill: #ddd } .grid { stroke: #333 }
  }
"""


@dataclass(frozen=True)
class Line:
    name: str
    color: str
    value: Callable[[Sample], float]
    stepped: bool = False


@dataclass(frozen=True)
class Panel:
    title: str
    lines: Sequence[Line]
    logarithmic: bool = False


PANELS = (
    Panel("Sessions", (Line("wanted", "#9aa5b1", lambda s: s.wanted),
                       Line("there", "#1f77b4", lambda s: s.sessions))),
    Panel("Nodes", (Line("wanted by the group", "#9aa5b1", lambda s: s.desired, True),
                    Line("serving", "#2ca02c", lambda s: s.serving, True),
                    Line("leaving", "#d62728", lambda s: s.leaving, True))),
    Panel("Utilisation of a node, per cent", (Line("average", "#9467bd",
                                                   lambda s: s.utilisation),)),
    Panel("A message is under way, ms", (Line("median", "#1f77b4", lambda s: s.p50_ms),
                                         Line("99 %", "#ff7f0e", lambda s: s.p99_ms)), True),
)


def plot(samples: Sequence[Sample]) -> str:
    height = len(PANELS) * (_HEIGHT + _GAP) + 10
    width = _LEFT + _WIDTH + _RIGHT
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'viewBox="0 0 {width} {height}"><style>{_STYLE}</style>']
    longest = max(samples[-1].at, 1)
    for number, panel in enumerate(PANELS):
        parts += _panel(panel, samples, longest, 25 + number * (_HEIGHT + _GAP))
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel, samples: Sequence[Sample], longest: float, top: float) -> list[str]:
    bottom = top + _HEIGHT
    highest = max((line.value(s) for line in panel.lines for s in samples), default=1)
    ticks, scale = _logarithmic(highest) if panel.logarithmic else _linear(highest)

    def x(at: float) -> float:
        return _LEFT + _WIDTH * at / longest

    def y(value: float) -> float:
        return bottom - _HEIGHT * min(1, max(0, scale(value)))

    parts = [f'<text class="title" x="{_LEFT}" y="{top - 8}">{escape(panel.title)}</text>']
    for tick in ticks:
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y(tick):.1f}" '
                     f'y2="{y(tick):.1f}"/><text x="{_LEFT - 6}" y="{y(tick) + 4:.1f}" '
                     f'text-anchor="end">{tick:g}</text>')
    step = _nice(longest / 8)
    for i in range(int(longest / step) + 1):
        parts.append(f'<text x="{x(i * step):.1f}" y="{bottom + 16}" text-anchor="middle">'
                     f'{i * step:g} s</text>')
    parts.append(f'<rect class="frame" x="{_LEFT}" y="{top}" width="{_WIDTH}" '
                 f'height="{_HEIGHT}"/>')
    for number, line in enumerate(panel.lines):
        points, before = [], None
        for sample in samples:
            here = (x(sample.at), y(line.value(sample)))
            if line.stepped and before is not None:
                points.append((here[0], before))
            points.append(here)
            before = here[1]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(f'<polyline class="line" stroke="{line.color}" points="{path}"/>')
        at = top + 14 + number * 18
        parts.append(f'<line class="line" stroke="{line.color}" x1="{_LEFT + _WIDTH + 10}" '
                     f'x2="{_LEFT + _WIDTH + 28}" y1="{at}" y2="{at}"/>'
                     f'<text x="{_LEFT + _WIDTH + 33}" y="{at + 4}">{escape(line.name)}</text>')
    return parts


def _nice(about: float) -> float:
    """1, 2 or 5 times a power of ten, not below `about`."""
    power = 10.0 ** math.floor(math.log10(max(about, 1e-9)))
    return next(power * n for n in (1, 2, 5, 10) if power * n >= about)


def _linear(highest: float) -> tuple[list[float], Callable[[float], float]]:
    step = max(1.0, _nice(max(highest, 1) / 4))
    top = step * math.ceil(max(highest, 1) / step)
    return [i * step for i in range(int(top / step) + 1)], lambda value: value / top


def _logarithmic(highest: float) -> tuple[list[float], Callable[[float], float]]:
    powers = max(1, math.ceil(math.log10(max(highest, 1.0)))) + 1  # from 0.1 on
    return ([10.0 ** (i - 1) for i in range(powers + 1)],
            lambda value: (math.log10(max(value, 0.1)) + 1) / powers)
