"""Instances that are a group's for a while: of a warm pool, and Spot ones, which are taken away."""

from __future__ import annotations

import pytest
from cloud.chat import while_they_chat
from cloud.fleet import (LAUNCH, TERMINATE, MakeFleet, completed_once, completions, end_all,
                         gone_by_itself)

from harness.aws.cloud import Cloud
from harness.aws.group import Member, WarmPool


def test_spot_instances_are_empty_before_they_are_taken(cloud: Cloud,
                                                        make_fleet: MakeFleet) -> None:
    """Two minutes after the notice, whether the group ends them upon it or does nothing."""
    fleet, group = make_fleet(3, settings={"drain": {"linger": "10 minutes"}})
    ended, forgotten, staying = group.members

    def interrupt() -> None:
        for member in (ended, forgotten):
            group.interrupt(member.id)
        for member in (ended, forgotten):
            fleet[member.id].log.wait("lifecycle_order",
                                      lambda e: e["reason"] == "spot interruption")
        end_all(group, ended)
        fleet[forgotten.id].log.wait("cluster_left")
        assert fleet.rows() == [staying.id]
        assert not fleet.killed

    while_they_chat(fleet, group, interrupt, people=6)
    gone_by_itself(fleet, ended)
    assert completions(cloud, TERMINATE, forgotten) == 0


def test_a_spare_instance_joins_when_it_is_wanted(cloud: Cloud, make_fleet: MakeFleet) -> None:
    fleet, group = make_fleet(0, warm_pool=WarmPool(1, "Running"))
    group.wait_until(lambda g: [m.state for m in g.members] == ["Warmed:Running"], "warm")
    (member,) = group.members
    assert "node_ready" not in [e.get("event") for e in fleet[member.id].log.events]
    group.set_desired(1)
    group.wait_until(lambda g: member.state == "InService", "in service")
    assert completions(cloud, LAUNCH, member) == 2
    assert member.id in fleet.rows()


@pytest.mark.parametrize("pool", ["Running", "Stopped"])
def test_an_instance_goes_back_to_the_pool_and_serves_again(
        cloud: Cloud, make_fleet: MakeFleet, pool: str) -> None:
    fleet, group = make_fleet(2, maximum=2, warm_pool=WarmPool(None, pool, reuses=True))
    before = {member.id: fleet[member.id].pid for member in group.members}
    spare: list[Member] = []

    def rest() -> None:
        group.set_desired(1)
        group.wait_until(lambda g: any(m.state == f"Warmed:{pool}" for m in g.members), "warm")
        spare.extend(m for m in group.members if m.warm)

    while_they_chat(fleet, group, rest)
    (member,) = spare
    completed_once(fleet, member)
    assert fleet.rows() == [m.id for m in group.in_service()]

    def return_to_work() -> None:
        group.set_desired(2)
        group.wait_until(lambda g: len(g.in_service()) == 2, "in service")

    while_they_chat(fleet, group, return_to_work)
    assert completions(cloud, LAUNCH, member) == 2
    assert completions(cloud, TERMINATE, member) == 1
    assert fleet.rows() == sorted(before)
    assert (fleet[member.id].pid == before[member.id]) == (pool == "Running")
