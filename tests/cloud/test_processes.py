"""A group of the double whose instances are processes, which know of it only what it tells them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.aws.cloud import Cloud
from harness.aws.group import Group
from harness.aws.instance import REGION, Instance
from harness.aws.lifecycle_hook import LAUNCHING, TERMINATING, LifecycleHook
from harness.aws.machines import Machines
from harness.aws.target_tracking import Tracking
from harness.waiting import TIMEOUT_S, eventually

Process = subprocess.Popen[bytes]


class Processes(Machines):
    """Each instance is a run of agent.py."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.all: dict[str, Process] = {}

    def launch(self, instance: Instance) -> Process:
        program = Path(__file__).with_name("agent.py")
        environment = os.environ | self._cloud.environment(instance)
        process = subprocess.Popen([sys.executable, str(program)], env=environment)
        self.all[instance.id] = process
        return process

    def terminate(self, handle: Process) -> None:
        handle.terminate()
        handle.wait(TIMEOUT_S)

    def kill(self, handle: Process) -> None:
        handle.kill()
        handle.wait(TIMEOUT_S)

    def is_healthy(self, handle: Process) -> bool:
        return handle.poll() is None


@pytest.fixture
def quick_cloud() -> Iterator[Cloud]:
    """A minute takes a second."""
    with Cloud(speed=60) as cloud:
        yield cloud


@pytest.fixture
def processes(quick_cloud: Cloud) -> Processes:
    return Processes(quick_cloud)


@pytest.fixture
def group(quick_cloud: Cloud, processes: Processes) -> Group:
    # Time-outs that no busy machine comes near.
    return quick_cloud.add_group(
        "chat", processes, desired=1, minimum=1, maximum=3, protects_new=True,
        health_check_interval_s=5, deregistration_delay_s=10,
        hooks=[LifecycleHook("starling-launch", LAUNCHING, 60 * TIMEOUT_S),
               LifecycleHook("starling-terminate", TERMINATING, 60 * TIMEOUT_S, "ABANDON")])


def wait_in_service(group: Group, count: int) -> None:
    group.wait_until(lambda g: len(g.in_service()) == len(g.members) == count, f"{count} strong")


def test_instances_come_and_go_by_their_own_calls(quick_cloud: Cloud, processes: Processes,
                                                  group: Group) -> None:
    wait_in_service(group, 1)
    group.set_desired(2)
    wait_in_service(group, 2)
    first, second = (member.id for member in group.members)
    group.set_desired(1)
    group.protect([second], False)
    wait_in_service(group, 1)
    assert [member.id for member in group.gone] == [second]
    assert processes.all[second].returncode is not None
    completed = quick_cloud.api.made("CompleteLifecycleAction", True)
    assert [(call.owner, call.parameters["LifecycleHookName"]) for call in completed] == [
        (first, "starling-launch"), (second, "starling-launch"), (second, "starling-terminate")]


def test_a_process_that_dies_is_replaced(processes: Processes, group: Group) -> None:
    wait_in_service(group, 1)
    first = group.members[0]
    os.kill(processes.all[first.id].pid, signal.SIGKILL)
    # Nobody tells the hook that it is over.
    group.wait_until(lambda g: first.state == "Terminating:Wait" and len(g.in_service()) == 1,
                     "whole again")


def test_a_group_follows_the_utilisation_that_is_published(
        quick_cloud: Cloud, group: Group, use: Callable[..., Any]) -> None:
    policy = quick_cloud.track(group, Tracking(target=60, warmup_s=0))
    wait_in_service(group, 1)
    publisher = use(quick_cloud.endpoints() | {
        "AWS_ACCESS_KEY_ID": (key := quick_cloud.credentials.create_user()).id,
        "AWS_SECRET_ACCESS_KEY": key.secret}).create_client(
            "cloudwatch", REGION, endpoint_url=quick_cloud.api.url)

    def busy() -> bool:
        publisher.put_metric_data(Namespace="Starling", MetricData=[
            {"MetricName": "Utilisation", "Value": 110.0, "Unit": "Percent",
             "Dimensions": [{"Name": "AutoScalingGroupName", "Value": "chat"}]}])
        return group.desired > 1

    eventually(busy)
    assert policy.decisions[0][1] == 2
    group.wait_until(lambda g: len(g.in_service()) >= 2, "larger")


def test_nothing_runs_on_when_the_cloud_is_gone(processes: Processes, quick_cloud: Cloud) -> None:
    with Cloud() as other:
        machines = Processes(other)
        other.add_group("short-lived", machines, desired=2)
        eventually(lambda: len(machines.all) == 2)
    assert all(process.returncode is not None for process in machines.all.values())
