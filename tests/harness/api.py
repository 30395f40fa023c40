"""A client of a node's HTTP API, which checks requests and answers against openapi.json."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import jsonschema

from harness.node import TIMEOUT_S, Node

PAGE = {"X-Requested-With": "starling"}  # what the operator's page sends with a change
_FORMATS = jsonschema.FormatChecker(())


@_FORMATS.checks("date-time", ValueError)
def _is_time(value: object) -> bool:
    """RFC 3339, in UTC. Debian's jsonschema knows no times."""
    return not isinstance(value, str) or (
        value.endswith("Z") and datetime.fromisoformat(value).tzinfo is not None)


@dataclass
class Answer:
    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def detail(self) -> str:
        return str(self.body.get("detail", ""))


class Api:
    """Speaks to one listener of a node, as the holder of a token or of a cookie, or as nobody."""

    def __init__(self, node: Node, token: str | None = None, tls: bool = False) -> None:
        event = node.log.wait("listening", lambda e: e.get("module") == "http"
                              and (e.get("tls") == "direct") == tls)
        self.port: int = event["port"]
        self.tls = ssl.create_default_context(cafile=str(node.ca_file)) if tls else None
        if self.tls is not None:
            self.tls.check_hostname = False  # its certificate is not of 127.0.0.1
        self.token = token
        self.cookie: str | None = None
        self.document: dict[str, Any] = {}
        # Is told what was answered by which path, with the schema that it keeps to; no problems.
        self.on_answer: Callable[[str, dict[str, Any], Any], None] = lambda path, schema, body: None

    def _connection(self) -> http.client.HTTPConnection:
        if self.tls is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=TIMEOUT_S,
                                           context=self.tls)

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        headers = dict(more)
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if self.cookie is not None:
            headers.setdefault("Cookie", self.cookie)
        return headers

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Sends what it is told, `body` as JSON unless it is bytes. Names of headers have _ for -.
        The answer is checked."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = self._connection()
        try:
            connection.request(method, path, data, self._headers(more))
            got = connection.getresponse()
            text = got.read()
            answer = Answer(got.status, json.loads(text) if text else None,
                            {name.lower(): value for name, value in got.getheaders()})
        finally:
            connection.close()
        self._check_answer(method, path.partition("?")[0], answer)
        return answer

    def call(self, command: str, /, **arguments: Any) -> Answer:
        """Calls a command as openapi.json says; the request is checked as well."""
        ways = self.openapi()["paths"][f"/api/{command}"]
        if "post" in ways:
            schema = ways["post"]["requestBody"]["content"]["application/json"]["schema"]
            jsonschema.validate(arguments, schema)
            return self.ask("POST", f"/api/{command}", arguments, **self._marked())
        known = {p["name"]: p["schema"] for p in ways["get"]["parameters"]}
        for name, value in arguments.items():
            jsonschema.validate(value, known[name])
        query = "?" + urlencode(arguments) if arguments else ""
        return self.ask("GET", f"/api/{command}{query}")

    def result(self, command: str, /, **arguments: Any) -> Any:
        """The answer of a command that must succeed."""
        answer = self.call(command, **arguments)
        assert answer.status == 200, (command, arguments, answer)
        return answer.body

    def sign_in(self, jid: str, password: str, **headers: str) -> Answer:
        """And keeps the cookie."""
        answer = self.ask("POST", "/api/session", {"jid": jid, "password": password}, **headers)
        if answer.status == 200:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    @contextmanager
    def events(self, path: str) -> Iterator[http.client.HTTPResponse]:
        """An answer that goes on."""
        connection = self._connection()
        try:
            connection.request("GET", path, headers=self._headers({}))
            yield connection.getresponse()
        finally:
            connection.close()

    @contextmanager
    def follow(self, command: str, /, **arguments: Any) -> Iterator[Iterator[tuple[str, Any]]]:
        """The events of a command that goes on, each of them checked: ("", line), ("end", result).
        """
        media = self.openapi()["paths"][f"/api/{command}"]["get"]["responses"]["200"]["content"][
            "text/event-stream"]
        schemas = {"": media["x-line"], "end": media["x-end"],
                   "error": {"$ref": "#/components/schemas/problem"}}

        def read(response: http.client.HTTPResponse) -> Iterator[tuple[str, Any]]:
            while True:
                name, data = read_event(response)
                self._check(data, schemas[name])
                if name != "error":
                    self.on_answer(f"/api/{command} {name or 'line'}", schemas[name], data)
                yield name, data

        with self.events(f"/api/{command}?{urlencode(arguments)}") as response:
            assert response.status == 200, response.read()
            yield read(response)

    def openapi(self) -> dict[str, Any]:
        if not self.document:
            connection = self._connection()
            connection.request("GET", "/api/openapi.json")
            self.document = json.loads(connection.getresponse().read())
            connection.close()
        return self.document

    def _marked(self) -> dict[str, str]:
        return {} if self.cookie is None else PAGE

    def _check_answer(self, method: str, path: str, answer: Answer) -> None:
        ways = self.openapi()["paths"].get(path, {})
        operation = ways.get(method.lower())
        responses = operation["responses"] if operation else {}
        described = responses.get(str(answer.status)) or responses.get(f"{answer.status // 100}XX")
        if described is None:  # no such path, or not in this way
            assert operation is None or answer.status == 405, (method, path, answer)
            described = {"$ref": "#/components/responses/problem"}
        if "$ref" in described:
            described = self.openapi()["components"]["responses"][
                described["$ref"].rpartition("/")[2]]
        kind = answer.headers["content-type"]
        assert kind in described["content"], (method, path, answer)
        schema = described["content"][kind]["schema"]
        self._check(answer.body, schema)
        if answer.status == 200:
            self.on_answer(path, schema, answer.body)

    def _check(self, body: Any, schema: dict[str, Any]) -> None:
        whole = {**schema, "components": self.openapi()["components"]}
        jsonschema.Draft202012Validator(whole, format_checker=_FORMATS).validate(body)


def read_event(response: http.client.HTTPResponse) -> tuple[str, Any]:
    """The next server-sent event that is no sign of life: its name, or "", and its data."""
    name, data = "", None
    while True:
        line = response.readline().decode().rstrip("\n")
        assert line or data is not None or name == "", "it ended"
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            data = json.loads(line[6:])
        elif not line and data is not None:
            return name, data
        elif not line and response.isclosed():
            raise EOFError
