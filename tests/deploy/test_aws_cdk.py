"""deploy/aws: the app's own tests, and what a new node does with the user data that it makes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import stat
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.aws_double import REGION, AwsDouble
from harness.authority import Authority
from harness.node import ROOT, Address, Node, build_folder
from harness.waiting import TIMEOUT_S

APP = ROOT / "deploy/aws"
INSTALL_S = 900
DATABASE = {"username": "starling", "password": "a/b c%?&#@:é", "host": "db.example.test",
            "port": 5432, "dbname": "starling", "engine": "postgres"}

pytestmark = pytest.mark.skipif(build_folder().name in ("asan", "tsan"),
                                reason="runs nothing of a sanitized build")


def _install() -> None:
    """npm ci, when the lock file is not the one last installed."""
    wanted = hashlib.sha256((APP / "package-lock.json").read_bytes()).hexdigest()
    stamp = APP / "node_modules/.lock-installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=APP, check=False,
                          capture_output=True, text=True, timeout=INSTALL_S)
    assert done.returncode == 0, done.stdout + done.stderr
    stamp.write_text(wanted)


@pytest.fixture(scope="module", name="tested")
def _tested() -> subprocess.CompletedProcess[str]:
    _install()
    return subprocess.run(["npm", "test"], cwd=APP, check=False, capture_output=True, text=True,
                          timeout=INSTALL_S)


def test_app_passes_its_own_tests(tested: subprocess.CompletedProcess[str]) -> None:
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_settings_with_a_mistake_are_refused(tested: subprocess.CompletedProcess[str],
                                             tmp_path: Path) -> None:
    assert tested.returncode == 0, tested.stdout + tested.stderr
    (tmp_path / "fleet.json").write_text(json.dumps(_example() | {"nodes": {"minimun": 3}}))
    done = subprocess.run(["node", str(APP / "build/bin/starling.js")], cwd=tmp_path, check=False,
                          capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 2
    assert done.stderr == "fleet.json: nodes.minimun: there is no such setting\n"


def _resolve(value: Any) -> str:
    """What CloudFormation would make of it, with names of our own for what it would look up."""
    match value:
        case str():
            return value
        case {"Ref": "AWS::Region"}:
            return REGION
        case {"Ref": "AWS::URLSuffix"}:
            return "amazonaws.com"
        case {"Ref": name}:
            return str(name)
        case {"Fn::Join": [between, parts]}:
            return str(between).join(_resolve(part) for part in parts)
        case {"Fn::Base64": inner}:
            return _resolve(inner)
    raise AssertionError(f"not known here: {value}")


@pytest.fixture(scope="module", name="user_data")
def _user_data(tested: subprocess.CompletedProcess[str],
               tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert tested.returncode == 0, tested.stdout + tested.stderr
    template = json.loads((APP / "build/cdk.out/Starling.template.json").read_text())
    machine = next(resource for resource in template["Resources"].values()
                   if resource["Type"] == "AWS::EC2::LaunchTemplate")
    path = tmp_path_factory.mktemp("user-data") / "user-data.sh"
    path.write_text(_resolve(machine["Properties"]["LaunchTemplateData"]["UserData"]))
    return path


class Machine:
    """A root folder for a new node, and programs that note how they are called."""

    def __init__(self, folder: Path, aws: AwsDouble, pem: str) -> None:
        self.root = folder / "root"
        self.root.mkdir()
        self.aws = aws
        self._calls = folder / "calls"
        self._bin = folder / "bin"
        self._bin.mkdir()
        note = f'#!/bin/sh\necho "${{0##*/}} $*" >>{self._calls}\n'
        # apt finds nothing on the machine, and what is missing at Debian.
        for name, more in (("apt-get", 'case "$*" in *--no-download*) exit 100;; esac\n'),
                           ("systemctl", ""), ("chgrp", "")):
            (self._bin / name).write_text(note + more)
            (self._bin / name).chmod(0o755)
        aws.objects |= {"/PackageBucket/PackageKey": b"the package",
                        "/PackageBucket/rds-global-bundle.pem": b"the authority",
                        f"/amazon-ssm-{REGION}/latest/debian_arm64/amazon-ssm-agent.deb": b"agent"}
        self.certificate = _example()["certificateSecret"]
        aws.secrets[self.certificate] = pem

    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self._bin}:{os.environ['PATH']}", "ROOT": str(self.root),
                **self.aws.environment()}

    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines() if self._calls.exists() else []

    def boot(self, user_data: Path) -> subprocess.CompletedProcess[str]:
        for line in user_data.read_text().splitlines():
            if line.startswith("export DATABASE_SECRET="):
                self.aws.secrets[line.split("'")[1]] = json.dumps(DATABASE)
        return subprocess.run(["bash", str(user_data)], env=self.environment(), check=False,
                              capture_output=True, text=True, timeout=TIMEOUT_S)

    def renew(self) -> subprocess.CompletedProcess[str]:
        """What the timer does every hour."""
        etc = self.root / "etc/starling"
        said = dict(line.split("=", 1) for line in (etc / "fleet.env").read_text().splitlines())
        return subprocess.run(
            [str(self.root / "usr/local/sbin/starling-fetch"), "secrets", str(etc / "secrets"),
             "--reload"], env=self.environment() | said, check=False, capture_output=True,
            text=True, timeout=TIMEOUT_S)


def _example() -> dict[str, Any]:
    return dict(json.loads((APP / "fleet.example.json").read_text()))


@pytest.fixture(name="machine")
def _machine(tmp_path: Path, authority: Authority) -> Iterator[Machine]:
    with AwsDouble() as aws:
        yield Machine(tmp_path, aws, authority.issue(_example()["hosts"][0]).read_text())


@pytest.fixture(name="booted")
def _booted(machine: Machine, user_data: Path) -> Machine:
    done = machine.boot(user_data)
    assert done.returncode == 0, done.stdout + done.stderr
    assert machine.aws.refused == []
    return machine


def test_user_data_is_sound_shell(user_data: Path) -> None:
    for command in (["bash", "-n"], ["shellcheck", "--severity=info", "--shell=bash"]):
        done = subprocess.run([*command, str(user_data)], check=False, capture_output=True,
                              text=True, timeout=TIMEOUT_S)
        assert done.returncode == 0, done.stdout + done.stderr


def test_user_data_fits(user_data: Path) -> None:
    """What EC2 takes. Real names are longer than those here."""
    assert user_data.stat().st_size < 15 * 1024


def test_node_gets_what_it_needs_before_it_starts(booted: Machine) -> None:
    """The package's own services are held back, and what is missing comes from Debian."""
    calls = booted.calls()
    cache = booted.root / "var/cache/starling"
    assert (cache / "starling.deb").read_bytes() == b"the package"
    assert (cache / "amazon-ssm-agent.deb").read_bytes() == b"agent"

    def at(call: str) -> int:
        found = [number for number, made in enumerate(calls) if call in made]
        assert found, (call, calls)
        return found[0]

    order = [at("systemctl mask starling.service nats-server.service"),
             at(f"--no-download {cache}/starling.deb"),
             at("apt-get -q -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 update"),
             at(f"--no-install-recommends install {cache}/starling.deb"),
             at("chgrp starling"),
             at("systemctl unmask starling.service"),
             at("systemctl enable --now starling.service starling-secrets.timer")]
    assert order == sorted(order), calls


def test_secrets_are_for_the_service_and_nobody_else(booted: Machine, user_data: Path) -> None:
    folder = booted.root / "etc/starling/secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o2750
    assert sorted(path.name for path in folder.iterdir()) == ["certificate.pem", "database-url"]
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert DATABASE["password"] not in user_data.read_text()


def test_database_url_means_what_the_secret_says(booted: Machine) -> None:
    url = (booted.root / "etc/starling/secrets/database-url").read_text().strip()
    assert url == ("postgresql://starling:a%2Fb%20c%25%3F%26%23%40%3A%C3%A9@db.example.test:5432/"
                   "starling?sslmode=verify-full&sslrootcert=/etc/starling/rds-ca.pem"
                   "&target_session_attrs=read-write")
    assert (booted.root / "etc/starling/rds-ca.pem").read_bytes() == b"the authority"


def test_starlingd_takes_the_configuration(booted: Machine) -> None:
    starlingd = str(build_folder() / "starlingd")
    path = booted.root / "etc/starling/starling.yml"
    path.write_text(path.read_text().replace("/etc/starling/", f"{path.parent}/"))
    done = subprocess.run([starlingd, "--config", str(path), "--check-config"], check=False,
                          capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr


class _Yaml(yaml.SafeLoader):
    """With `!file`."""


_Yaml.add_constructor("!file", lambda loader, node: loader.construct_scalar(node))


def _configuration(machine: Machine) -> dict[str, Any]:
    text = (machine.root / "etc/starling/starling.yml").read_text()
    return dict(yaml.load(text, _Yaml))


def _proxy_header(command: int, family: int, rest: bytes) -> bytes:
    """PROXY protocol, version 2."""
    start = b"\r\n\r\n\0\r\nQUIT\n"
    return start + struct.pack("!BBH", 0x20 | command, family, len(rest)) + rest


def _ask(address: Address, words: bytes) -> bytes:
    """What it answers until it closes."""
    with socket.create_connection(address, TIMEOUT_S) as connection:
        connection.sendall(words)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.fixture(name="reached")
def _reached(booted: Machine, fresh_node: Node) -> Node:
    """A node with the listeners of that configuration, on free ports."""
    fresh_node.config["listen"] = [listener | {"port": 0, "ip": "127.0.0.1"}
                                   for listener in _configuration(booted)["listen"]]
    fresh_node.start()
    return fresh_node


def test_health_check_of_the_nlb_is_answered(reached: Node) -> None:
    """Its connections begin with a header that names nobody (LOCAL)."""
    port = reached.log.wait("listening", lambda event: event.get("module") == "http")["port"]
    answer = _ask(Address("127.0.0.1", port), _proxy_header(0, 0, b"") +
                  b"GET /health HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 "), answer


def test_client_by_the_nlb_keeps_its_address(reached: Node) -> None:
    """An IPv6 client, and what AWS adds to the header: the number of a VPC endpoint."""
    ends = (socket.inet_pton(socket.AF_INET6, "2001:db8::7") +
            socket.inet_pton(socket.AF_INET6, "2001:db8::1") + struct.pack("!HH", 4711, 5222))
    endpoint = b"\x01vpce-0123456789abcdef0"
    more = struct.pack("!BH", 0xEA, len(endpoint)) + endpoint
    answer = _ask(reached.address(), _proxy_header(1, 0x21, ends + more) +
                  b"<stream:stream xmlns='jabber:client' version='1.0' to='example.test' "
                  b"xmlns:stream='http://etherx.jabber.org/streams'><!-- -->")
    assert b"<restricted-xml" in answer
    assert reached.log.wait("stream_error")["remote"] == "[2001:db8::7]:4711"


def test_service_may_take_as_long_as_a_drain(booted: Machine) -> None:
    """docs/operations.md: 45 seconds longer than linger and deadline together."""
    drain = _configuration(booted)["drain"]
    unit = (booted.root / "etc/systemd/system/starling.service.d/drain.conf").read_text()
    assert unit == f"[Service]\nTimeoutStopSec={drain['linger'] + drain['deadline'] + 45}\n"


def test_units_are_good(booted: Machine) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd here")
    units = sorted((booted.root / "etc/systemd/system").glob("starling-secrets.*"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *map(str, units)], check=False,
                          capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0 and "starling" not in done.stderr, done.stderr


def test_new_certificate_is_taken_without_a_restart(booted: Machine, authority: Authority) -> None:
    before = booted.calls()
    assert booted.renew().returncode == 0
    assert booted.calls() == before  # nothing new, nobody is disturbed
    renewed = authority.issue(_example()["hosts"][0]).read_text()
    booted.aws.secrets[booted.certificate] = renewed
    assert booted.renew().returncode == 0
    assert (booted.root / "etc/starling/secrets/certificate.pem").read_text() == renewed
    assert booted.calls() == [*before, "systemctl reload starling.service"]


def test_what_is_no_certificate_is_not_taken(booted: Machine) -> None:
    path = booted.root / "etc/starling/secrets/certificate.pem"
    before = path.read_text()
    booted.aws.secrets[booted.certificate] = "-----BEGIN CERTIFICATE-----\n"
    done = booted.renew()
    assert done.returncode != 0
    assert "not a PEM with a certificate and its private key" in done.stderr
    assert path.read_text() == before


def test_agent_of_the_image_is_kept(machine: Machine, user_data: Path) -> None:
    (machine.root / "usr/bin").mkdir(parents=True)
    (machine.root / "usr/bin/amazon-ssm-agent").touch()  # in the image: not fetched again
    machine.aws.objects.pop(f"/amazon-ssm-{REGION}/latest/debian_arm64/amazon-ssm-agent.deb")
    done = machine.boot(user_data)
    assert done.returncode == 0, done.stderr
    assert machine.aws.refused == []


def test_node_that_cannot_be_installed_never_starts(machine: Machine, user_data: Path) -> None:
    machine.aws.secrets[machine.certificate] = "none"
    done = machine.boot(user_data)
    assert done.returncode != 0
    assert not [call for call in machine.calls() if call.startswith("systemctl enable")]
