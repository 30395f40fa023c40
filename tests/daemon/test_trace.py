"""starlingctl trace: the stanzas of an account's streams, live, without what people write."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from daemon.sessions import registered, run, session
from harness.cluster import Cluster
from harness.node import Node, build_folder
from harness.waiting import TIMEOUT_S


@pytest.fixture
def own(fresh_node: Node) -> Iterator[Node]:
    fresh_node.start()
    yield fresh_node


class Trace:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def json(self) -> dict[str, Any]:
        answer = json.loads(self.line())
        assert answer["ok"] is True
        return answer.get("line") or {"result": answer["result"]}

    def end(self) -> int:
        return self.process.wait(TIMEOUT_S)


@contextmanager
def tracing(node: Node, *arguments: str, text: bool = False,
            verb: str = "trace") -> Iterator[Trace]:
    """A trace that has begun."""
    command = [str(build_folder() / "starlingctl"), "--socket", str(node.socket),
               "--format", "text" if text else "json", verb, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        trace = Trace(process)
        begun = trace.line()
        assert "tracing" in begun, begun
        try:
            yield trace
        finally:
            process.kill()


def test_stanzas_are_shown_without_their_content(own: Node) -> None:
    alice, bob = registered(own), registered(own, "bob")

    async def main() -> None:
        a, b = await session(own, alice), await session(own, bob)
        with tracing(own, alice.jid, "3") as trace:
            b.write(f"<message to='{bob.jid}'><body>unseen</body></message>")
            message = f"<message to='{b.jid}' type='chat'><body>top secret</body></message>"
            a.write(message)
            await b.find(lambda e: e.get("type") == "chat")
            await a.ask("<iq type='set' id='%s'><query xmlns='jabber:iq:register'>"
                        f"<username>{alice.user}</username><password>hunter2</password>"
                        "</query></iq>")
            lines = [trace.json() for _ in range(3)]
            assert [line["direction"] for line in lines] == ["in", "in", "out"]
            assert lines[0]["size"] == len(message)
            assert lines[0]["jid"] == a.jid
            assert lines[0]["xml"] == message.replace("top secret", "[10]")
            assert "<password>[7]</password>" in lines[1]["xml"]
            assert {line["session"] for line in lines} == {lines[0]["session"]}
            assert trace.json() == {"result": {"stanzas": 3, "left_out": 0}}
            assert trace.end() == 0
        bound = own.log.wait("session_bound", lambda e: e["jid"] == a.jid)
        assert (bound["stream"], bound["session"]) == (lines[0]["stream"], lines[0]["session"])

    run(main)


def test_what_people_write_is_shown_only_if_the_configuration_allows_it(own: Node) -> None:
    alice = registered(own)
    refused = own.run_ctl("trace_bodies", alice.jid, json_output=False)
    assert refused.returncode == 1 and "trace_bodies" in refused.stderr
    own.config["trace_bodies"] = True
    own.write_config()
    own.ctl("reload_config")

    async def main() -> None:
        client = await session(own, alice)
        with tracing(own, alice.jid) as careful, \
                tracing(own, alice.jid, "2", verb="trace_bodies") as curious:
            message = f"<message to='{client.jid}' type='chat'><body>top secret</body></message>"
            client.write(message)
            lines = [curious.json() for _ in range(2)]
            assert lines[0]["xml"] == message
            assert "<body>top secret</body>" in lines[1]["xml"]
            assert careful.json()["xml"] == message.replace("top secret", "[10]")

    run(main)
    record = next(r for r in own.ctl("audit_log")["items"] if r["command"] == "trace_bodies")
    assert record["arguments"] == {"jid": alice.jid}


def test_any_node_traces_what_passes_at_all(pair: Cluster) -> None:
    one, two = pair
    alice = registered(one)

    async def main() -> None:
        phone, laptop = await session(one, alice, "phone"), await session(two, alice, "laptop")
        for node in pair:
            with tracing(node, alice.jid) as trace:
                expected = set()
                for client, name in ((phone, "n1"), (laptop, "n2")):
                    client.write("<presence/>")
                    expected.add(("in", client.jid, name))
                seen = set()
                while not expected <= seen:
                    line = trace.json()
                    seen.add((line["direction"], line["jid"], line["node"]))

    run(main)


def test_one_session_in_text(own: Node) -> None:
    alice = registered(own)

    async def main() -> None:
        phone, laptop = await session(own, alice, "phone"), await session(own, alice, "laptop")
        with tracing(own, f"{alice.jid}/laptop", "1", text=True) as trace:
            await phone.ping(phone.host)
            laptop.write("<presence><show>away</show><status>Tea</status></presence>")
            assert re.fullmatch(
                r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z in  stream=\d+ session=\d+ "
                rf"jid={re.escape(alice.jid)}/laptop size=\d+ "
                r"<presence><show>away</show><status>\[3\]</status></presence>\n", trace.line())
            assert trace.end() == 0

    run(main)


def test_a_trace_that_nobody_reads_any_more_ends(own: Node) -> None:
    alice = registered(own)

    async def main() -> None:
        client = await session(own, alice)
        with tracing(own, alice.jid) as trace:
            client.write("<presence/>")
            assert trace.json()["direction"] == "in"
            trace.process.kill()
            trace.end()
        assert own.log.wait("trace_ended")["jid"] == alice.jid
        await client.ping(client.host)

    run(main)


def test_the_nodes_stop_ends_a_trace(own: Node) -> None:
    with tracing(own, f"nobody@{own.hosts[0]}") as trace:
        own.stop()
        assert trace.json() == {"result": {"stanzas": 0, "left_out": 0}}
        assert trace.end() == 0


def test_a_watcher_that_does_not_read_is_told_what_it_missed(own: Node) -> None:
    alice = registered(own)
    stanza = "<message to='nobody@nowhere.test' id='" + "x" * 7_000 + "'/>"

    async def main() -> None:
        client = await session(own, alice)
        with tracing(own, alice.jid) as trace:
            # More than the pipe, both sockets and the node's queue hold.
            for _ in range(40):
                client.write(stanza * 20)
                await client.ping(client.host)
            while "left_out" not in trace.json():
                client.write("<presence/>")
        await client.ping(client.host)

    run(main)


def test_what_cannot_be_traced_is_refused(node: Node) -> None:
    for jid in (node.hosts[0], "a@nowhere.test"):
        done = node.run_ctl("trace", jid, json_output=False)
        assert (done.returncode, done.stdout) == (1, ""), jid
        assert "not an account of this server" in done.stderr
