#!/usr/bin/python3
"""`./x demo`: a group of nodes that follows the load, on this machine.

Plays the cloud (its instance metadata, its Auto Scaling and its CloudWatch are doubles that this
program serves on loopback); everything else is real: PostgreSQL, nodes with what they do on AWS,
and thousands of sessions that talk, come and go. Writes a report.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "bench"), str(ROOT / "tests")]
os.environ.setdefault("LOAD_BUILD", "build/release/bench/load")

from cluster.members import Accounts  # noqa: E402
from cluster.starling import register  # noqa: E402
from harness.aws.cloud import Cloud  # noqa: E402
from harness.aws.group import Group  # noqa: E402
from harness.aws.lifecycle_hook import LAUNCHING, TERMINATING, LifecycleHook  # noqa: E402
from harness.ports import free_port  # noqa: E402
from harness.postgres import Postgres  # noqa: E402
from leaving.crowd import Crowd, Figures, Size  # noqa: E402

from demo import plan as plans  # noqa: E402
from demo import report  # noqa: E402
from demo.fleet import Fleet, Machine  # noqa: E402
from demo.plan import Plan  # noqa: E402
from demo.samples import Sample  # noqa: E402
from demo.view import View  # noqa: E402

_HOOK_S = 300  # of the group's clock
_EVEN_ABOVE = 1.15


class Demo:
    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._view = View(plan.target, plan.capacity)
        self._samples: list[Sample] = []
        self._began = time.monotonic()
        self._desired_before = 1
        self._decided: float | None = None  # to add a node, and the load is not yet even
        self._evened: list[float] = []

    def play(self) -> dict[str, object]:
        plan = self._plan
        postgres = Postgres(free_port())
        try:
            postgres.start()
            with Cloud(speed=plan.speed) as cloud:
                database = postgres.new_database()
                fleet = Fleet(self._folder, plan, postgres, database, cloud.environment)
                group = cloud.add_group(
                    "starling", fleet, desired=1, minimum=1, maximum=plan.nodes_most,
                    protects_new=True,
                    hooks=[LifecycleHook("starling-launch", LAUNCHING, _HOOK_S, "ABANDON"),
                           LifecycleHook("starling-terminate", TERMINATING, _HOOK_S, "CONTINUE")])
                self._wait_for_first(group, fleet)
                register(postgres, database, Accounts(plan.sessions_most, 4))
                cloud.track(group, plan.tracking)
                figures = self._tide(group, fleet)
                farewells = [call.parameters["InstanceId"] for call in cloud.api.made(
                    "CompleteLifecycleAction", True, LifecycleHookName="starling-terminate")]
                rows = postgres.query("SELECT name FROM starling.node",
                                      database.rpartition("/")[2]).split()
                return report.result(plan, self._began, self._samples, fleet.machines, group,
                                     figures, self._evened) | {
                    "farewells": {one: farewells.count(one) for one in farewells},
                    "rows": rows}
        finally:
            postgres.close()

    def _wait_for_first(self, group: Group, fleet: Fleet) -> None:
        deadline = time.monotonic() + self._plan.longest_s
        while not (group.in_service() and fleet.addresses()):
            if group.failures or time.monotonic() > deadline:
                raise RuntimeError(f"the first node does not start: {group.failures}")
            time.sleep(0.1)
            fleet.look()

    def _tide(self, group: Group, fleet: Fleet) -> Figures:
        """All of it, until everything is as it was at first."""
        plan = self._plan
        size = Size(sessions=plan.sessions_most, managed_share=1, rate=plan.rate)
        with Crowd(size, fleet.addresses(), self._folder / "load.log",
                   at_first=plan.sessions_least) as crowd:
            self._began = time.monotonic()
            before = crowd.state()
            while True:
                at = time.monotonic() - self._began
                crowd.want(plan.wanted(at))
                fleet.look()
                if addresses := fleet.addresses():
                    crowd.connect_to(addresses)
                now = crowd.state()
                self._note(at, group, fleet, before, now)
                before = now
                is_over = plan.is_low_tide(at) and len(fleet.running()) == 1
                if is_over or at > plan.longest_s:
                    return crowd.end()
                time.sleep(max(0.0, 1 - (time.monotonic() - self._began - at)))

    def _note(self, at: float, group: Group, fleet: Fleet, before: Figures, now: Figures) -> None:
        running = fleet.running()
        serving = [machine for machine in running if machine.healthy]
        loads = [int(m.health["utilisation"]["percent"]) for m in serving]
        since = at - self._samples[-1].at if self._samples else 1.0
        sample = Sample(
            at=round(at, 2), wanted=self._plan.wanted(at), sessions=int(now["sessions"]),
            desired=group.desired, serving=len(serving),
            leaving=sum(machine.leaving for machine in running),
            utilisation=sum(loads) / len(loads) if loads else 0,
            messages_per_second=(now["received"] - before["received"]) / max(since, 0.1),
            p50_ms=now["p50_us"] / 1e3, p99_ms=now["p99_us"] / 1e3,
            overdue=int(now["overdue"]), dropped=int(now["begun_anew"]), moved=int(now["resumed"]))
        self._samples.append(sample)
        self._time_evening(sample, serving)
        states = {member.id: member.state for member in group.members}
        self._view.show(sample, running, states)

    def _time_evening(self, sample: Sample, serving: list[Machine]) -> None:
        if sample.desired > self._desired_before and self._decided is None:
            self._decided = sample.at
        self._desired_before = sample.desired
        if self._decided is None or len(serving) < sample.desired:
            return
        sessions = [int(machine.health["sessions"]) for machine in serving]
        if max(sessions) <= _EVEN_ABOVE * sum(sessions) / len(sessions):
            self._evened.append(sample.at - self._decided)
            self._decided = None

    @property
    def samples(self) -> list[Sample]:
        return self._samples


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # stops what it started on the way out
    parser = argparse.ArgumentParser(prog="./x demo", description=__doc__.splitlines()[0],
                                     epilog="Example: ./x demo --fast")
    parser.add_argument("--fast", action="store_true",
                        help="two minutes and hundreds of sessions, not ten and thousands")
    parser.add_argument("--folder", type=Path, default=ROOT / "build/demo",
                        help="where the report is written; default: %(default)s")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="demo-", ignore_cleanup_errors=True) as temporary:
        demo = Demo(plans.FAST if options.fast else plans.FULL, Path(temporary))
        found = demo.play()
        is_well = found["lost"] == found["dropped"] == 0
        if not is_well:  # what they said of it
            for log in Path(temporary).rglob("*log*"):
                if log.is_file():
                    shutil.copy(log, options.folder / f"{log.parent.name}-{log.name}")
    report.write(options.folder, found, demo.samples)
    print("\n" + report.text(found))
    print(f"{options.folder / 'report.md'}, with a picture beside it")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
