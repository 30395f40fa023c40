"""Who signed a request (Signature Version 4), from the bytes that arrived."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime, timedelta, timezone
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

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

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


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
    _check_scope(given, at, region, service, now)
    wanted = _signature(request, given, key.secret)
    if not hmac.compare_digest(wanted, given.signature):
        raise ApiError("SignatureDoesNotMatch")
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


def _check_scope(given: _Authorization, at: datetime, region: str, service: str,
                 now: datetime) -> None:
    if abs(now - at) > _SKEW:
        late = "expired" if at < now else "not yet current"
        raise ApiError("SignatureDoesNotMatch",
                       f"Signature {late}: {at:%Y%m%dT%H%M%SZ} is not within 5 min. of"
                       f" {now:%Y%m%dT%H%M%SZ}")
    if given.date != f"{at:%Y%m%d}":
        raise ApiError("SignatureDoesNotMatch", "Date in Credential scope does not match YYYYMMDD"
                                                " from ISO-8601 version of date from HTTP")
    if given.region != region:
        raise ApiError("SignatureDoesNotMatch", "Credential should be scoped to a valid region.")
    if given.service != service:
        raise ApiError("SignatureDoesNotMatch",
                       f"Credential should be scoped to correct service: '{service}'.")


def _signature(request: Request, given: _Authorization, secret: str) -> str:
    canonical = hashlib.sha256(_canonical(request, given.signed_headers)).hexdigest()
    date = request.headers["X-Amz-Date"]
    key = f"AWS4{secret}".encode()
    for part in (*given.scope.split("/"), f"{_ALGORITHM}\n{date}\n{given.scope}\n{canonical}"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def _canonical(request: Request, signed_headers: list[str]) -> bytes:
    target = urlsplit(request.target)
    pairs = [pair.partition("=")[::2] for pair in target.query.split("&") if pair]
    query = sorted((_encoded(unquote(name)), _encoded(unquote(value))) for name, value in pairs)
    lines = [request.method, quote(target.path, safe="/-_.~"),
             "&".join(f"{name}={value}" for name, value in query)]
    for name in signed_headers:
        values: list[str] = request.headers.get_all(name, [])
        lines.append(f"{name}:{','.join(' '.join(value.split()) for value in values)}")
    lines += ["", ";".join(signed_headers), hashlib.sha256(request.body).hexdigest()]
    return "\n".join(lines).encode()


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")
