"""The double's query APIs, as botocore sees them: its models read the answers, its signatures are
accepted, and its errors have AWS's codes."""

from __future__ import annotations

import hashlib
import http.client
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest

from harness.aws.cloud import Cloud
from harness.aws.credentials import AccessKey
from harness.aws.group import Group
from harness.aws.instance import ACCOUNT, REGION, ROLE
from harness.waiting import TIMEOUT_S

Client = Callable[..., Any]


def error_of(call: Callable[..., Any], **parameters: Any) -> tuple[str, str, int]:
    """The code, the message and the HTTP status that a call fails with."""
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        call(**parameters)
    response: Any = failure.value.response
    return (response["Error"]["Code"], response["Error"]["Message"],
            response["ResponseMetadata"]["HTTPStatusCode"])


def complete(group: Group, hook: str, member: int = 0) -> dict[str, str]:
    return {"AutoScalingGroupName": group.name, "LifecycleHookName": hook,
            "LifecycleActionResult": "CONTINUE", "InstanceId": group.members[member].id}


def test_an_instance_s_life_by_the_api(cloud: Cloud, group: Group, client: Client) -> None:
    api = client("autoscaling")
    instance = group.members[0].id
    api.record_lifecycle_action_heartbeat(
        AutoScalingGroupName="chat", LifecycleHookName="starling-launch", InstanceId=instance)
    answer = api.complete_lifecycle_action(**complete(group, "starling-launch"))
    assert len(answer["ResponseMetadata"]["RequestId"]) == 36
    (described,) = api.describe_auto_scaling_instances(InstanceIds=[instance])[
        "AutoScalingInstances"]
    assert described == {
        "InstanceId": instance, "AutoScalingGroupName": "chat", "InstanceType": "r8g.large",
        "AvailabilityZone": f"{REGION}a", "LifecycleState": "InService",
        "HealthStatus": "HEALTHY", "ProtectedFromScaleIn": False}
    api.set_instance_protection(AutoScalingGroupName="chat", InstanceIds=[instance],
                                ProtectedFromScaleIn=True)
    assert group.members[0].protected
    activity = api.terminate_instance_in_auto_scaling_group(
        InstanceId=instance, ShouldDecrementDesiredCapacity=True)["Activity"]
    assert (activity["StatusCode"], activity["AutoScalingGroupName"]) == ("InProgress", "chat")
    group.wait_until(lambda g: g.members[0].state == "Terminating:Wait", "waiting")
    api.complete_lifecycle_action(**complete(group, "starling-terminate"))
    group.wait_until(lambda g: not g.members, "empty")


def test_groups_and_hooks_are_described(group: Group, client: Client) -> None:
    api = client("autoscaling")
    (described,) = api.describe_auto_scaling_groups(AutoScalingGroupNames=["chat"])[
        "AutoScalingGroups"]
    assert (described["MinSize"], described["DesiredCapacity"], described["MaxSize"]) == (0, 1, 4)
    assert described["Instances"][0]["LifecycleState"] == "Pending:Wait"
    assert described["CreatedTime"] <= datetime.now(timezone.utc)
    assert described["NewInstancesProtectedFromScaleIn"] is False
    hooks = api.describe_lifecycle_hooks(AutoScalingGroupName="chat")["LifecycleHooks"]
    assert [(h["LifecycleHookName"], h["HeartbeatTimeout"], h["GlobalTimeout"], h["DefaultResult"])
            for h in hooks] == [("starling-launch", 300, 30_000, "ABANDON"),
                                ("starling-terminate", 300, 30_000, "CONTINUE")]


def test_desired_capacity_health_and_refresh(group: Group, client: Client) -> None:
    api = client("autoscaling")
    api.set_desired_capacity(AutoScalingGroupName="chat", DesiredCapacity=2)
    group.wait_until(lambda g: [m.state for m in g.members] == ["Pending:Wait"] * 2, "two")
    for member in (0, 1):
        api.complete_lifecycle_action(**complete(group, "starling-launch", member))
    sick, other = group.members
    api.set_instance_health(InstanceId=sick.id, HealthStatus="Unhealthy")
    group.wait_until(lambda g: sick.state == "Terminating:Wait" and len(g.members) == 3, "renewed")
    api.complete_lifecycle_action(**complete(group, "starling-launch", 2))
    api.complete_lifecycle_action(**complete(group, "starling-terminate", 0))
    group.wait_until(lambda g: len(g.in_service()) == 2 and len(g.members) == 2, "well")
    refresh = api.start_instance_refresh(
        AutoScalingGroupName="chat", Preferences={
            "MinHealthyPercentage": 50, "InstanceWarmup": 0})["InstanceRefreshId"]
    group.wait_until(lambda g: other.state == "Terminating:Wait", "refreshing")
    assert error_of(api.start_instance_refresh, AutoScalingGroupName="chat")[0] == (
        "InstanceRefreshInProgress")
    (described,) = api.describe_instance_refreshes(AutoScalingGroupName="chat")[
        "InstanceRefreshes"]
    assert (described["InstanceRefreshId"], described["Status"]) == (refresh, "InProgress")


def test_lists_come_in_pages(cloud: Cloud, group: Group, client: Client) -> None:
    group.set_desired(3)
    cloud.autoscaling.page_size = 1
    pages = client("autoscaling").get_paginator("describe_auto_scaling_instances").paginate()
    ids = [[one["InstanceId"] for one in page["AutoScalingInstances"]] for page in pages]
    assert ids == [[member.id] for member in group.members]
    cloud.ec2.page_size = 2
    pages = client("ec2").get_paginator("describe_instances").paginate(Filters=[
        {"Name": "tag:aws:autoscaling:groupName", "Values": ["chat"]}])
    assert [len(page["Reservations"]) for page in pages] == [2, 1]


def test_a_token_of_no_page_is_refused(group: Group, client: Client) -> None:
    assert error_of(client("autoscaling").describe_auto_scaling_instances, NextToken="x")[0] == (
        "InvalidNextToken")


def test_descriptions_can_lag_behind(cloud: Cloud, group: Group, client: Client) -> None:
    cloud.autoscaling.lag_s = 3600
    described = client("autoscaling").describe_auto_scaling_instances
    assert described()["AutoScalingInstances"] == []
    cloud.autoscaling.lag_s = 0
    assert len(described()["AutoScalingInstances"]) == 1


def test_what_auto_scaling_refuses(group: Group, client: Client) -> None:
    api = client("autoscaling")
    instance = group.members[0].id
    assert error_of(api.complete_lifecycle_action, **complete(group, "starling-terminate")) == (
        "ValidationError", f"No active Lifecycle Action found with instance ID {instance}", 400)
    assert error_of(api.complete_lifecycle_action, **(
        complete(group, "starling-launch") | {"LifecycleActionResult": "MAYBE"}))[0] == (
        "ValidationError")
    assert error_of(api.describe_lifecycle_hooks, AutoScalingGroupName="other")[0] == (
        "ValidationError")
    assert error_of(api.set_instance_protection, AutoScalingGroupName="chat",
                    InstanceIds=[instance], ProtectedFromScaleIn=True)[0] == "ValidationError"
    assert error_of(api.set_desired_capacity, AutoScalingGroupName="chat",
                    DesiredCapacity=5)[0] == "ValidationError"
    assert error_of(api.terminate_instance_in_auto_scaling_group, InstanceId="i-0",
                    ShouldDecrementDesiredCapacity=False)[0] == "ValidationError"
    assert error_of(api.set_instance_health, InstanceId=instance,
                    HealthStatus="Poorly")[0] == "ValidationError"
    assert error_of(api.describe_policies)[0] == "InvalidAction"


def test_ec2_describes_by_filter(cloud: Cloud, group: Group, client: Client) -> None:
    api = client("ec2")
    member = group.members[0].instance
    filters = [{"Name": "tag:aws:autoscaling:groupName", "Values": ["other", "ch*"]},
               {"Name": "instance-state-name", "Values": ["pending", "running"]}]
    (reservation,) = api.describe_instances(Filters=filters)["Reservations"]
    (described,) = reservation["Instances"]
    assert (described["InstanceId"], described["PrivateIpAddress"]) == (member.id, "127.0.0.1")
    assert described["State"] == {"Code": 16, "Name": "running"}
    assert described["Tags"] == [{"Key": "aws:autoscaling:groupName", "Value": "chat"}]
    filters[1]["Values"] = ["terminated"]
    assert api.describe_instances(Filters=filters)["Reservations"] == []


def test_any_text_comes_through(cloud: Cloud, client: Client) -> None:
    name = "<a> & 'b' \"c\" [d] ü"
    cloud.add_instance(tags={"Name": name})
    filters = [{"Name": "tag:Name", "Values": [name]}]
    (reservation,) = client("ec2").describe_instances(Filters=filters)["Reservations"]
    assert reservation["Instances"][0]["Tags"] == [{"Key": "Name", "Value": name}]


def test_what_ec2_refuses(group: Group, client: Client) -> None:
    api = client("ec2")
    ids = [group.members[0].id, "i-00000000000000bad"]
    assert error_of(api.describe_instances, InstanceIds=ids) == (
        "InvalidInstanceID.NotFound", "The instance ID 'i-00000000000000bad' does not exist", 400)
    assert error_of(api.describe_instances, InstanceIds=ids[:1], MaxResults=5)[0] == (
        "InvalidParameterCombination")
    assert error_of(api.describe_instances, Filters=[{"Name": "colour", "Values": ["red"]}])[0] == (
        "InvalidParameterValue")


def test_metrics_are_taken_and_averaged(client: Client) -> None:
    api = client("cloudwatch")
    dimensions = [{"Name": "AutoScalingGroupName", "Value": "chat"}]
    for value in (20.0, 40.0):
        api.put_metric_data(Namespace="Starling", MetricData=[
            {"MetricName": "Utilisation", "Value": value, "Unit": "Percent",
             "Dimensions": dimensions, "StorageResolution": 1}])
    now = datetime.now(timezone.utc)
    answer = api.get_metric_statistics(
        Namespace="Starling", MetricName="Utilisation", Dimensions=dimensions, Period=86_400,
        StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1),
        Statistics=["Average", "SampleCount", "Maximum"])
    (point,) = answer["Datapoints"]
    assert (point["Average"], point["SampleCount"], point["Maximum"], point["Unit"]) == (
        30.0, 2.0, 40.0, "Percent")
    assert api.get_metric_statistics(
        Namespace="Starling", MetricName="Utilisation", Period=60, Statistics=["Sum"],
        StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1),
    )["Datapoints"] == []  # without its dimension it is another metric


@pytest.mark.parametrize(("change", "code"), [
    ({"Value": float("nan")}, "InvalidParameterValue"),
    ({"Unit": "Parrots"}, "InvalidParameterValue"),
    ({"Timestamp": datetime(2020, 1, 1, tzinfo=timezone.utc)}, "InvalidParameterValue")])
def test_what_cloudwatch_refuses(client: Client, change: dict[str, Any], code: str) -> None:
    datum = {"MetricName": "Utilisation", "Value": 1.0, "Unit": "Percent"} | change
    assert error_of(client("cloudwatch").put_metric_data, Namespace="Starling",
                    MetricData=[datum])[0] == code


def test_a_web_identity_becomes_credentials(cloud: Cloud, client: Client, use: Any) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
    cloud.sts.roles["a-token"] = arn
    assume = client("sts").assume_role_with_web_identity
    wanted = {"RoleArn": arn, "RoleSessionName": "pod-1", "WebIdentityToken": "a-token"}
    key = assume(**wanted)["Credentials"]
    session = use({"AWS_ACCESS_KEY_ID": key["AccessKeyId"],
                   "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
                   "AWS_SESSION_TOKEN": key["SessionToken"]})
    sts = session.create_client("sts", REGION, endpoint_url=cloud.api.url)
    assert sts.get_caller_identity()["UserId"] == "pod-1"
    assert error_of(assume, **wanted | {"WebIdentityToken": "other"})[0] == "InvalidIdentityToken"
    assert error_of(assume, **wanted | {"RoleArn": arn + "-2"})[0] == "AccessDenied"
    cloud.sts.expired_tokens.add("a-token")
    assert error_of(assume, **wanted)[0] == "ExpiredTokenException"


@pytest.mark.parametrize(("service", "call", "code"), [
    ("autoscaling", "describe_auto_scaling_instances", "Throttling"),
    ("autoscaling", "describe_auto_scaling_instances", "InternalFailure"),
    ("autoscaling", "describe_auto_scaling_instances", "ServiceUnavailable"),
    ("ec2", "describe_instances", "RequestLimitExceeded")])
def test_botocore_tries_again_what_is_throttled_or_fails(
        cloud: Cloud, client: Client, service: str, call: str, code: str) -> None:
    cloud.api.fail(code, times=1)
    getattr(client(service, attempts=2), call)()
    assert [made.code for made in cloud.api.calls] == [code, None]
    cloud.api.fail(code)
    assert error_of(getattr(client(service, attempts=2), call))[0] == code
    cloud.api.recover()
    getattr(client(service), call)()


def test_a_fault_may_be_of_one_action_and_one_instance(cloud: Cloud, group: Group,
                                                       client: Client) -> None:
    api = client("autoscaling")
    cloud.api.fail("AccessDenied", action="SetDesiredCapacity")
    cloud.api.fail("Throttling", owner="i-of-somebody-else")
    assert error_of(api.set_desired_capacity, AutoScalingGroupName="chat",
                    DesiredCapacity=1)[0] == "AccessDenied"
    api.describe_auto_scaling_instances()


def test_an_answer_can_get_lost_after_the_deed(cloud: Cloud, group: Group, client: Client) -> None:
    cloud.api.lose_answers("CompleteLifecycleAction", times=1)
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        client("autoscaling").complete_lifecycle_action(**complete(group, "starling-launch"))
    assert group.members[0].state == "InService"
    # So who tries again learns that it is done.
    assert error_of(client("autoscaling").complete_lifecycle_action,
                    **complete(group, "starling-launch"))[0] == "ValidationError"


def test_it_can_be_down_and_can_hang(cloud: Cloud, client: Client) -> None:
    api = client("autoscaling", read_timeout=0.5)
    api.describe_auto_scaling_instances()
    cloud.api.endpoint.refuse()
    with pytest.raises(botocore.exceptions.EndpointConnectionError):
        api.describe_auto_scaling_instances()
    cloud.api.recover()
    api.describe_auto_scaling_instances()
    cloud.api.endpoint.hang()
    with pytest.raises(botocore.exceptions.ReadTimeoutError):
        api.describe_auto_scaling_instances()
    cloud.api.recover()
    api.describe_auto_scaling_instances()
    assert len(cloud.api.calls) == 3  # nobody saw the others


def test_calls_are_recorded_with_who_made_them(cloud: Cloud, group: Group, client: Client) -> None:
    client("autoscaling").complete_lifecycle_action(**complete(group, "starling-launch"))
    call = cloud.api.wait_for("CompleteLifecycleAction", LifecycleHookName="starling-launch")
    assert call.parameters["InstanceId"] == group.members[0].id
    assert (call.service, call.status, call.code) == ("autoscaling", 200, None)
    assert call.owner in {instance.id for instance in cloud.instances}


@pytest.mark.parametrize(("service", "call", "expired"), [
    ("autoscaling", "describe_auto_scaling_instances", "ExpiredToken"),
    ("ec2", "describe_instances", "RequestExpired")])
def test_expired_credentials_are_refused(cloud: Cloud, client: Client, service: str, call: str,
                                         expired: str) -> None:
    api = client(service)
    getattr(api, call)()
    cloud.credentials.expire()
    assert error_of(getattr(api, call))[0] == expired
    getattr(client(service), call)()  # the metadata service has others


# Signatures, from the bytes that arrive.

BODY = b"Action=DescribeAutoScalingInstances&Version=2011-01-01"


def signed(cloud: Cloud, key: AccessKey, *, region: str = REGION, service: str = "autoscaling",
           method: str = "POST", query: str = "", body: bytes = BODY,
           headers: dict[str, str] | None = None) -> tuple[dict[str, str], bytes]:
    """The headers and the body of a request that botocore signs."""
    request = botocore.awsrequest.AWSRequest(
        method, f"{cloud.api.url}/{query}", data=body, headers={
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8"} | (headers or {}))
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(key.id, key.secret, key.session_token),
                            service, region).add_auth(request)
    return dict(request.headers.items()), body


def send(cloud: Cloud, headers: dict[str, str], body: bytes, method: str = "POST",
         path: str = "/") -> tuple[int, str]:
    address = urlsplit(cloud.api.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture
def key(cloud: Cloud) -> AccessKey:
    return cloud.credentials.issue("i-1")


def test_a_signature_of_botocore_is_accepted(cloud: Cloud, key: AccessKey) -> None:
    assert send(cloud, *signed(cloud, key))[0] == 200
    assert cloud.api.calls[-1].owner == "i-1"


def test_a_long_lived_key_needs_no_session_token(cloud: Cloud) -> None:
    assert send(cloud, *signed(cloud, cloud.credentials.create_user()))[0] == 200


def test_a_signed_query_may_be_in_any_order(cloud: Cloud, key: AccessKey) -> None:
    query = "?Version=2011-01-01&Action=DescribeAutoScalingInstances&MaxRecords=5&A=%2F%20b&B"
    headers, _ = signed(cloud, key, method="GET", query=query, body=b"")
    assert send(cloud, headers, b"", "GET", f"/{query}")[0] == 200


def test_spaces_in_a_header_do_not_count(cloud: Cloud, key: AccessKey) -> None:
    headers, body = signed(cloud, key, headers={"X-Amz-Remark": "a  b"})
    headers["X-Amz-Remark"] = " a b "
    assert send(cloud, headers, body)[0] == 200


def change_header(name: str, value: str | None) -> Callable[..., tuple[dict[str, str], bytes]]:
    def change(headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
        rest = {key: old for key, old in headers.items() if key != name}
        return (rest if value is None else rest | {name: value}), body

    return change


TAMPERED: dict[str, tuple[Callable[..., tuple[dict[str, str], bytes]], str]] = {
    "another body": (lambda headers, body: (headers, body + b"&MaxRecords=1"),
                     "SignatureDoesNotMatch"),
    "another signed header": (change_header("Content-Type", "application/x-www-form-urlencoded"),
                              "SignatureDoesNotMatch"),
    "an unsigned header that counts": (change_header("X-Amz-Target", "x"), "SignatureDoesNotMatch"),
    "another date": (change_header("X-Amz-Date", "20270101T000000Z"), "SignatureDoesNotMatch"),
    "no date": (change_header("X-Amz-Date", None), "IncompleteSignature"),
    "another session token": (change_header("X-Amz-Security-Token", "x"), "InvalidClientTokenId"),
    "no session token": (change_header("X-Amz-Security-Token", None), "InvalidClientTokenId"),
    "no signature": (change_header("Authorization", None), "MissingAuthenticationToken"),
    "half a signature": (change_header("Authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e"),
                         "IncompleteSignature"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_tampered_request_is_refused(cloud: Cloud, key: AccessKey, what: str) -> None:
    change, code = TAMPERED[what]
    status, text = send(cloud, *change(*signed(cloud, key)))
    assert status in (400, 403)
    assert f"<Code>{code}</Code>" in text
    assert "<Type>Sender</Type>" in text


def test_a_wrong_secret_region_or_service_is_refused(cloud: Cloud, key: AccessKey) -> None:
    wrong = AccessKey(key.id, "wrong", "i-1", key.session_token)
    for request in (signed(cloud, wrong), signed(cloud, key, region="eu-test-2"),
                    signed(cloud, key, service="ec2")):
        assert "<Code>SignatureDoesNotMatch</Code>" in send(cloud, *request)[1]


def test_an_instance_that_signs_wrongly_is_no_good_end() -> None:
    with pytest.raises(AssertionError, match="did not sign"), Cloud() as cloud:
        headers, body = signed(cloud, cloud.credentials.current(cloud.add_instance().id))
        assert send(cloud, headers, body + b"&MaxRecords=1")[0] == 403


def test_a_hash_that_is_not_the_body_s_is_refused(cloud: Cloud, key: AccessKey) -> None:
    said = {"X-Amz-Content-SHA256": hashlib.sha256(BODY).hexdigest()}
    headers, body = signed(cloud, key, headers=said)
    assert send(cloud, headers, body)[0] == 200
    assert send(cloud, headers, body + b"&MaxRecords=1")[0] == 403


def test_an_unknown_key_is_refused(cloud: Cloud) -> None:
    stranger = AccessKey("AKIA0000000000000000", "secret", "nobody")
    status, text = send(cloud, *signed(cloud, stranger))
    assert (status, "<Code>InvalidClientTokenId</Code>" in text) == (403, True)
    body = b"Action=DescribeInstances&Version=2016-11-15"
    status, text = send(cloud, *signed(cloud, stranger, service="ec2", body=body))
    assert (status, "<Response><Errors><Error><Code>AuthFailure</Code>" in text) == (401, True)


@pytest.mark.parametrize(("skew_s", "why"), [(360, "expired"), (-360, "not yet current")])
def test_a_clock_that_is_off_is_refused(cloud: Cloud, key: AccessKey, skew_s: float,
                                        why: str) -> None:
    cloud.clock.skew_s = skew_s
    status, text = send(cloud, *signed(cloud, key))
    assert (status, f"Signature {why}" in text) == (403, True)


def test_what_is_no_form_is_no_call(cloud: Cloud, key: AccessKey) -> None:
    headers, body = signed(cloud, key, headers={"Content-Type": "application/json"})
    assert "<Code>InvalidAction</Code>" in send(cloud, headers, body)[1]
