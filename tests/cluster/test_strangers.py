"""Nodes that come to a cluster with something wrong or unusual about them."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster.people import Flow, Talk, talking
from cluster.site import Member, Site
from harness.node import Event


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library to be loaded before a program, whose clock is then off."""
    library = tmp_path_factory.mktemp("clock") / "clock.so"
    subprocess.run(["clang-19", "-std=c17", "-O1", "-Wall", "-Wextra", "-Werror", "-shared",
                    "-fPIC", "-o", str(library), str(Path(__file__).with_name("clock.c"))],
                   check=True)
    return library


@contextmanager
def _guest(site: Site, member: Member) -> Iterator[Member]:
    """Which is gone at the end, if it ever came."""
    try:
        yield member
    finally:
        member.stop()
        site.members.remove(member)


async def _everybody(talk: Talk, members: list[Member], site: Site) -> list[Flow]:
    people = [talk.add(site.new_account(m), [m]) for m in members]
    await talk.come(*people)
    flows = talk.begin_all(people)
    await talk.progress(flows)
    return flows


def _why_not_started(member: Member) -> str:
    member.launch()
    failed: Event = member.log.wait("start_failed")
    assert member.wait_exit() == 1
    return str(failed["error"])


def test_a_wrong_password_for_the_database(three: Site) -> None:
    async def main() -> None:
        async with talking() as talk:
            epochs = three.rows()
            flows = await _everybody(talk, three.members, three)
            url = three.database.url(three.url.rpartition("/")[2], password="open sesame")
            with _guest(three, three.add(three.hosts[3], database=url)) as stranger:
                why = await asyncio.to_thread(_why_not_started, stranger)
                assert "password authentication failed" in why and "sesame" not in why, why
            assert three.rows() == epochs
            await talk.end()
            for flow in flows:
                flow.check_undisturbed()

    asyncio.run(main())


def test_a_database_of_a_newer_version(three: Site) -> None:
    """Those that are there go on; one of an older version does not start."""
    name = three.url.rpartition("/")[2]
    newest = int(three.database.query("SELECT max(version) FROM starling.migration", name))
    async def main() -> None:
        async with talking() as talk:
            epochs = three.rows()
            flows = await _everybody(talk, three.members, three)
            with _guest(three, three.add(three.hosts[3])) as stranger:
                why = await asyncio.to_thread(_why_not_started, stranger)
                assert "newer" in why, why
            assert three.rows() == epochs
            await talk.end()
            for flow in flows:
                flow.check_undisturbed()

    three.database.query("INSERT INTO starling.migration (version, ends_compatibility)"
                         f" VALUES ({newest + 1}, true)", name)
    try:
        asyncio.run(main())
    finally:
        three.database.query(f"DELETE FROM starling.migration WHERE version = {newest + 1}", name)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_an_hour_off(three: Site, clock: Path, hours: int) -> None:
    """The node says so; what is said through it and kept by it is in order all the same."""
    async def main() -> None:
        async with talking() as talk:
            right = three.members[0]
            guest = three.add(three.hosts[3])
            with _guest(three, guest) as wrong:
                wrong.launcher += ["env", f"LD_PRELOAD={clock}", f"CLOCK_OFF={hours * 3600}"]
                await asyncio.to_thread(wrong.start)
                await asyncio.to_thread(three.wait_agreed, three.members)
                skew = await asyncio.to_thread(wrong.log.wait, "clock_skew")
                assert abs(skew["behind_us"] + hours * 3_600_000_000) < 60_000_000, skew
                flows = await _everybody(talk, three.members, three)
                here, there = flows[0].sender, flows[-1].sender
                # His home is now the one and now the other, and sometimes none.
                traveller = talk.add(three.new_account(right), [wrong, right])
                to_him = [talk.begin(p, traveller) for p in (here, there)]
                for member in (wrong, right, wrong, right):
                    for flow in to_him:
                        await talk.acknowledged(flow, 5)
                    while traveller.at is not member:
                        traveller.places.rotate(-1)
                    await talk.come(traveller)
                    await talk.progress(to_him)
                    await traveller.go()
                await talk.come(traveller)
                await talk.end()
                for flow in flows:
                    flow.check_undisturbed()
                for flow in to_him:
                    numbers = [n for _, n in flow.received]
                    assert numbers == sorted(set(numbers)), flow.heard()
            await asyncio.to_thread(three.wait_agreed, three.members)

    asyncio.run(main())


def test_addresses_change(three: Site) -> None:
    """A node comes back at another address; one comes at the address of another that died."""
    async def main() -> None:
        async with talking() as talk:
            flows = await _everybody(talk, three.members, three)
            here = flows[0].sender
            with _guest(three, three.add(three.hosts[3])) as moving:
                await asyncio.to_thread(moving.start)
                await asyncio.to_thread(three.wait_agreed, three.members)
                follower = talk.add(three.new_account(moving), [moving])
                with_him = [talk.begin(here, follower), talk.begin(follower, here)]
                await talk.come(follower)
                await talk.progress(with_him)
                await asyncio.to_thread(moving.stop)
                await asyncio.to_thread(three.wait_agreed, three.members[:3])
                await talk.acknowledged(with_him[0])
                moving.move_to(three.hosts[4])
                await asyncio.to_thread(moving.start)
                await asyncio.to_thread(three.wait_agreed, three.members)
                await talk.progress(with_him)

                moving.kill()
                talk.doubt(with_him)
                dead = moving.epoch
                with _guest(three, three.add(three.hosts[4])) as heir:
                    follower.places.append(heir)
                    await asyncio.to_thread(heir.start)
                    alive = [m for m in three.members if m is not moving]
                    await asyncio.to_thread(three.wait_agreed, alive)
                    assert dead not in three.rows()
                    await talk.progress([*flows, *with_him])
                    await talk.end()
            for flow in flows:
                flow.check_undisturbed()

    asyncio.run(main())
