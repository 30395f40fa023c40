"""Who signed a request (Signature Version 4), from the bytes that arrived.

What the signature should be, botocore says, AWS's own client.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys

from harness.aws.credentials import AccessKey, Credentials
from harness.aws.endpoint import Request
from harness.aws.errors import ApiError

_ALGORITHM = "AWS4-HMAC-SHA256"
_SKEW = timedelta(minutes=5)


class _Authorization(NamedTuple):
    key_id: str
    date: str
    region: str
    service: str
    signed_headers: list[str]
    signature: str


class WrongSignature(ApiError):
    """Signed with a key that is good, but not as it should be; `owner` has the key."""

    def __init__(self, owner: str, message: str = "") -> None:
        super().__init__("SignatureDoesNotMatch", message)
        self.owner = owner


def authenticate(request: Request, credentials: Credentials, region: str, service: str,
                 now: datetime) -> AccessKey:
    """The key that signed it. Raises ApiError, as AWS would refuse it."""
    given = _parse(request)
    at = _signed_at(request)
    key = credentials.find(given.key_id)
    if key is None or key.session_token != request.headers.get("X-Amz-Security-Token"):
        raise ApiError("InvalidClientTokenId")
    if credentials.is_expired(key):
        raise ApiError("ExpiredToken")
    _check_time(at, now)
    if wrong := _wrong_scope(given, at, region, service):
        raise WrongSignature(key.owner, wrong)
    if not _covers(request) or _signature(request, given, key) != given.signature:
        raise WrongSignature(key.owner)
    return key


def _parse(request: Request) -> _Authorization:
    header = request.headers.get("Authorization")
    if header is None:
        raise ApiError("MissingAuthenticationToken")
    algorithm, _, rest = header.partition(" ")
    parts = dict(re.findall(r"(\w+)=([^,\s]+)", rest))
    missing = [name for name in ("Credential", "SignedHeaders", "Signature") if name not in parts]
    if algorithm != _ALGORITHM or missing:
        raise ApiError("IncompleteSignature", f"Authorization header requires {_ALGORITHM} and "
                                              f"'{', '.join(missing)}' parameter.")
    credential = parts["Credential"].split("/")
    if len(credential) != 5 or credential[4] != "aws4_request":
        raise ApiError("IncompleteSignature",
                       "Credential must have exactly 5 slash-delimited elements, e.g. "
                       f"keyid/date/region/service/term, got '{parts['Credential']}'")
    names = parts["SignedHeaders"].split(";")
    if "host" not in names:
        raise ApiError("SignatureDoesNotMatch",
                       "'Host' must be a 'SignedHeader' in the AWS Authorization.")
    unsigned = [name for name in request.headers
                if name.lower().startswith("x-amz-") and name.lower() not in names]
    if unsigned:
        raise ApiError("SignatureDoesNotMatch",
                       f"{unsigned} must be among the 'SignedHeaders' in the AWS Authorization.")
    key_id, date, region, service, _ = credential
    return _Authorization(key_id, date, region, service, names, parts["Signature"])


def _signed_at(request: Request) -> datetime:
    text = request.headers.get("X-Amz-Date", "")
    if not re.fullmatch(r"\d{8}T\d{6}Z", text):
        raise ApiError("IncompleteSignature", "Date must be in ISO-8601 'basic format'. Got "
                                              f"'{text}'.")
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)


def _check_time(at: datetime, now: datetime) -> None:
    if abs(now - at) > _SKEW:
        late = "expired" if at < now else "not yet current"
        raise ApiError("SignatureDoesNotMatch",
                       f"Signature {late}: {at:%Y%m%dT%H%M%SZ} is not within 5 min. of"
                       f" {now:%Y%m%dT%H%M%SZ}")


def _wrong_scope(given: _Authorization, at: datetime, region: str, service: str) -> str:
    """What is wrong with it; empty: nothing."""
    if given.date != f"{at:%Y%m%d}":
        return ("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date"
                " from HTTP")
    if given.region != region:
        return "Credential should be scoped to a valid region."
    if given.service != service:
        return f"Credential should be scoped to correct service: '{service}'."
    return ""


def _covers(request: Request) -> bool:
    """botocore takes this header for the body's hash without a look at the body."""
    said = request.headers.get("X-Amz-Content-SHA256")
    return said is None or said == hashlib.sha256(request.body).hexdigest()


def _signature(request: Request, given: _Authorization, key: AccessKey) -> str:
    asked = AWSRequest(request.method, f"http://{request.headers['Host']}{request.target}",
                       data=request.body)
    for name in given.signed_headers:
        for value in request.headers.get_all(name, []):
            asked.headers.add_header(name, value)
    asked.context["timestamp"] = request.headers["X-Amz-Date"]
    judge = SigV4Auth(Keys(key.id, key.secret, key.session_token), given.service, given.region)
    signature: str = judge.signature(
        judge.string_to_sign(asked, judge.canonical_request(asked)), asked)
    return signature
