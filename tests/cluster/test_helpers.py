"""What the nodes need, the database and the bus, goes away for a moment under load."""

from __future__ import annotations

import asyncio
import os
import signal

from cluster.people import Flow, Talk, talking
from cluster.site import Site


async def _load(talk: Talk, site: Site) -> list[Flow]:
    """Two at each node who cannot go elsewhere; each talks to each."""
    people = [talk.add(site.new_account(m), [m]) for m in site.members * 2]
    await talk.come(*people)
    flows = talk.begin_all(people)
    await talk.progress(flows)
    return flows


async def _end_undisturbed(talk: Talk, site: Site, flows: list[Flow],
                           epochs: dict[int, str]) -> None:
    await talk.progress(flows, 20)
    await asyncio.to_thread(site.wait_agreed, site.members)
    assert site.rows() == epochs
    await talk.end()
    for flow in flows:
        flow.check_undisturbed()


def test_the_database_is_restarted(three: Site) -> None:
    """In order, and again as after a crash."""
    async def main() -> None:
        async with talking() as talk:
            epochs = three.rows()
            flows = await _load(talk, three)
            for how in (signal.SIGINT, signal.SIGQUIT):
                await asyncio.to_thread(three.database.stop, how)
                await asyncio.to_thread(three.database.start)
                await talk.progress(flows, 10)
            await _end_undisturbed(talk, three, flows, epochs)

    asyncio.run(main())


def test_a_server_of_the_bus_is_killed(three: Site) -> None:
    """Its node starts it again."""
    async def main() -> None:
        async with talking() as talk:
            epochs = three.rows()
            flows = await _load(talk, three)
            member = three.members[1]
            servers = [e["pid"] for e in member.log.events if e["event"] == "bus_server_started"]
            os.kill(servers[-1], signal.SIGKILL)
            await asyncio.to_thread(member.log.wait, "bus_server_exited")
            await asyncio.to_thread(member.log.wait, "bus_server_started",
                                    lambda e: e["pid"] not in servers)
            await _end_undisturbed(talk, three, flows, epochs)

    asyncio.run(main())
