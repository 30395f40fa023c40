"""What an instance *is*: whoever uses the group says how one is started and ended."""

from __future__ import annotations

import abc
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from harness.aws.instance import Instance


class Machines(abc.ABC):
    """Each method may take its time; `kill` may come while another one runs."""

    @abc.abstractmethod
    def launch(self, instance: Instance) -> Any:
        """Boots it; what it returns is given to the other methods. A failure is a failed launch.
        It may change the instance first, its `local_ipv4` or its tags, say."""

    @abc.abstractmethod
    def terminate(self, handle: Any) -> None:
        """Shuts it down, as EC2 does when the group says so; returns when it is off. It may have
        been killed before."""

    @abc.abstractmethod
    def kill(self, handle: Any) -> None:
        """Cuts its power; it may be off already."""

    def is_healthy(self, handle: Any) -> bool:
        """What the load balancer's health check finds; asked while it is in service."""
        return True

    def hibernate(self, handle: Any) -> None:
        """Only for warm pools that hibernate."""
        raise NotImplementedError("these machines cannot hibernate")

    def resume(self, handle: Any) -> None:
        raise NotImplementedError("these machines cannot hibernate")


# Runs what it is given, now or in a thread.
Runner = Callable[[Callable[[], Any]], "Future[Any]"]


def run_inline(work: Callable[[], Any]) -> Future[Any]:
    """A Runner for tests that turn the clock themselves."""
    future: Future[Any] = Future()
    try:
        future.set_result(work())
    except Exception as failure:
        future.set_exception(failure)
    return future


class Machine:
    """The machine of one instance, and what is being done to it."""

    def __init__(self, machines: Machines, instance: Instance, run: Runner) -> None:
        self.dead = False  # its power was cut
        self._machines = machines
        self._instance = instance
        self._run = run
        self._launched: Future[Any] = Future()
        self._task: Future[Any] = Future()
        self._check: Future[bool] | None = None

    @property
    def busy(self) -> bool:
        return not self._task.done()

    @property
    def launch_failed(self) -> bool:
        return self._launched.done() and self._launched.exception() is not None

    @property
    def failure(self) -> BaseException | None:
        """Of what was done last."""
        return self._task.exception() if self._task.done() else None

    def launch(self) -> None:
        self._launched = self._do("pending", "running",
                                  lambda: self._machines.launch(self._instance))

    def terminate(self) -> None:
        """Also of a dead one: what is left of it may be cleared away."""
        self._do("shutting-down", "terminated", lambda: self._machines.terminate(self._handle()))

    def stop(self) -> None:
        """Like `terminate`, but it can be launched again."""
        self._do("stopping", "stopped", lambda: self._machines.terminate(self._handle()))

    def hibernate(self) -> None:
        self._do("stopping", "stopped", lambda: self._machines.hibernate(self._handle()))

    def resume(self) -> None:
        self._do("pending", "running", lambda: self._machines.resume(self._handle()))

    def kill(self) -> None:
        self._do("terminated", "terminated", lambda: self._machines.kill(self._handle()))
        self.dead = True

    def _do(self, meanwhile: str, then: str, work: Callable[[], Any]) -> Future[Any]:
        """`meanwhile` and `then` are EC2's names of the instance's state."""
        def do() -> Any:
            result = work()
            if not self.dead:
                self._instance.state = then
            return result

        if not self.dead:
            self._instance.state = meanwhile
        self._task = self._run(do)
        return self._task

    def _handle(self) -> Any:
        return self._launched.result()

    def looks_healthy(self) -> bool:
        """By the last check that has ended; begins another one."""
        healthy = True
        if self._check is not None:
            if not self._check.done():
                return True
            healthy = self._check.exception() is None and self._check.result()
        self._check = self._run(lambda: self._machines.is_healthy(self._handle()))
        return healthy and not self.dead
