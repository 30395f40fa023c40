"""`./x test`: lint, then each build's unit tests, fuzz seeds (ctest) and pytest, then one summary.

Every case is counted, also those inside a GoogleTest binary. A build that fails, a crash or a
hang counts as one failure. The last line is `N passed, M failed[, K skipped]`; the exit code is 0
only if something ran and nothing failed.
"""

import argparse
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

import sanitizers
import tree

# cluster: what real clusters go through, in networks of their own; on the release build.
_PHASES = ("lint", "release", "asan", "tsan", "cluster")
_DEFAULT = ("lint", "release", "cluster", "asan")
_HANG_S = 1800  # a whole run of pytest takes a few minutes


class Count:
    """Passed and skipped cases, and the names of the failed ones."""

    def __init__(self):
        self.passed, self.skipped, self.failed = 0, 0, []

    def fail(self, name):
        self.failed.append(name)

    def add(self, other):
        self.passed += other.passed
        self.skipped += other.skipped
        self.failed += other.failed


def _cases(path, label):
    """Counts a JUnit file, of pytest or GoogleTest. A missing file counts nothing."""
    count = Count()
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return count
    for case in cases:
        name = f"{label} {case.get('classname', '')}.{case.get('name')}"
        if case.get("status") == "notrun":  # filtered out or disabled
            continue
        if case.find("failure") is not None or case.find("error") is not None:
            count.fail(name)
        elif case.find("skipped") is not None or case.get("result") == "skipped":
            count.skipped += 1
        else:
            count.passed += 1
    return count


def count_ctest(report, gtest_folder, label, exit_code):
    """Counts a run of ctest; a test that wrote a GoogleTest report counts by its cases."""
    count = Count()
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        cases = []
    for case in cases:
        name, status = case.get("name"), case.get("status")
        gtest = gtest_folder / f"{name.removeprefix('unit.')}_test.xml"
        inner = _cases(gtest, f"{label} {name}")
        if status == "run":
            inner.passed += 0 if gtest.exists() else 1
        elif status == "disabled":
            inner.skipped += 1
        elif not inner.failed:  # a crash, a leak, a time-out, a missing binary
            inner.fail(f"{label} {name}")
        count.add(inner)
    if exit_code != 0 and not count.failed:
        count.fail(f"{label} ctest (exit code {exit_code})")
    return count


def _run_ctest(build, label, pattern, env):
    reports = build / "reports"
    gtest = reports / "gtest"
    shutil.rmtree(gtest, ignore_errors=True)
    gtest.mkdir(parents=True)
    junit = reports / "ctest.xml"
    junit.unlink(missing_ok=True)
    command = ["ctest", "--test-dir", str(build), "--output-on-failure", "--no-tests=ignore",
               "--parallel", str(os.cpu_count()), "--output-junit", str(junit)]
    env = env | {"GTEST_OUTPUT": f"xml:{gtest}/"}
    if pattern:
        names = subprocess.run([*command[:3], "--show-only", "-R", pattern], check=False,
                               capture_output=True, text=True, env=env).stdout
        if "Test #" in names:
            command += ["-R", pattern]
        else:  # not the name of a whole test: look for it among the cases of each
            command += ["-L", "unit"]
            env["GTEST_FILTER"] = f"*{pattern}*"
    exit_code = subprocess.run(command, env=env, check=False).returncode
    return count_ctest(junit, gtest, label, exit_code)


# What tests need of npm.
_NODE_FOLDERS = ("tests/browser/node", "tests/clients/node", "tests/deploy/kubernetes")


def _install_node_modules(name):
    """npm ci for one folder, when its lock file is not the one last installed."""
    folder = tree.ROOT / name
    lock = folder / "package-lock.json"
    if not lock.exists():
        return True
    stamp = folder / "node_modules/.lock-installed"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return True
    print(f"npm: fetching what {name} needs", flush=True)
    if subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--prefix", str(folder)],
                      check=False).returncode != 0:
        return False
    stamp.write_text(wanted)
    return True


def _run_pytest(build, label, pattern, env, *arguments):
    junit = build / f"reports/pytest-{'-'.join(label.split())}.xml"
    junit.parent.mkdir(exist_ok=True)
    junit.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", *arguments, "-q", "--tb=short", "-p",
               "no:cacheprovider", f"--junitxml={junit}"]
    command += ["-k", pattern] if pattern else []
    process = subprocess.Popen(command, cwd=tree.ROOT, env=env)
    try:
        exit_code = process.wait(timeout=_HANG_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # lets it stop the servers it started
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        exit_code = f"none: stopped after {_HANG_S} s"
    count = _cases(junit, label)
    if exit_code not in (0, 5) and not count.failed:  # 5: nothing matched
        count.fail(f"{label} pytest (exit code {exit_code})")
    return count


def _run_page_tests(pattern):
    """The unit tests of the operator's page, where the build has put it together."""
    count = Count()
    if pattern:
        return count
    run = subprocess.run(["npm", "test"], cwd=tree.ROOT / "build/pages/admin", check=False,
                         capture_output=True, text=True)
    sums = dict(re.findall(r"^\S+ (pass|fail|skipped) (\d+)$", run.stdout, re.MULTILINE))
    count.passed, count.skipped = int(sums.get("pass", 0)), int(sums.get("skipped", 0))
    if run.returncode != 0 or count.passed == 0:
        print(run.stdout + run.stderr, flush=True)
        count.fail(f"web/admin npm test (exit code {run.returncode})")
    return count


def run_lint(pattern):
    """The checks, and the tests of the checks; a finding counts as one failure."""
    count = Count()
    if pattern is None and subprocess.run(["./x", "lint"], cwd=tree.ROOT,
                                          check=False).returncode != 0:
        count.fail("lint")
    junit = tree.ROOT / "build/lint/pytest.xml"
    junit.parent.mkdir(parents=True, exist_ok=True)
    junit.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "tools", "-q", "--tb=short", "-p",
               "no:cacheprovider", f"--junitxml={junit}"]
    command += ["-k", pattern] if pattern else []
    exit_code = subprocess.run(command, cwd=tree.ROOT, check=False).returncode
    count.add(_cases(junit, "lint"))
    if exit_code not in (0, 5) and not count.failed:
        count.fail(f"lint pytest (exit code {exit_code})")
    return count


def run_build(phase, pattern):
    count = Count()
    preset = "release" if phase == "cluster" else phase
    if subprocess.run(["./x", "build", preset], cwd=tree.ROOT, check=False).returncode != 0:
        count.fail(f"{preset} build")
        return count
    failed = [name for name in _NODE_FOLDERS if not _install_node_modules(name)]
    if failed:
        count.fail(f"{phase} npm ci: {', '.join(failed)}")
        return count
    build = tree.ROOT / "build" / preset
    env = sanitizers.environment()
    env |= {"STARLING_BUILD": str(build), "PYTHONDONTWRITEBYTECODE": "1"}
    if phase == "cluster":
        count.add(_run_pytest(build, phase, pattern, env, "tests/cluster"))
        return count
    count.add(_run_ctest(build, preset, pattern, env))
    if phase == "release":
        count.add(_run_page_tests(pattern))
    # Most of a test's time is waiting, so there is room for one more than there are cores. Files
    # stay whole, for what their tests share; the longest comes first.
    beside = ["-m", "not alone", "-n", str(os.cpu_count() + 1), "--dist", "loadfile"]
    without = ["--ignore", "tests/cluster"]
    if phase != "release":  # these judge what is shipped, and pages, which ask what others ask too
        without += ["--ignore", "tests/deploy", "--ignore", "tests/browser"]
    count.add(_run_pytest(build, phase, pattern, env, "tests/cloud/test_lifecycle.py", "tests",
                          *without, *beside))
    count.add(_run_pytest(build, f"{phase} alone", pattern, env, "tests", *without, "-m", "alone"))
    return count


def main():
    parser = argparse.ArgumentParser(prog="./x test")
    parser.add_argument("--only", action="append", choices=_PHASES, metavar="PHASE",
                        help="lint, release, asan, tsan or cluster; may be repeated")
    parser.add_argument("-k", dest="pattern", help="only tests whose name matches")
    options = parser.parse_args()
    total, times = Count(), []
    for phase in options.only or _DEFAULT:
        print(f"\n==== {phase} ====", flush=True)
        start = time.monotonic()
        run = run_lint if phase == "lint" else lambda p, phase=phase: run_build(phase, p)
        total.add(run(options.pattern))
        times.append(f"{phase} {time.monotonic() - start:.0f} s")
    print()
    for name in total.failed:
        print(f"FAILED {name}")
    if total.passed + len(total.failed) == 0:
        print("nothing ran")
    print("time: " + ", ".join(times))
    skipped = f", {total.skipped} skipped" if total.skipped else ""
    print(f"{total.passed} passed, {len(total.failed)} failed{skipped}", flush=True)
    return 0 if total.passed and not total.failed else 1


if __name__ == "__main__":
    sys.exit(main())
