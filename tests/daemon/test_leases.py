"""What one node does for all: it has one holder, whoever leaves or dies."""

from __future__ import annotations

from harness.cluster import Cluster
from harness.node import Node
from harness.waiting import eventually

_LEASE = "archive-retention"


def _holders(seen_by: Node) -> list[str]:
    """The names of those who hold it, as this node sees them."""
    return [node["name"] for node in seen_by.ctl("list_cluster") if _LEASE in node["leases"]]


def _holder(pair: Cluster) -> tuple[Node, Node]:
    """Who holds it, and who does not; both see the same."""
    eventually(lambda: len(_holders(pair[0])) == 1 and _holders(pair[1]) == _holders(pair[0]))
    name = _holders(pair[0])[0]
    holder, other = sorted(pair, key=lambda node: node.config["cluster"]["name"] != name)
    return holder, other


def test_who_leaves_hands_over(pair: Cluster) -> None:
    holder, other = _holder(pair)
    holder.stop()
    eventually(lambda: _holders(other) == [other.config["cluster"]["name"]])


def test_who_is_killed_is_replaced_when_he_is_found_dead(stopped_pair: Cluster) -> None:
    pair = stopped_pair
    for node in pair:
        node.config["cluster"] |= {"suspect": "2 seconds", "fence": "3 seconds",
                                   "dead": "5 seconds", "renew": "1 second"}
    pair.start()
    holder, other = _holder(pair)
    holder.kill()
    assert _holders(other) == [holder.config["cluster"]["name"]], "it may still be at work"
    eventually(lambda: _holders(other) == [other.config["cluster"]["name"]])
