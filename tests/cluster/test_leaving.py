"""Nodes that are told to stop: whoever has stream management takes his session along."""

from __future__ import annotations

import asyncio

from cluster.people import talking
from cluster.site import Site


def test_all_are_restarted_one_after_another(three: Site) -> None:
    """Everybody talks on, with the session he began with: nothing is lost, nothing comes twice."""
    async def main() -> None:
        async with talking() as talk:
            people = [talk.add(three.new_account(m), three.members[n:] + three.members[:n])
                      for n, m in enumerate(three.members) for _ in range(2)]
            # Whose home is at one node, and the connection at another.
            visitor = talk.add(people[0].account, people[2].places, "second")
            await talk.come(*people)
            await talk.come(visitor)
            flows = talk.begin_all(people)
            for member in three.members:
                here = [p for p in talk.people if p.at is member]
                before = {p: p.resumed for p in here}
                await talk.progress(flows)
                await asyncio.to_thread(member.stop)
                await talk.until(lambda: all(p.ready and p.resumed > before[p] for p in here),
                                 f"resumption of those who were at {member.name}")
                await talk.progress(flows)
                await asyncio.to_thread(member.start)
                await asyncio.to_thread(three.wait_agreed, three.members)
            await talk.end()
            for person in talk.people:
                assert person.sessions == 1, (person, person.losses, person.failures)
                assert all("system-shutdown" in loss for loss in person.losses), person.losses

    asyncio.run(main())
