"""Nodes that start together, die, are not there for a while, and come back."""

from __future__ import annotations

import asyncio
from collections import Counter

from cluster.people import talking
from cluster.site import Site


def test_five_start_together(five: Site) -> None:
    """All see each other, and there is a way between any two."""
    async def main() -> None:
        await asyncio.to_thread(five.wait_agreed, five.members)
        async with talking() as talk:
            people = [talk.add(five.new_account(m), [m]) for m in five.members]
            await talk.come(*people)
            flows = talk.begin_all(people)
            await talk.progress(flows)
            await talk.end()
            for flow in flows:
                flow.check_undisturbed()

    asyncio.run(main())


def test_three_die_one_after_another(five: Site) -> None:
    """Whoever was there goes elsewhere at once; the others notice nothing."""
    async def main() -> None:
        async with talking() as talk:
            people = [talk.add(five.new_account(m), five.members[n:] + five.members[:n])
                      for n, m in enumerate(five.members)]
            await talk.come(*people)
            flows = talk.begin_all(people)
            for victim in five.members[::2]:
                others = [m for m in five.members if m is not victim]
                here = [p for p in people if p.at is victim]
                elsewhere = [p for p in people if p.at is not victim]
                # Somebody who comes back later only, and somebody whose home is there with a
                # session elsewhere.
                late = talk.add(five.new_account(victim), [victim, *others])
                first = talk.add(five.new_account(victim), [victim, *others])
                second = talk.add(first.account, others, "second")
                await talk.come(late, first)
                await talk.come(second)
                to_late = talk.begin(elsewhere[0], late)
                to_second = talk.begin(elsewhere[1], second)
                await talk.progress([*flows, to_late, to_second])
                losses = [p.losses[:] for p in elsewhere]
                late.stay_away()

                await asyncio.to_thread(victim.kill)
                while_away = to_late.sent
                talk.doubt(talk.flows.values())
                await talk.progress(f for f in flows if not {f.sender, f.receiver} & {*here})
                await talk.until(lambda: all(p.ready and p.at is not victim for p in here),
                                 f"return of those who were at {victim.name}")
                await talk.progress(flows)
                await talk.acknowledged(to_late)
                await asyncio.to_thread(five.wait_agreed, others)
                await talk.acknowledged(to_late)
                missed = range(while_away, to_late.sent)
                late.come()
                await talk.progress([*flows, to_late, to_second])
                came = Counter(n for _, n in to_late.received)
                assert all(came[n] == 1 for n in missed), (missed, to_late.received)
                assert [p.losses for p in elsewhere] == losses
                assert second.losses[0].endswith("system-shutdown"), second.losses

                await asyncio.to_thread(victim.start)
                await asyncio.to_thread(five.wait_agreed, five.members)
            await talk.end()

    asyncio.run(main())
