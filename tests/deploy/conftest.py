"""What several tests of deploy/ judge: the Debian package, as `./x package` makes it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.node import ROOT, build_folder


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if build_folder().resolve() != (ROOT / "build/release").resolve():
        pytest.skip("the package is made of the release build")
    # Tests in another process may want one at the same time, and `./x package` clears its folder.
    with (build_folder() / "package.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["./x", "package"], cwd=ROOT, capture_output=True, text=True,
                              env=os.environ | {"STARLING_NO_INSTALL": "1"}, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        (made,) = (ROOT / "build/package").iterdir()
        return Path(shutil.copy(made, tmp_path_factory.mktemp("package")))
