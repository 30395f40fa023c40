"""A stand-in for what a booting node asks of AWS: Secrets Manager and S3, on loopback, beside the
instance metadata of harness/aws.

It answers nobody without a good signature, which botocore recomputes from what came.
"""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys

from harness.aws.clock import Clock
from harness.aws.credentials import Credentials
from harness.aws.instance import Instance
from harness.aws.metadata import Metadata

REGION = "eu-central-1"


class AwsDouble:
    """Of one instance; use as a context manager. `secrets` and `objects` may be changed while it
    runs."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.objects: dict[str, bytes] = {}  # by "/bucket/key", as in the URL
        self._refused: list[str] = []
        clock = Clock()
        self._credentials = Credentials(clock.utc)
        self._metadata = Metadata(Instance(availability_zone=f"{REGION}a"), self._credentials,
                                  clock)
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if double._signed(self, "s3", b""):
                    found = double.objects.get(self.path)
                    self._answer(404 if found is None else 200, found or b"")
                else:
                    self._answer(403)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if not double._signed(self, "secretsmanager", body):
                    self._answer(403)
                elif self.headers["X-Amz-Target"] != "secretsmanager.GetSecretValue":
                    self._answer(400)
                else:
                    name = json.loads(body)["SecretId"]
                    self._answer(200, json.dumps(
                        {"ARN": name, "SecretString": double.secrets[name]}).encode())

            def _answer(self, status: int, body: bytes = b"") -> None:
                if status != 200:
                    double._refused.append(f"{self.command} {self.path} {status}")
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def refused(self) -> list[str]:
        """What was not answered as it should have been asked, in words."""
        return self._refused + [f"{look.method} {look.path} {look.status}"
                                for look in self._metadata.looks if look.status != 200]

    def environment(self) -> dict[str, str]:
        return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": self._metadata.url,
                "AWS_ENDPOINT_URL": self.url}

    def __enter__(self) -> AwsDouble:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._metadata.close()

    def _signed(self, request: BaseHTTPRequestHandler, service: str, body: bytes) -> bool:
        said = dict(part.split("=", 1) for part in
                    request.headers["Authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(", "))
        names = said["SignedHeaders"].split(";")
        key = self._credentials.find(said["Credential"].partition("/")[0])
        if key is None or request.headers["x-amz-security-token"] != key.session_token:
            return False
        if request.headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
            return False
        if not {"host", "x-amz-date", "x-amz-security-token"} <= set(names):
            return False
        asked = AWSRequest(request.command, self.url + request.path, data=body,
                           headers={name: request.headers[name] for name in names})
        asked.context["timestamp"] = request.headers["x-amz-date"]
        kind = S3SigV4Auth if service == "s3" else SigV4Auth
        judge = kind(Keys(key.id, key.secret, key.session_token), service, REGION)
        wanted = judge.signature(judge.string_to_sign(asked, judge.canonical_request(asked)), asked)
        return wanted == said["Signature"]
