"""EC2's query API: which instances there are."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from typing import Any

from harness.aws.credentials import AccessKey
from harness.aws.errors import ApiError
from harness.aws.instance import ACCOUNT, ROLE, Instance
from harness.aws.parameters import Parameters, page
from harness.aws.query_api import Action, Result, Service
from harness.aws.xml_answer import element

_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64,
          "stopped": 80}


class Ec2(Service):
    """EC2 words answers and errors in a way of its own."""

    name = "ec2"
    version = "2016-11-15"
    namespace = "http://ec2.amazonaws.com/doc/2016-11-15/"

    def __init__(self, instances: Callable[[], list[Instance]]) -> None:
        self.page_size = 1000  # at most: AWS may always give less
        self._instances = instances

    def actions(self) -> dict[str, Action]:
        return {"DescribeInstances": self._describe}

    def answer(self, action: str, result: Result, request_id: str) -> str:
        return element(f"{action}Response", {"requestId": request_id} | (result or {}),
                       item="item", namespace=self.namespace)

    def error(self, error: ApiError, request_id: str) -> str:
        return element("Response", {
            "Errors": {"Error": {"Code": error.code, "Message": error.message}},
            "RequestID": request_id})

    def translate(self, error: ApiError) -> ApiError:
        if error.code in ("InvalidClientTokenId", "SignatureDoesNotMatch"):
            return ApiError("AuthFailure")
        return ApiError("RequestExpired") if error.code == "ExpiredToken" else error

    def _describe(self, parameters: Parameters, _: AccessKey | None) -> Result:
        instances, ids = self._instances(), parameters.texts("InstanceId")
        if ids and "MaxResults" in parameters:
            raise ApiError("InvalidParameterCombination",
                           "The parameter instancesSet cannot be used with the parameter"
                           " maxResults")
        known = {instance.id for instance in instances}
        if unknown := [one for one in ids if one not in known]:
            # One is enough for the whole call to fail.
            raise ApiError("InvalidInstanceID.NotFound",
                           f"The instance ID '{unknown[0]}' does not exist")
        for wanted in parameters.structures("Filter"):
            name, values = wanted.get("Name", ""), wanted.texts("Value")
            instances = [one for one in instances if _matches(one, name, values)]
        size = parameters.integer("MaxResults", 5, 1000, 1000)
        shown, token = page([one for one in instances if not ids or one.id in ids],
                            parameters.get("NextToken"), min(size, self.page_size))
        return {"reservationSet": [
            {"reservationId": f"r-{one.id[2:]}", "ownerId": ACCOUNT, "groupSet": [],
             "instancesSet": [_description(one)]} for one in shown], "nextToken": token}


def _matches(instance: Instance, name: str, values: list[str]) -> bool:
    if name.startswith("tag:"):
        has = instance.tags.get(name.removeprefix("tag:"))
    else:
        known = {"instance-id": instance.id, "instance-state-name": instance.state,
                 "availability-zone": instance.availability_zone,
                 "private-ip-address": instance.local_ipv4}
        if name not in known:
            raise ApiError("InvalidParameterValue", f"The filter '{name}' is invalid")
        has = known[name]
    # Only * and ? are wildcards.
    return has is not None and any(fnmatch.fnmatchcase(has, value.replace("[", "[[]"))
                                   for value in values)


def _description(instance: Instance) -> dict[str, Any]:
    off = instance.state == "terminated"
    return {
        "instanceId": instance.id, "imageId": "ami-00000000000000000",
        "instanceState": {"code": _CODES[instance.state], "name": instance.state},
        "instanceType": "r8g.large", "launchTime": instance.launched,
        "placement": {"availabilityZone": instance.availability_zone, "tenancy": "default"},
        "privateIpAddress": None if off else instance.local_ipv4,
        "iamInstanceProfile": None if instance.role is None else {
            "arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/{ROLE}", "id": "AIPA0000000000000000"},
        "tagSet": [{"key": key, "value": value} for key, value in instance.tags.items()],
    }
