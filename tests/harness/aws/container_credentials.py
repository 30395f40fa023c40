"""Where a container gets its role's credentials (ECS, EKS Pod Identity):
AWS_CONTAINER_CREDENTIALS_FULL_URI."""

from __future__ import annotations

import json
import secrets

from harness.aws.clock import Clock, iso
from harness.aws.credentials import Credentials
from harness.aws.endpoint import Endpoint, Request, Response
from harness.aws.instance import ACCOUNT, ROLE


class ContainerCredentials:
    """Serves one container until it is closed, to whoever knows its authorization token."""

    def __init__(self, credentials: Credentials, clock: Clock, owner: str = "container") -> None:
        self.token = f"Bearer {secrets.token_urlsafe(30)}"
        self.owner = owner
        self._credentials = credentials
        self.endpoint = Endpoint(self._answer, clock.utc)
        self.url = f"{self.endpoint.url}/v1/credentials"

    def close(self) -> None:
        self.endpoint.close()

    def rotate_token(self) -> None:
        """As happens to the token in a file."""
        self.token = f"Bearer {secrets.token_urlsafe(30)}"

    def environment(self) -> dict[str, str]:
        return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": self.url,
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": self.token}

    def _answer(self, request: Request) -> Response:
        if request.method != "GET" or request.target != "/v1/credentials":
            return _error(404, "NotFound", "no such path")
        if request.headers.get("Authorization") != self.token:
            return _error(401, "AccessDenied", "the authorization token is missing or wrong")
        key = self._credentials.current(self.owner)
        assert key.expiration is not None
        return _json(200, {
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", "AccessKeyId": key.id,
            "SecretAccessKey": key.secret, "Token": key.session_token,
            "Expiration": iso(key.expiration)})


def _json(status: int, value: dict[str, str | None]) -> Response:
    return Response(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _error(status: int, code: str, message: str) -> Response:
    return _json(status, {"code": code, "message": message})
