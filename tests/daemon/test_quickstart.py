"""What `./x run` starts: a node for somebody who has nothing yet, and its greeting."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.sessions import run, session
from harness.api import Api
from harness.authority import Authority
from harness.node import ROOT, Account, Node, build_folder
from harness.ports import free_port
from harness.waiting import TIMEOUT_S, eventually

openmetrics = pytest.importorskip("prometheus_client.openmetrics.parser",
                                  reason="needs python3-prometheus-client")

_LISTEN = [{"module": "c2s"}, {"module": "c2s", "tls": True},
           {"module": "http", "tls": True}, {"module": "http"}]


class Quickstart(Node):
    """Makes its configuration itself. Only ports, and how it logs, are ours."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        super().__init__(folder, authority, ["localhost"], certfiles=[])
        self.place = folder / "run"
        self.written = self.place / "starling.yml"
        self.socket = self.place / "data/ctl.sock"

    @property
    def ca_file(self) -> Path:
        return self.place / "data/certs/localhost.pem"  # signed by itself

    def listen(self) -> list[dict[str, Any]]:
        """As its own file has it, as soon as there is one; on ports that nobody else uses."""
        there = (yaml.safe_load(self.written.read_text())["listen"] if self.written.exists()
                 else _LISTEN)
        return [{**one, "ip": "127.0.0.1", "port": free_port()} for one in there]

    def launch(self) -> None:
        self.output = self.folder / "stdout"
        with self.output.open("wb") as stdout:
            self._process = subprocess.Popen(
                [str(build_folder() / self.program), "--quickstart", str(self.place)],
                env=os.environ | {"STARLING_LISTEN": json.dumps(self.listen()),
                                  "STARLING_LOG_FORMAT": "json"},
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE)
        self.log.follow(self._process.stderr)

    def greeting(self) -> str:
        eventually(lambda: "Stop: Ctrl-C" in self.output.read_text())
        return self.output.read_text()


@pytest.fixture
def newcomer(tmp_path: Path, authority: Authority) -> Iterator[Quickstart]:
    node = Quickstart(tmp_path / "node", authority)
    node.start()
    yield node
    node.stop()


def _fetched(url: str, accept: str = "text/html") -> tuple[str, str]:
    """The content type and the text of what a browser would see there."""
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        assert answer.status == 200
        return answer.headers["Content-Type"], answer.read().decode()


def _check_links(greeting: str) -> None:
    links = {what: url for url, what in re.findall(r"(http://localhost:\d+/(\w+))", greeting)}
    assert sorted(links) == ["admin", "chat", "metrics"], greeting
    for what, title in (("admin", "Starling"), ("chat", "Chat")):
        kind, page = _fetched(links[what])
        assert kind == "text/html; charset=utf-8"
        assert f"<title>{title}</title>" in page
        scripts = re.findall(r'<script[^>]* src="([^"]+)"', page)
        assert scripts, "the page is more than its HTML"
        base = links[what].rpartition("/")[0]
        for script in scripts:
            assert "javascript" in _fetched(base + script)[0]
    kind, text = _fetched(links["metrics"], "application/openmetrics-text;version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    names = {family.name for family in openmetrics.text_string_to_metric_families(text)}
    assert "starling_sessions" in names


def _logs_in(node: Quickstart, account: Account) -> None:
    """With a client, and to the operator's page."""
    async def main() -> None:
        for tls in ("starttls", "direct"):
            client = await session(node, account, tls=tls)
            assert client.jid == f"{account.jid}/here"
            await client.close()

    run(main)
    page = Api(node)
    assert page.sign_in(account.jid, account.password).status == 200
    assert page.result("status")["hosts"] == ["localhost"]


def _check_file(written: str) -> None:
    """Who reads of 5222 and 5280 in the documents finds them; what has no TLS is for this machine
    only."""
    listen = yaml.safe_load(written)["listen"]
    assert {(one["module"], one["port"], one.get("tls", False)) for one in listen} == {
        ("c2s", 5222, False), ("c2s", 5223, True), ("http", 5443, True), ("http", 5280, False)}
    assert [one["ip"] for one in listen if one["port"] == 5280] == ["127.0.0.1"]


def test_the_first_account_and_the_links(newcomer: Quickstart) -> None:
    """Each printed link leads where it says, and the printed password opens what it should; a
    second start keeps account and password and prints neither again."""
    node = newcomer
    greeting = node.greeting()
    found = re.search(r"First account +(\S+)@localhost\n +Password +(\S+) ", greeting)
    assert found, greeting
    first = Account(found[1], "localhost", found[2])
    _check_links(greeting)
    _logs_in(node, first)
    printed = re.search(r"More accounts:\n +(.+)\n", greeting)
    assert printed, greeting
    subprocess.run(printed[1], shell=True, cwd=ROOT, input="a password\n", text=True, check=True,
                   timeout=TIMEOUT_S, stdout=subprocess.DEVNULL)
    assert node.ctl("registered_users", "localhost") == ["admin", "alice"]

    made = node.written.read_text()
    _check_file(made)
    node.restart()
    again = node.greeting()
    assert node.written.read_text() == made, "the file is the user's from now on"
    assert node.ctl("registered_users", "localhost") == ["admin", "alice"]
    assert first.password not in again and "Password" not in again
    _check_links(again)
    _logs_in(node, first)
    assert "already" in again, f"who lost the password is not told why there is none:\n{again}"
