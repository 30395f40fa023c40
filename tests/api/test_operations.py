"""Every operation of openapi.json with what is wrong; what they answer is in test_answers.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from harness.api import Api
from harness.node import Account, Node

BOB = Account("bob", "example.test", "secret")
OF_BOB = {"user": "bob", "host": "example.test"}


def commands(api: Api) -> dict[str, tuple[str, dict[str, Any]]]:
    """The method and the description of each command."""
    found = {}
    for path, ways in api.openapi()["paths"].items():
        for method, operation in ways.items():
            if "x-starlingctl" in operation:
                found[path.removeprefix("/api/")] = (method.upper(), operation)
    return found


def inside(value: Any) -> Iterator[dict[str, Any]]:
    """All objects in it."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, (dict, list)):
            yield from inside(item)


def test_the_description_is_sound(api: Api) -> None:
    document = api.openapi()
    ids, tags = [], {tag["name"] for tag in document["tags"]}
    for path, ways in document["paths"].items():
        for operation in ways.values():
            ids.append(operation["operationId"])
            assert set(operation["tags"]) <= tags, path
            assert operation["summary"], path
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            if "example" in body:
                Draft202012Validator(body["schema"]).validate(body["example"])
            for parameter in operation.get("parameters", []):
                if "example" in parameter:
                    Draft202012Validator(parameter["schema"]).validate(parameter["example"])
    assert len(ids) == len(set(ids))
    for part in inside(document):
        if "schema" in part:
            assert part["schema"], part
            Draft202012Validator.check_schema(part["schema"])
        if "$ref" in part:
            at = document
            for name in part["$ref"].removeprefix("#/").split("/"):
                at = at[name]


def test_answers_are_those_of_starlingctl(api: Api, served: Node) -> None:
    served.register(BOB)
    api.result("set_vcard", **OF_BOB, name="FN", content="Bób & Co")
    assert api.result("get_vcard", **OF_BOB, name="FN") == "Bób & Co"
    for command, arguments in [("registered_users", {"host": "example.test"}),
                               ("connected_users", {}), ("get_last", OF_BOB)]:
        assert api.result(command, **arguments) == served.ctl(command, *arguments.values())


def test_every_command_refuses_wrong_arguments(api: Api) -> None:
    for command, (method, _) in commands(api).items():
        if method == "GET":
            answer = api.ask("GET", f"/api/{command}?nonsense=1")
            twice = api.ask("GET", f"/api/{command}?nonsense=1&nonsense=2")
            assert "twice" in twice.detail, (command, twice)
        else:
            answer = api.ask("POST", f"/api/{command}", {"nonsense": 1})
            twice = api.ask("POST", f"/api/{command}", b'{"nonsense": "1", "nonsense": "2"}')
            assert "twice" in twice.detail or "nonsense" in twice.detail, (command, twice)
            for body in (b"nonsense", b"[]", b'{"a": ', b"\xff"):
                assert api.ask("POST", f"/api/{command}", body).status == 400, command
        assert (answer.status, twice.status) == (400, 400), (command, answer, twice)


def test_what_is_missing_or_of_the_wrong_type_is_named(api: Api) -> None:
    assert api.ask("GET", "/api/check_account?user=bob").detail == "missing: host"
    answer = api.ask("GET", "/api/num_active_users?host=example.test&days=many")
    assert (answer.status, answer.detail) == (400, "DAYS is a number: 'many' is none")
    for days in (-1, 1.5, [], {}, "many"):
        answer = api.ask("POST", "/api/delete_old_mam_messages", {"type": "all", "days": days})
        assert answer.status == 400, days
    for good in ("7", 7):
        assert api.ask("POST", "/api/delete_old_mam_messages",
                       {"type": "all", "days": good}).status == 200
    answer = api.ask("POST", "/api/set_loglevel", {"level": "loud"})
    assert answer.detail.startswith("LEVEL is one of debug")
    assert api.ask("GET", "/api/check_account?user=bob&host=%ff").status == 400


def test_a_change_is_a_post_and_what_tells_is_a_get(api: Api) -> None:
    for command, (method, _) in commands(api).items():
        other = "POST" if method == "GET" else "GET"
        assert api.ask(other, f"/api/{command}").status == 405, command
    assert api.ask("GET", "/api/nonsense").status == 404
    assert api.ask("GET", "/api/restore").status == 404  # starlingctl does that itself


def test_what_commands_run_into_is_a_problem(api: Api) -> None:
    assert api.call("check_account", user="nobody", host="example.test").status == 404
    assert api.call("check_account", user="a b", host="example.test").status == 400
    assert api.call("registered_users", host="nowhere.test").status == 400
    assert api.call("register", user="root", host="example.test", password="x").status == 409
    assert api.call("check_password", user="root", host="example.test",
                    password="x").status == 403
    assert api.call("list_cluster").status == 400


def test_pages_follow_each_other(api: Api) -> None:
    for level in ("info", "debug", "info", "debug"):
        api.result("set_loglevel", level=level)
    seen, after = [], {}
    while True:
        page = api.result("audit_log", limit=2, **after)
        seen += [item["arguments"] for item in page["items"]]
        if page["next"] is None:
            break
        after = {"after": int(page["next"])}
    assert [a["level"] for a in seen if "level" in a] == ["debug", "info", "debug", "info"]


@pytest.mark.parametrize(
    "header", ["", "Basic cm9vdDp4", "Bearer", "Bearer x", "Bearer " + "a" * 900])
def test_nobody_gets_in_without_a_token(served: Node, header: str) -> None:
    api = Api(served)
    headers = {"Authorization": header} if header else {}
    for command, (method, _) in commands(api).items():
        answer = api.ask(method, f"/api/{command}", **headers)
        assert answer.status == 401, (command, answer)
        assert answer.headers["www-authenticate"].startswith("Bearer")
