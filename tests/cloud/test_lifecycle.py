"""Real nodes in the life of a group: they come, serve and go by themselves."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cloud.fleet import (LAUNCH, TERMINATE, Fleet, MakeFleet, completions, gone_by_itself, places,
                         rows)

from daemon.sessions import registered, run, session
from daemon.test_parking import managed, resumed
from harness.authority import Authority
from harness.aws.cloud import Cloud
from harness.aws.group import Member, WarmPool
from harness.aws.lifecycle_hook import LAUNCHING, LifecycleHook
from harness.node import Node
from harness.postgres import Postgres
from harness.waiting import eventually
from harness.xmpp.client import Client


def test_a_group_grows_and_shrinks(cloud: Cloud, make_fleet: MakeFleet, postgres: Postgres,
                                   database: str) -> None:
    fleet, group = make_fleet(2, deregistration_delay_s=3)
    for member in group.members:
        assert completions(cloud, LAUNCH, member) == 1
        fleet[member.id].log.wait("lifecycle_action_completed")
        ready, completed = places(fleet[member.id], "node_ready", "lifecycle_action_completed")
        assert ready < completed, "not before it serves"
    assert rows(postgres, database) == sorted(m.id for m in group.members)
    going, staying = group.members
    alice = registered(fleet[staying.id])

    async def main() -> None:
        client, previous = await managed(fleet[going.id], alice)
        await asyncio.to_thread(group.terminate, going.id, True)
        await client.find(lambda e: e.tag.endswith("}error"))
        await resumed(fleet[staying.id], alice, previous, h=0)
        await asyncio.to_thread(group.wait_until, lambda g: g.members == [staying], "smaller")

    run(main)
    gone_by_itself(fleet, cloud, going)
    assert rows(postgres, database) == [staying.id]


def test_heartbeats_hold_a_hook_that_is_shorter_than_the_drain(cloud: Cloud,
                                                               make_fleet: MakeFleet) -> None:
    fleet, group = make_fleet(1, hook_s=12, settings={"drain": {"linger": "20 seconds"}})
    (member,) = group.members
    group.terminate(member.id, True)
    group.wait_until(lambda g: member.state == "Terminating:Wait", "waiting")
    action = member.actions[TERMINATE]
    group.wait_until(lambda g: not g.members, "empty")
    assert not action.timed_out
    assert action.heartbeats > 1
    gone_by_itself(fleet, cloud, member)


def about_metadata(node: Node, event: str, times: int) -> None:
    """As soon as the log has so many of them."""
    node.log.wait_until(lambda events: [
        e for e in events if e.get("event") == event and e["what"] == "instance metadata"
    ][times - 1:], f"{event} about metadata, {times} times")


async def _lives(client: Client) -> None:
    await client.ping(client.host)


def test_without_metadata_a_node_serves_on(cloud: Cloud, make_fleet: MakeFleet) -> None:
    fleet, group = make_fleet(1)
    (member,) = group.members
    node, endpoint = fleet[member.id], cloud.metadata(member.instance).endpoint
    alice = registered(node)

    async def main() -> None:
        client = await session(node, alice)
        for times, trouble in enumerate((endpoint.hang, endpoint.refuse), 1):
            trouble()
            await asyncio.to_thread(about_metadata, node, "cloud_call_failed", times)
            await _lives(client)
            late = await session(node, alice, "late")
            late.drop()
            endpoint.recover()
            await asyncio.to_thread(about_metadata, node, "cloud_call_succeeded", times)
        await _lives(client)

    run(main)


@pytest.mark.parametrize("trouble", ["throttled", "down", "silent"])
def test_auto_scaling_in_trouble_is_told_when_it_is_over(
        cloud: Cloud, make_fleet: MakeFleet, trouble: str) -> None:
    fleet, group = make_fleet(1)
    (member,) = group.members
    node = fleet[member.id]
    {"throttled": lambda: cloud.api.fail("RequestLimitExceeded"),
     "down": cloud.api.endpoint.refuse, "silent": cloud.api.endpoint.hang}[trouble]()
    group.terminate(member.id, True)
    node.log.wait("cluster_left")
    node.log.wait("cloud_call_failed", lambda e: "state" in e["what"])
    assert completions(cloud, TERMINATE, member) == 0
    cloud.api.recover()
    group.wait_until(lambda g: not g.members, "empty")
    gone_by_itself(fleet, cloud, member)


def test_an_answer_that_is_lost_completes_it_once(cloud: Cloud, make_fleet: MakeFleet) -> None:
    fleet, group = make_fleet(1)
    (member,) = group.members
    cloud.api.lose_answers("CompleteLifecycleAction", times=1)
    group.terminate(member.id, True)
    group.wait_until(lambda g: not g.members, "empty")
    eventually(lambda: member.id in fleet.exit_codes)
    assert fleet.exit_codes[member.id] == 0
    assert completions(cloud, TERMINATE, member) == 1


def test_credentials_that_expire_are_replaced(cloud: Cloud, make_fleet: MakeFleet) -> None:
    _, group = make_fleet(1)
    (member,) = group.members
    cloud.api.wait_for("PutMetricData")
    cloud.credentials.expire(member.id)
    refused = len(cloud.api.calls)
    eventually(lambda: any(call.code == "ExpiredToken" for call in cloud.api.calls[refused:]))
    at = next(n for n, call in enumerate(cloud.api.calls) if call.code == "ExpiredToken")
    eventually(lambda: any(call.action == "PutMetricData" and call.code is None
                           for call in cloud.api.calls[at:]))


def test_a_process_that_is_started_again_goes_on_to_leave(
        cloud: Cloud, make_fleet: MakeFleet, postgres: Postgres, database: str) -> None:
    fleet, group = make_fleet(1, settings={"drain": {"linger": "10 minutes"}})
    (member,) = group.members
    node = fleet[member.id]
    group.terminate(member.id, True)
    node.log.wait("lifecycle_order", lambda e: e["order"] == "drain")
    node.kill()
    node.launch()
    group.wait_until(lambda g: not g.members, "empty")
    eventually(lambda: member.id in fleet.exit_codes)
    assert fleet.exit_codes[member.id] == 0
    assert completions(cloud, TERMINATE, member) == 1
    events = [event.get("event") for event in node.log.events]
    assert "node_ready" not in events, "it does not join again"
    # Once more: there is nothing to do, and nothing is done.
    node.launch()
    assert node.wait_exit() == 0
    assert completions(cloud, TERMINATE, member) == 1


def test_a_spot_instance_is_empty_before_it_is_taken(
        cloud: Cloud, make_fleet: MakeFleet, postgres: Postgres, database: str) -> None:
    fleet, group = make_fleet(2, settings={"drain": {"linger": "10 minutes"}})
    going, staying = group.members
    alice = registered(fleet[staying.id])

    async def main() -> None:
        client, previous = await managed(fleet[going.id], alice)
        await asyncio.to_thread(group.interrupt, going.id, 60)
        await client.find(lambda e: e.tag.endswith("}error"))
        await resumed(fleet[staying.id], alice, previous, h=0)
        await asyncio.to_thread(fleet[going.id].log.wait, "cluster_left")
        assert going.id not in fleet.killed
        assert going.id not in rows(postgres, database)

    run(main)


def test_a_node_that_is_only_stopped_completes_nothing(cloud: Cloud,
                                                       make_fleet: MakeFleet) -> None:
    fleet, group = make_fleet(1, health_check_interval_s=10**6)
    (member,) = group.members
    fleet[member.id].stop()
    assert completions(cloud, TERMINATE, member) == 0
    assert not cloud.api.made("RecordLifecycleActionHeartbeat")
    fleet[member.id].start()  # and it serves again
    assert completions(cloud, LAUNCH, member) == 1


def test_the_emptiest_node_may_go(cloud: Cloud, make_fleet: MakeFleet) -> None:
    fleet, group = make_fleet(2, protects_new=True, zones=["eu-test-1a"])

    def may_go() -> list[Member]:
        return [m for m in group.members if not m.protected]

    eventually(lambda: len(may_go()) == 1)
    (first,) = may_go()
    other = next(m for m in group.members if m is not first)
    alice = registered(fleet[first.id])

    async def main() -> None:
        clients = [await session(fleet[first.id], alice, f"r{n}") for n in range(12)]
        await asyncio.to_thread(eventually, lambda: may_go() == [other])
        await _lives(clients[0])
        await asyncio.to_thread(group.set_desired, 1)
        await asyncio.to_thread(group.wait_until, lambda g: g.members == [first], "smaller")
        await _lives(clients[0])

    run(main)
    gone_by_itself(fleet, cloud, other)


def test_a_spare_instance_joins_when_it_is_wanted(
        cloud: Cloud, tmp_path: Path, authority: Authority, postgres: Postgres,
        database: str) -> None:
    fleet = Fleet(cloud, tmp_path, authority, database)
    group = cloud.add_group("chat", fleet, desired=0, warm_pool=WarmPool(1, "Running"),
                            hooks=[LifecycleHook(LAUNCH, LAUNCHING, 300)])
    group.wait_until(lambda g: [m.state for m in g.members] == ["Warmed:Running"], "warm")
    (member,) = group.members
    assert "node_ready" not in [e.get("event") for e in fleet[member.id].log.events]
    group.set_desired(1)
    group.wait_until(lambda g: member.state == "InService", "in service")
    assert completions(cloud, LAUNCH, member) == 2
    assert member.id in rows(postgres, database)


def test_a_pod_is_called_what_the_downward_api_says(fresh_node: Node, database: str) -> None:
    fresh_node.environment = {"POD_NAME": "starling-0", "POD_IP": "127.0.0.1"}
    fresh_node.config |= {"database": database, "cloud": {"provider": "kubernetes"}}
    fresh_node.start()
    (node,) = fresh_node.ctl("list_cluster")
    assert node["name"] == "starling-0"
    assert node["address"].startswith("127.0.0.1:")


def test_a_signal_ends_a_node_that_waits_for_its_group(cloud: Cloud,
                                                       make_fleet: MakeFleet) -> None:
    """The group never comes to wait; whoever stops the service does not have to."""
    fleet, group = make_fleet(1, deregistration_delay_s=10**6)
    (member,) = group.members
    node = fleet[member.id]
    group.terminate(member.id, True)
    node.log.wait("bus_server_stopped")
    node.stop()
    assert completions(cloud, TERMINATE, member) == 0


def test_descriptions_that_lag_behind_complete_nothing_twice(cloud: Cloud,
                                                             make_fleet: MakeFleet) -> None:
    cloud.autoscaling.lag_s = 3
    fleet, group = make_fleet(1)
    (member,) = group.members
    fleet[member.id].log.wait("lifecycle_state", lambda e: e["state"] == "InService")
    group.terminate(member.id, True)
    group.wait_until(lambda g: not g.members, "empty")
    gone_by_itself(fleet, cloud, member)
    assert completions(cloud, LAUNCH, member) == 1
