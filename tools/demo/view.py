"""What is seen while it goes on: a screen that is drawn again and again, or lines."""

from __future__ import annotations

import sys

from demo.fleet import Machine
from demo.samples import Sample

_BAR = 30
_LINE_EVERY_S = 5


class View:
    def __init__(self, target: int, capacity: int) -> None:
        self._target = target
        self._capacity = capacity
        self._is_terminal = sys.stdout.isatty()
        self._next_line = 0.0

    def show(self, sample: Sample, machines: list[Machine], states: dict[str, str]) -> None:
        if self._is_terminal:
            self._draw(sample, machines, states)
        elif sample.at >= self._next_line:
            self._next_line = sample.at + _LINE_EVERY_S
            print(f"{sample.at:5.0f} s  nodes {sample.serving} of {sample.desired}  "
                  f"sessions {sample.sessions} of {sample.wanted}  "
                  f"utilisation {sample.utilisation:.0f} %  "
                  f"{sample.messages_per_second:.0f} messages/s  p99 {sample.p99_ms:.0f} ms  "
                  f"{self._counters(sample)}", flush=True)

    @staticmethod
    def _counters(sample: Sample) -> str:
        return (f"acknowledged and lost: {sample.overdue}  "
                f"sessions dropped: {sample.dropped}  moved: {sample.moved}")

    def _draw(self, sample: Sample, machines: list[Machine], states: dict[str, str]) -> None:
        lines = [
            f"Starling, {sample.at:.0f} s: a group of {sample.desired}, {sample.serving} serve; "
            f"target {self._target} % utilisation", ""]
        for machine in machines:
            sessions = int(machine.health.get("sessions", 0))
            percent = int(machine.health.get("utilisation", {}).get("percent", 0))
            filled = min(_BAR, round(_BAR * sessions / self._capacity))
            state = states.get(machine.instance.id, "")
            lines.append(f"  {machine.instance.id}  {state:<20} "
                         f"{'█' * filled}{'░' * (_BAR - filled)} "
                         f"{sessions:5} sessions {percent:4} %")
        lines += [
            "",
            f"  sessions {sample.sessions} of {sample.wanted}   "
            f"{sample.messages_per_second:.0f} messages a second   "
            f"under way: median {sample.p50_ms:.1f} ms, 99 % {sample.p99_ms:.1f} ms",
            "  " + self._counters(sample)]
        sys.stdout.write("\x1b[H\x1b[2J" + "\n".join(lines) + "\n")
        sys.stdout.flush()
