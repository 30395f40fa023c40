"""deploy/oci: the image is built of the package and a bare Debian, and a node runs in it as in a
pod: its root read-only, as the image's user, without a capability.

buildah builds it as far as a container may that is one itself: commands run in a chroot, layers are
whole copies. Needs root, and Debian's packages.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.node import ROOT
from harness.waiting import TIMEOUT_S, eventually

# Kept, as it takes a while; `debootstrap` has the same for all who build.
_DEBIAN = ROOT / "build/debian-12.tar"


class Buildah:
    def __init__(self, folder: Path) -> None:
        self._command = ["buildah", "--root", str(folder / "root"), "--runroot",
                         str(folder / "run"), "--storage-driver", "vfs"]

    def __call__(self, *arguments: str | Path) -> str:
        done = subprocess.run([*self._command, *map(str, arguments)], capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0, f"buildah {arguments}: {done.stdout}{done.stderr}"
        return done.stdout.strip()


@pytest.fixture(scope="module")
def buildah() -> Iterator[Buildah]:
    if shutil.which("buildah") is None or os.geteuid() != 0:
        pytest.skip("buildah cannot run here")
    with tempfile.TemporaryDirectory(prefix="images-") as folder:
        buildah = Buildah(Path(folder))
        try:
            container = buildah("from", "scratch")
            buildah("add", "--quiet", container, __file__, "/")
            buildah("commit", "--quiet", container, "trial")
        except AssertionError as error:
            pytest.skip(f"buildah cannot run here: {error}")
        yield buildah


@pytest.fixture(scope="module")
def debian() -> Path:
    if not _DEBIAN.exists():
        with tempfile.TemporaryDirectory(prefix="debian-") as folder:
            subprocess.run(["debootstrap", "--variant=minbase", "bookworm", folder], check=True,
                           stdout=subprocess.DEVNULL)
            subprocess.run(["tar", "-C", folder, "--exclude=./dev/*", "--exclude=./var/cache/apt/*",
                            "-cf", f"{_DEBIAN}.part", "."], check=True)
            Path(f"{_DEBIAN}.part").rename(_DEBIAN)
    return _DEBIAN


@pytest.fixture(scope="module")
def image(buildah: Buildah, debian: Path, package: Path) -> str:
    """Its name."""
    container = buildah("from", "scratch")
    buildah("add", "--quiet", container, debian, "/")
    buildah("commit", "--quiet", container, "localhost/debian:12")
    buildah("rm", container)
    buildah("build", "--isolation", "chroot", "--format", "docker", "--pull=never", "--network",
            "host", "--build-arg", "BASE=localhost/debian:12", "--tag", "starling", "--file",
            ROOT / "deploy/oci/Containerfile", package.parent)
    return "localhost/starling"


@pytest.fixture(scope="module")
def settings(buildah: Buildah, image: str) -> dict[str, Any]:
    """What it tells whoever runs it."""
    about = json.loads(buildah("inspect", "--type", "image", image))
    found: dict[str, Any] = about["Docker"]["config"]
    return found


def test_image_says_how_to_run_it(settings: dict[str, Any]) -> None:
    assert settings["User"] == "522:522"
    assert set(settings["ExposedPorts"]) == {"5222/tcp", "5223/tcp", "5443/tcp", "6222/tcp"}
    assert set(settings["Volumes"]) == {"/var/lib/starling"}
    assert settings["StopSignal"] == "SIGTERM"
    assert settings["Healthcheck"]["Test"] == ["CMD", "starlingctl", "status"]


# Like a container's: a root that nobody can write to, two folders that the user can, no network but
# its own. Becomes the program.
_CONTAINER = """
set -e
root=$1
shift
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
for folder in var/lib/starling run/starling; do
  mount -t tmpfs -o uid=522,gid=522,mode=0700 tmpfs "$root/$folder"
done
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
ip link set lo up
exec chroot "$root" setpriv --reuid=522 --regid=522 --clear-groups --no-new-privs \
  --bounding-set=-all "$@"
"""


def test_node_runs_in_it(buildah: Buildah, image: str, settings: dict[str, Any]) -> None:
    container = buildah("from", "--pull=never", image)
    root = buildah("mount", container)
    program = [*settings["Entrypoint"], *settings["Cmd"]]
    node = subprocess.Popen(["unshare", "--mount", "--net", "bash", "-c", _CONTAINER, "bash", root,
                             *program], stderr=subprocess.PIPE)

    def inside(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["nsenter", f"--target={node.pid}", "--mount", "--net", "--root",
                               "--wd=/", *command], capture_output=True, text=True,
                              timeout=TIMEOUT_S, check=False)

    try:
        healthy = settings["Healthcheck"]["Test"][1:]
        eventually(lambda: node.poll() is not None or inside(*healthy).returncode == 0)
        assert "example.org" in inside(*healthy).stdout
        assert inside("starlingctl", "register", "alice", "example.org", "secret").returncode == 0
        assert inside("touch", "/etc/starling/new").returncode != 0  # it is read-only indeed
        assert inside("nats-server", "--version").returncode == 0  # for a cluster
    finally:
        node.terminate()
        said = node.communicate(timeout=TIMEOUT_S)[1].decode()
    assert node.returncode == 0, said
    buildah("rm", container)
