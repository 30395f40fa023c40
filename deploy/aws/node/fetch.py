#!/usr/bin/python3
"""What a node needs of AWS before starlingd runs: objects from S3, and the fleet's secrets.

    starling-fetch object BUCKET KEY FILE
    starling-fetch secrets FOLDER [--reload]

The first writes an object to a file. The second writes FOLDER/database-url and
FOLDER/certificate.pem, readable by the folder's group; with --reload, a running node takes a
changed certificate. A stock Debian has Python, but no AWS CLI, and apt may reach nothing.

From the environment: REGION, DOMAIN (amazonaws.com), DATABASE_SECRET, CERTIFICATE_SECRET (ARNs),
DATABASE_AUTHORITY (a file). AWS_EC2_METADATA_SERVICE_ENDPOINT and AWS_ENDPOINT_URL as with every
AWS tool.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

_ATTEMPTS = 6  # half a minute in all: a fresh machine's role and network take a moment
_TIMEOUT_S = 30
_METADATA = "http://169.254.169.254"


def _ask(request: urllib.request.Request) -> bytes:
    """The answer's body. Raises OSError when the last attempt failed."""
    for attempt in range(_ATTEMPTS):
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                return bytes(answer.read())
        except OSError as error:
            said = error.read().decode(errors="replace") if isinstance(
                error, urllib.error.HTTPError) else ""
            print(f"{request.full_url}: {error} {said[:500]}", file=sys.stderr)
            if attempt + 1 == _ATTEMPTS:
                raise
            time.sleep(2 ** attempt)
    raise AssertionError("unreachable")


def _metadata(path: str) -> bytes:
    """IMDSv2."""
    base = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", _METADATA).rstrip("/")
    token = _ask(urllib.request.Request(
        f"{base}/latest/api/token", method="PUT",
        headers={"X-aws-ec2-metadata-token-ttl-seconds": "300"})).decode()
    return _ask(urllib.request.Request(f"{base}/latest/meta-data/{path}",
                                       headers={"X-aws-ec2-metadata-token": token}))


def signed(service: str, path: str, headers: dict[str, str], body: bytes, role: dict[str, str],
           now: datetime.datetime) -> urllib.request.Request:
    """A request under Signature Version 4: POST if it has a body, else GET. The path is already
    percent-encoded."""
    region, domain = os.environ["REGION"], os.environ["DOMAIN"]
    base = os.environ.get("AWS_ENDPOINT_URL", f"https://{service}.{region}.{domain}").rstrip("/")
    stamp, digest = now.strftime("%Y%m%dT%H%M%SZ"), hashlib.sha256(body).hexdigest()
    headers = headers | {"host": urllib.parse.urlsplit(base).netloc, "x-amz-date": stamp,
                         "x-amz-content-sha256": digest, "x-amz-security-token": role["Token"]}
    names = sorted(headers)
    method = "POST" if body else "GET"
    canonical = "\n".join([method, path, "", *(f"{n}:{headers[n]}" for n in names), "",
                           ";".join(names), digest])
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{role['SecretAccessKey']}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={role['AccessKeyId']}/{scope}, "
        f"SignedHeaders={';'.join(names)}, "
        f"Signature={hmac.digest(key, text.encode(), 'sha256').hex()}")
    return urllib.request.Request(base + path, body or None, headers, method=method)


def _aws(service: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    name = _metadata("iam/security-credentials/").decode().strip()
    role = json.loads(_metadata(f"iam/security-credentials/{name}"))
    return _ask(signed(service, path, headers, body, role,
                       datetime.datetime.now(datetime.timezone.utc)))


def _secret(arn: str) -> str:
    answer = _aws("secretsmanager", "/", {"content-type": "application/x-amz-json-1.1",
                                          "x-amz-target": "secretsmanager.GetSecretValue"},
                  json.dumps({"SecretId": arn}).encode())
    return str(json.loads(answer)["SecretString"])


def _database_url(secret: str, authority: str) -> str:
    """As libpq takes it. The writer only: a name that still leads to the old one is refused."""
    said = json.loads(secret)
    user, password = (urllib.parse.quote(said[key], safe="") for key in ("username", "password"))
    options = urllib.parse.urlencode({"sslmode": "verify-full", "sslrootcert": authority,
                                      "target_session_attrs": "read-write"}, safe="/")
    where = f"{said['host']}:{said['port']}/{said['dbname']}"
    return f"postgresql://{user}:{password}@{where}?{options}"


def _replace(path: pathlib.Path, content: bytes, mode: int) -> bool:
    """All of it or nothing, and never readable by others. Whether it is new."""
    if path.exists() and path.read_bytes() == content:
        return False
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
    fresh.rename(path)
    return True


def _fetch_object(bucket: str, key: str, path: pathlib.Path) -> None:
    where = urllib.parse.quote(f"/{bucket}/{key}", safe="/-_.~")
    _replace(path, _aws("s3", where, {}), 0o644)


def _fetch_secrets(folder: pathlib.Path, reload: bool) -> None:
    url = _database_url(_secret(os.environ["DATABASE_SECRET"]), os.environ["DATABASE_AUTHORITY"])
    _replace(folder / "database-url", url.encode() + b"\n", 0o640)
    certificate = _secret(os.environ["CERTIFICATE_SECRET"]).encode()
    if b"-----BEGIN CERTIFICATE-----" not in certificate or b"PRIVATE KEY-----" not in certificate:
        sys.exit("the certificate's secret is not a PEM with a certificate and its private key")
    if _replace(folder / "certificate.pem", certificate, 0o640) and reload:
        subprocess.run(["systemctl", "reload", "starling.service"], check=True)


def main() -> None:
    match sys.argv[1:]:
        case ["object", bucket, key, path]:
            _fetch_object(bucket, key, pathlib.Path(path))
        case ["secrets", folder]:
            _fetch_secrets(pathlib.Path(folder), reload=False)
        case ["secrets", folder, "--reload"]:
            _fetch_secrets(pathlib.Path(folder), reload=True)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
