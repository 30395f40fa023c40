"""A group of real nodes grows and shrinks again, and its users chat all the time."""

from __future__ import annotations

from cloud.chat import while_they_chat
from cloud.fleet import LAUNCH, MakeFleet, completions, gone_by_itself

from harness.aws.cloud import Cloud
from harness.aws.group import Member
from harness.waiting import eventually

_PEOPLE = 40


def test_one_node_becomes_four_and_one_again(cloud: Cloud, make_fleet: MakeFleet) -> None:
    fleet, group = make_fleet(1, maximum=4, settings={
        "workers": 1, "cluster": {"port": 0},
        "balance": {"mode": "eager", "readiness": False}})

    def sessions(member: Member) -> int:
        return int(fleet[member.id].ctl("status")["sessions"])

    def grow_and_shrink() -> None:
        group.set_desired(4)
        group.wait_until(lambda g: len(g.in_service()) == 4, "four strong")
        for member in group.members:
            eventually(lambda m=member: sessions(m) > 0)
        group.set_desired(1)
        for size in (3, 2, 1):  # one by one, if a node has seen to their protection already
            group.wait_until(lambda g, n=size: len(g.members) <= n, "small again")

    while_they_chat(fleet, group, grow_and_shrink, people=_PEOPLE)
    assert len(group.gone) == 3
    gone_by_itself(fleet, *group.gone)
    (last,) = group.members
    assert fleet.rows() == [last.id]
    assert all(completions(cloud, LAUNCH, m) == 1 for m in [last, *group.gone])
