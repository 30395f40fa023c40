"""People who chat while something happens to the group that they are connected to.

They are those of tests/cluster: all have stream management (XEP-0198), come back by themselves, and
keep a book of what was acknowledged, and what came.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cloud.fleet import Fleet
from cluster.people import talking

from daemon.sessions import registered
from harness.aws.group import Group, Member
from harness.node import Address

_users = itertools.count()


class _Balancer:
    """As the group's load balancer does: connections go to those in service in turn."""

    name = "the load balancer"

    def __init__(self, fleet: Fleet, group: Group) -> None:
        self._fleet = fleet
        self._group = group
        self._turn = itertools.count()

    @property
    def ca_file(self) -> Path:
        return next(iter(self._fleet.nodes.values())).ca_file

    @property
    def door(self) -> Address:
        serving = self._group.in_service()
        if not serving:
            raise ConnectionError("nobody is in service")
        return self._fleet[serving[next(self._turn) % len(serving)].id].address("direct")


def while_they_chat(fleet: Fleet, group: Group, happens: Callable[[], object], *,
                    people: int = 4, dies: Member | None = None,
                    warning: Callable[[], object] | None = None) -> None:
    """Whatever happens, what was acknowledged comes to its addressee in the end, in order, and once
    in a session; everybody goes on with the session he had. When it happens, the power of `dies`
    has just been cut, after a `warning`: then sessions begin anew."""
    def register(balancer: _Balancer) -> list[Any]:
        node = fleet[group.in_service()[0].id]
        return [(registered(node, f"user{next(_users)}"), [balancer]) for _ in range(people)]

    async def main() -> None:
        async with talking() as talk:
            invited = await asyncio.to_thread(register, _Balancer(fleet, group))
            crowd = [talk.add(account, places) for account, places in invited]
            await talk.come(*crowd)
            # Everybody has somebody to talk to, and somebody to listen to.
            circle = itertools.pairwise([*crowd, crowd[0]])
            flows = [talk.begin(sender, receiver) for sender, receiver in circle]
            await talk.progress(flows)
            if warning is not None:
                await asyncio.to_thread(warning)
            if dies is not None:
                fleet.kill(dies.id)  # in this thread, so that nobody hears anything meanwhile
                talk.doubt(flows)
            await asyncio.to_thread(happens)
            await talk.progress(flows)
            await talk.end()
            assert not any(flow.refused for flow in flows), talk.report()
            if dies is None:
                assert all(person.sessions == 1 for person in crowd), talk.report()

    asyncio.run(main())
