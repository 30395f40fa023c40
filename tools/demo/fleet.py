"""The machines of the group: each instance is a starlingd on loopback."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.authority import Authority
from harness.aws.instance import Instance
from harness.aws.machines import Machines
from harness.node import Node
from harness.ports import free_port
from harness.postgres import Postgres

from demo.plan import Plan

HOST = "localhost"


@dataclass(eq=False)
class Machine:
    """One instance, from its launch to its end. Times are of time.monotonic()."""

    instance: Instance
    node: Node
    address: str  # of the port for clients
    launched: float
    serving: float | None = None  # its process said so
    sessions_when_told: int | None = None  # to leave
    gone: float | None = None
    health: dict[str, Any] = field(default_factory=dict)  # as it was answered last
    healthy: bool = False

    @property
    def leaving(self) -> bool:
        return self.instance.target_lifecycle_state == "Terminated"


class Fleet(Machines):
    """Nodes that share a PostgreSQL, and know of the cloud what an instance's processes know."""

    def __init__(self, folder: Path, plan: Plan, postgres: Postgres, database: str,
                 environment: Callable[[Instance], dict[str, str]]) -> None:
        self.machines: list[Machine] = []  # all that ever were
        self._folder = folder
        self._plan = plan
        self._postgres = postgres
        self._database = database
        self._environment = environment
        self._authority = Authority(folder / "authority")
        # Once: nodes that start read it while others are made.
        self._certfile = str(self._authority.issue(HOST))
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def launch(self, instance: Instance) -> Machine:
        number = next(self._numbers)
        address = f"127.0.0.1:{free_port()}"
        node = Node(self._folder / f"node{number}", self._authority, [HOST],
                    certfiles=[self._certfile], database=self._database, loglevel="info",
                    workers=1,
                    cloud={"provider": "aws", "metrics_interval": self._plan.publish_s},
                    capacity={"sessions": self._plan.capacity},
                    balance={"mode": "eager", "readiness": False},
                    cluster={"port": 0, "client_address": address})
        node.config["listen"] = [{"port": int(address.rpartition(":")[2]), "ip": "127.0.0.1",
                                  "starttls_required": False}]
        node.serve_http()
        node.environment = self._environment(instance)
        machine = Machine(instance, node, address, time.monotonic())
        with self._lock:
            self.machines.append(machine)
        node.start()
        machine.serving = time.monotonic()
        return machine

    def terminate(self, handle: Machine) -> None:
        handle.node.stop()  # it may have ended by itself, as it had left
        handle.gone = handle.gone or time.monotonic()

    def kill(self, handle: Machine) -> None:
        handle.node.kill()
        handle.gone = handle.gone or time.monotonic()

    def is_healthy(self, handle: Machine) -> bool:
        """That it drains does not mean that it is ill."""
        with contextlib.suppress(OSError):
            return handle.node.health("/health/live")[0] == 200
        return handle.leaving

    def running(self) -> list[Machine]:
        with self._lock:
            return [machine for machine in self.machines if machine.gone is None]

    def look(self) -> None:
        """Asks every node how it is, as load balancers do."""
        for machine in self.running():
            if machine.serving is None:
                continue
            if machine.leaving and machine.sessions_when_told is None:
                machine.sessions_when_told = int(machine.health.get("sessions", 0))
            try:
                status, machine.health = machine.node.health()
                machine.healthy = status == 200
            except (OSError, AssertionError):  # it has ended, or is about to
                machine.healthy = False

    def addresses(self) -> list[str]:
        """Where clients are sent."""
        return [machine.address for machine in self.running() if machine.healthy]
