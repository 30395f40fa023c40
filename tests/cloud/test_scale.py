"""A group as a whole: many nodes at once, all replaced one after the other, one that just dies."""

from __future__ import annotations

import pytest
from cloud.chat import while_they_chat
from cloud.fleet import LAUNCH, TERMINATE, MakeFleet, completions, gone_by_itself

from harness.aws.cloud import Cloud
from harness.aws.instance_refresh import InstanceRefresh, Preferences
from harness.node import Node
from harness.waiting import eventually

pytestmark = pytest.mark.alone

_MANY = 20


def test_twenty_nodes_come_at_once(cloud: Cloud, make_fleet: MakeFleet) -> None:
    """And go at once."""
    # Together they are slow on a small machine, and nobody is to be taken for dead for that.
    fleet, group = make_fleet(1, settings={"workers": 1, "cluster": {"port": 0}})
    (first,) = group.members

    def all_up(node: Node, names: list[str]) -> bool:
        seen = node.ctl("list_cluster")
        return sorted(n["name"] for n in seen if n["state"] == "up") == names

    def come() -> None:
        group.set_desired(1 + _MANY)
        group.wait_until(lambda g: len(g.in_service()) == 1 + _MANY, "large")
        assert all(completions(cloud, LAUNCH, member) == 1 for member in group.members)
        names = sorted(member.id for member in group.members)
        assert fleet.rows() == names
        for name in names:
            eventually(lambda name=name: all_up(fleet[name], names))

    def come_and_go() -> None:
        come()
        for member in [m for m in group.members if m is not first]:
            group.terminate(member.id, decrements=True)
        group.wait_until(lambda g: g.members == [first], "small")

    while_they_chat(fleet, group, come_and_go)
    assert len(group.gone) == _MANY
    gone_by_itself(fleet, *group.gone)
    assert fleet.rows() == [first.id]


def test_an_instance_refresh_replaces_all_while_they_talk(cloud: Cloud,
                                                          make_fleet: MakeFleet) -> None:
    fleet, group = make_fleet(2, maximum=4, protects_new=True)
    old = list(group.members)

    def refresh() -> None:
        cloud.autoscaling.refreshes.append(InstanceRefresh(group, Preferences(
            min_healthy_percentage=100, max_healthy_percentage=150,
            scale_in_protected_instances="Refresh")))
        for member in old:
            group.wait_until(lambda g, m=member: m not in g.members, "without what it had")
        group.wait_until(lambda g: len(g.in_service()) == 2, "complete")

    while_they_chat(fleet, group, refresh)
    gone_by_itself(fleet, *old)
    assert fleet.rows() == sorted(m.id for m in group.members)


def test_a_node_that_dies_without_notice_is_replaced(cloud: Cloud,
                                                     make_fleet: MakeFleet) -> None:
    fleet, group = make_fleet(2, hook_s=5)
    dying, _ = group.members

    def find_out() -> None:
        group.kill(dying.id)
        group.wait_until(lambda g: len(g.in_service()) == 2 and dying not in g.members,
                         "another one")

    while_they_chat(fleet, group, find_out, dies=dying)
    assert completions(cloud, TERMINATE, dying) == 0
    assert dying.actions[TERMINATE].timed_out
    eventually(lambda: fleet.rows() == sorted(m.id for m in group.members))
