"""Machines that are nothing but a name in a list."""

from __future__ import annotations

from harness.aws.instance import Instance
from harness.aws.machines import Machines


class ListedMachines(Machines):
    """Notes what is done to them, in order; the handle is the instance's id."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.sick: set[str] = set()
        self.fails_to_launch = 0  # that many of the next ones do

    def launch(self, instance: Instance) -> str:
        if self.fails_to_launch > 0:
            self.fails_to_launch -= 1
            raise RuntimeError("no capacity")
        self.done.append(("launch", instance.id))
        return instance.id

    def terminate(self, handle: str) -> None:
        self.done.append(("terminate", handle))

    def kill(self, handle: str) -> None:
        self.done.append(("kill", handle))

    def is_healthy(self, handle: str) -> bool:
        return handle not in self.sick

    def hibernate(self, handle: str) -> None:
        self.done.append(("hibernate", handle))

    def resume(self, handle: str) -> None:
        self.done.append(("resume", handle))
