"""starlingctl against a running node."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from daemon.sessions import registered, run, session
from harness.node import Account, Node
from harness.xmpp.client import SaslFailed
from harness.xmpp.items import ROSTER, STREAM, STREAM_ERRORS


@pytest.fixture
def own(fresh_node: Node) -> Iterator[Node]:
    """A running node without accounts."""
    fresh_node.start()
    yield fresh_node


def assert_refused(node: Node, *arguments: str) -> str:
    done = node.run_ctl(*arguments, json_output=False)
    assert done.returncode == 1, f"{arguments}: {done.returncode} {done.stdout}{done.stderr}"
    assert done.stdout == ""
    return done.stderr


def test_status_tells_about_the_node(own: Node) -> None:
    status = own.ctl("status")
    assert status["hosts"] == own.hosts
    assert (status["workers"], status["sessions"]) == (2, 0)


def test_registered_accounts_are_listed_by_host(own: Node) -> None:
    for user, host in (("bob", 0), ("alice", 0), ("carol", 1)):
        registered(own, user, own.hosts[host])
    assert own.ctl("registered_users", own.hosts[0]) == ["alice", "bob"]
    assert own.ctl("registered_users", own.hosts[1]) == ["carol"]
    text = own.run_ctl("registered_users", own.hosts[0], json_output=False)
    assert text.stdout == "alice\nbob\n"


def test_what_cannot_be_registered_is_refused(own: Node) -> None:
    registered(own)
    host = own.hosts[0]
    assert "alice" in assert_refused(own, "register", "alice", host, "again")
    assert_refused(own, "register", "ALICE", host, "prepared, it is the same name")
    assert "nowhere.test" in assert_refused(own, "register", "bob", "nowhere.test", "x")
    assert_refused(own, "register", "a b", host, "x")
    assert_refused(own, "register", "bob", host, "")
    assert own.ctl("registered_users", host) == ["alice"]


def test_unknown_accounts_are_refused(own: Node) -> None:
    host = own.hosts[0]
    assert_refused(own, "unregister", "nobody", host)
    assert_refused(own, "change_password", "nobody", host, "x")
    assert_refused(own, "registered_users", "nowhere.test")


def test_connected_users_are_listed(own: Node) -> None:
    alice, bob = registered(own), registered(own, "bob", own.hosts[1])

    async def main() -> None:
        for account, resource in ((alice, "b"), (alice, "a"), (bob, "c")):
            await session(own, account, resource)
        assert own.ctl("connected_users") == [f"{alice.jid}/a", f"{alice.jid}/b", f"{bob.jid}/c"]
        assert own.ctl("connected_users_number") == 3
        assert own.ctl("status")["sessions"] == 3

    run(main)


def test_kicked_user_may_come_back(own: Node) -> None:
    alice, bob = registered(own), registered(own, "bob")

    async def main() -> None:
        clients = [await session(own, alice, resource) for resource in ("a", "b")]
        other = await session(own, bob)
        assert own.ctl("kick_user", alice.user, alice.host) == 2
        for client in clients:
            error = await client.expect(f"{{{STREAM}}}error")
            assert error.find(f"{{{STREAM_ERRORS}}}policy-violation") is not None
        await other.ping(other.host)
        await session(own, alice)
        assert own.ctl("kick_user", "nobody", alice.host) == 0

    run(main)


def test_changed_password_counts_at_once(own: Node) -> None:
    alice = registered(own)

    async def main() -> None:
        before = await session(own, alice, "before")
        own.ctl("change_password", alice.user, alice.host, "another one")
        with pytest.raises(SaslFailed, match="not-authorized"):
            await session(own, alice, "old")
        await session(own, alice._replace(password="another one"), "new")
        await before.ping(before.host)

    run(main)


def test_unregistered_account_leaves_nothing(own: Node) -> None:
    alice = registered(own)

    async def roster(account: Account) -> tuple[int, object]:
        client = await session(own, account)
        await client.ask(f"<iq type='set' id='%s'><query xmlns='{ROSTER}'>"
                         "<item jid='x@example.test'/></query></iq>")
        answer = await client.ask(f"<iq type='get' id='%s'><query xmlns='{ROSTER}'/></iq>")
        return len(answer.findall(f".//{{{ROSTER}}}item")), client

    async def main() -> None:
        count, client = await roster(alice)
        assert count == 1
        own.ctl("unregister", alice.user, alice.host)
        await client.expect(f"{{{STREAM}}}error")  # type: ignore[attr-defined]
        with pytest.raises(SaslFailed, match="not-authorized"):
            await session(own, alice)
        again = await session(own, registered(own))
        answer = await again.ask(f"<iq type='get' id='%s'><query xmlns='{ROSTER}'/></iq>")
        assert answer.findall(f".//{{{ROSTER}}}item") == []

    run(main)


def test_stop_ends_the_node(own: Node) -> None:
    own.ctl("stop")
    assert own.wait_exit() == 0
    done = own.run_ctl("status")
    assert done.returncode == 2
    assert str(own.socket) in done.stderr


def test_help_has_examples(node: Node) -> None:
    for command in ("", "register", "kick_user"):
        done = node.run_ctl(*command.split(), "--help", json_output=False)
        assert done.returncode == 0
        assert f"Example: starlingctl {command}" in done.stdout


def test_password_may_look_like_an_option(node: Node, new_account: Callable[..., Account]) -> None:
    account = new_account()
    node.ctl("change_password", account.user, account.host, "--", "-secret")

    async def main() -> None:
        await session(node, account._replace(password="-secret"))

    run(main)
