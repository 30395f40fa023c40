"""starlingctl in a cluster: any node will do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import HOSTS
from daemon.sessions import registered, run, session
from harness.authority import Authority
from harness.cluster import Cluster
from harness.node import Node
from harness.postgres import Postgres
from harness.waiting import eventually


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, authority: Authority,
            postgres: Postgres) -> Iterator[Cluster]:
    nodes = Cluster(tmp_path_factory.mktemp("cluster"), authority, HOSTS, postgres.new_database(),
                    size=2)
    nodes.start()
    yield nodes
    nodes.stop()


def test_nodes_are_listed(cluster: Cluster) -> None:
    for node in cluster:
        eventually(lambda: [one["state"] for one in node.ctl("list_cluster")] == ["up", "up"])
        assert {one["name"] for one in node.ctl("list_cluster")} == {"n1", "n2"}


def test_nodes_hear_each_other(cluster: Cluster) -> None:
    eventually(lambda: [line.get("hears") for line in cluster[0].ctl("cluster_status")]
               == [True, True])
    assert all(line["knows_sessions"] for line in cluster[0].ctl("cluster_status"))


def test_doctor_looks_at_the_others(cluster: Cluster) -> None:
    def of_the_cluster() -> list[tuple[str, bool]]:
        findings = json.loads(cluster[0].run_ctl("doctor").stdout)["result"]
        return [(one["state"], "n2" in one["what"]) for one in findings
                if one["check"] == "cluster"]

    eventually(lambda: of_the_cluster() == [("ok", True)])


def test_what_concerns_an_account_is_done_where_it_is(cluster: Cluster) -> None:
    here, there = cluster[0], cluster[1]
    alice = registered(here)
    assert "keeper" in here.ctl("where", alice.jid)

    async def main() -> None:
        await session(there, alice)
        number = {one["name"]: one["node"] for one in here.ctl("list_cluster")}["n2"]
        where = here.ctl("where", alice.jid)
        assert where["home"] == number
        assert [one["connected_to"] for one in where["sessions"]] == [number]
        assert len(here.ctl("user_sessions_info", alice.user, alice.host)) == 1
        assert any(jid.startswith(alice.jid) for jid in here.ctl("connected_users"))
        assert here.ctl("connected_users_number") == there.ctl("connected_users_number")
        here.ctl("add_rosteritem", alice.user, alice.host, "bob", alice.host, "Bob", "", "none")
        assert here.ctl("get_roster", alice.user, alice.host) == there.ctl(
            "get_roster", alice.user, alice.host)
        assert here.ctl("kick_user", alice.user, alice.host) == 1
        assert here.ctl("user_sessions_info", alice.user, alice.host) == []

    run(main)
    here.ctl("unregister", alice.user, alice.host)


def test_sessions_of_all_nodes_come_by_pages(cluster: Cluster) -> None:
    here = cluster[0]
    accounts = [registered(here, f"reader{number}") for number in range(5)]

    async def main() -> None:
        for number, account in enumerate(accounts):
            await session(cluster[number % 2], account)
        found: list[str] = []
        while page := here.ctl("connected_users", found[-1] if found else "", "2"):
            found += page
        assert [jid for jid in found if "reader" in jid] == [f"{a.jid}/here" for a in accounts]

    run(main)
    for account in accounts:
        here.ctl("unregister", account.user, account.host)


def test_a_single_node_says_so(fresh_node: Node) -> None:
    fresh_node.start()
    for call in (["list_cluster"], ["cluster_status"]):
        done = fresh_node.run_ctl(*call, json_output=False)
        assert done.returncode == 1 and "this node is alone" in done.stderr
