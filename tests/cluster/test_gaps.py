"""Nodes that cannot reach each other for a while, or do nothing at all; then all is well again."""

from __future__ import annotations

import asyncio
import signal

import pytest

from cluster.people import Flow, Person, Talk, talking
from cluster.site import Site


async def _everybody(talk: Talk, site: Site) -> tuple[list[Person], list[Flow]]:
    """Somebody at each node who cannot go elsewhere; each talks to each."""
    people = [talk.add(site.new_account(m), [m]) for m in site.members]
    await talk.come(*people)
    flows = talk.begin_all(people)
    await talk.progress(flows)
    return people, flows


async def _end_undisturbed(talk: Talk, site: Site, flows: list[Flow]) -> None:
    await asyncio.to_thread(site.wait_agreed, site.members)
    await talk.end()
    for flow in flows:
        flow.check_undisturbed()


async def _cut_off(site: Site) -> None:
    """The last one, from all others; all have noticed."""
    *others, alone = site.members
    for other in others:
        site.network.cut(other.host, alone.host)
    for other in others:
        await asyncio.to_thread(other.wait_unreached, [alone])
    await asyncio.to_thread(alone.wait_unreached, others)


def test_one_is_cut_off(three: Site) -> None:
    """Both sides go on; what is said across comes when it can."""
    async def main() -> None:
        async with talking() as talk:
            epochs = three.rows()
            (here, there, over_there), flows = await _everybody(talk, three)
            await _cut_off(three)
            newcomers = [talk.add(three.new_account(p.at), [p.at]) for p in (there, over_there)]
            await talk.come(*newcomers)
            to_new = [talk.begin(here, newcomers[0]), talk.begin(over_there, newcomers[1])]
            within = [f for f in flows if over_there not in (f.sender, f.receiver)]
            await talk.progress([*within, *to_new], 100)

            three.network.heal()
            await talk.progress([*flows, *to_new])
            assert three.rows() == epochs
            await _end_undisturbed(talk, three, [*flows, *to_new])

    asyncio.run(main())


@pytest.mark.xfail(strict=True, reason="what is kept for an account by two nodes at once is not"
                   " always offered in order and once, and now and then not at all")
def test_both_sides_keep_messages_for_somebody(three: Site) -> None:
    """Who is not there, or comes while one is cut off; they get all of them, in order and once."""
    async def main() -> None:
        async with talking() as talk:
            (here, there, over_there), flows = await _everybody(talk, three)
            absent = talk.add(three.new_account(there.at), [there.at])
            to_absent = [talk.begin(p, absent) for p in (here, there, over_there)]
            for flow in to_absent:
                await talk.acknowledged(flow)
            await _cut_off(three)
            # Who comes meanwhile has a home that the one who is cut off does not know.
            newcomer = talk.add(three.new_account(there.at), [there.at])
            await talk.come(newcomer)
            to_newcomer = [talk.begin(p, newcomer) for p in (here, there, over_there)]
            await talk.progress(to_newcomer[:2], 20)
            three.network.heal()
            await talk.progress([*flows, *to_newcomer])
            await talk.come(absent)
            await talk.progress(to_absent)
            await _end_undisturbed(talk, three, [*flows, *to_absent, *to_newcomer])

    asyncio.run(main())


def test_two_do_not_reach_each_other(three: Site) -> None:
    """The third, which reaches both, passes everything on."""
    async def main() -> None:
        async with talking() as talk:
            _, two, alone = three.members
            _, flows = await _everybody(talk, three)
            three.network.cut(two.host, alone.host)
            await asyncio.to_thread(two.wait_unreached, [alone])
            await asyncio.to_thread(alone.wait_unreached, [two])
            await talk.progress(flows, 40)
            three.network.heal()
            await talk.progress(flows)
            await _end_undisturbed(talk, three, flows)

    asyncio.run(main())


def test_nothing_reaches_anything_for_a_second(three: Site) -> None:
    async def main() -> None:
        async with talking() as talk:
            epochs = three.rows()
            _, flows = await _everybody(talk, three)
            three.network.black_out()
            await asyncio.sleep(1)  # so long it is to be
            three.network.heal()
            await talk.progress(flows, 40)
            assert three.rows() == epochs
            await _end_undisturbed(talk, three, flows)

    asyncio.run(main())


def test_one_address_on_both_sides(three: Site) -> None:
    """Somebody logs in here and there with one resource: when the sides meet, one of them goes."""
    async def main() -> None:
        async with talking() as talk:
            one, _, alone = three.members
            (here, there, over_there), flows = await _everybody(talk, three)
            account = three.new_account(one)
            await _cut_off(three)
            twins = [talk.add(account, [m]) for m in (one, alone)]
            await talk.come(*twins)
            said = [talk.begin(here, twins[0]), talk.begin(over_there, twins[1])]
            await talk.progress(said)
            for twin in twins:
                twin.stay_away()  # once sent away

            three.network.heal()
            await talk.until(lambda: any(t.losses for t in twins), "end of one of two")
            (gone,) = [t for t in twins if t.losses]
            (left,) = [t for t in twins if not t.losses]
            assert gone.losses[0].endswith("conflict"), gone.losses
            await talk.pause(*said)
            flows += [talk.begin(p, left) for p in (here, there, over_there)]
            await talk.progress(flows)
            await talk.pause(*flows)
            await talk.until(lambda: all(p.idle for p in talk.people if p is not gone),
                             "acknowledgement of everything")
            assert not left.losses
            three.wait_agreed(three.members)
            for flow in flows:
                flow.check_undisturbed()

    asyncio.run(main())


def test_one_is_frozen(three: Site) -> None:
    """For so long that the others take it for dead, with the default times. Once it can move again
    it sends its clients away, and is a new node."""
    async def main() -> None:
        async with talking() as talk:
            one, frozen, other = three.members
            before = frozen.epoch
            bystanders = [talk.add(three.new_account(m), [m]) for m in (one, other)]
            patient, hasty = (talk.add(three.new_account(m), [frozen, one, other])
                              for m in (one, other))
            await talk.come(*bystanders, patient, hasty)
            flows = talk.begin_all(bystanders)
            to_patient = [talk.begin(b, patient) for b in bystanders]
            to_hasty = [talk.begin(b, hasty) for b in bystanders]
            for sender in (patient, hasty):
                talk.begin(sender, bystanders[0])
            await talk.progress(talk.flows.values())

            frozen.signal(signal.SIGSTOP)
            try:
                hasty.lose_connection()
                for watcher in (one, other):
                    await asyncio.to_thread(watcher.wait_event, "cluster_node_gone", before)
                await asyncio.to_thread(three.wait_agreed, [one, other])
                assert not patient.losses
                await talk.progress([*flows, *to_hasty])
                await talk.until(lambda: hasty.ready, "return of who did not wait")
            finally:
                frozen.signal(signal.SIGCONT)
            await asyncio.to_thread(frozen.wait_event, "cluster_fenced", before)
            await talk.progress(talk.flows.values())
            await asyncio.to_thread(frozen.log.wait, "cluster_up", lambda e: e["node"] > before)
            await asyncio.to_thread(three.wait_agreed, three.members)
            # It may have given them something before it noticed that it is dead.
            await talk.end(maybe_twice=[*to_patient, *to_hasty])
            assert len(patient.losses) == 1 and patient.losses[0].endswith("system-shutdown")
            for flow in flows:
                flow.check_undisturbed()

    asyncio.run(main())
