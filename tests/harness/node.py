"""One starlingd for tests: its folder, configuration, process, log and starlingctl."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from harness.authority import Authority
from harness.waiting import TIMEOUT_S

ROOT = Path(__file__).resolve().parents[2]
Event = dict[str, Any]
_T = TypeVar("_T")
_SANITIZER_WORDS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:")


def build_folder() -> Path:
    """The build under test: $STARLING_BUILD, relative to the top folder of the project."""
    return ROOT / os.environ.get("STARLING_BUILD", "build/release")


class Address(NamedTuple):
    """Where a listener is."""

    ip: str
    port: int


class Account(NamedTuple):
    """An account that a test registered."""

    user: str
    host: str
    password: str

    @property
    def jid(self) -> str:
        return f"{self.user}@{self.host}"


class Log:
    """The lines a process writes to stderr, kept in memory and in a file as they arrive."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events: list[Event] = []
        self._changed = threading.Condition()
        self._ended = True
        self._reader: threading.Thread | None = None

    def follow(self, pipe: Any) -> None:
        self.events.clear()
        self._ended = False
        self._reader = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._reader.start()

    def _read(self, pipe: Any) -> None:
        with pipe, self.path.open("ab") as file:
            for line in pipe:
                file.write(line)
                file.flush()
                try:
                    event = json.loads(line)
                except ValueError:
                    continue  # a sanitizer's report, say: it is in the file
                if isinstance(event, dict):
                    with self._changed:
                        self.events.append(event)
                        self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait(self, name: str, matches: Callable[[Event], bool] = lambda _: True) -> Event:
        """The first event `name` that matches, as soon as there is one."""
        return self.wait_until(lambda events: next(
            (e for e in events if e.get("event") == name and matches(e)), None), f"event {name!r}")

    def wait_until(self, found: Callable[[list[Event]], _T | None], what: str) -> _T:
        """What is found among all events so far, as soon as it is something; `what` says what."""
        with self._changed:
            self._changed.wait_for(lambda: found(self.events) or self._ended, TIMEOUT_S)
            result = found(self.events)
        if not result:
            raise AssertionError(f"no {what} in the log; its end:\n{self.tail()}")
        return result

    def finish(self) -> None:
        """Returns when the process has closed its stderr and all of it has been read."""
        if self._reader is not None:
            self._reader.join(TIMEOUT_S)

    def tail(self, lines: int = 40) -> str:
        text = self.path.read_text(errors="replace") if self.path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


class Node:
    """A daemon in a folder of its own, on free ports of the loopback interfaces.

    Stopping it asserts that it ended with exit code 0 and that no sanitizer complained.
    """

    def __init__(self, folder: Path, authority: Authority, hosts: list[str],
                 **settings: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.hosts = hosts
        self.authority = authority
        self.log = Log(folder / "stderr.log")
        self.socket = folder / "ctl.sock"
        self.config = self._default_config() | settings
        if "certfiles" not in self.config:
            self.config["certfiles"] = [str(authority.issue(host)) for host in hosts]
        self.program = "starlingd"
        self.launcher: list[str] = []  # a program, with arguments, that becomes the daemon
        self.environment: dict[str, str] = {}  # besides our own
        self._process: subprocess.Popen[bytes] | None = None

    def _default_config(self) -> dict[str, Any]:
        loopback = {"port": 0, "ip": "127.0.0.1", "module": "c2s"}
        return {
            "hosts": self.hosts,
            "data_dir": str(self.folder / "data"),
            "ctl_socket": str(self.socket),
            "loglevel": "debug",
            "log_format": "json",
            "workers": 2,
            "cluster": {"port": 0},  # with a database only
            "listen": [
                {**loopback, "starttls_required": True},
                {**loopback, "tls": True},
                {**loopback, "ip": "::1", "starttls_required": True},
            ],
            # All tests come from one address; some of them guess.
            "modules": {"fail2ban": {"access": "all"}},
        }

    @property
    def ca_file(self) -> Path:
        return self.authority.ca_file

    @property
    def pid(self) -> int:
        assert self._process is not None, "the node is not running"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """As far as it was not waited for."""
        return self._process is not None

    def write_config(self) -> Path:
        path = self.folder / "starling.yml"
        path.write_text(json.dumps(self.config, indent=1))  # JSON is YAML
        return path

    def launch(self) -> None:
        """Starts the daemon, whatever becomes of it."""
        assert self._process is None, "the node is running already"
        config = self.write_config()
        self._process = subprocess.Popen(
            [*self.launcher, str(build_folder() / self.program), "--config", str(config)],
            env=os.environ | self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.log.follow(self._process.stderr)

    def start(self) -> None:
        """Starts the daemon and returns when it says that it is ready."""
        self.launch()
        try:
            self.log.wait("node_ready")
        except AssertionError:
            self.kill()
            raise

    def stop(self) -> None:
        """SIGTERM; the daemon must end by itself, in order, with nothing to complain about."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self.wait_exit()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not stop on SIGTERM; its log:\n{self.log.tail()}") from None
        assert code == 0, f"exit code {code} after SIGTERM; the log's end:\n{self.log.tail()}"

    def kill(self) -> None:
        """SIGKILL: what a power cut or the kernel's OOM killer would do to the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(TIMEOUT_S)
            self._process = None
            self.log.finish()

    def restart(self) -> None:
        self.stop()
        self.start()

    def assert_sane(self) -> None:
        """No sanitizer wrote a report to the log."""
        text = self.log.path.read_text(errors="replace")
        for word in _SANITIZER_WORDS:
            at = text.find(word)
            assert at < 0, f"in {self.log.path}:\n{text[max(0, at - 200):at + 6000]}"

    def address(self, tls: str = "starttls", ip: str = "127.0.0.1") -> Address:
        """The client port with this kind of TLS: "starttls", "direct" or "none"."""
        event = self.log.wait("listening", lambda e: (e.get("module"), e.get("tls"),
                                                      e.get("address")) == ("c2s", tls, ip))
        return Address(ip, event["port"])

    def serve_http(self, **settings: Any) -> None:
        """With an HTTP listener, for `health`. Before it starts."""
        self.config["listen"].append(
            {"port": 0, "ip": "127.0.0.1", "module": "http", **settings})

    def http_address(self, tls: str = "none") -> Address:
        """The HTTP port with this kind of TLS: "direct" or "none"."""
        event = self.log.wait("listening", lambda e: (e.get("module"), e.get("tls"))
                              == ("http", tls))
        return Address("127.0.0.1", event["port"])

    def health(self, path: str = "/health") -> tuple[int, dict[str, Any]]:
        """The status and the body of what it answers over HTTP."""
        status, text = self.get(path)
        body: dict[str, Any] = json.loads(text)
        return status, body

    def get(self, path: str) -> tuple[int, str]:
        """The same of any text."""
        connection = http.client.HTTPConnection(*self.http_address(), timeout=TIMEOUT_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def run_ctl(self, *arguments: str, json_output: bool = True,
                ) -> subprocess.CompletedProcess[str]:
        """Runs starlingctl, whatever becomes of it."""
        formatting = ["--format", "json"] if json_output else []
        return subprocess.run(
            [str(build_folder() / "starlingctl"), "--socket", str(self.socket), *formatting,
             *arguments],
            capture_output=True, text=True, timeout=TIMEOUT_S, check=False)

    def ctl(self, *arguments: str) -> Any:
        """Runs starlingctl, which must succeed; the result in its answer."""
        run = self.run_ctl(*arguments)
        assert run.returncode == 0, f"starlingctl {arguments}: {run.stdout}{run.stderr}"
        answer = json.loads(run.stdout)
        assert answer["ok"] is True, answer
        return answer["result"]

    def register(self, account: Account) -> None:
        self.ctl("register", account.user, account.host, account.password)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait_exit(self) -> int:
        """For a daemon that was told to end in another way than `stop`: its exit code."""
        assert self._process is not None
        code = self._process.wait(TIMEOUT_S)
        self._process = None
        self.log.finish()
        self.assert_sane()
        return code
