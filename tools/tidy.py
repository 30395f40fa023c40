"""clang-tidy over src, as many at once as there are cores; what it passed is not asked again.

A file passes until it, a header of ours that it includes, its compile command, .clang-tidy or
the version of clang-tidy changes: the hash of all that is a file in build/tidy-cache.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess

_TIDY = "clang-tidy-19"
_BUILD = "build/release"
_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def _closure(root, source):
    """source and every file of src that it includes, directly or not."""
    seen, queue = set(), [source]
    while queue:
        path = queue.pop()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        queue += [root / "src" / name for name in _INCLUDE.findall(path.read_text())]
    return sorted(seen)


def _stamp(root, entry, salt):
    digest = hashlib.sha256(salt)
    digest.update(entry["command"].encode())
    for path in _closure(root, pathlib.Path(entry["file"])):
        digest.update(path.read_bytes())
    return root / "build/tidy-cache" / digest.hexdigest()


def check(root):
    database = root / _BUILD / "compile_commands.json"
    if not database.exists():
        return [f"{database.relative_to(root)} is missing: ./x build release"]
    entries = [e for e in json.loads(database.read_text())
               if pathlib.Path(e["file"]).is_relative_to(root / "src")
               and not e["file"].endswith("_test.cc") and pathlib.Path(e["file"]).exists()]
    version = subprocess.run([_TIDY, "--version"], capture_output=True, check=True).stdout
    salt = version + (root / ".clang-tidy").read_bytes()
    (root / "build/tidy-cache").mkdir(parents=True, exist_ok=True)

    def run(entry):
        stamp = _stamp(root, entry, salt)
        if stamp.exists():
            return []
        result = subprocess.run([_TIDY, "-p", _BUILD, "--quiet", entry["file"]], cwd=root,
                                capture_output=True, text=True, check=False)
        if result.returncode == 0:
            stamp.touch()
            return []
        return [result.stdout.replace(f"{root}/", "").strip() or result.stderr.strip()]

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [error for errors in pool.map(run, entries) for error in errors]
