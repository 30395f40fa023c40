"""A node without a server: says that it is up when it is launched, and goes when it is told to.

It knows nothing but its environment, and uses botocore for all that it asks.
"""

from __future__ import annotations

import os
import sys
import time
import urllib.error
import urllib.request

import botocore.exceptions
import botocore.session

_METADATA = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
_POLL_S = 0.05


def _ask(method: str, path: str, header: str, value: str) -> str | None:
    """None: there is no such item."""
    request = urllib.request.Request(f"{_METADATA}/latest/{path}", method=method,
                                     headers={header: value})
    try:
        with urllib.request.urlopen(request) as answer:
            text: str = answer.read().decode()
            return text
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise


def main() -> None:
    token = _ask("PUT", "api/token", "X-aws-ec2-metadata-token-ttl-seconds", "21600") or ""

    def item(path: str) -> str | None:
        return _ask("GET", f"meta-data/{path}", "X-aws-ec2-metadata-token", token)

    api = botocore.session.Session().create_client(
        "autoscaling", os.environ["AWS_REGION"], endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    instance, group = item("instance-id"), item("tags/instance/aws:autoscaling:groupName")

    def complete(hook: str) -> None:
        while True:
            try:
                api.complete_lifecycle_action(
                    AutoScalingGroupName=group, LifecycleHookName=hook, InstanceId=instance,
                    LifecycleActionResult="CONTINUE")
                return
            except botocore.exceptions.ClientError as error:
                if error.response["Error"]["Code"] != "ValidationError":
                    raise
                time.sleep(_POLL_S)  # it does not wait for the hook yet

    complete("starling-launch")
    while item("autoscaling/target-lifecycle-state") != "Terminated":
        time.sleep(_POLL_S)
    complete("starling-terminate")
    sys.exit(0)


main()
