"""The double's Auto Scaling group goes through its states as the real one does."""

from __future__ import annotations

from typing import Any

import pytest
from cloud.machines import ListedMachines

from harness.aws.clock import SteppedClock
from harness.aws.errors import ApiError
from harness.aws.group import Group, Member, WarmPool
from harness.aws.instance_refresh import InstanceRefresh, Preferences
from harness.aws.lifecycle_hook import LAUNCHING, TERMINATING, LifecycleHook

LAUNCH = LifecycleHook("starling-launch", LAUNCHING, 100)
TERMINATE = LifecycleHook("starling-terminate", TERMINATING, 100, "CONTINUE")


class World:
    """A group whose clock only this test turns."""

    def __init__(self, **settings: Any) -> None:
        self.clock = SteppedClock()
        self.machines = ListedMachines()
        self.group = Group("chat", self.clock, self.machines, **settings)
        self.group.tick()

    def after(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.group.tick()

    def states(self) -> list[str]:
        return sorted(member.state for member in self.group.members)

    def only(self) -> Member:
        (member,) = self.group.members
        return member


def walk(member: Member) -> list[str]:
    return [state for _, state in member.history]


def test_without_hooks_an_instance_goes_straight_into_service_and_out() -> None:
    world = World(desired=1)
    member = world.only()
    assert walk(member) == ["Pending", "Pending:Proceed", "InService"]
    assert member.instance.target_lifecycle_state == "InService"
    world.group.set_desired(0)
    assert walk(member)[3:] == ["Terminating", "Terminating:Proceed", "Terminated"]
    assert (world.group.members, world.group.gone) == ([], [member])
    assert world.machines.done == [("launch", member.id), ("terminate", member.id)]
    assert member.instance.state == "terminated"


def test_a_launch_hook_holds_an_instance_until_it_is_completed() -> None:
    world = World(desired=1, hooks=[LAUNCH])
    member = world.only()
    world.after(99)
    assert member.state == "Pending:Wait"
    world.group.complete("starling-launch", "CONTINUE", member.id)
    assert walk(member) == ["Pending", "Pending:Wait", "Pending:Proceed", "InService"]


def test_a_launch_hook_may_be_completed_by_its_token() -> None:
    world = World(desired=1, hooks=[LAUNCH])
    token = world.only().actions["starling-launch"].token
    world.group.complete("starling-launch", "CONTINUE", token=token)
    assert world.states() == ["InService"]


def test_a_launch_hook_that_times_out_is_abandoned_and_another_instance_comes() -> None:
    world = World(desired=1, hooks=[LAUNCH])
    first = world.only()
    world.after(100)
    assert first.state == "Terminated"
    assert first.actions == {}
    assert world.only() is not first
    assert world.states() == ["Pending:Wait"]


@pytest.mark.parametrize("result", ["CONTINUE", "ABANDON"])
def test_a_terminate_hook_ends_with_the_instance_whatever_its_result(result: str) -> None:
    world = World(desired=1, hooks=[TERMINATE])
    member = world.only()
    world.group.set_desired(0)
    assert member.state == "Terminating:Wait"
    world.group.complete("starling-terminate", result, member.id)
    assert walk(member)[-3:] == ["Terminating:Wait", "Terminating:Proceed", "Terminated"]


def test_a_terminate_hook_times_out() -> None:
    world = World(desired=1, hooks=[TERMINATE])
    member = world.only()
    world.group.set_desired(0)
    world.after(99)
    assert member.state == "Terminating:Wait"
    world.after(1)
    assert member.state == "Terminated"


def test_a_heartbeat_starts_the_timeout_anew() -> None:
    world = World(desired=1, hooks=[TERMINATE])
    member = world.only()
    world.group.set_desired(0)
    for _ in range(5):
        world.after(99)
        world.group.heartbeat("starling-terminate", member.id)
    world.after(99)
    assert member.state == "Terminating:Wait"
    world.after(1)
    assert member.state == "Terminated"


@pytest.mark.parametrize(("timeout", "longest"), [(100, 10_000), (7200, 48 * 3600)])
def test_heartbeats_cannot_go_beyond_the_global_timeout(timeout: float, longest: float) -> None:
    world = World(desired=1, hooks=[LifecycleHook("starling-terminate", TERMINATING, timeout)])
    member = world.only()
    world.group.set_desired(0)
    while member.state == "Terminating:Wait":
        world.group.heartbeat("starling-terminate", member.id)
        world.after(timeout / 2)
    assert world.clock.now() == longest


def test_an_action_is_active_only_while_the_instance_waits() -> None:
    world = World(desired=1, hooks=[LAUNCH, TERMINATE], deregistration_delay_s=60)
    member = world.only()

    def refused(hook: str) -> None:
        message = f"No active Lifecycle Action found with instance ID {member.id}"
        with pytest.raises(ApiError) as error:
            world.group.complete(hook, "CONTINUE", member.id)
        assert (error.value.code, error.value.message) == ("ValidationError", message)
        with pytest.raises(ApiError) as error:
            world.group.heartbeat(hook, member.id)
        assert (error.value.code, error.value.message) == ("ValidationError", message)

    refused("starling-terminate")
    world.group.complete("starling-launch", "CONTINUE", member.id)
    refused("starling-launch")
    world.group.set_desired(0)
    refused("starling-terminate")  # the load balancer comes first
    world.after(60)
    world.group.complete("starling-terminate", "CONTINUE", member.id)
    refused("starling-terminate")


def test_metadata_says_terminated_while_the_load_balancer_still_lets_go() -> None:
    world = World(desired=1, hooks=[TERMINATE], deregistration_delay_s=60)
    member = world.only()
    world.group.set_desired(0)
    world.after(59)
    assert (member.state, member.instance.target_lifecycle_state) == ("Terminating", "Terminated")
    world.after(1)
    assert member.state == "Terminating:Wait"
    world.after(99)  # the hook's time began only now
    assert member.state == "Terminating:Wait"


def test_several_hooks_all_have_to_be_completed_and_one_can_abandon() -> None:
    other = LifecycleHook("other", TERMINATING, 200)
    world = World(desired=2, hooks=[TERMINATE, other])
    first, second = world.group.members
    world.group.set_desired(0)
    world.group.complete("starling-terminate", "CONTINUE", first.id)
    assert first.state == "Terminating:Wait"
    world.group.complete("other", "CONTINUE", first.id)
    assert first.state == "Terminated"
    world.group.complete("other", "ABANDON", second.id)
    assert second.state == "Terminated"


def test_scale_in_spares_the_protected_and_waits_for_one_who_is_not() -> None:
    world = World(desired=3, protects_new=True)
    world.group.set_desired(1)
    world.after(1000)
    assert world.states() == ["InService"] * 3
    chosen = world.group.members[1]
    world.group.protect([chosen.id], False)
    assert chosen.state == "Terminated"
    assert world.states() == ["InService"] * 2


def test_only_who_is_in_service_can_be_protected() -> None:
    world = World(desired=1, hooks=[LAUNCH])
    with pytest.raises(ApiError, match="ValidationError"):
        world.group.protect([world.only().id], True)


def test_scale_in_takes_from_the_fullest_zone() -> None:
    world = World(desired=4, zones=["eu-test-1a", "eu-test-1b", "eu-test-1c"])
    world.group.set_desired(3)
    assert sorted(m.instance.availability_zone for m in world.group.members) == [
        "eu-test-1a", "eu-test-1b", "eu-test-1c"]


def test_protection_does_not_keep_a_sick_instance() -> None:
    world = World(desired=1, protects_new=True, hooks=[TERMINATE], health_check_grace_s=300)
    first = world.only()
    world.machines.sick.add(first.id)
    world.group.set_health(first.id, False)
    world.after(299)
    assert first.state == "InService"  # still in its grace period
    for _ in range(2):
        world.after(10)
    assert first.state == "Terminating:Wait"
    assert world.states() == ["InService", "Terminating:Wait"]


def test_set_health_may_disregard_the_grace_period() -> None:
    world = World(desired=1, health_check_grace_s=300)
    first = world.only()
    world.group.set_health(first.id, False, respects_grace=False)
    assert first.state == "Terminated"
    assert world.states() == ["InService"]


def test_a_killed_instance_is_replaced_and_its_hook_times_out() -> None:
    world = World(desired=1, hooks=[TERMINATE], health_check_grace_s=300)
    first = world.only()
    world.group.kill(first.id)
    assert first.instance.state == "terminated"
    assert world.states() == ["InService", "Terminating:Wait"]
    world.after(100)
    assert first.state == "Terminated"


def test_an_instance_that_is_killed_while_it_launches_is_replaced() -> None:
    world = World(desired=1, hooks=[LAUNCH])
    first = world.only()
    world.group.kill(first.id)
    assert first.state == "Terminated"
    assert world.states() == ["Pending:Wait"]


def test_terminate_with_and_without_decrement() -> None:
    world = World(desired=2, minimum=1, protects_new=True)
    first, second = world.group.members
    world.group.terminate(first.id, decrements=True)
    assert (world.group.desired, world.states()) == (1, ["InService"])
    with pytest.raises(ApiError, match="ValidationError"):
        world.group.terminate(second.id, decrements=True)
    world.group.terminate(second.id, decrements=False)
    assert second.state == "Terminated"
    assert world.states() == ["InService"]


def test_a_failed_launch_is_tried_again() -> None:
    world = World(desired=0)
    world.machines.fails_to_launch = 2
    world.group.set_desired(1)
    assert world.states() == []
    world.after(1)
    world.after(1)
    assert world.states() == ["InService"]
    assert len(world.group.failures) == 2


def test_spot_notice_then_the_end() -> None:
    world = World(desired=1, hooks=[TERMINATE], protects_new=True)
    first = world.only()
    world.group.interrupt(first.id)
    assert first.instance.spot_action == ("terminate", world.clock.utc(120))
    world.after(119)
    assert first.state == "InService"
    world.after(1)
    assert ("kill", first.id) in world.machines.done
    assert world.states() == ["InService", "Terminating:Wait"]


def test_a_hook_does_not_put_off_a_spot_interruption() -> None:
    world = World(desired=1, hooks=[LifecycleHook("starling-terminate", TERMINATING, 3600)])
    first = world.only()
    world.group.interrupt(first.id)
    world.group.terminate(first.id, decrements=False)
    world.after(119)
    assert ("kill", first.id) not in world.machines.done
    world.after(1)
    assert ("kill", first.id) in world.machines.done


def test_capacity_rebalance_launches_before_it_terminates() -> None:
    world = World(desired=1, hooks=[LAUNCH], capacity_rebalance=True)
    first = world.only()
    world.group.complete("starling-launch", "CONTINUE", first.id)
    world.group.recommend_rebalance(first.id)
    assert first.instance.rebalance_notice is not None
    assert world.states() == ["InService", "Pending:Wait"]
    world.group.complete("starling-launch", "CONTINUE", world.group.members[1].id)
    assert first.state == "Terminated"
    assert world.states() == ["InService"]


def test_zones_are_rebalanced_by_one_instance() -> None:
    world = World(desired=2, zones=["eu-test-1a"])
    world.group.zones.append("eu-test-1b")
    world.group.rebalance_zones()
    world.after(0)
    assert sorted(m.instance.availability_zone for m in world.group.members) == [
        "eu-test-1a", "eu-test-1b"]


@pytest.mark.parametrize(("state", "done"), [
    ("Stopped", ["launch", "terminate", "launch"]), ("Running", ["launch"]),
    ("Hibernated", ["launch", "hibernate", "resume"])])
def test_the_launch_hook_fires_twice_for_a_warm_pool(state: str, done: list[str]) -> None:
    world = World(desired=0, hooks=[LAUNCH], warm_pool=WarmPool(1, state))
    member = world.only()
    assert member.state == "Warmed:Pending:Wait"
    assert member.instance.target_lifecycle_state == f"Warmed:{state}"
    world.group.complete("starling-launch", "CONTINUE", member.id)
    assert member.state == f"Warmed:{state}"
    world.group.set_desired(1)
    assert (member.state, member.instance.target_lifecycle_state) == ("Pending:Wait", "InService")
    world.group.complete("starling-launch", "CONTINUE", member.id)
    assert member.state == "InService"
    assert [what for what, who in world.machines.done if who == member.id] == done
    assert world.states() == ["InService", "Warmed:Pending:Wait"]  # the pool is filled again


def test_a_warm_pool_that_reuses_runs_the_terminate_hook_on_the_way_back() -> None:
    world = World(desired=1, hooks=[TERMINATE], warm_pool=WarmPool(1, "Stopped", reuses=True))
    serving = world.group.in_service()[0]
    world.group.set_desired(0)
    assert serving.state == "Warmed:Pending:Wait"
    assert serving.instance.target_lifecycle_state == "Warmed:Stopped"
    world.group.complete("starling-terminate", "CONTINUE", serving.id)
    assert serving.state == "Warmed:Stopped"


def test_a_warm_pool_holds_as_many_as_the_group_may_still_grow_by() -> None:
    world = World(desired=2, maximum=3, warm_pool=WarmPool(None, "Running", reuses=True))
    assert world.states() == ["InService", "InService", "Warmed:Running"]
    world.group.set_desired(3)
    everybody = list(world.group.members)
    assert world.states() == ["InService"] * 3
    world.group.set_desired(1)
    assert world.states() == ["InService", "Warmed:Running", "Warmed:Running"]
    assert world.group.members == everybody


def refresh_to_its_end(world: World, preferences: Preferences) -> tuple[str, int, int]:
    """The refresh's status, and the least and most instances in service meanwhile."""
    refresh = InstanceRefresh(world.group, preferences)
    counts = []
    while refresh.active:
        refresh.step()
        counts.append(len(world.group.in_service()))
        world.after(10)
    return refresh.status, min(counts), max(counts)


def test_an_instance_refresh_replaces_all() -> None:
    world = World(desired=3, protects_new=True)
    old = list(world.group.members)
    preferences = Preferences(scale_in_protected_instances="Refresh")
    assert refresh_to_its_end(world, preferences)[0] == "Successful"
    assert not set(old) & set(world.group.members)
    assert world.states() == ["InService"] * 3


def test_an_instance_refresh_waits_for_those_who_come_to_be_warm() -> None:
    world = World(desired=2, hooks=[LAUNCH])
    for member in world.group.members:
        world.group.complete("starling-launch", "CONTINUE", member.id)
    refresh = InstanceRefresh(world.group, Preferences(instance_warmup_s=60))
    refresh.step()
    refresh.step()
    assert world.states() == ["InService", "Pending:Wait"]
    world.group.complete("starling-launch", "CONTINUE", world.group.members[-1].id)
    world.after(59)
    refresh.step()
    assert world.states() == ["InService", "InService"]
    world.after(1)
    refresh.step()
    assert world.states() == ["InService", "Pending:Wait"]


def test_an_instance_refresh_can_launch_before_it_terminates() -> None:
    world = World(desired=3, hooks=[LAUNCH])
    for member in world.group.members:
        world.group.complete("starling-launch", "CONTINUE", member.id)
    refresh = InstanceRefresh(world.group, Preferences(max_healthy_percentage=110))
    refresh.step()
    assert world.states() == ["InService"] * 3 + ["Pending:Wait"]
    refresh.step()
    assert world.states() == ["InService"] * 3 + ["Pending:Wait"]  # one after the other
    world.group.complete("starling-launch", "CONTINUE", world.group.members[-1].id)
    assert world.states() == ["InService"] * 3


def test_an_instance_refresh_waits_an_hour_for_the_protected_then_fails() -> None:
    world = World(desired=2, protects_new=True)
    assert refresh_to_its_end(world, Preferences())[0] == "Failed"
    assert world.clock.now() >= 3600


def test_an_instance_refresh_can_ignore_the_protected() -> None:
    world = World(desired=2)
    world.group.protect([world.group.members[0].id], True)
    kept, replaced = world.group.members
    assert refresh_to_its_end(world, Preferences(scale_in_protected_instances="Ignore"))[0] == (
        "Successful")
    assert kept in world.group.members
    assert replaced in world.group.gone
