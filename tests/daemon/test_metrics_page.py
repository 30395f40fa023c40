"""docs/metrics.md names what a node says of itself."""

from __future__ import annotations

import asyncio
import re

import pytest
from daemon.sessions import registered, run, session, unconnected
from harness.cluster import Cluster
from harness.metrics_page import documented
from harness.node import Account, Node
from harness.waiting import eventually
from harness.xmpp.client import SaslFailed

_HELP = re.compile(r"# HELP (\w+) (.*)")
_TYPE = re.compile(r"# TYPE (\w+) (\w+)")
_SERIES = re.compile(r"(starling_\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? \S+")


def _assert_all_on_page(text: str) -> set[str]:
    """Each family, with its help, type and labels; returns their names."""
    page = documented()
    helps, types = dict(_HELP.findall(text)), dict(_TYPE.findall(text))
    assert helps and helps.keys() == types.keys()
    for name, said in helps.items():
        assert name in page, f"{name} is not on the page"
        assert (page[name].help, page[name].type) == (said, types[name])
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        series = _SERIES.fullmatch(line)
        assert series, line
        labels = dict(re.findall(r'(\w+)="([^"]*)"', series.group(2) or ""))
        shown = page[series.group(1)].labels
        assert labels.keys() - {"le"} == shown.keys(), line
        for label, value in labels.items():
            # Those that are listed are all that there are; others are described.
            if re.fullmatch(r"(`[^`]+`(, )?)+", shown.get(label, "")):
                assert f"`{value}`" in shown[label], line
    return set(helps)


def test_what_a_node_with_traffic_tells_is_on_the_page(fresh_node: Node) -> None:
    node = fresh_node
    node.serve_http()
    node.start()
    alice = registered(node)

    async def main() -> None:
        client = await session(node, alice)
        await client.ping(alice.host)
        guesser = unconnected(node, Account(alice.user, alice.host, "wrong"))
        with pytest.raises(SaslFailed):
            await guesser.connect(node.address())
        client.write("<<>")
        await asyncio.to_thread(eventually,
                                lambda: "parse_errors_total" in node.get("/metrics")[1])

    run(main)
    names = _assert_all_on_page(node.get("/metrics")[1])
    assert {"starling_sessions", "starling_stanzas_received_total", "starling_login_failures_total",
            "starling_parse_errors_total", "starling_stream_errors_total",
            "starling_memory_bytes"} <= names


def test_what_a_node_of_a_cluster_tells_is_on_the_page(stopped_pair: Cluster) -> None:
    for node in stopped_pair:
        node.serve_http()
    stopped_pair.start()
    for node in stopped_pair:
        names = _assert_all_on_page(node.get("/metrics")[1])
        assert {"starling_bus_connected", "starling_bus_frames_sent_total",
                "starling_cluster_members"} <= names


def test_memory_is_told_part_by_part(fresh_node: Node) -> None:
    node = fresh_node
    node.serve_http()
    node.start()
    alice = registered(node)

    def parts() -> dict[str, float]:
        return {name: float(value) for name, value in re.findall(
            r'^starling_memory_bytes\{subsystem="(\w+)"\} (\S+)$', node.get("/metrics")[1],
            re.MULTILINE)}

    async def main() -> None:
        client = await session(node, alice)
        await client.ping(alice.host)
        await asyncio.to_thread(eventually, lambda: parts()["tls"] > 0)  # as of some seconds ago
        told = parts()
        assert told["accounts"] > 0 and told["connections"] > 0 and told["journal"] > 0
        assert told["store"] > 0
        assert "links" not in told  # there is no other node

    run(main)


def test_a_node_tells_whom_it_knows_and_hears(stopped_pair: Cluster) -> None:
    for node in stopped_pair:
        node.serve_http()
    stopped_pair.start()
    for node in stopped_pair:
        for line in ('starling_cluster_members{state="up"} 2',
                     'starling_cluster_members{state="draining"} 0',
                     "starling_cluster_members_heard 2"):
            eventually(lambda node=node, line=line: (  # type: ignore[misc]
                line in node.get("/metrics")[1].splitlines()))
