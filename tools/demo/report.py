"""What there is to read afterwards: report.md, report.svg and, for programs, report.json."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.aws.group import Group, Member

from demo.fleet import Machine
from demo.plan import Plan
from demo.plot import plot
from demo.samples import Sample


def result(plan: Plan, began: float, samples: Sequence[Sample], machines: Sequence[Machine],
           group: Group, figures: dict[str, float], evened_s: Sequence[float]) -> dict[str, Any]:
    """All that is known, in one object. Times in seconds."""
    members = {member.id: member for member in [*group.members, *group.gone]}
    nodes = [{
        "instance": machine.instance.id,
        "launched_at": round(machine.launched - began, 1),
        "start_s": _between(machine.launched, machine.serving),
        "leave_s": _leave_s(members[machine.instance.id], group.clock.speed),
        "sessions_when_told_to_leave": machine.sessions_when_told,
    } for machine in machines]
    return {
        "plan": asdict(plan),
        "nodes_at_first": samples[0].serving,
        "nodes_at_most": max(sample.serving for sample in samples),
        "nodes_at_the_end": samples[-1].serving,
        "sessions_at_most": max(sample.sessions for sample in samples),
        "acknowledged": int(figures["acknowledged"]),
        "lost": int(figures["lost"]),
        "dropped": int(figures["begun_anew"]),
        "moved": int(figures["resumed"]),
        "twice_in_a_session": int(figures["twice_in_a_session"]),
        "came_twice_unexplained": int(figures["came_twice_unexplained"]),
        "evened_s": [round(s, 1) for s in evened_s],
        "nodes": nodes,
        "figures": figures,
        "samples": [asdict(sample) for sample in samples],
    }


def _leave_s(member: Member, speed: float) -> float | None:
    """From when its metadata says that it is to go until the group takes it for gone."""
    at = {state: when for when, state in reversed(member.history)}
    if "Terminating" not in at or "Terminated" not in at:
        return None
    return round((at["Terminated"] - at["Terminating"]) / speed, 1)


def _between(first: float | None, then: float | None) -> float | None:
    return None if first is None or then is None else round(then - first, 1)


def write(folder: Path, found: dict[str, Any], samples: Sequence[Sample]) -> None:
    (folder / "report.json").write_text(json.dumps(found, indent=1) + "\n")
    (folder / "report.svg").write_text(plot(samples))
    (folder / "report.md").write_text(text(found))


def text(found: dict[str, Any]) -> str:
    figures = found["figures"]
    starts = [n["start_s"] for n in found["nodes"] if n["start_s"] is not None]
    lines = [
        "# A group of nodes that followed its load",
        "",
        "![sessions, nodes, utilisation and latency over time](report.svg)",
        "",
        "| | |",
        "|-|-:|",
        f"| nodes: at first, at most, at the end | {found['nodes_at_first']}, "
        f"{found['nodes_at_most']}, {found['nodes_at_the_end']} |",
        f"| sessions at most | {found['sessions_at_most']:,} |",
        f"| messages said, acknowledged | {int(figures['sent']):,}, {found['acknowledged']:,} |",
        f"| **acknowledged and lost** | {found['lost']} |",
        f"| **sessions dropped** | {found['dropped']} |",
        f"| sessions that went on at another node: how many, median, worst | {found['moved']}: "
        f"{figures['resumed_p50_s']:.2f} s, {figures['resumed_worst_s']:.2f} s |",
        f"| the same `<stanza-id/>` twice in one session | {found['twice_in_a_session']} |",
        f"| a message is under way: median, 99 % | {figures['p50_us'] / 1e3:.2f} ms, "
        f"{figures['p99_us'] / 1e3:.0f} ms |",
        f"| from the start of a process until it serves: median, worst | "
        f"{_middle(starts)} |",
        f"| from the group's decision until no node is 15 % above the others: median, worst | "
        f"{_middle(found['evened_s'])} |",
        "",
        "| node | launched at | until it serves | told to leave with | "
        "until the instance is free |",
        "|-|-:|-:|-:|-:|",
    ]
    for node in found["nodes"]:
        leave = node["leave_s"]
        lines.append(
            f"| {node['instance']} | {node['launched_at']} s | {node['start_s']} s | "
            + ("stayed | |" if leave is None else
               f"{node['sessions_when_told_to_leave']} sessions | {leave} s |"))
    return "\n".join([*lines, ""])


def _middle(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} s, {max(values):.1f} s" if values else "–"
