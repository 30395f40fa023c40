"""The record of changes, requests that are done once, and commands that go on."""

from __future__ import annotations

import json
import os
import uuid
from concurrent.futures import ThreadPoolExecutor

from api.conftest import ADMIN, token
from daemon.sessions import registered, run, session
from harness.api import PAGE, Api, read_event
from harness.cluster import Cluster
from harness.node import Node
from harness.waiting import eventually


def test_changes_are_recorded_whichever_way_they_come(served: Node, page: Api) -> None:
    api = Api(served, token(served))
    made = {"host": "example.test", "password": "unheard-of"}
    api.result("register", user="a", **made)
    page.result("register", user="b", **made)
    served.ctl("register", "c", "example.test", "unheard-of")
    api.call("register", user="a", **made)
    api.result("check_account", user="a", host="example.test")
    page.result("set_last", user="a", host="example.test", timestamp=1, status="unheard-of")
    items = api.result("audit_log")["items"]
    assert "unheard-of" not in json.dumps(items)
    told = [(i["who"], i["from"], i["command"], i["arguments"].get("user"), i["result"] == "done")
            for i in items]
    ctl, by_token = (f"uid {os.getuid()}", "starlingctl"), ("token test", "127.0.0.1")
    by_page = (ADMIN.jid, "127.0.0.1")
    assert told == [
        (*by_page, "set_last", "a", True),
        (*by_token, "register", "a", False),  # the second time
        (*ctl, "register", "c", True),
        (*by_page, "register", "b", True),
        (*by_token, "register", "a", True),
        (*ctl, "create_token", None, True),
        (*by_page, "sign_in", None, True),
        (*ctl, "register", "root", True),
    ]
    served.restart()
    assert [i["time"] for i in served.ctl("audit_log")["items"]] == [i["time"] for i in items]
    assert "unheard-of" not in served.log.path.read_text()


def test_a_key_is_carried_out_once(served: Node, api: Api) -> None:
    key = str(uuid.uuid4())
    bob = {"user": "bob", "host": "example.test", "password": "x"}

    def register(body: dict[str, str], key: str = key, by: Api = api) -> tuple[int, str]:
        answer = by.ask("POST", "/api/register", body, Idempotency_Key=key)
        return answer.status, answer.headers.get("idempotency-replayed", "")

    assert register(bob) == (200, "")
    assert register(bob) == (200, "true")
    assert register(bob, str(uuid.uuid4())) == (409, "")  # such an account exists
    assert register({**bob, "password": "y"}) == (422, "")
    assert register(bob, by=Api(served, token(served))) == (409, "")  # another caller's key
    served.restart()
    assert register(bob, by=Api(served, api.token)) == (200, "true")
    again = Api(served, api.token)
    assert register(bob, "x" * 256, again) == (400, "")
    many = str(uuid.uuid4())
    carol = {**bob, "user": "carol"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: register(carol, many, again), range(16)))
    assert answers.count((200, "")) == 1, answers
    assert set(answers) <= {(200, ""), (200, "true"), (409, "")}


def test_a_token_is_never_kept_as_an_answer(page: Api) -> None:
    answer = page.ask("POST", "/api/create_token", {"name": "x", "scopes": "read", "days": 1},
                      Idempotency_Key="a", **PAGE)
    assert answer.status == 400


def test_a_trace_goes_on_until_the_client_is_gone(served: Node, api: Api) -> None:
    alice = registered(served)

    async def main() -> None:
        client = await session(served, alice)
        with api.events(f"/api/trace?jid={alice.jid}") as trace:
            assert trace.getheader("Content-Type") == "text/event-stream"
            assert read_event(trace) == ("", {"tracing": alice.jid})
            client.write("<presence/>")
            name, line = read_event(trace)
            assert (name, line["jid"]) == ("", f"{alice.jid}/here")
        served.log.wait("trace_ended")
        with api.events(f"/api/trace?jid={alice.jid}&count=1") as trace:
            read_event(trace)
            client.write("<presence/>")
            read_event(trace)
            assert read_event(trace) == ("end", {"stanzas": 1, "left_out": 0})
            assert trace.read() == b""

    run(main)
    assert api.ask("GET", "/api/trace?jid=nobody@nowhere@test").status == 400
    with api.events("/api/trace?jid=nobody@nowhere.test") as trace:
        name, problem = read_event(trace)
        assert (name, problem["status"]) == ("error", 400)


def test_nodes_know_each_others_tokens_and_sessions(api_pair: Cluster) -> None:
    one, two = api_pair
    api = Api(two, token(one))
    assert api.call("status").status == 200
    page, other = Api(one), Api(two)
    page.sign_in(ADMIN.jid, ADMIN.password)
    other.cookie = page.cookie
    assert other.ask("GET", "/api/session").body["jid"] == ADMIN.jid
    bob = {"user": "bob", "host": "example.test", "password": "x"}
    key = str(uuid.uuid4())
    first = Api(one, api.token).ask("POST", "/api/register", bob, Idempotency_Key=key)
    again = api.ask("POST", "/api/register", bob, Idempotency_Key=key)
    assert (first.status, again.status, again.body) == (200, 200, first.body)
    assert [i["command"] for i in two.ctl("audit_log")["items"]][0] == "register"
    other.ask("DELETE", "/api/session", **PAGE)
    assert page.ask("GET", "/api/session").status == 401
    Api(one, api.token).result("revoke_token", id=str(api.token).partition("_")[0])
    eventually(lambda: api.call("status").status == 401)
