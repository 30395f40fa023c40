"""One endpoint for all services of the query protocols: forms in, XML out, every call recorded."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from harness.aws.clock import Clock
from harness.aws.credentials import AccessKey, Credentials
from harness.aws.endpoint import Endpoint, Request, Response
from harness.aws.errors import ApiError
from harness.aws.instance import REGION
from harness.aws.parameters import Parameters
from harness.aws.signature import WrongSignature, authenticate
from harness.aws.xml_answer import element
from harness.waiting import TIMEOUT_S

# The result that the answer holds; None: an answer without one.
Result = dict[str, Any] | None
# Does what the parameters say, for who signed; raises ApiError.
Action = Callable[[Parameters, AccessKey | None], Result]


class Service:
    """One of AWS's services: what it is called, its actions, and how it words its answers."""

    name: ClassVar[str]  # as in signatures
    version: ClassVar[str]
    namespace: ClassVar[str]
    unsigned: ClassVar[frozenset[str]] = frozenset()  # actions that need no signature

    def actions(self) -> dict[str, Action]:
        raise NotImplementedError

    def answer(self, action: str, result: Result, request_id: str) -> str:
        content = {"ResponseMetadata": {"RequestId": request_id}}
        if result is not None:
            content = {f"{action}Result": result} | content
        return element(f"{action}Response", content, namespace=self.namespace)

    def error(self, error: ApiError, request_id: str) -> str:
        kind = "Sender" if error.status < 500 else "Receiver"
        return element("ErrorResponse", {
            "Error": {"Type": kind, "Code": error.code, "Message": error.message},
            "RequestId": request_id}, namespace=self.namespace)

    def translate(self, error: ApiError) -> ApiError:
        """A refusal that all services share, in the words of this one."""
        return error


@dataclass(frozen=True)
class Call:
    """One request that arrived, whatever became of it."""

    service: str
    action: str
    parameters: Parameters
    owner: str | None  # whose key signed it: an instance id, mostly; None: nobody's that is known
    status: int
    code: str | None  # of the error
    at: datetime  # by the wall


@dataclass
class _Fault:
    error: ApiError | None  # None: the action is done, and its answer is lost
    action: str | None
    owner: str | None
    times: int | None


class QueryApi:
    """Serves until it is closed; `url` is for AWS_ENDPOINT_URL."""

    def __init__(self, credentials: Credentials, clock: Clock, region: str = REGION) -> None:
        self.calls: list[Call] = []
        self.failure: Exception | None = None  # of the double itself
        self.wrong_signatures: list[str] = []  # whose they were
        self._credentials = credentials
        self._clock = clock
        self._region = region
        self._services: dict[str, Service] = {}
        self._faults: list[_Fault] = []
        self._changed = threading.Condition()
        # It can hang, and refuse connections.
        self.endpoint = Endpoint(self._serve, clock.utc)
        self.url = self.endpoint.url

    def add(self, service: Service) -> None:
        """Versions tell them apart."""
        self._services[service.version] = service

    def close(self) -> None:
        self.endpoint.close()

    def fail(self, code: str, action: str | None = None, owner: str | None = None,
             times: int | None = None) -> None:
        """Answers calls of `action` that `owner` signed with an error, `times` times; of any, of
        anybody, until `recover`, if not given."""
        self._add_fault(_Fault(ApiError(code), action, owner, times))

    def lose_answers(self, action: str | None = None, owner: str | None = None,
                     times: int | None = None) -> None:
        """Does what is asked, and breaks the connection instead of an answer."""
        self._add_fault(_Fault(None, action, owner, times))

    def recover(self) -> None:
        """Ends all faults."""
        with self._changed:
            self._faults.clear()
        self.endpoint.recover()

    def made(self, action: str, succeeded: bool | None = None, **parameters: str) -> list[Call]:
        """The calls of this action that succeeded, or did not, and had these parameters."""
        return [call for call in list(self.calls)
                if call.action == action and succeeded in (None, call.code is None)
                and parameters.items() <= call.parameters.items()]

    def wait_for(self, action: str, succeeded: bool | None = True, **parameters: str) -> Call:
        """The first such call, as soon as there is one."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: self.made(action, succeeded, **parameters), TIMEOUT_S)
        if not found:
            raise AssertionError(f"no call of {action} with {parameters}; there were "
                                 f"{[(c.action, c.owner, c.code) for c in self.calls]}")
        return found[0]

    def _add_fault(self, fault: _Fault) -> None:
        with self._changed:
            self._faults.append(fault)

    def _take_fault(self, action: str, owner: str | None) -> _Fault | None:
        with self._changed:
            for fault in self._faults:
                if fault.action in (None, action) and fault.owner in (None, owner):
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times == 0:
                            self._faults.remove(fault)
                    return fault
        return None

    def _serve(self, request: Request) -> Response | None:
        parameters = _parameters(request)
        service = self._services.get(parameters.get("Version", ""))
        action = parameters.get("Action", "")
        request_id = str(uuid.uuid4())
        error: ApiError | None = None
        key: AccessKey | None = None
        fault: _Fault | None = None
        text = ""
        try:
            perform = service.actions().get(action) if service else None
            if service is None or perform is None:
                version = parameters.get("Version", "NO_VERSION_SPECIFIED")
                raise ApiError("InvalidAction",
                               f"Could not find operation {action} for version {version}")
            if action not in service.unsigned:
                key = self._authenticate(request, service)
            fault = self._take_fault(action, key.owner if key else None)
            if fault is not None and fault.error is not None:
                raise fault.error
            text = service.answer(action, perform(parameters, key), request_id)
        except Exception as failure:
            if not isinstance(failure, ApiError):
                self.failure = self.failure or failure
                failure = ApiError("InternalFailure")
            error = failure
            text = (service or _NoService()).error(error, request_id)
        status = 200 if error is None else error.status
        self._record(Call(service.name if service else "", action, parameters,
                          key.owner if key else None, status, error.code if error else None,
                          self._clock.utc()))
        if fault is not None and fault.error is None:
            return None
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()
        return Response(status, body, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id})

    def _authenticate(self, request: Request, service: Service) -> AccessKey:
        try:
            return authenticate(request, self._credentials, self._region, service.name,
                                self._clock.utc())
        except ApiError as refused:
            if isinstance(refused, WrongSignature):
                self.wrong_signatures.append(refused.owner)
            raise service.translate(refused) from None

    def _record(self, call: Call) -> None:
        with self._changed:
            self.calls.append(call)
            self._changed.notify_all()


def _parameters(request: Request) -> Parameters:
    text = request.target.partition("?")[2]
    if request.headers.get_content_type() == "application/x-www-form-urlencoded":
        text += "&" + request.body.decode(errors="replace")
    return Parameters(parse_qsl(text, keep_blank_values=True))


class _NoService(Service):
    namespace = "http://webservices.amazon.com/AWSFault/2005-15-09"
