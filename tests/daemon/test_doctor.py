"""starlingctl doctor: a real node, a name server of the test's own, real certificates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from harness.nameserver import A, SRV, NameServer
from harness.node import Node

Finding = dict[str, str]


@pytest.fixture
def names(fresh_node: Node) -> Iterator[NameServer]:
    with NameServer() as server:
        fresh_node.config["dns_servers"] = [server.address]
        yield server


def publish(names: NameServer, node: Node, address: str = "127.0.0.1") -> None:
    """The records that a running node should have."""
    for host in node.hosts:
        names.records[(host, A)] = [address]
        for service, tls in (("_xmpp-client", "starttls"), ("_xmpps-client", "direct")):
            names.records[(f"{service}._tcp.{host}", SRV)] = \
                [(5, 0, node.address(tls).port, host)]


def examine(node: Node, code: int) -> list[Finding]:
    done = node.run_ctl("doctor")
    assert done.returncode == code, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer["result"]


def of(findings: list[Finding], check: str, state: str) -> list[str]:
    return [f"{f['what']} / {f['advice']}" for f in findings
            if (f["check"], f["state"]) == (check, state)]


def test_node_in_order_is_found_in_order(fresh_node: Node, names: NameServer) -> None:
    fresh_node.start()
    publish(names, fresh_node)
    findings = examine(fresh_node, 0)
    assert [f for f in findings if f["state"] == "error"] == []
    assert len(of(findings, "port", "ok")) == len(fresh_node.config["listen"])
    assert len(of(findings, "dns", "ok")) == 2 * len(fresh_node.hosts)
    # The tests' own authority is believed by nobody else.
    assert len(of(findings, "certificate", "warning")) == len(fresh_node.hosts)


def test_records_that_lead_nowhere_are_told(fresh_node: Node, names: NameServer) -> None:
    fresh_node.start()
    publish(names, fresh_node)
    host, other = fresh_node.hosts
    names.records[(f"_xmpp-client._tcp.{host}", SRV)] = [(5, 0, 1, host)]
    names.records[(other, A)] = ["192.0.2.9"]
    findings = examine(fresh_node, 1)
    [error] = of(findings, "dns", "error")
    assert f"_xmpp-client._tcp.{host} -> {host} port 1" in error
    assert all("192.0.2.9" in warning for warning in of(findings, "dns", "warning"))


def test_name_server_that_is_silent_is_told(fresh_node: Node, names: NameServer) -> None:
    fresh_node.start()
    publish(names, fresh_node)
    names.silent = {f"_xmpp-client._tcp.{host}" for host in fresh_node.hosts}
    findings = examine(fresh_node, 0)
    assert len(of(findings, "dns", "warning")) == len(fresh_node.hosts)


def test_certificates_are_judged_as_clients_do(fresh_node: Node, names: NameServer) -> None:
    host, other = fresh_node.hosts
    fresh_node.config["certfiles"] = [str(fresh_node.authority.issue_expired(host))]
    fresh_node.start()
    publish(names, fresh_node)
    findings = examine(fresh_node, 1)
    [expired] = of(findings, "certificate", "error")
    assert f"{host}:" in expired and "expired" in expired
    [self_signed] = of(findings, "certificate", "warning")
    assert f"{other}:" in self_signed and "self-signed" in self_signed


def test_listener_for_proxies_only_is_not_tried(fresh_node: Node, names: NameServer) -> None:
    fresh_node.config["listen"][0] |= {"use_proxy_protocol": True,
                                       "trusted_proxies": ["192.0.2.0/24"]}
    fresh_node.start()
    publish(names, fresh_node)
    findings = examine(fresh_node, 0)
    assert any("only its proxies" in finding for finding in of(findings, "port", "ok"))


def test_findings_are_readable(fresh_node: Node, names: NameServer) -> None:
    fresh_node.start()
    publish(names, fresh_node)
    done = fresh_node.run_ctl("doctor", json_output=False)
    assert done.returncode == 0
    assert "  port         " in done.stdout
    assert "\n         -> " in done.stdout  # what to do about a warning
