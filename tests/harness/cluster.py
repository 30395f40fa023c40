"""Several nodes that share a PostgreSQL database: a cluster on one machine."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness.authority import Authority
from harness.node import Node


class Cluster:
    """Nodes that start together; each has a bus of its own on a free port of loopback."""

    def __init__(self, folder: Path, authority: Authority, hosts: list[str], database: str,
                 size: int = 3, **cluster: Any) -> None:
        self.database = database
        self.nodes: list[Node] = []
        self._make = lambda name: Node(folder / name, authority, hosts, database=database,
                                       cluster={"port": 0, "name": name, **cluster})
        for _ in range(size):
            self.add()

    def add(self) -> Node:
        """One more, not started yet."""
        node = self._make(f"n{len(self.nodes) + 1}")
        self.nodes.append(node)
        return node

    def start(self) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(Node.start, self.nodes))

    def stop(self) -> None:
        """All, also if one has something to complain about."""
        with ThreadPoolExecutor() as pool:
            for ended in [pool.submit(node.stop) for node in self.nodes]:
                ended.result()

    def __getitem__(self, index: int) -> Node:
        return self.nodes[index]

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)
