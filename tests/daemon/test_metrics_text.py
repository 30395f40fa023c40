"""/metrics, as what scrapes it reads it: in OpenMetrics and in the older format."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterable
from typing import Any

import pytest
from daemon.sessions import registered, run, session
from harness.cluster import Cluster
from harness.node import Node, build_folder
from harness.waiting import TIMEOUT_S, eventually

openmetrics = pytest.importorskip("prometheus_client.openmetrics.parser",
                                  reason="needs python3-prometheus-client")
older = pytest.importorskip("prometheus_client.parser")

# What Prometheus says.
_ACCEPT = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
           "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")

# Of so many stanzas one is measured.
_MEASURED_PART = 16


def _scraped(node: Node, accept: str | None) -> tuple[str, str]:
    """The content type, and the text."""
    event = node.log.wait("listening", lambda e: e.get("module") == "http")
    connection = http.client.HTTPConnection("127.0.0.1", event["port"], timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/metrics", headers={"Accept": accept} if accept else {})
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.headers["Content-Type"], answer.read().decode()
    finally:
        connection.close()


def _families(text: str) -> dict[str, Any]:
    """By name, of OpenMetrics; the parser refuses what is not allowed there."""
    return {family.name: family for family in openmetrics.text_string_to_metric_families(text)}


def _value(families: Iterable[Any], sample: str, **labels: str) -> float | None:
    for family in families:
        for one in family.samples:
            if one.name == sample and labels.items() <= one.labels.items():
                return float(one.value)
    return None


@pytest.fixture(name="busy")
def _busy(fresh_node: Node) -> Node:
    """A node over which messages have gone, and that has answered an iq with an error."""
    fresh_node.serve_http()
    fresh_node.start()
    alice, bob = registered(fresh_node), registered(fresh_node, "bob")

    async def main() -> None:
        sender, reader = await session(fresh_node, alice), await session(fresh_node, bob)
        for number in range(_MEASURED_PART):
            sender.write(f"<message to='{bob.jid}/here' type='chat'>"
                         f"<body>{number}</body></message>")
            await reader.find(lambda element: element.tag.endswith("message"))
        await sender.ask(f"<iq type='get' id='%s' to='{alice.host}'>"
                         "<query xmlns='urn:example:unknown'/></iq>")

    run(main)
    return fresh_node


def test_who_asks_for_it_gets_openmetrics(busy: Node) -> None:
    kind, text = _scraped(busy, _ACCEPT)
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert text.endswith("\n# EOF\n")
    families = _families(text)
    received = families["starling_stanzas_received"]
    assert received.type == "counter"
    labels = {"kind": "message"}
    assert (_value([received], "starling_stanzas_received_total", **labels) or 0) >= 1
    created = _value([received], "starling_stanzas_received_created", **labels)
    assert created is not None and 0 <= time.time() - created < 3_600
    assert families["starling_resident_memory_bytes"].unit == "bytes"


def test_all_others_get_the_older_format(busy: Node) -> None:
    for accept in (None, "*/*", "text/plain", "application/openmetrics-text;q=0"):
        kind, text = _scraped(busy, accept)
        assert kind == "text/plain; version=0.0.4"
        assert "# EOF" not in text
        families = list(older.text_string_to_metric_families(text))
        assert _value(families, "starling_sessions") is not None


def test_both_say_the_same(busy: Node) -> None:
    one = _families(_scraped(busy, _ACCEPT)[1])
    two = {family.name: family
           for family in older.text_string_to_metric_families(_scraped(busy, None)[1])}
    assert one.keys() == two.keys()
    assert {f.name: f.type for f in one.values()} == {f.name: f.type for f in two.values()}


def test_latencies_are_histograms(busy: Node) -> None:
    def counted(name: str) -> float:
        family = _families(_scraped(busy, _ACCEPT)[1])[f"starling_{name}_seconds"]
        assert (family.type, family.unit) == ("histogram", "seconds")
        every = _value([family], f"starling_{name}_seconds_bucket", le="+Inf")
        assert every == _value([family], f"starling_{name}_seconds_count")
        assert (_value([family], f"starling_{name}_seconds_sum") or 0) > 0
        return every or 0

    for name in ("routing", "ack", "store_commit"):
        assert counted(name) >= 1
    eventually(lambda: "starling_loop_delay_seconds" in _families(_scraped(busy, _ACCEPT)[1]))


def test_what_a_node_is_and_does(busy: Node) -> None:
    families = _families(_scraped(busy, _ACCEPT)[1]).values()
    assert _value(families, "starling_build_info") == 1
    assert _value(families, "starling_serving") == 1
    assert _value(families, "starling_draining") == 0
    started = _value(families, "starling_start_time_seconds")
    assert started is not None and 0 <= time.time() - started < 3_600
    ends = _value(families, "starling_certificate_expiry_timestamp_seconds")
    assert ends is not None and ends > time.time()
    assert _value(families, "starling_worker_inbox", worker="0") is not None
    assert _value(families, "starling_store_writes_waiting") is not None
    assert (_value(families, "starling_sqlite_memory_bytes") or 0) > 0
    if build_folder().name not in ("asan", "tsan"):  # those have an allocator of their own
        assert (_value(families, "starling_allocated_memory_bytes") or 0) > 0
    errors = _value(families, "starling_stanza_errors_total", condition="service-unavailable")
    assert errors is not None and errors >= 1


def test_a_cluster_tells_of_its_bus_and_leases(stopped_pair: Cluster) -> None:
    for node in stopped_pair:
        node.serve_http()
    stopped_pair.start()
    one, other = stopped_pair
    alice, bob = registered(one), registered(one, "bob")

    async def main() -> None:
        sender, reader = await session(one, alice), await session(other, bob)
        sender.write(f"<message to='{bob.jid}/here' type='chat'><body>hi</body></message>")
        await reader.find(lambda element: element.tag.endswith("message"))

    run(main)

    def told(sample: str, **labels: str) -> list[float]:
        return [_value(_families(_scraped(node, _ACCEPT)[1]).values(), sample, **labels) or 0
                for node in stopped_pair]

    for lease in ("archive-retention", "load-history"):
        eventually(lambda name=lease: sum(  # type: ignore[misc]
            told("starling_lease_held", lease=name)) == 1)
    eventually(lambda: all(told("starling_bus_round_trip_seconds_count")))
    assert told("starling_serving") == [1, 1]
