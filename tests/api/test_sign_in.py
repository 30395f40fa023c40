"""Signing in with an account, as the operator's page does."""

from __future__ import annotations

import pytest

from api.conftest import ADMIN, with_api
from harness.api import PAGE, Api
from harness.node import Account, Node
from harness.waiting import eventually

BOB = Account("bob", "example.test", "secret")


def test_who_signs_in_may_do_all(served: Node) -> None:
    page = Api(served)
    assert page.ask("GET", "/api/session").status == 401
    answer = page.sign_in(ADMIN.jid, ADMIN.password)
    assert (answer.status, answer.body["jid"]) == (200, ADMIN.jid)
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/;", "Max-Age="))
    assert "Secure" not in cookie
    assert page.ask("GET", "/api/session").body["jid"] == ADMIN.jid
    assert page.result("status")["hosts"] == ["example.test", "other.test"]
    page.result("register", user="bob", host="example.test", password="x")
    assert page.cookie is not None
    served.stop()
    stored = b"".join(path.read_bytes() for path in served.folder.rglob("starling.db*"))
    assert page.cookie.partition("_session=")[2].partition("_")[2].encode() not in stored


@pytest.mark.parametrize(("jid", "password"), [
    (ADMIN.jid, "wrong"), ("nobody@example.test", ADMIN.password), ("example.test", "x"),
    ("root@nowhere.test", ADMIN.password), ("", ""), ("a b@example.test", "x"),
])
def test_a_wrong_password_is_refused(served: Node, jid: str, password: str) -> None:
    page = Api(served)
    answer = page.sign_in(jid, password)
    assert (answer.status, answer.detail) == (401, "the address or the password is wrong")
    assert "set-cookie" not in answer.headers


def test_what_is_no_sign_in_is_refused(served: Node) -> None:
    page = Api(served)
    for body in (b"", b"[]", b"{}", b'{"jid": 1, "password": 2}', b'{"jid": "a@b"}',
                 b'{"jid": "a@b", "password": "c", "more": 1}'):
        assert page.ask("POST", "/api/session", body).status == 400, body


def test_only_administrators_get_in(served: Node) -> None:
    served.register(BOB)
    answer = Api(served).sign_in(BOB.jid, BOB.password)
    assert (answer.status, answer.detail) == (403,
                                              f"{BOB.jid} is no administrator of this server")


def test_who_is_banned_is_told_so_with_the_right_password_only(served: Node) -> None:
    served.ctl("ban_account", ADMIN.user, ADMIN.host, "gone")
    assert Api(served).sign_in(ADMIN.jid, "wrong").status == 401
    answer = Api(served).sign_in(ADMIN.jid, ADMIN.password)
    assert answer.status == 403
    assert "disabled" in answer.detail


def test_who_guesses_is_refused(fresh_node: Node) -> None:
    node = with_api(fresh_node)
    node.config["modules"]["fail2ban"] = {"slow_after": 1000, "max_failures_per_address": 3}
    node.start()
    node.register(ADMIN)
    page = Api(node)
    tries = [page.sign_in(ADMIN.jid, "wrong").status for _ in range(4)]
    assert tries == [401, 401, 401, 429]
    assert page.sign_in(ADMIN.jid, ADMIN.password).status == 429


def test_a_password_is_not_taken_where_others_can_read_it(fresh_node: Node) -> None:
    node = with_api(fresh_node)
    node.config["listen"][-1]["trusted_proxies"] = ["127.0.0.1"]
    node.start()
    node.register(ADMIN)
    page = Api(node)
    answer = page.sign_in(ADMIN.jid, ADMIN.password, X_Forwarded_For="203.0.113.7")
    assert answer.status == 403
    assert "TLS" in answer.detail
    answer = page.sign_in(ADMIN.jid, ADMIN.password, X_Forwarded_For="203.0.113.7",
                          X_Forwarded_Proto="https")
    assert answer.status == 200
    assert "Secure" in answer.headers["set-cookie"]


def test_over_tls(fresh_node: Node) -> None:
    fresh_node.config["listen"].append(
        {"port": 0, "ip": "127.0.0.1", "module": "http", "tls": True})
    fresh_node.config["admins"] = [ADMIN.jid]
    fresh_node.start()
    fresh_node.register(ADMIN)
    page = Api(fresh_node, tls=True)
    assert "Secure" in page.sign_in(ADMIN.jid, ADMIN.password).headers["set-cookie"]
    page.result("set_loglevel", level="debug")


def test_other_sites_cannot_change_anything(page: Api) -> None:
    host = f"127.0.0.1:{page.port}"
    change = ("POST", "/api/set_loglevel", {"level": "debug"})
    assert page.ask(*change).status == 403
    assert page.ask(*change, X_Requested_With="XMLHttpRequest").status == 403
    assert page.ask(*change, **PAGE).status == 200
    assert page.ask(*change, **PAGE, Origin=f"http://{host}").status == 200
    for origin in ("http://evil.test", "null", f"http://{host}.evil.test", ""):
        assert page.ask(*change, **PAGE, Origin=origin).status == 403, origin
    assert page.ask("DELETE", "/api/session").status == 403
    assert page.ask("DELETE", "/api/sessions").status == 403
    login = {"jid": ADMIN.jid, "password": ADMIN.password}
    assert page.ask("POST", "/api/session", login, Origin="http://evil.test").status == 403
    assert page.ask("GET", "/api/status").status == 200


def test_signing_out_ends_one_session_or_all(served: Node, page: Api) -> None:
    other, third = Api(served), Api(served)
    for one in (other, third):
        one.sign_in(ADMIN.jid, ADMIN.password)
    answer = page.ask("DELETE", "/api/session", **PAGE)
    assert (answer.status, "Max-Age=0" in answer.headers["set-cookie"]) == (200, True)
    assert page.ask("GET", "/api/status").status == 401
    assert other.ask("GET", "/api/status").status == 200
    assert other.ask("DELETE", "/api/sessions", **PAGE).body == {"ended": 2}
    assert third.ask("GET", "/api/status").status == 401


@pytest.mark.parametrize("command", [
    ("change_password", ADMIN.user, ADMIN.host, "another"),
    ("ban_account", ADMIN.user, ADMIN.host, "gone"),
    ("unregister", ADMIN.user, ADMIN.host),
])
def test_a_session_ends_with_what_it_rests_on(served: Node, page: Api,
                                              command: tuple[str, ...]) -> None:
    assert page.ask("GET", "/api/status").status == 200
    served.ctl(*command)
    assert page.ask("GET", "/api/status").status == 401


def test_who_is_no_administrator_any_more_is_out(served: Node, page: Api) -> None:
    served.config["admins"] = []
    served.write_config()
    served.ctl("reload_config")
    assert page.ask("GET", "/api/status").status == 401


def test_a_session_outlives_the_node_but_not_its_time(served: Node, page: Api) -> None:
    served.restart()
    later = Api(served)
    later.cookie = page.cookie
    assert later.ask("GET", "/api/status").status == 200
    served.config["api"] = {"session_lifetime": "1 second"}
    served.restart()
    later = Api(served)
    later.sign_in(ADMIN.jid, ADMIN.password)
    eventually(lambda: later.ask("GET", "/api/session").status == 401)


def test_an_idle_session_ends(fresh_node: Node) -> None:
    node = with_api(fresh_node)
    node.config["api"] = {"session_idle": "1 second"}
    node.start()
    node.register(ADMIN)
    page = Api(node)
    page.sign_in(ADMIN.jid, ADMIN.password)
    eventually(lambda: page.ask("GET", "/api/session").status == 401)
