"""starlingctl why and where: what became of a message, and where an account is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import HOSTS
from daemon.sessions import registered, run, session
from harness.authority import Authority
from harness.cluster import Cluster
from harness.node import Node
from harness.postgres import Postgres
from harness.waiting import eventually
from harness.xmpp.client import Client
from harness.xmpp.items import CLIENT

_SM = "urn:xmpp:sm:3"
_BLOCKING = "urn:xmpp:blocking"
_TRACE_ID = re.compile(r"[0-9a-f]{32}")


@pytest.fixture
def own(fresh_node: Node) -> Iterator[Node]:
    fresh_node.start()
    yield fresh_node


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, authority: Authority,
            postgres: Postgres) -> Iterator[Cluster]:
    nodes = Cluster(tmp_path_factory.mktemp("why"), authority, HOSTS, postgres.new_database())
    nodes.start()
    yield nodes
    nodes.stop()


def say(client: Client, to: str, number: str, text: str = "unheard-of") -> None:
    client.write(f"<message to='{to}' type='chat' id='{number}'><body>{text}</body></message>")


async def available(node: Node, account: Any, resource: str = "here") -> Client:
    client = await session(node, account, resource)
    client.write("<presence/>")
    await client.ping(client.host)
    return client


async def got(client: Client, number: str) -> None:
    await client.find(lambda e: e.tag == f"{{{CLIENT}}}message" and e.get("id") == number)


def story(node: Node, *arguments: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = node.ctl("why", *arguments)
    return told


def events(node: Node, *arguments: str) -> list[str]:
    return [one["event"] for one in story(node, *arguments)]


def test_a_message_that_was_delivered(own: Node) -> None:
    alice, bob = registered(own), registered(own, "bob")

    async def main() -> None:
        a, b = await available(own, alice), await session(own, bob)
        b.write(f"<enable xmlns='{_SM}'/>")
        await b.expect(f"{{{_SM}}}enabled")
        b.write("<presence/>")
        await b.ping(b.host)
        say(a, bob.jid, "m1")
        await got(b, "m1")
        b.write(f"<a xmlns='{_SM}' h='3'/>")
        eventually(lambda: "acknowledged" in events(own, "m1"))
        told = story(own, "m1", alice.jid)
        kinds = [one["event"] for one in told if one["event"] != "to_worker"]
        assert kinds == ["received", "sent_archived", "archived", "sent", "acknowledged"]
        assert {one["trace_id"] for one in told} == {told[0]["trace_id"]}
        assert _TRACE_ID.fullmatch(told[0]["trace_id"])
        assert "127.0.0.1" in told[0]["what"] and f"{bob.jid}/here" in told[-1]["what"]
        # The same by its trace id, as a line of the log has it; and for people.
        assert story(own, told[0]["trace_id"]) == told
        text = own.run_ctl("why", "m1", json_output=False).stdout
        assert text.startswith(f"id=m1 from={alice.jid}/here to={bob.jid} trace_id=")
        assert len(text.splitlines()) == len(told) + 1
        assert "unheard-of" not in text and "unheard-of" not in str(told)

    run(main)


def test_a_message_that_waited(own: Node) -> None:
    alice, bob = registered(own), registered(own, "bob")

    async def main() -> None:
        a = await available(own, alice)
        say(a, bob.jid, "m1")
        eventually(lambda: "waits" in events(own, "m1"))
        assert own.ctl("where", bob.jid)["offline"] == 1
        b = await available(own, bob)
        await got(b, "m1")
        told = story(own, "m1")
        assert [one["event"] for one in told][-2:] == ["offered", "delivered"]
        assert len({one["trace_id"] for one in told}) == 1

    run(main)


def test_a_message_that_was_blocked(own: Node) -> None:
    alice, bob = registered(own), registered(own, "bob")

    async def main() -> None:
        a, b = await available(own, alice), await available(own, bob)
        await b.ask(f"<iq type='set' id='%s'><block xmlns='{_BLOCKING}'>"
                    f"<item jid='{alice.jid}'/></block></iq>")
        say(a, bob.jid, "m1")
        say(b, alice.jid, "m2")
        await got(a, "m1")  # the error
        await got(b, "m2")
        told = story(own, "m1")
        kinds = [one["event"] for one in told]
        assert kinds.index("blocked") + 1 == kinds.index("bounced")
        assert told[-1]["what"].startswith("the error: written to")
        assert "delivered" not in [one["event"] for one in told if not one["error"]]
        assert [kind for kind in events(own, "m2") if kind != "to_worker"][:2] == [
            "received", "refused"]
        for event in ("stanza_bounced", "stanza_refused"):
            assert _TRACE_ID.fullmatch(own.log.wait(event)["trace_id"])

    run(main)


def test_a_message_to_nobody(own: Node) -> None:
    alice = registered(own)

    async def main() -> None:
        a = await available(own, alice)
        say(a, f"nobody@{a.host}", "m1")
        await got(a, "m1")
        told = story(own, "m1")
        assert "no_account" in [one["event"] for one in told]
        bounced = next(one for one in told if one["event"] == "bounced")
        assert "service-unavailable" in bounced["what"]
        line = own.log.wait("stanza_bounced")
        assert (line["trace_id"], line["id"]) == (bounced["trace_id"], "m1")

    run(main)


def test_what_nobody_knows_is_said_with_the_reason(fresh_node: Node) -> None:
    node = fresh_node
    node.start()
    done = node.run_ctl("why", "m1", json_output=False)
    assert (done.returncode, "since the nodes were started" in done.stderr) == (1, True)
    node.stop()
    node.config["journal"] = {"size": 2}
    node.start()
    alice = registered(node)

    async def main() -> None:
        a = await available(node, alice)
        for n in range(8):
            say(a, f"nobody@{a.host}", f"m{n}")
            await got(a, f"m{n}")

    run(main)
    done = node.run_ctl("why", "m0", json_output=False)
    assert (done.returncode, "may be forgotten" in done.stderr) == (1, True)
    node.stop()
    node.config["journal"] = {"size": 0}
    node.start()
    done = node.run_ctl("why", "m0", json_output=False)
    assert (done.returncode, "journal.size is 0" in done.stderr) == (1, True)


def test_a_third_node_tells_the_story_of_two_others(cluster: Cluster) -> None:
    alice, bob = registered(cluster[0]), registered(cluster[0], "bob")

    async def main() -> None:
        a, b = await available(cluster[0], alice), await available(cluster[1], bob)
        say(a, bob.jid, "m1")
        await got(b, "m1")
        told = story(cluster[2], "m1")
        assert len({one["trace_id"] for one in told}) == 1 and told[0]["trace_id"] != ""
        kinds = [one["event"] for one in told if one["event"] != "to_worker"]
        assert kinds == ["received", "sent_archived", "to_node", "from_node", "archived",
                         "delivered"]
        where = {one["event"]: one["name"] for one in told}
        assert (where["received"], where["to_node"]) == ("n1", "n1")
        assert (where["from_node"], where["archived"], where["delivered"]) == ("n2", "n2", "n2")
        assert "node " in cluster[2].run_ctl("why", "m1", json_output=False).stdout

        # Of a device that is connected elsewhere than its account is at home.
        tablet = await available(cluster[2], bob, "tablet")
        say(tablet, alice.jid, "m2")
        await got(a, "m2")
        where = {one["event"]: one["name"] for one in story(cluster[0], "m2", bob.jid)}
        assert (where["to_home"], where["received_here"]) == ("n3", "n2")
        assert (where["from_node"], where["delivered"]) == ("n1", "n1")
        say(a, f"{bob.jid}/tablet", "m3")
        await got(tablet, "m3")
        told = story(cluster[0], "m3")
        assert {one["trace_id"] for one in told} == {told[0]["trace_id"]}
        where = {one["event"]: one["name"] for one in told}
        assert (where["to_connection"], where["delivered"]) == ("n2", "n3")

    run(main)
    for account in (alice, bob):
        cluster[0].ctl("unregister", account.user, account.host)


def test_where_tells_of_each_session(cluster: Cluster) -> None:
    alice = registered(cluster[0])

    async def main() -> None:
        await available(cluster[0], alice, "phone")
        tablet = await session(cluster[1], alice, "tablet")
        tablet.write(f"<enable xmlns='{_SM}' resume='true'/>")
        await tablet.expect(f"{{{_SM}}}enabled")
        numbers = {one["name"]: one["node"] for one in cluster[2].ctl("list_cluster")}
        told = cluster[2].ctl("where", alice.jid)
        assert (told["home"], told["name"], told["offline"]) == (numbers["n1"], "n1", 0)
        sessions = {one["resource"]: one for one in told["sessions"]}
        assert (sessions["phone"]["connected_to"], sessions["tablet"]["connected_to"]) == (
            numbers["n1"], numbers["n2"])
        assert [sessions[name]["available"] for name in ("phone", "tablet")] == [True, False]
        assert sessions["phone"]["since"] <= sessions["tablet"]["since"]
        tablet.drop()

        def state() -> tuple[str, bool]:
            one, = cluster[2].ctl("where", f"{alice.jid}/tablet")["sessions"]
            return one["state"], one["until"] > one["since"]

        await asyncio.to_thread(eventually, lambda: state() == ("detached", True))
        gone = cluster[2].run_ctl("where", f"{alice.jid}/gone", json_output=False)
        assert (gone.returncode, "no session" in gone.stderr) == (1, True)

    run(main)
    cluster[0].ctl("unregister", alice.user, alice.host)
    gone = cluster[2].run_ctl("where", alice.jid, json_output=False)
    assert (gone.returncode, "no account" in gone.stderr) == (1, True)


def test_where_is_known_of_a_parked_session(tmp_path: Path, authority: Authority,
                                            postgres: Postgres) -> None:
    pair = Cluster(tmp_path, authority, HOSTS, postgres.new_database(), 2)
    pair.start()
    try:
        alice = registered(pair[0])

        async def main() -> None:
            client = await session(pair[0], alice)
            client.write(f"<enable xmlns='{_SM}' resume='true'/>")
            await client.expect(f"{{{_SM}}}enabled")
            client.write("<presence/>")
            await client.ping(client.host)
            await asyncio.to_thread(pair[0].stop)

        run(main)

        def told() -> list[tuple[str, str]]:
            return [(one["resource"], one["state"])
                    for one in pair[1].ctl("where", alice.jid)["sessions"]]

        eventually(lambda: told() == [("here", "parked")])
        assert "keeper" in pair[1].ctl("where", alice.jid)
    finally:
        pair.stop()
