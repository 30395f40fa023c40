"""The Debian package: what is in it, what lintian says, and what it does to a machine.

It is installed, upgraded and purged by dpkg on a copy of this machine, where only `systemctl` is
not the real one: it writes down what it is told.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.machine import Machine, Unavailable
from harness.node import ROOT
from harness.waiting import eventually

_CONFIG = "/etc/starling/starling.yml"
_WANTED = "/etc/systemd/system/multi-user.target.wants/starling.service"  # if it is enabled
_NEVER_THERE = re.compile(r"^/(?:usr/local|opt|var|run|tmp|home)/")
# What needs no systemd to run is done by the real one. /run/main-pid: the service's process; 0: it
# is stopped.
_SYSTEMCTL = """#!/bin/sh
case "$*" in
  *--root=/*) exec /usr/bin/systemctl.real "$@" ;;
  *is-enabled*) exec /usr/bin/systemctl.real --root=/ is-enabled starling.service ;;
  *is-active*) [ "$(cat /run/main-pid)" != 0 ] ;;
  *MainPID*) cat /run/main-pid ;;
  *) echo "$@" >>/run/systemctl.log ;;
esac
"""


def output(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class Entry:
    """A line of `dpkg-deb --contents`."""

    def __init__(self, line: str) -> None:
        self.mode, self.owner, _, _, _, name = line.split(maxsplit=5)
        self.name = name.split(" -> ")[0].removeprefix(".")


def field(package: Path, name: str) -> str:
    return output("dpkg-deb", "--field", package, name).strip()


def test_files_are_where_debian_wants_them(package: Path) -> None:
    entries = {entry.name: entry
               for entry in map(Entry, output("dpkg-deb", "--contents", package).splitlines())}
    modes = {name: entries[name].mode for name in entries if not name.endswith("/")}
    wanted = {
        "/usr/sbin/starlingd": "-rwxr-xr-x",
        "/usr/bin/starlingctl": "-rwxr-xr-x",
        _CONFIG: "-rw-r-----",
        "/lib/systemd/system/starling.service": "-rw-r--r--",
        "/usr/lib/tmpfiles.d/starling.conf": "-rw-r--r--",
        "/usr/share/bash-completion/completions/starlingctl": "-rw-r--r--",
        "/usr/share/zsh/vendor-completions/_starlingctl": "-rw-r--r--",
        "/usr/share/man/man8/starlingd.8.gz": "-rw-r--r--",
        "/usr/share/man/man1/starlingctl.1.gz": "-rw-r--r--",
        "/usr/share/doc/starling/copyright": "-rw-r--r--",
        "/usr/share/doc/starling/changelog.gz": "-rw-r--r--",
        "/usr/share/doc/starling/configuration.md": "-rw-r--r--",
        "/usr/share/doc/starling/starling.schema.json": "-rw-r--r--",
    }
    assert {name: modes.get(name) for name in wanted} == wanted
    assert [name for name in modes if _NEVER_THERE.search(name)] == []
    assert {entry.owner for entry in entries.values()} == {"root/root"}
    folders = {entry.mode for name, entry in entries.items() if name.endswith("/")}
    assert folders == {"drwxr-xr-x"}
    assert [name for name in modes if name not in wanted and not name.startswith(
        ("/usr/share/doc/starling/", "/usr/share/lintian/"))] == []


def test_programs_are_stripped(package: Path, tmp_path: Path) -> None:
    output("dpkg-deb", "--extract", package, tmp_path)
    for program in ("usr/sbin/starlingd", "usr/bin/starlingctl"):
        sections = output("readelf", "--sections", "--wide", tmp_path / program)
        assert ".text" in sections
        assert ".symtab" not in sections and ".debug_info" not in sections


def test_control_says_what_it_is(package: Path) -> None:
    version = re.search(r"project\(starling VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())
    assert version is not None
    assert field(package, "Package") == "starling"
    assert field(package, "Version") == version[1]
    architecture = output("dpkg", "--print-architecture").strip()
    assert package.name == f"starling_{version[1]}_{architecture}.deb"
    # What the programs are linked to, by dpkg-shlibdeps, with versions where they matter.
    depends = field(package, "Depends")
    for name in ("adduser", "libc6 (>=", "libssl3 (>=", "libpq5", "libsqlite3-0", "libnats3",
                 "libsystemd0"):
        assert name in depends
    assert "nats-server" in field(package, "Recommends")
    assert "postgresql" not in depends + field(package, "Recommends")
    assert output("dpkg-deb", "--info", package, "conffiles").split() == [_CONFIG]


def test_changelog_is_of_this_version(package: Path) -> None:
    newest = output("dpkg-parsechangelog", "-l", ROOT / "deploy/debian/changelog", "-S", "Version")
    assert newest.strip() == field(package, "Version")


@pytest.mark.skipif(shutil.which("lintian") is None, reason="no lintian here")
def test_lintian_is_content(package: Path) -> None:
    """But for what deploy/debian/lintian-overrides explains."""
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "warning,error", package],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class Host:
    """A machine with this package, or on its way to it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._node: subprocess.Popen[bytes] | None = None
        machine.try_run("dpkg", "--purge", "starling")  # should this machine have it
        machine.path("/run/systemd/system").mkdir(parents=True)
        machine.path("/usr/bin/systemctl").rename(machine.path("/usr/bin/systemctl.real"))
        machine.path("/usr/bin/systemctl").write_text(_SYSTEMCTL)
        machine.path("/usr/bin/systemctl").chmod(0o755)
        # A container's, which says that nothing may be started.
        machine.path("/usr/sbin/policy-rc.d").unlink(missing_ok=True)
        machine.path("/run/main-pid").write_text("0")

    def dpkg(self, action: str, what: Path | str) -> str:
        """By dpkg; what systemd was told meanwhile is in `told`."""
        self.machine.path("/run/systemctl.log").write_text("")
        if isinstance(what, Path):
            shutil.copy(what, self.machine.path("/tmp/package.deb"))
            what = "/tmp/package.deb"
        return self.machine.run("dpkg", "--force-confold", "--no-triggers", "--force-unsafe-io",
                                action, what)

    @property
    def told(self) -> list[str]:
        lines = self.machine.path("/run/systemctl.log").read_text().splitlines()
        return [line.replace("--quiet ", "").replace("--system ", "") for line in lines]

    def owner_and_mode(self, name: str) -> str:
        return self.machine.run("stat", "-c", "%U:%G %a", name).strip()

    def start_node(self) -> None:
        """As the unit would: its user, its folders, its configuration."""
        self.machine.run("install", "-d", "-o", "starling", "-g", "starling", "/run/starling")
        self._node = subprocess.Popen(
            self.machine.command("setpriv", "--reuid=starling", "--regid=starling",
                                 "--clear-groups", "/usr/sbin/starlingd", "--config", _CONFIG),
            stderr=self.machine.path("/run/starlingd.log").open("ab"))
        eventually(self._serves)
        self.machine.path("/run/main-pid").write_text(str(self._node.pid))

    def _serves(self) -> bool:
        assert self._node is not None
        said = self.machine.path("/run/starlingd.log").read_text
        assert self._node.poll() is None, f"starlingd ended with {self._node.returncode}: {said()}"
        return self.machine.try_run("starlingctl", "status").returncode == 0

    def stop_node(self) -> None:
        if self._node is None:
            return
        self._node.terminate()
        assert self._node.wait() == 0
        self._node = None


@pytest.fixture
def host() -> Iterator[Host]:
    try:
        machine = Machine()
    except Unavailable as error:
        pytest.skip(str(error))
    host = Host(machine)
    yield host
    host.stop_node()
    machine.close()


@pytest.fixture
def installed(host: Host, package: Path) -> Host:
    host.dpkg("--install", package)
    return host


@pytest.fixture(scope="session")
def next_version(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with another number and another program."""
    folder = tmp_path_factory.mktemp("next")
    output("dpkg-deb", "--raw-extract", package, folder / "files")
    control = folder / "files/DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*$", r"\g<0>.1", control.read_text(), flags=re.M))
    with (folder / "files/usr/sbin/starlingd").open("ab") as program:
        program.write(b"\n")
    output("dpkg-deb", "--root-owner-group", "-Znone", "--build", folder / "files",
           folder / "next.deb")
    return folder / "next.deb"


def test_installed_node_serves(installed: Host) -> None:
    machine = installed.machine
    assert installed.told == ["daemon-reload", "start starling.service"]
    assert machine.path(_WANTED).is_symlink()
    assert machine.run("getent", "passwd", "starling").split(":")[5:] == [
        "/var/lib/starling", "/usr/sbin/nologin\n"]
    assert installed.owner_and_mode(_CONFIG) == "root:starling 640"
    assert installed.owner_and_mode("/var/lib/starling") == "starling:starling 700"
    assert installed.owner_and_mode("/var/backups/starling") == "starling:starling 700"

    check = ["/usr/sbin/starlingd", "--config", _CONFIG, "--check-config"]
    machine.run("runuser", "-u", "starling", "--", *check)
    others = machine.try_run("runuser", "-u", "nobody", "--", *check)
    assert others.returncode == 1 and "starling.yml" in others.stderr  # they cannot read it

    installed.start_node()
    assert "example.org" in machine.run("starlingctl", "status")
    machine.run("starlingctl", "register", "alice", "example.org", "secret")
    installed.stop_node()


def test_completion_is_found_by_bash(installed: Host) -> None:
    script = ". /usr/share/bash-completion/completions/starlingctl && complete -p starlingctl"
    assert "_starlingctl" in installed.machine.run("bash", "-c", script)


def test_manual_pages_can_be_read(installed: Host) -> None:
    for page in ("/usr/share/man/man8/starlingd.8.gz", "/usr/share/man/man1/starlingctl.1.gz"):
        assert "starling" in installed.machine.run("zcat", page)


def test_upgrade_restarts_a_running_node(installed: Host, next_version: Path) -> None:
    installed.start_node()
    installed.dpkg("--install", next_version)
    assert installed.told == ["daemon-reload", "try-restart starling.service"]


def test_same_program_again_runs_on(installed: Host, package: Path) -> None:
    installed.start_node()
    installed.dpkg("--install", package)
    assert installed.told == ["daemon-reload"]


def test_upgrade_keeps_a_node_whose_configuration_it_refuses(installed: Host,
                                                             next_version: Path) -> None:
    installed.start_node()
    with installed.machine.path(_CONFIG).open("a") as config:
        config.write("hostz: [example.net]\n")
    said = installed.dpkg("--install", next_version)
    assert installed.told == ["daemon-reload"]
    assert "hostz" in said and "was not restarted" in said
    state = installed.machine.run("dpkg-query", "-Wf", "${db:Status-Status}", "starling")
    assert state == "installed"


def test_upgrade_keeps_what_an_operator_changed(installed: Host, next_version: Path) -> None:
    config = installed.machine.path(_CONFIG)
    config.write_text("hosts: [mine.example]\n")
    installed.machine.run("chmod", "0600", _CONFIG)
    installed.machine.run("chown", "starling:starling", _CONFIG)
    installed.machine.run("systemctl", "--root=/", "disable", "starling.service")
    installed.dpkg("--install", next_version)
    assert config.read_text() == "hosts: [mine.example]\n"
    assert installed.owner_and_mode(_CONFIG) == "starling:starling 600"
    assert not installed.machine.path(_WANTED).is_symlink()


def test_removal_leaves_data_and_configuration(installed: Host) -> None:
    installed.start_node()
    installed.machine.run("starlingctl", "register", "alice", "example.org", "secret")
    installed.dpkg("--remove", "starling")
    assert installed.told == ["stop starling.service", "daemon-reload"]
    assert not installed.machine.path("/usr/sbin/starlingd").exists()
    assert installed.machine.path("/var/lib/starling/starling.db").exists()
    assert installed.machine.path(_CONFIG).exists()
    installed.stop_node()


def test_purge_leaves_only_what_an_operator_made(installed: Host) -> None:
    machine = installed.machine
    installed.start_node()
    installed.stop_node()
    for name in ("/etc/starling/example.org.pem", "/var/backups/starling/monday.db"):
        machine.path(name).write_text("")
        machine.run("chown", "starling:starling", name)
    installed.dpkg("--purge", "starling")
    for gone in (_CONFIG, _WANTED, "/var/lib/starling", "/usr/share/doc/starling"):
        assert not machine.path(gone).exists() and not machine.path(gone).is_symlink()
    assert machine.try_run("getent", "passwd", "starling").returncode != 0
    assert machine.try_run("getent", "group", "starling").returncode != 0
    # Nobody's who may come later with the same number.
    assert installed.owner_and_mode("/etc/starling/example.org.pem").startswith("root:root ")
    assert installed.owner_and_mode("/var/backups/starling/monday.db").startswith("root:root ")


def test_purge_leaves_nothing_else(installed: Host) -> None:
    installed.dpkg("--purge", "starling")
    found = installed.machine.run("find", "/etc", "/usr", "/lib/systemd", "/var/lib", "/var/log",
                                  "/var/backups", "-xdev", "-iname", "*starling*", "-not", "-path",
                                  "/usr/src/*")
    assert found == ""
