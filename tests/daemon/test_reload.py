"""A running node goes by its configuration as it is now: `reload_config` and SIGHUP."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Any

import pytest

from daemon.sessions import registered, run, session, unconnected
from harness.node import Account, Node
from harness.xmpp.client import SaslFailed


def reload(node: Node, **changed: Any) -> list[str]:
    node.config |= changed
    node.write_config()
    return node.ctl("reload_config")


def refused(node: Node, text: str | None = None, **changed: Any) -> str:
    """Writes a configuration that is wrong; what the node says of it. The good one comes back."""
    good = dict(node.config)
    node.config |= changed
    path = node.write_config()
    if text is not None:
        path.write_text(text)
    answer = node.run_ctl("reload_config")
    assert answer.returncode == 1, answer.stdout
    node.config = good
    node.write_config()
    return json.loads(answer.stdout)["error"]


def test_a_host_comes_and_goes_and_the_others_do_not_notice(fresh_node: Node) -> None:
    fresh_node.start()
    alice = registered(fresh_node)
    hosts = fresh_node.hosts

    async def main() -> None:
        stays = await session(fresh_node, alice)
        lines = await asyncio.to_thread(reload, fresh_node, hosts=[*hosts, "new.test"])
        assert any(line.startswith("hosts:") for line in lines), lines
        assert fresh_node.ctl("registered_vhosts") == sorted([*hosts, "new.test"])
        guest = await asyncio.to_thread(registered, fresh_node, "guest", "new.test")
        # The authority's certificate does not name it; one of its own was made.
        newcomer = unconnected(fresh_node, guest)
        await newcomer.open(fresh_node.address())
        assert (await newcomer.stream_features()) is not None
        assert (fresh_node.folder / "data/certs/new.test.pem").exists()
        await stays.ping(hosts[0])

        await asyncio.to_thread(reload, fresh_node, hosts=hosts)
        assert fresh_node.ctl("registered_vhosts") == sorted(hosts)
        await stays.ping(hosts[0])

    run(main)


def test_the_sessions_of_a_host_that_goes_end_with_host_gone(fresh_node: Node) -> None:
    fresh_node.start()
    first, second = fresh_node.hosts
    alice = registered(fresh_node)
    bob = registered(fresh_node, "bob", second)

    async def main() -> None:
        stays = await session(fresh_node, alice)
        goes = await session(fresh_node, bob)
        await asyncio.to_thread(reload, fresh_node, hosts=[first])
        error = await goes.expect("{http://etherx.jabber.org/streams}error")
        assert error.find("{urn:ietf:params:xml:ns:xmpp-streams}host-gone") is not None
        await stays.ping(first)
        # Its accounts are still in the store when it comes back.
        await asyncio.to_thread(reload, fresh_node, hosts=[first, second])
        again = await session(fresh_node, bob)
        await again.ping(second)

    run(main)


@pytest.mark.parametrize("wrong, said", [
    ({"loglevl": "debug"}, "loglevel"),
    ({"workers": "many"}, "workers"),
    ({"certfiles": ["/nonexistent.pem"]}, "/nonexistent.pem"),
    ({"listen": [{"port": 0, "ip": "127.0.0.1", "access": "nobody-defined-this"}]},
     "nobody-defined-this"),
    ({"tls_ciphers": "NO-SUCH-CIPHER"}, "tls_ciphers"),
])
def test_what_is_wrong_changes_nothing(fresh_node: Node, wrong: dict[str, Any], said: str) -> None:
    fresh_node.start()
    before = fresh_node.ctl("dump_config")
    # Something good beside it: that is not taken either.
    error = refused(fresh_node, hosts=["other.test", "third.test"], **wrong)
    assert said in error
    assert fresh_node.ctl("dump_config") == before
    assert fresh_node.ctl("registered_vhosts") == sorted(fresh_node.hosts)
    fresh_node.log.wait("config_not_reloaded")
    assert reload(fresh_node)


def test_a_mistake_is_shown_with_its_place(fresh_node: Node) -> None:
    fresh_node.start()
    error = refused(fresh_node, text="hosts: [example.test]\nmodules:\n  archiv: {}\n")
    assert "starling.yml:3:3:" in error
    assert "archive" in error


def test_what_needs_a_restart_is_said_and_not_done(fresh_node: Node) -> None:
    fresh_node.start()
    lines = reload(fresh_node, workers=3, loglevel="info")
    assert any("workers" in line and "restart" in line for line in lines), lines
    assert any(line.startswith("loglevel:") and "restart" not in line for line in lines), lines
    assert fresh_node.ctl("status")["workers"] == 2
    assert any("workers" in line for line in reload(fresh_node)), "still to come"


def test_listeners_come_and_go(fresh_node: Node) -> None:
    fresh_node.start()
    alice = registered(fresh_node)
    listen = list(fresh_node.config["listen"])

    async def main() -> None:
        stays = await session(fresh_node, alice)
        extra = {"port": 0, "ip": "127.0.0.9", "module": "c2s"}
        await asyncio.to_thread(reload, fresh_node, listen=[*listen, extra])
        there = fresh_node.address(ip="127.0.0.9")
        client = unconnected(fresh_node, alice, "extra")
        await client.connect(there)
        await asyncio.to_thread(reload, fresh_node, listen=listen)
        with pytest.raises(OSError):
            await unconnected(fresh_node, alice, "late").open(there)
        # Who came by it stays.
        await client.ping(alice.host)
        await stays.ping(alice.host)

    run(main)


def test_a_listener_that_cannot_be_opened_changes_nothing(fresh_node: Node) -> None:
    fresh_node.start()
    taken = fresh_node.address()
    listen = [*fresh_node.config["listen"], {"port": taken.port, "ip": "0.0.0.0", "module": "c2s"}]
    before = fresh_node.ctl("dump_config")
    assert str(taken.port) in refused(fresh_node, listen=listen)
    assert fresh_node.ctl("dump_config") == before


def test_access_rules_decide_who_logs_in(fresh_node: Node) -> None:
    fresh_node.config |= {"acl": {"blocked": {"user": [f"mallory@{fresh_node.hosts[0]}"]}},
                          "access_rules": {"c2s": {"deny": "blocked", "allow": "all"}}}
    for listener in fresh_node.config["listen"]:
        listener["access"] = "c2s"
    fresh_node.start()
    alice, mallory = registered(fresh_node), registered(fresh_node, "mallory")

    async def main() -> None:
        await session(fresh_node, alice)
        with pytest.raises(SaslFailed, match="not-authorized"):
            await session(fresh_node, mallory)
        await asyncio.to_thread(reload, fresh_node, acl={"blocked": {"user": []}})
        await session(fresh_node, mallory)

    run(main)


def test_a_user_has_no_more_sessions_than_allowed(fresh_node: Node) -> None:
    fresh_node.config["shaper_rules"] = {"max_user_sessions": 2}
    fresh_node.start()
    alice: Account = registered(fresh_node)

    async def main() -> None:
        first = await session(fresh_node, alice, "one")
        await session(fresh_node, alice, "two")
        third = unconnected(fresh_node, alice, "three")
        await third.negotiate_tls(fresh_node.address())
        await third.authenticate()
        error = await third.ask("<iq type='set' id='%s'><bind xmlns='urn:ietf:params:xml:ns:"
                                "xmpp-bind'><resource>three</resource></bind></iq>")
        assert error.get("type") == "error"
        condition = error.find("{jabber:client}error")
        assert condition is not None and condition.get("type") == "wait"
        assert condition[0].tag.endswith("resource-constraint")
        # When one has gone, the same stream may try again.
        await first.close()
        await asyncio.to_thread(fresh_node.log.wait, "session_closed")
        await third.bind()

    run(main)


def test_sighup_is_a_reload(fresh_node: Node) -> None:
    fresh_node.start()
    fresh_node.config["hosts"] = [*fresh_node.hosts, "new.test"]
    fresh_node.write_config()
    fresh_node.signal(signal.SIGHUP)
    fresh_node.log.wait("config_reloaded")
    assert "new.test" in fresh_node.ctl("registered_vhosts")
