"""Machines that are nodes: what an instance of a group runs is a starlingd with its environment."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from pathlib import Path
from typing import Any

from conftest import HOSTS

from harness.authority import Authority
from harness.aws.cloud import Cloud
from harness.aws.instance import Instance
from harness.aws.machines import Machines
from harness.node import Node

# So that a node that dies is found dead soon.
_HASTY = {"renew": "1 second", "suspect": "2 seconds", "fence": "3 seconds", "dead": "5 seconds"}


class Fleet(Machines):
    """All nodes of a cluster, by their instances' ids."""

    def __init__(self, cloud: Cloud, folder: Path, authority: Authority, database: str,
                 **settings: Any) -> None:
        self.nodes: dict[str, Node] = {}
        self.exit_codes: dict[str, int] = {}
        self.killed: set[str] = set()
        self._cloud = cloud
        self._making = threading.Lock()  # of certificates, which the authority keeps in files
        self._make = lambda name: Node(
            folder / name, authority, HOSTS, database=database, cluster={"port": 0, **_HASTY},
            **{"cloud": {"provider": "aws", "metrics_interval": 1}} | settings)

    def launch(self, instance: Instance) -> str:
        with self._making:
            node = self.nodes.get(instance.id) or self._make(instance.id)
            self.nodes[instance.id] = node
        node.launcher = ["env", *(f"{name}={value}" for name, value
                                  in self._cloud.environment(instance).items())]
        node.launch()
        return instance.id

    def terminate(self, handle: str) -> None:
        """Power is off when the process has ended, which it does by itself."""
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            self.exit_codes[handle] = self.nodes[handle].wait_exit()

    def kill(self, handle: str) -> None:
        self.killed.add(handle)
        self.nodes[handle].kill()

    def __getitem__(self, instance_id: str) -> Node:
        return self.nodes[instance_id]
