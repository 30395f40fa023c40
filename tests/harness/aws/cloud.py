"""All of the double together: an account with its endpoints, its groups and its instances."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from harness.aws.autoscaling import AutoScaling
from harness.aws.clock import Clock
from harness.aws.cloudwatch import CloudWatch
from harness.aws.container_credentials import ContainerCredentials
from harness.aws.credentials import Credentials
from harness.aws.ec2 import Ec2
from harness.aws.group import Group
from harness.aws.instance import REGION, Instance
from harness.aws.machines import Machines
from harness.aws.metadata import Metadata
from harness.aws.metrics import Metrics
from harness.aws.query_api import QueryApi
from harness.aws.sts import Sts
from harness.aws.target_tracking import TargetTracking, Tracking

_TICK_S = 0.05
_MACHINES_AT_WORK = 64


class Cloud:
    """Runs from `with` on until its end; then every instance has been killed. It ends with an
    AssertionError if one of them has signed a request wrongly.

    Give an instance's process `environment(instance)` on top of its own environment. Durations of
    groups pass `speed` times as fast as the wall's.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self.clock = Clock(speed)
        self.credentials = Credentials(self.clock.utc)
        self.api = QueryApi(self.credentials, self.clock)
        self.metrics = Metrics()
        self.autoscaling = AutoScaling(self.clock)
        self.ec2 = Ec2(lambda: list(self.instances))
        self.sts = Sts(self.credentials)
        for service in (self.autoscaling, CloudWatch(self.metrics, self.clock), self.ec2, self.sts):
            self.api.add(service)
        self.instances: list[Instance] = []
        self._metadata: dict[str, Metadata] = {}
        self._policies: list[TargetTracking] = []
        self._workers = ThreadPoolExecutor(_MACHINES_AT_WORK)
        self._open = contextlib.ExitStack()
        self._open.callback(self.api.close)
        self._stopping = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)
        self.failure: BaseException | None = None  # of the double itself

    def __enter__(self) -> Cloud:
        self._ticker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stopping.set()
        self._ticker.join()
        for group in self.autoscaling.groups:
            group.close()
        self._workers.shutdown(wait=True)
        self._open.close()
        failure = self.failure or self.api.failure
        if failure is not None and kind is None:
            raise RuntimeError("the double of AWS failed") from failure
        wrong = set(self.api.wrong_signatures) & {instance.id for instance in self.instances}
        if wrong and kind is None:
            raise AssertionError(f"{sorted(wrong)} did not sign as botocore does")

    def add_group(self, name: str, machines: Machines, **settings: Any) -> Group:
        """`settings` are Group's. Its instances launch at once."""
        group = Group(name, self.clock, machines, run=self._workers.submit,
                      new_instance=lambda zone: self._new_member(name, zone), **settings)
        self.autoscaling.add(group)
        return group

    def track(self, group: Group, tracking: Tracking) -> TargetTracking:
        """A target-tracking policy on the utilisation that the group's nodes publish."""
        policy = TargetTracking(group, self.metrics, tracking)
        self._policies.append(policy)
        return policy

    def add_instance(self, **settings: Any) -> Instance:
        """One that belongs to no group; `settings` are Instance's."""
        instance = Instance(launched=self.clock.utc(), **settings)
        self._start(instance)
        return instance

    def add_container(self) -> ContainerCredentials:
        container = ContainerCredentials(self.credentials, self.clock)
        self._open.callback(container.close)
        return container

    def metadata(self, instance: Instance) -> Metadata:
        """The metadata service of one instance."""
        return self._metadata[instance.id]

    def environment(self, instance: Instance) -> dict[str, str]:
        """For the process that plays this instance."""
        return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": self.metadata(instance).url,
                "AWS_EC2_METADATA_V1_DISABLED": "true"} | self.endpoints()

    def endpoints(self) -> dict[str, str]:
        """For a process that has its credentials from elsewhere."""
        return {"AWS_ENDPOINT_URL": self.api.url, "AWS_REGION": REGION,
                "AWS_DEFAULT_REGION": REGION}

    def _new_member(self, group: str, zone: str) -> Instance:
        instance = Instance(availability_zone=zone, tags={"aws:autoscaling:groupName": group})
        self._start(instance)
        return instance

    def _start(self, instance: Instance) -> None:
        metadata = Metadata(instance, self.credentials, self.clock)
        self._open.callback(metadata.close)
        self._metadata[instance.id] = metadata
        self.instances.append(instance)

    def _tick(self) -> None:
        while not self._stopping.wait(_TICK_S):
            try:
                for group in self.autoscaling.groups:
                    group.tick()
                for refresh in list(self.autoscaling.refreshes):
                    refresh.step()
                for policy in list(self._policies):
                    policy.step()
            except Exception as failure:
                self.failure = self.failure or failure
