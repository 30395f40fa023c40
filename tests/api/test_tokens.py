"""Bearer tokens: what their scopes cover, and when they end."""

from __future__ import annotations

import pytest

from api.conftest import ADMIN, token, with_api
from api.test_operations import commands
from harness.api import PAGE, Api
from harness.node import Account, Node


@pytest.mark.parametrize("scopes", ["read", "write", "accounts:read", "session:write,server:read"])
def test_scopes_cover_what_they_say(served: Node, scopes: str) -> None:
    api = Api(served, token(served, scopes))
    for command, (method, operation) in commands(api).items():
        needed = next(s["bearer"] for s in operation["security"] if "bearer" in s)[0]
        tag, _, kind = needed.partition(":")
        covered = {"write", f"{tag}:write"} | ({"read", f"{tag}:read"} if kind == "read" else set())
        query = "?nonsense=1" if method == "GET" else ""
        answer = api.ask(method, f"/api/{command}{query}",
                         {"nonsense": "1"} if method == "POST" else None)
        expected = 400 if covered & set(scopes.split(",")) else 403
        assert answer.status == expected, (command, needed, answer)
        assert method == "GET" or kind == "write", command


def test_reading_shows_no_secret(served: Node) -> None:
    served_token = token(served, "read")
    api = Api(served, served_token)
    assert api.call("dump_config").status == 403
    assert api.call("check_password", user="root", host="example.test", password="x").status == 403
    shown = str(api.result("list_tokens")) + str(api.result("audit_log"))
    assert served_token.partition("_")[2] not in shown


def test_wrong_scopes_and_days_are_refused(served: Node) -> None:
    for scopes, days in (("", "1"), ("all", "1"), ("nonsense:read", "1"), ("read", "0"),
                         ("read", "3651")):
        assert served.run_ctl("create_token", "x", scopes, days).returncode == 1, scopes


def test_a_revoked_token_is_good_for_nothing(served: Node) -> None:
    one, other = Api(served, token(served)), Api(served, token(served))
    ids = [entry["id"] for entry in one.result("list_tokens")]
    assert one.call("revoke_token", id=ids[1]).status == 200
    assert other.call("status").status == 401
    assert one.call("revoke_token", id=ids[1]).status == 404
    assert one.call("status").status == 200
    assert [t["id"] for t in one.result("list_tokens")] == ids[:1]


def test_only_hashes_are_kept(served: Node) -> None:
    made = token(served)
    Api(served, made).result("status")
    served.stop()
    stored = b"".join(path.read_bytes() for path in served.folder.rglob("starling.db*"))
    assert made.partition("_")[0].encode() in stored
    assert made.partition("_")[2].encode() not in stored
    assert made not in served.log.path.read_text()
    served.start()
    assert Api(served, made).call("status").status == 200


def test_a_token_makes_no_tokens(served: Node) -> None:
    answer = Api(served, token(served)).call("create_token", name="x", scopes="read", days=1)
    assert (answer.status, answer.detail) == (403, "a token cannot make tokens")


def test_what_an_administrator_made_ends_with_his_rights(served: Node, page: Api) -> None:
    made = page.ask("POST", "/api/create_token", {"name": "x", "scopes": "write", "days": 1},
                    **PAGE)
    api = Api(served, made.body["token"])
    assert api.call("status").status == 200
    assert [t["created_by"] for t in api.result("list_tokens")] == [ADMIN.jid]
    served.ctl("ban_account", ADMIN.user, ADMIN.host, "gone")
    assert api.call("status").status == 401
    served.ctl("unban_account", ADMIN.user, ADMIN.host)
    assert api.call("status").status == 200
    served.ctl("change_password", ADMIN.user, ADMIN.host, "another")
    assert api.call("status").status == 401


def test_who_guesses_tokens_is_refused(fresh_node: Node) -> None:
    node = with_api(fresh_node)
    node.config["modules"]["fail2ban"] = {"slow_after": 1000, "max_failures_per_address": 3}
    node.start()
    good = token(node)
    api = Api(node, "a" * 10 + "_" + "b" * 52)
    assert [api.call("status").status for _ in range(4)] == [401, 401, 401, 429]
    assert Api(node, good).call("status").status == 429
    node.ctl("unban_ip", "127.0.0.1")
    assert Api(node, good).call("status").status == 200


def test_others_may_not_listen(fresh_node: Node) -> None:
    node = with_api(fresh_node)
    node.config["listen"][-1]["trusted_proxies"] = ["127.0.0.1"]
    node.start()
    api = Api(node, token(node))
    assert api.ask("GET", "/api/status").status == 200
    answer = api.ask("GET", "/api/status", X_Forwarded_For="203.0.113.7")
    assert answer.status == 403
    assert "TLS" in answer.detail
    assert api.ask("GET", "/api/status", X_Forwarded_For="203.0.113.7",
                   X_Forwarded_Proto="https").status == 200


def test_an_account_token_is_kept_by_its_maker_only(served: Node) -> None:
    bob = Account("bob", "example.test", "secret")
    served.register(bob)
    assert Api(served).sign_in(bob.jid, bob.password).status == 403
