"""Starting, stopping and dying."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

from daemon.sessions import registered, run, session, unconnected
from harness.authority import Authority
from harness.node import Account, Node, build_folder
from harness.waiting import TIMEOUT_S
from harness.xmpp.client import Client
from harness.xmpp.items import STREAM, STREAM_ERRORS, Closed, EndOfStream


def test_sigterm_says_goodbye_to_clients(fresh_node: Node) -> None:
    fresh_node.start()
    alice = registered(fresh_node)

    async def main() -> None:
        bound = await session(fresh_node, alice)
        negotiating = unconnected(fresh_node, alice)
        await negotiating.negotiate_tls(fresh_node.address())
        silent = unconnected(fresh_node, alice)
        await silent.open(fresh_node.address())
        stopping = asyncio.get_running_loop().run_in_executor(None, fresh_node.stop)
        error = await bound.expect(f"{{{STREAM}}}error")
        assert error.find(f"{{{STREAM_ERRORS}}}system-shutdown") is not None
        assert isinstance(await bound.next(), EndOfStream)
        bound.write("</stream:stream>")
        assert isinstance(await bound.next(), Closed)
        await stopping

    run(main)


def test_accounts_outlive_a_restart(fresh_node: Node) -> None:
    fresh_node.start()
    alice = registered(fresh_node)
    fresh_node.restart()
    run(lambda: session(fresh_node, alice))


def test_accounts_outlive_sigkill(fresh_node: Node) -> None:
    """What starlingctl has confirmed is on disk."""
    for number in range(3):
        fresh_node.start()
        registered(fresh_node, f"user{number}")
        fresh_node.kill()
    fresh_node.start()
    assert fresh_node.ctl("registered_users", fresh_node.hosts[0]) == ["user0", "user1", "user2"]


def test_all_addresses_are_served(fresh_node: Node) -> None:
    fresh_node.start()
    alice = registered(fresh_node)

    async def main() -> None:
        client = unconnected(fresh_node, alice, "six")
        await client.connect(fresh_node.address("starttls", "::1"))
        await session(fresh_node, alice, tls="direct")

    run(main)


def test_one_data_folder_serves_one_node(fresh_node: Node, tmp_path: Path,
                                         authority: Authority) -> None:
    fresh_node.start()
    alice = registered(fresh_node)
    second = Node(tmp_path / "second", authority, fresh_node.hosts,
                  data_dir=fresh_node.config["data_dir"])
    done = run_daemon(second.write_config())
    assert done.returncode == 1
    assert "start_failed" in done.stderr
    run(lambda: session(fresh_node, alice))


def run_daemon(config: Path) -> subprocess.CompletedProcess[str]:
    """One that is expected not to start."""
    return subprocess.run([str(build_folder() / "starlingd"), "--config", str(config)],
                          capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def test_config_mistakes_are_told_with_their_place(tmp_path: Path) -> None:
    for text, word in (("hosts: [example.test\n", "bad.yml:"), ("hosst: [example.test]\n", "hosst"),
                       ("hosts: [example.test]\nworkers: many\n", "bad.yml:2:")):
        config = tmp_path / "bad.yml"
        config.write_text(text)
        done = run_daemon(config)
        assert done.returncode == 1
        assert word in done.stderr, done.stderr
    assert run_daemon(tmp_path / "missing.yml").returncode == 1


def test_unavailable_port_is_told(fresh_node: Node, tmp_path: Path,
                                  authority: Authority) -> None:
    fresh_node.start()
    second = Node(tmp_path / "second", authority, fresh_node.hosts)
    second.config["listen"] = [{"port": 0, "ip": "192.0.2.1", "module": "c2s"}]
    done = run_daemon(second.write_config())
    assert done.returncode == 1
    assert "192.0.2.1" in done.stderr


def test_sessions_are_not_mixed_up_by_many_log_ins(fresh_node: Node) -> None:
    """Streams move to their account's worker while others negotiate."""
    fresh_node.start()
    accounts = [registered(fresh_node, f"user{n}") for n in range(12)]

    async def log_in(account: Account, number: int) -> Client:
        return await session(fresh_node, account, f"r{number}", "direct" if number % 2 else
                             "starttls")

    async def main() -> None:
        clients = await asyncio.gather(*(log_in(a, n) for a in accounts for n in range(4)))
        assert [c.jid for c in clients] == [f"{a.jid}/r{n}" for a in accounts for n in range(4)]
        await asyncio.gather(*(c.ping(clients[-n].jid or "") for n, c in enumerate(clients)))
        assert fresh_node.ctl("connected_users_number") == len(clients)
        await asyncio.gather(*(c.close() for c in clients))

    run(main)
