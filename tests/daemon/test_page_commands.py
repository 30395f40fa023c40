"""The commands of the operators' page: any node of a cluster answers for all of them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from conftest import HOSTS
from daemon.sessions import registered, run, session
from harness.authority import Authority
from harness.cluster import Cluster
from harness.node import Node, build_folder
from harness.postgres import Postgres
from harness.waiting import eventually

HOST = HOSTS[0]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, authority: Authority,
            postgres: Postgres) -> Iterator[Cluster]:
    nodes = Cluster(tmp_path_factory.mktemp("page"), authority, HOSTS, postgres.new_database(),
                    size=2)
    nodes.start()
    for node in nodes:
        eventually(lambda node=node: [one["state"] for one in node.ctl("list_cluster")]
                   == ["up", "up"])
    yield nodes
    nodes.stop()


def names(items: list[dict[str, Any]], key: str = "name") -> set[str]:
    return {item[key] for item in items}


def test_any_node_tells_of_all_sessions(cluster: Cluster) -> None:
    here, there = cluster[0], cluster[1]
    alice, bob = registered(here, "alice"), registered(here, "bob")

    async def main() -> None:
        await session(here, alice)
        await session(there, bob)
        for node in cluster:
            overview = node.ctl("overview")
            assert names(overview["nodes"]) == {"n1", "n2"}
            assert (overview["sessions"], overview["accounts"]) == (2, 2)
            assert [one["sessions"] for one in overview["nodes"]] == [1, 1]
            assert overview["missing"] == []
            [host] = [one for one in node.ctl("list_hosts")["items"] if one["host"] == HOST]
            assert (host["accounts"], host["sessions"]) == (2, 2)
            assert host["certificate"]["self_signed"] is False
            first = node.ctl("list_sessions", HOST, "", "1")
            assert [one["node"] for one in first["items"]] == ["n1"]
            rest = node.ctl("list_sessions", HOST, first["next"], "1")
            assert [one["node"] for one in rest["items"]] == ["n2"]
            assert rest["items"][0]["jid"].startswith(bob.jid) and rest["next"] is None
            accounts = node.ctl("list_accounts", HOST, "b")
            assert [(one["user"], one["sessions"]) for one in accounts["items"]] == [("bob", 1)]
            assert len(node.ctl("account_info", "bob", HOST)["sessions"]) == 1

    run(main)


def test_load_is_that_of_all(cluster: Cluster) -> None:
    def measured() -> bool:
        nodes = cluster[1].ctl("load_last_hour")["nodes"]
        return all(node["memory"] and node["memory"][-1] for node in nodes.values())

    eventually(measured)
    load = cluster[1].ctl("load_last_hour")
    assert set(load["nodes"]) == {"n1", "n2"} and load["step_s"] == 10
    assert len(load["series"]["sessions"]) == len(load["series"]["memory"]) > 0
    assert load["series"]["memory"][-1] > load["nodes"]["n1"]["memory"][-1]


def test_joins_are_told_once(cluster: Cluster) -> None:
    def joins() -> list[str]:
        events = cluster[0].ctl("cluster_events")["items"]
        return sorted(one["name"] for one in events if one["event"] == "joined")

    eventually(lambda: joins() == ["n1", "n2"])
    events = cluster[1].ctl("cluster_events")["items"]
    assert {one["lease"] for one in events if one["event"] == "lease"} >= {"archive-retention"}


def test_list_cluster_tells_who_hears_whom(cluster: Cluster) -> None:
    def heard() -> list[bool]:
        nodes = cluster[0].ctl("list_cluster")
        ids = {one["node"] for one in nodes}
        return [set(one["hears"]) == ids - {one["node"]} for one in nodes]

    eventually(lambda: heard() == [True, True])
    assert all(one["drain_left"] is None for one in cluster[0].ctl("list_cluster"))


def test_even_nodes_move_nothing(cluster: Cluster) -> None:
    answer = cluster[0].ctl("rebalance")
    assert answer["moving"] == 0 and names(answer["nodes"]) == {"n1", "n2"}


def test_the_log_of_all_is_shown(cluster: Cluster) -> None:
    lines = cluster[0].ctl("recent_log", "info", "1000")["items"]
    assert names(lines, "at_node") == {"n1", "n2"}
    assert [one["time"] for one in lines] == sorted(one["time"] for one in lines)
    assert all(one["level"] == "error" for one in cluster[0].ctl("recent_log", "error")["items"])


def test_a_node_that_does_not_answer_is_missing(cluster: Cluster) -> None:
    here, there = cluster[0], cluster[1]
    there.signal(signal.SIGSTOP)
    try:
        answer = here.ctl("list_sessions")
    finally:
        there.signal(signal.SIGCONT)
    assert answer["missing"] == ["n2"]


def test_options_and_certificates_are_explained(fresh_node: Node) -> None:
    fresh_node.start()
    [level] = fresh_node.ctl("list_options", "loglevel")["items"]
    assert level["default"] == "info" and level["type"] and level["meaning"]
    file = re.escape(str(fresh_node.folder / "starling.yml"))
    assert re.fullmatch(rf"{file}:\d+:\d+", level["from"])
    [unset] = fresh_node.ctl("list_options", "core_dumps")["items"]
    assert unset["from"] == "default"
    everything = fresh_node.ctl("list_options")["items"]
    assert {"modules.archive.max_messages", "listen"} <= names(everything)
    certificates = fresh_node.ctl("list_certificates")["items"]
    assert any(HOST in one["names"] and one["fingerprint"] for one in certificates)


def test_the_log_is_followed(fresh_node: Node) -> None:
    fresh_node.start()
    command = [str(build_folder() / "starlingctl"), "--socket", str(fresh_node.socket),
               "--format", "json", "follow_log", "info"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "following" in process.stdout.readline()

        def kicked() -> bool:
            fresh_node.ctl("kick_user", "nobody", HOST)
            line = process.stdout.readline()  # type: ignore[union-attr]
            return json.loads(line)["line"].get("command") == "kick_user"

        eventually(kicked)
        process.kill()
