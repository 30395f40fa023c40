"""The instance metadata service (IMDS), version 2 only, of one instance."""

from __future__ import annotations

import json
import re
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from harness.aws.clock import Clock, iso
from harness.aws.credentials import Credentials
from harness.aws.endpoint import Endpoint, Request, Response
from harness.aws.instance import ACCOUNT, Instance

_TTL = "X-aws-ec2-metadata-token-ttl-seconds"
_TOKEN = "X-aws-ec2-metadata-token"
_TTL_MAX_S = 21_600
_REASONS = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
            405: "Method Not Allowed", 429: "Too Many Requests"}


class Look(NamedTuple):
    """One request that arrived, and the status of its answer."""

    method: str
    path: str
    status: int


class Metadata:
    """Serves on a port of its own until it is closed; `url` is for
    AWS_EC2_METADATA_SERVICE_ENDPOINT."""

    def __init__(self, instance: Instance, credentials: Credentials, clock: Clock) -> None:
        self.instance = instance
        self.enabled = True  # False: as if IMDS were turned off for the instance
        self.throttled = False
        self.tags_enabled = True  # InstanceMetadataTags
        self.looks: list[Look] = []
        self._credentials = credentials
        self._clock = clock
        self._tokens: dict[str, datetime] = {}
        # It can hang, as for a container that is one hop too far, or refuse.
        self.endpoint = Endpoint(self._serve, clock.utc)
        self.url = self.endpoint.url

    def close(self) -> None:
        self.endpoint.close()

    def forget_tokens(self) -> None:
        """All that were given out are invalid from now on."""
        self._tokens.clear()

    def _serve(self, request: Request) -> Response:
        response = self._answer(request)
        self.looks.append(Look(request.method, request.target, response.status))
        return response

    def _answer(self, request: Request) -> Response:
        if not self.enabled:
            return _refused(403)
        if self.throttled:
            return _refused(429)
        path = request.target.partition("?")[0]
        if request.method == "PUT":
            return self._give_token(path, request)
        if request.method not in ("GET", "HEAD") or path == "/latest/api/token":
            return _refused(405)
        if not self._knows(request.headers.get(_TOKEN)):
            return _refused(401)
        text = self._find(path)
        return _refused(404) if text is None else _plain(text)

    def _give_token(self, path: str, request: Request) -> Response:
        if (re.fullmatch(r"/\d{4}-\d\d-\d\d/api/token", path)
                or "X-Forwarded-For" in request.headers):
            return _refused(403)
        if path != "/latest/api/token":
            return _refused(405)
        ttl = request.headers.get(_TTL, "")
        if not re.fullmatch(r"\d{1,9}", ttl) or not 1 <= int(ttl) <= _TTL_MAX_S:
            return _refused(400)
        token = f"{secrets.token_urlsafe(40)}=="
        self._tokens[token] = self._clock.utc() + timedelta(seconds=int(ttl))
        return _plain(token, {_TTL: ttl})

    def _knows(self, token: str | None) -> bool:
        until = self._tokens.get(token or "")
        return until is not None and self._clock.utc() < until

    def _find(self, path: str) -> str | None:
        """The item there, or what lies under it; None if it is neither."""
        match = re.fullmatch(r"/(?:latest|\d{4}-\d\d-\d\d)/(.*)", path)
        if match is None:
            return None
        items, wanted = self._items(), match[1].rstrip("/")
        if wanted in items:
            return items[wanted]
        folder = f"{wanted}/" if wanted else ""
        below = [name.removeprefix(folder) for name in items if name.startswith(folder)]
        names = dict.fromkeys(re.sub("/.*", "/", name) for name in below)
        return "\n".join(sorted(names)) if names else None

    def _items(self) -> dict[str, str]:
        """What there is now, by its path under /latest/."""
        instance, zone = self.instance, self.instance.availability_zone
        texts = {
            "meta-data/instance-id": instance.id,
            "meta-data/instance-type": "r8g.large",
            "meta-data/ami-id": "ami-00000000000000000",
            "meta-data/local-ipv4": instance.local_ipv4,
            "meta-data/local-hostname": _host_name(instance),
            "meta-data/hostname": _host_name(instance),
            "meta-data/placement/region": instance.region,
            "meta-data/placement/availability-zone": zone,
            "meta-data/placement/availability-zone-id": f"eutt1-az{' abcdef'.index(zone[-1])}",
            "dynamic/instance-identity/document": self._identity(),
        }
        if instance.target_lifecycle_state is not None:
            texts["meta-data/autoscaling/target-lifecycle-state"] = instance.target_lifecycle_state
        if instance.spot_action is not None:
            action, at = instance.spot_action
            texts["meta-data/spot/instance-action"] = json.dumps(
                {"action": action, "time": iso(at)})
        if instance.rebalance_notice is not None:
            texts["meta-data/events/recommendations/rebalance"] = json.dumps(
                {"noticeTime": iso(instance.rebalance_notice)})
        if self.tags_enabled:
            texts |= {f"meta-data/tags/instance/{key}": value
                      for key, value in instance.tags.items()}
        if instance.role is not None:
            texts["meta-data/iam/info"] = self._profile()
            texts[f"meta-data/iam/security-credentials/{instance.role}"] = self._role_credentials()
        return texts

    def _role_credentials(self) -> str:
        key = self._credentials.current(self.instance.id)
        assert key.issued is not None and key.expiration is not None
        return json.dumps({
            "Code": "Success", "LastUpdated": iso(key.issued), "Type": "AWS-HMAC",
            "AccessKeyId": key.id, "SecretAccessKey": key.secret, "Token": key.session_token,
            "Expiration": iso(key.expiration)}, indent=2)

    def _profile(self) -> str:
        return json.dumps({
            "Code": "Success", "LastUpdated": iso(self.instance.launched),
            "InstanceProfileArn": f"arn:aws:iam::{ACCOUNT}:instance-profile/{self.instance.role}",
            "InstanceProfileId": "AIPA0000000000000000"}, indent=2)

    def _identity(self) -> str:
        instance = self.instance
        return json.dumps({
            "accountId": ACCOUNT, "architecture": "arm64",
            "availabilityZone": instance.availability_zone, "imageId": "ami-00000000000000000",
            "instanceId": instance.id, "instanceType": "r8g.large",
            "pendingTime": iso(instance.launched), "privateIp": instance.local_ipv4,
            "region": instance.region, "version": "2017-09-30"}, indent=2)


def _host_name(instance: Instance) -> str:
    return f"ip-{instance.local_ipv4.replace('.', '-')}.{instance.region}.compute.internal"


def _plain(text: str, headers: dict[str, str] | None = None) -> Response:
    return Response(200, text.encode(), {"Content-Type": "text/plain", "Server": "EC2ws"}
                    | (headers or {}))


def _refused(status: int) -> Response:
    # A page of HTML, which nobody should take for the item.
    title = f"{status} - {_REASONS[status]}"
    page = ('<?xml version="1.0" encoding="iso-8859-1"?>\n<html lang="en">\n'
            f" <head><title>{title}</title></head>\n <body><h1>{title}</h1></body>\n</html>\n")
    headers = {"Content-Type": "text/html", "Server": "EC2ws"}
    return Response(status, page.encode(), headers)
