"""The double's metadata service answers as IMDSv2 does, with botocore and byte by byte."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest

from harness.aws.cloud import Cloud
from harness.aws.instance import REGION, Instance
from harness.aws.metadata import Metadata
from harness.waiting import TIMEOUT_S, eventually

Use = Callable[[dict[str, str]], botocore.session.Session]
TOKEN, TTL = "X-aws-ec2-metadata-token", "X-aws-ec2-metadata-token-ttl-seconds"


@pytest.fixture
def instance(cloud: Cloud) -> Instance:
    return cloud.add_instance(tags={"team": "chat"}, local_ipv4="10.1.2.3")


@pytest.fixture
def metadata(cloud: Cloud, instance: Instance) -> Metadata:
    return cloud.metadata(instance)


def ask(metadata: Metadata, method: str, path: str, **headers: str) -> tuple[int, str]:
    address = urlsplit(metadata.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=TIMEOUT_S)
    try:
        named = {{"token": TOKEN, "ttl": TTL}.get(name, name.replace("_", "-")): value
                 for name, value in headers.items()}
        connection.request(method, path, headers=named)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def new_token(metadata: Metadata, ttl: int = 21_600) -> str:
    status, token = ask(metadata, "PUT", "/latest/api/token", ttl=str(ttl))
    assert status == 200
    return token


def get(metadata: Metadata, path: str) -> tuple[int, str]:
    return ask(metadata, "GET", f"/latest/{path}", token=new_token(metadata))


def test_botocore_finds_the_role_s_credentials(cloud: Cloud, instance: Instance, use: Use) -> None:
    found = use(cloud.environment(instance)).get_credentials()
    assert found.method == "iam-role"
    key = cloud.credentials.current(instance.id)
    assert found.get_frozen_credentials() == (key.id, key.secret, key.session_token)
    looks = cloud.metadata(instance).looks
    assert looks[0][:2] == ("PUT", "/latest/api/token")
    assert all(look.status == 200 for look in looks)


def test_botocore_gets_another_key_when_the_old_one_is_about_to_expire(
        cloud: Cloud, instance: Instance, use: Use) -> None:
    cloud.credentials.lifetime_s = 1200
    found = use(cloud.environment(instance)).get_credentials()
    first = found.get_frozen_credentials()
    cloud.credentials.expire(instance.id)
    # It refreshes what has less than 15 minutes left.
    cloud.credentials.lifetime_s = 800
    found._expiry_time = datetime.now(timezone.utc)
    assert found.get_frozen_credentials() != first


def test_botocore_has_no_credentials_without_a_role(cloud: Cloud, use: Use) -> None:
    without = cloud.add_instance(role=None)
    assert use(cloud.environment(without)).get_credentials() is None


@pytest.mark.parametrize("trouble", ["off", "throttled", "refusing", "hanging"])
def test_botocore_has_no_credentials_while_the_service_is_in_trouble(
        cloud: Cloud, instance: Instance, metadata: Metadata, use: Use, trouble: str) -> None:
    environment = cloud.environment(instance) | {"AWS_METADATA_SERVICE_TIMEOUT": "1"}
    if trouble == "off":
        metadata.enabled = False
    elif trouble == "throttled":
        metadata.throttled = True
    elif trouble == "refusing":
        metadata.endpoint.refuse()
    else:
        metadata.endpoint.hang()
    assert use(environment).get_credentials() is None
    metadata.enabled, metadata.throttled = True, False
    metadata.endpoint.recover()
    assert use(environment).get_credentials().method == "iam-role"


def test_botocore_finds_the_region(cloud: Cloud, instance: Instance, use: Use) -> None:
    session = use(cloud.environment(instance))
    fetcher = botocore.utils.InstanceMetadataRegionFetcher(
        config={"ec2_metadata_service_endpoint": cloud.metadata(instance).url + "/"})
    assert session.get_config_variable("region") == fetcher.retrieve_region() == REGION


@pytest.mark.parametrize("ttl", [None, "", "0", "21601", "-5", "1.5", "a day"])
def test_a_token_needs_a_ttl_of_one_second_to_six_hours(metadata: Metadata,
                                                        ttl: str | None) -> None:
    headers = {} if ttl is None else {"ttl": ttl}
    assert ask(metadata, "PUT", "/latest/api/token", **headers)[0] == 400


def test_a_token_is_refused_to_what_a_proxy_passes_on(metadata: Metadata) -> None:
    assert ask(metadata, "PUT", "/latest/api/token", ttl="60", X_Forwarded_For="10.0.0.1")[0] == 403


def test_a_token_has_no_versioned_path(metadata: Metadata) -> None:
    assert ask(metadata, "PUT", "/2021-01-03/api/token", ttl="60")[0] == 403


def test_nothing_is_told_without_a_token(metadata: Metadata) -> None:
    assert ask(metadata, "GET", "/latest/meta-data/instance-id")[0] == 401
    assert ask(metadata, "GET", "/latest/meta-data/instance-id", token="made-up")[0] == 401


def test_a_token_expires(metadata: Metadata) -> None:
    token = new_token(metadata, ttl=1)
    eventually(lambda: ask(metadata, "GET", "/latest/meta-data/", token=token)[0] == 401)


def test_a_token_can_be_forgotten(metadata: Metadata) -> None:
    token = new_token(metadata)
    assert ask(metadata, "GET", "/latest/meta-data/", token=token)[0] == 200
    metadata.forget_tokens()
    assert ask(metadata, "GET", "/latest/meta-data/", token=token)[0] == 401


def test_a_token_is_of_one_instance(cloud: Cloud, metadata: Metadata) -> None:
    other = cloud.metadata(cloud.add_instance())
    assert ask(other, "GET", "/latest/meta-data/", token=new_token(metadata))[0] == 401


def test_only_reading(metadata: Metadata) -> None:
    token = new_token(metadata)
    path = "/latest/meta-data/instance-id"
    assert ask(metadata, "HEAD", path, token=token) == (200, "")
    for method in ("POST", "PUT", "DELETE"):
        assert ask(metadata, method, path, token=token)[0] == 405


def test_who_and_where_it_is(metadata: Metadata, instance: Instance) -> None:
    for path, value in {"instance-id": instance.id, "local-ipv4": "10.1.2.3",
                        "placement/region": REGION, "placement/availability-zone": f"{REGION}a",
                        "tags/instance/team": "chat"}.items():
        assert get(metadata, f"meta-data/{path}") == (200, value)
    document = json.loads(get(metadata, "dynamic/instance-identity/document")[1])
    assert (document["instanceId"], document["region"]) == (instance.id, REGION)


def test_folders_are_listed(metadata: Metadata, instance: Instance) -> None:
    assert get(metadata, "meta-data/placement/") == (
        200, "availability-zone\navailability-zone-id\nregion")
    assert "placement/" in get(metadata, "meta-data/")[1].splitlines()
    assert get(metadata, "meta-data/iam/security-credentials/") == (200, instance.role)


def test_signals_are_absent_until_they_are_given(metadata: Metadata, instance: Instance) -> None:
    signals = ("autoscaling/target-lifecycle-state", "spot/instance-action",
               "events/recommendations/rebalance")
    assert [get(metadata, f"meta-data/{signal}")[0] for signal in signals] == [404, 404, 404]
    at = datetime(2027, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    instance.target_lifecycle_state = "Terminated"
    instance.spot_action = ("terminate", at)
    instance.rebalance_notice = at
    texts = [get(metadata, f"meta-data/{signal}") for signal in signals]
    assert texts[0] == (200, "Terminated")
    assert json.loads(texts[1][1]) == {"action": "terminate", "time": "2027-01-02T03:04:05Z"}
    assert json.loads(texts[2][1]) == {"noticeTime": "2027-01-02T03:04:05Z"}


def test_tags_are_told_only_if_that_is_enabled(metadata: Metadata) -> None:
    metadata.tags_enabled = False
    assert get(metadata, "meta-data/tags/instance/team")[0] == 404


def test_off_and_throttled(metadata: Metadata) -> None:
    token = new_token(metadata)
    metadata.enabled = False
    assert ask(metadata, "GET", "/latest/meta-data/", token=token)[0] == 403
    assert ask(metadata, "PUT", "/latest/api/token", ttl="60")[0] == 403
    metadata.enabled, metadata.throttled = True, True
    assert ask(metadata, "GET", "/latest/meta-data/", token=token)[0] == 429


def test_botocore_finds_a_container_s_credentials(cloud: Cloud, use: Use) -> None:
    container = cloud.add_container()
    found = use(container.environment()).get_credentials()
    assert found.method == "container-role"
    key = cloud.credentials.current(container.owner)
    assert found.get_frozen_credentials() == (key.id, key.secret, key.session_token)


def test_a_container_s_credentials_need_its_token(cloud: Cloud, use: Use) -> None:
    container = cloud.add_container()
    environment = container.environment()
    container.rotate_token()
    with pytest.raises(botocore.exceptions.CredentialRetrievalError, match="401"):
        use(environment).get_credentials()
