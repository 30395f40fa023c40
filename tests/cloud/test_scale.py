"""A group as a whole: many nodes at once, all replaced one after the other, one that just dies."""

from __future__ import annotations

import asyncio

import pytest
from cloud.fleet import LAUNCH, TERMINATE, MakeFleet, completions, gone_by_itself, rows

from daemon.sessions import registered, run, session
from daemon.test_parking import bodies, managed, resumed, say
from harness.aws.cloud import Cloud
from harness.aws.instance_refresh import InstanceRefresh, Preferences
from harness.node import Node
from harness.postgres import Postgres
from harness.waiting import eventually

pytestmark = pytest.mark.alone

_MANY = 20


def test_twenty_nodes_come_at_once(cloud: Cloud, make_fleet: MakeFleet, postgres: Postgres,
                                   database: str) -> None:
    # Together they are slow on a small machine, and nobody is to be taken for dead for that.
    fleet, group = make_fleet(_MANY, settings={"workers": 1, "cluster": {"port": 0}})
    names = sorted(member.id for member in group.members)
    assert len(names) == _MANY
    assert all(completions(cloud, LAUNCH, member) == 1 for member in group.members)
    assert rows(postgres, database) == names

    def all_up(node: Node) -> bool:
        seen = node.ctl("list_cluster")
        return sorted(n["name"] for n in seen if n["state"] == "up") == names

    for name in names:
        eventually(lambda name=name: all_up(fleet[name]))


def test_an_instance_refresh_replaces_all_while_they_talk(
        cloud: Cloud, make_fleet: MakeFleet, postgres: Postgres, database: str) -> None:
    fleet, group = make_fleet(2, maximum=4, protects_new=True)
    old = list(group.members)
    alice = registered(fleet[old[0].id])
    bob = registered(fleet[old[0].id], "bob")

    async def main() -> None:
        chat, previous = await managed(fleet[old[0].id], alice)
        cloud.autoscaling.refreshes.append(InstanceRefresh(group, Preferences(
            min_healthy_percentage=100, max_healthy_percentage=150,
            scale_in_protected_instances="Refresh")))
        await chat.find(lambda e: e.tag.endswith("}error"))
        new = next(m for m in group.in_service() if m not in old)
        writer = await session(fleet[new.id], bob)
        say(writer, alice.jid, "while you moved")
        await writer.ping(writer.host)
        writer.drop()
        chat = await resumed(fleet[new.id], alice, previous, h=0)
        assert await bodies(chat, 1) == ["while you moved"]
        for member in old:
            await asyncio.to_thread(group.wait_until, lambda g, m=member: m not in g.members,
                                    "without what it had")
        await asyncio.to_thread(group.wait_until, lambda g: len(g.in_service()) == 2, "complete")
        await chat.ping(chat.host)

    run(main)
    for member in old:
        gone_by_itself(fleet, cloud, member)
    assert rows(postgres, database) == sorted(m.id for m in group.members)


def test_a_node_that_dies_without_notice_is_replaced(
        cloud: Cloud, make_fleet: MakeFleet, postgres: Postgres, database: str) -> None:
    fleet, group = make_fleet(2, health_check_interval_s=1)
    dying, staying = group.members
    alice = registered(fleet[staying.id])
    bob = registered(fleet[staying.id], "bob")

    async def main() -> None:
        reader, _ = await managed(fleet[staying.id], bob)
        writer, _ = await managed(fleet[dying.id], alice)
        say(writer, bob.jid, "acknowledged")
        writer.write("<r xmlns='urn:xmpp:sm:3'/>")
        await writer.find(lambda e: e.tag == "{urn:xmpp:sm:3}a")
        await asyncio.to_thread(group.kill, dying.id)
        assert await bodies(reader, 1) == ["acknowledged"]
        await asyncio.to_thread(
            group.wait_until, lambda g: len(g.in_service()) == 2 and dying not in g.in_service(),
            "another one")
        await reader.ping(reader.host)

    run(main)
    eventually(lambda: rows(postgres, database) == sorted(m.id for m in group.in_service()))
    assert completions(cloud, TERMINATE, dying) == 0
