"""How much a node has to do, as it tells load balancers, Prometheus and the other nodes."""

from __future__ import annotations

import asyncio

from daemon.sessions import registered, run, session
from harness.cluster import Cluster
from harness.node import Node
from harness.waiting import eventually


def _metric(node: Node, name: str) -> float:
    """The value of one without labels."""
    status, text = node.get("/metrics")
    assert status == 200, text
    lines = (line.split() for line in text.splitlines())
    return next(float(line[1]) for line in lines if line[0] == name)


def test_sessions_beyond_its_capacity_fill_a_node(fresh_node: Node) -> None:
    node = fresh_node
    node.serve_http()
    node.config["capacity"] = {"sessions": 1}
    node.start()
    alice = registered(node)

    async def main() -> None:
        for resource in ("one", "two", "three"):
            await session(node, alice, resource)
        await asyncio.to_thread(
            eventually, lambda: node.health()[1]["utilisation"] == {"percent": 300,
                                                                    "of": "sessions"})
        assert await asyncio.to_thread(_metric, node, "starling_utilisation_percent") == 300
        assert await asyncio.to_thread(_metric, node, "starling_sessions") == 3

    run(main)


def test_nodes_tell_each_other(pair: Cluster) -> None:
    def told() -> bool:
        nodes = pair[0].ctl("list_cluster")
        assert len(nodes) == 2
        return all(isinstance(node["utilisation"], int) and node["memory"] > 1_000_000
                   for node in nodes)

    eventually(told)


def test_any_node_knows_how_full_the_cluster_is(stopped_pair: Cluster) -> None:
    pair = stopped_pair
    for node in pair:
        node.serve_http()
        node.config["capacity"] = {"sessions": 10}
    pair.start()
    alice = registered(pair[0])

    async def main() -> None:
        for n in range(6):  # 60 per cent of the first, and none of the other
            await session(pair[0], alice, f"r{n}")
        for node in pair:
            await asyncio.to_thread(
                eventually, lambda node=node: node.health()[1]["cluster_utilisation"] >= 30)
            assert await asyncio.to_thread(
                _metric, node, "starling_cluster_utilisation_percent") < 60

    run(main)


def test_advice_for_planned_users(node: Node) -> None:
    advice = node.ctl("advise", "--users", "1000000", "--online", "10")
    assert "130000 sessions" in advice["load"]
    for group in advice["groups"]:
        assert 2 <= group["minimum"] <= group["nodes"] < group["maximum"], group
        assert group["all_cores"] == group["nodes"] * group["cores"]
    assert node.ctl("advise", "1000000", "10") == advice
    assert "per cent" in node.run_ctl("advise", "1000000", "101").stdout


def test_advice_goes_by_the_configured_capacity(fresh_node: Node) -> None:
    node = fresh_node
    node.config["capacity"] = {"sessions": 1000}
    node.start()
    advice = node.ctl("advise", "60000", "10")  # 7,800 sessions
    assert "1000 sessions are 100 %" in advice["target"]
    assert {(group["nodes"], group["limit"]) for group in advice["groups"]} == {(13, "sessions")}
    node.config["capacity"] = {"stanzas": 10}
    node.write_config()
    node.ctl("reload_config")
    advice = node.ctl("advise", "60000", "10")  # 390 stanzas a second
    assert {(group["nodes"], group["limit"]) for group in advice["groups"]} == {(65, "stanzas")}


def test_advice_for_what_was(fresh_node: Node) -> None:
    node = fresh_node
    node.start()
    alice = registered(node)

    async def main() -> None:
        for resource in ("one", "two"):
            await session(node, alice, resource)

        await asyncio.to_thread(
            eventually, lambda: "at most 2 sessions" in node.run_ctl("advise").stdout)

    run(main)


def test_one_node_notes_for_all(pair: Cluster) -> None:
    """Whichever is asked."""
    eventually(lambda: all(" of a core" in node.run_ctl("advise").stdout for node in pair))
