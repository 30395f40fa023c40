"""Fixtures: the double of AWS, and botocore, a client that was not written with it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.session
import pytest
from botocore.config import Config
from cloud.fleet import LAUNCH, TERMINATE, Fleet, MakeFleet
from cloud.machines import ListedMachines

from harness.authority import Authority
from harness.aws.cloud import Cloud
from harness.aws.group import Group
from harness.aws.instance import REGION
from harness.aws.lifecycle_hook import LAUNCHING, TERMINATING, LifecycleHook
from harness.postgres import Postgres

_LOADER = botocore.loaders.create_loader()  # keeps what it has read


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No account and no proxy of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    # Never the real one's address.
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud() as running:
        yield running


@pytest.fixture
def machines() -> ListedMachines:
    return ListedMachines()


@pytest.fixture
def group(cloud: Cloud, machines: ListedMachines) -> Group:
    """With both of Starling's hooks; its one instance waits for the first."""
    made = cloud.add_group(
        "chat", machines, desired=1, maximum=4,
        hooks=[LifecycleHook("starling-launch", LAUNCHING, 300),
               LifecycleHook("starling-terminate", TERMINATING, 300, "CONTINUE")])
    made.wait_until(lambda g: g.members and g.members[0].state == "Pending:Wait", "waiting")
    return made


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], botocore.session.Session]:
    """A session of botocore in this environment."""
    def make(environment: dict[str, str]) -> botocore.session.Session:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        session = botocore.session.Session()
        session.register_component("data_loader", _LOADER)
        return session

    return make


@pytest.fixture
def client(cloud: Cloud, use: Any) -> Callable[..., Any]:
    """botocore's client of a service, with the credentials of an instance of its own."""
    instance = cloud.add_instance()

    def make(service: str, attempts: int = 1, **options: Any) -> Any:
        session = use(cloud.environment(instance))
        config = Config(retries={"mode": "standard", "total_max_attempts": attempts}, **options)
        return session.create_client(service, REGION, endpoint_url=cloud.api.url, config=config)

    return make


@pytest.fixture
def make_fleet(cloud: Cloud, tmp_path: Path, authority: Authority,
               postgres: Postgres) -> Iterator[MakeFleet]:
    """A group of real nodes, all of which serve; those that are left at the end stop in order."""
    fleets: list[Fleet] = []

    def make(size: int = 2, hook_s: float = 300, settings: dict[str, Any] | None = None,
             **of_group: Any) -> tuple[Fleet, Group]:
        fleet = Fleet(cloud, tmp_path, authority, postgres, **(settings or {}))
        fleets.append(fleet)
        group = cloud.add_group(
            "chat", fleet, desired=size, **of_group,
            hooks=[LifecycleHook(LAUNCH, LAUNCHING, 300),
                   LifecycleHook(TERMINATE, TERMINATING, hook_s, "ABANDON")])
        group.wait_until(lambda g: len(g.in_service()) == size, "in service")
        return fleet, group

    yield make
    for fleet in fleets:
        for node in fleet.nodes.values():
            with contextlib.suppress(AssertionError):  # it has ended
                node.signal(signal.SIGINT)  # with `stop`: at once
            node.stop()
