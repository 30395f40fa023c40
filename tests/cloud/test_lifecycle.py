"""Real nodes in the life of a group: they come, serve and go by themselves.

Whoever goes: nothing that was acknowledged to people who chat meanwhile is lost (chat.py), the
lifecycle action is completed once, and no row of the node is left (`gone_by_itself`).
"""

from __future__ import annotations

import asyncio

import pytest
from cloud.chat import while_they_chat
from cloud.fleet import (LAUNCH, TERMINATE, MakeFleet, completed_once, completions, end_all,
                         gone_by_itself, places, wait_without)

from daemon.sessions import registered, run, session
from harness.aws.cloud import Cloud
from harness.aws.group import Member
from harness.node import Node
from harness.postgres import Postgres
from harness.waiting import eventually
from harness.xmpp.client import Client


def test_a_group_grows_and_shrinks(cloud: Cloud, make_fleet: MakeFleet) -> None:
    fleet, group = make_fleet(2, deregistration_delay_s=3)
    for member in group.members:
        assert completions(cloud, LAUNCH, member) == 1
        fleet[member.id].log.wait("lifecycle_action_completed")
        ready, completed = places(fleet[member.id], "node_ready", "lifecycle_action_completed")
        assert ready < completed, "not before it serves"
    going, staying = group.members
    assert fleet.rows() == sorted([going.id, staying.id])
    while_they_chat(fleet, group, lambda: end_all(group, going))
    gone_by_itself(fleet, going)
    assert fleet.rows() == [staying.id]


def test_heartbeats_hold_a_hook_that_is_shorter_than_the_drain(cloud: Cloud,
                                                               make_fleet: MakeFleet) -> None:
    """Also if the credentials for them expire in the middle of it."""
    fleet, group = make_fleet(3, hook_s=12, settings={"drain": {"linger": "20 seconds"}})
    *going, _ = group.members
    expiring = going[1].id
    actions = []

    def end() -> None:
        for member in going:
            group.terminate(member.id, True)
        for member in going:
            cloud.api.wait_for("RecordLifecycleActionHeartbeat", InstanceId=member.id)
            actions.append(member.actions[TERMINATE])
        cloud.credentials.expire(expiring)
        wait_without(group, *going)

    while_they_chat(fleet, group, end)
    assert all(action.heartbeats > 1 for action in actions)
    # Whose key has expired is nobody that is known.
    calls = [(c.action, c.code) for c in cloud.api.calls if c.owner in (expiring, None)]
    since = [code for _, code in calls].index("ExpiredToken")
    for needed in ("RecordLifecycleActionHeartbeat", "CompleteLifecycleAction"):
        assert (needed, None) in calls[since:]
    gone_by_itself(fleet, *going)


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


def test_without_metadata_a_node_hears_of_its_end_from_its_group(cloud: Cloud,
                                                                 make_fleet: MakeFleet) -> None:
    fleet, group = make_fleet(2)
    going, _ = group.members

    def end() -> None:
        cloud.metadata(going.instance).endpoint.refuse()
        about_metadata(fleet[going.id], "cloud_call_failed", 1)
        end_all(group, going)

    while_they_chat(fleet, group, end)
    fleet[going.id].log.wait("lifecycle_state", lambda e: e["state"] == "Terminating:Wait")
    gone_by_itself(fleet, going)


@pytest.mark.parametrize("trouble", ["throttled", "down", "silent"])
def test_auto_scaling_in_trouble_is_told_when_it_is_over(
        cloud: Cloud, make_fleet: MakeFleet, trouble: str) -> None:
    fleet, group = make_fleet(2)
    going, _ = group.members
    node = fleet[going.id]

    def end() -> None:
        {"throttled": lambda: cloud.api.fail("RequestLimitExceeded"),
         "down": cloud.api.endpoint.refuse, "silent": cloud.api.endpoint.hang}[trouble]()
        group.terminate(going.id, True)
        node.log.wait("cluster_left")
        node.log.wait("cloud_call_failed", lambda e: "state" in e["what"])
        assert completions(cloud, TERMINATE, going) == 0
        cloud.api.recover()
        wait_without(group, going)

    while_they_chat(fleet, group, end)
    gone_by_itself(fleet, going)


def test_an_answer_that_is_lost_completes_it_once(cloud: Cloud, make_fleet: MakeFleet) -> None:
    fleet, group = make_fleet(1)
    (member,) = group.members
    cloud.api.lose_answers("CompleteLifecycleAction", times=1)
    end_all(group, member)
    eventually(lambda: member.id in fleet.exit_codes)
    assert fleet.exit_codes[member.id] == 0
    completed_once(fleet, member)


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
        make_fleet: MakeFleet) -> None:
    fleet, group = make_fleet(2, settings={"drain": {"linger": "10 minutes"}})
    member, staying = group.members
    node = fleet[member.id]

    def begin_to_leave() -> None:
        group.terminate(member.id, True)
        node.log.wait("lifecycle_order", lambda e: e["order"] == "drain")

    def start_again() -> None:
        node.launch()
        wait_without(group, member)

    while_they_chat(fleet, group, start_again, dies=member, warning=begin_to_leave)
    eventually(lambda: member.id in fleet.exit_codes)
    assert fleet.exit_codes[member.id] == 0
    completed_once(fleet, member)
    eventually(lambda: fleet.rows() == [staying.id])
    events = [event.get("event") for event in node.log.events]
    assert "node_ready" not in events, "it does not join again"
    # Once more: there is nothing to do, and nothing is done.
    node.launch()
    assert node.wait_exit() == 0
    completed_once(fleet, member)


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
    gone_by_itself(fleet, other)


def test_a_pod_is_called_what_the_downward_api_says(fresh_node: Node, postgres: Postgres) -> None:
    fresh_node.environment = {"POD_NAME": "starling-0", "POD_IP": "127.0.0.1"}
    fresh_node.config |= {"database": postgres.new_database(),
                          "cloud": {"provider": "kubernetes"}}
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
    end_all(group, member)
    gone_by_itself(fleet, member)
    assert completions(cloud, LAUNCH, member) == 1
