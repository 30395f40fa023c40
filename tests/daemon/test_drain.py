"""A node that is told to go: who is told, when, and what becomes of those who come late."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from conftest import HOSTS

from daemon.sessions import registered, run, session, unconnected
from daemon.test_parking import managed, resumed
from harness.authority import Authority
from harness.cluster import Cluster
from harness.node import Address, Node
from harness.ports import free_port
from harness.postgres import Postgres
from harness.waiting import TIMEOUT_S, eventually
from harness.xmpp.client import Client

_LINGER = {"drain": {"linger": "60 seconds"}}


def end_impatiently(node: Node) -> None:
    """Two signals: it does not wait any longer."""
    node.signal(signal.SIGTERM)
    node.signal(signal.SIGINT)


async def stream_error(client: Client) -> tuple[str, str]:
    """Its condition, and what is in that."""
    error = await client.find(lambda e: e.tag.endswith("}error") and "etherx" in e.tag)
    return error[0].tag.partition("}")[2], error[0].text or ""


def test_health_tells_whether_to_come(fresh_node: Node) -> None:
    node = fresh_node
    node.serve_http()
    node.config |= _LINGER
    node.start()
    alice = registered(node)

    async def main() -> None:
        early = await session(node, alice, "early")
        await asyncio.to_thread(_is, node, 200, {"status": "up", "sessions": 1})
        os.kill(node.pid, signal.SIGTERM)
        assert await stream_error(early) == ("system-shutdown", "")
        # A load balancer has not asked yet.
        late = await session(node, alice, "late")
        await late.ping(late.host)
        await asyncio.to_thread(
            _is, node, 503, {"status": "down", "reason": "draining", "sessions": 1})
        assert node.health("/health/live") == (200, {"status": "up"})
        status = await asyncio.to_thread(node.ctl, "status")
        assert (status["draining"], status["sessions_before"]) == (True, 1)
        os.kill(node.pid, signal.SIGINT)  # impatient: no more waiting
        assert await stream_error(late) == ("system-shutdown", "")
        assert await asyncio.to_thread(node.wait_exit) == 0

    run(main)


def _is(node: Node, status: int, body: dict[str, Any]) -> None:
    code, said = node.health()
    utilisation = said.pop("utilisation")
    assert (code, said) == (status, body)
    assert 0 <= utilisation["percent"] <= 400, utilisation


@pytest.mark.parametrize("locked", ["starling.migration", "starling.node"])
def test_health_while_the_node_waits_to_start(tmp_path: Path, authority: Authority,
                                              postgres: Postgres, locked: str) -> None:
    """For its database to be brought up to date, and to become a member of its cluster."""
    cluster = Cluster(tmp_path, authority, HOSTS, postgres.new_database(), 1)
    node = cluster[0]
    port = free_port()
    node.config["listen"].append({"port": port, "ip": "127.0.0.1", "module": "http"})
    cluster.start()  # so that the tables are there
    cluster.stop()

    def said(path: str) -> tuple[int, str] | None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return None
        finally:
            connection.close()

    try:
        with postgres.holding(f"LOCK TABLE {locked}", cluster.database.rpartition("/")[2]):
            node.launch()
            eventually(lambda: said("/health/live") == (200, '{"status":"up"}\n'))
            status, text = said("/health") or (0, "")
            assert (status, json.loads(text)) == (
                503, {"status": "down", "reason": "starting", "sessions": 0})
            for path in ("/api/status", "/admin/", "/ws", "/metrics"):
                assert (said(path) or (0, ""))[0] == 503, path
            assert "listening" not in [event.get("event") for event in node.log.events]
        node.log.wait("node_ready")
        assert node.health()[0] == 200
        assert node.get("/metrics")[0] == 200
    finally:
        node.stop()


def test_health_away_from_the_cluster(tmp_path: Path, authority: Authority,
                                      postgres: Postgres) -> None:
    """A node that is fenced does not send its load balancer any clients, but answers it."""
    cluster = Cluster(tmp_path, authority, HOSTS, postgres.new_database(), 1,
                      renew="1 second", suspect="2 seconds", fence="3 seconds", dead="5 seconds")
    node = cluster[0]
    node.serve_http()
    cluster.start()
    try:
        assert node.health()[0] == 200
        postgres.stop()
        node.log.wait("cluster_fenced")
        status, body = node.health()
        assert (status, body["reason"]) == (503, "not in its cluster")
    finally:
        postgres.start()
        cluster.stop()


def test_a_node_is_told_to_leave_by_another(stopped_pair: Cluster) -> None:
    leaving, staying = stopped_pair
    leaving.config |= _LINGER
    stopped_pair.start()
    alice = registered(staying)

    async def main() -> None:
        away, previous = await managed(leaving, alice)
        assert "is leaving" in await asyncio.to_thread(staying.ctl, "leave_cluster", "n1")
        assert await stream_error(away) == ("system-shutdown", "")
        nodes = await asyncio.to_thread(staying.ctl, "list_cluster")
        assert {n["name"]: n["state"] for n in nodes} == {"n1": "draining", "n2": "up"}
        await resumed(staying, alice, previous, h=0)
        end_impatiently(leaving)
        assert await asyncio.to_thread(leaving.wait_exit) == 0
        nodes = await asyncio.to_thread(staying.ctl, "list_cluster")
        assert [n["name"] for n in nodes] == ["n2"]
        nobody = await asyncio.to_thread(staying.run_ctl, "leave_cluster", "n1")
        assert "there is no node n1" in nobody.stdout + nobody.stderr

    run(main)


def test_a_signal_behind_a_command_is_the_first(stopped_pair: Cluster) -> None:
    """As Kubernetes sends one behind the preStop hook; a command once more changes nothing, too."""
    leaving = stopped_pair[0]
    leaving.config |= _LINGER
    stopped_pair.start()
    alice = registered(leaving)

    async def main() -> None:
        for _ in range(2):
            await asyncio.to_thread(leaving.ctl, "leave_cluster")
        leaving.log.wait("stopping", lambda event: event.get("reason") == "a command")
        leaving.signal(signal.SIGTERM)
        leaving.log.wait("stopping", lambda event: event.get("signal") == "SIGTERM")
        late = await session(leaving, alice, "late")
        await late.ping(late.host)
        assert "stopping_at_once" not in [event.get("event") for event in leaving.log.events]
        leaving.signal(signal.SIGINT)
        leaving.log.wait("stopping_at_once")
        assert await stream_error(late) == ("system-shutdown", "")
        assert await asyncio.to_thread(leaving.wait_exit) == 0

    run(main)


def test_clients_are_sent_to_a_node_that_stays(stopped_pair: Cluster) -> None:
    """<see-other-host/>, to those who are there and to those who come."""
    leaving, staying = stopped_pair
    leaving.config |= _LINGER
    port = free_port()
    staying.config["listen"][0]["port"] = port
    staying.config["cluster"]["client_address"] = f"127.0.0.1:{port}"
    stopped_pair.start()
    alice = registered(staying)

    async def main() -> None:
        away, previous = await managed(leaving, alice)
        assert "is leaving" in await asyncio.to_thread(leaving.ctl, "leave_cluster")
        there = f"127.0.0.1:{port}"
        assert await stream_error(away) == ("see-other-host", there)
        newcomer = unconnected(leaving, alice, "late")
        await newcomer.open(leaving.address())
        await newcomer.stream_features()
        await newcomer.start_tls()  # not before the stream is protected
        newcomer.open_stream()
        assert await stream_error(newcomer) == ("see-other-host", there)
        assert staying.address() == Address("127.0.0.1", port)
        await resumed(staying, alice, previous, h=0)
        end_impatiently(leaving)
        assert await asyncio.to_thread(leaving.wait_exit) == 0

    run(main)
