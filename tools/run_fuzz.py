"""`./x fuzz [MINUTES] [TARGET...]`: libFuzzer on every target of fuzz/, or on these, the minutes
shared equally.

New inputs that reach new code are kept in build/fuzz-corpus/TARGET; fuzz/seeds/TARGET is read,
never written. On a crash, leak or hang: the input's file is named and the exit code is 1. Put
that file into fuzz/seeds/TARGET once the bug is mended, and every later `./x test` replays it.
"""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys

import sanitizers
import tree

_BINARIES = tree.ROOT / "build/fuzz/fuzz"


def _fuzz(target, seconds):
    """(what to print, whether it went well)"""
    corpus = tree.ROOT / "build/fuzz-corpus" / target
    crashes = tree.ROOT / "build/fuzz-crashes" / target
    seeds = tree.ROOT / "fuzz/seeds" / target
    dictionary = tree.ROOT / "fuzz/dict" / f"{target}.dict"
    for folder in (corpus, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    before = len(list(corpus.iterdir()))
    command = [_BINARIES / f"fuzz_{target}", f"-max_total_time={seconds}", "-timeout=10",
               "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={crashes}/",
               corpus]
    command += [seeds] if seeds.is_dir() else []
    command += [f"-dict={dictionary}"] if dictionary.exists() else []
    log = crashes.with_suffix(".log")
    with log.open("w") as out:
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out,
                              stderr=subprocess.STDOUT, check=False,
                              env=sanitizers.environment()).returncode
    text = log.read_text(errors="replace")
    runs = re.search(r"number_of_executed_units: (\d+)|Done (\d+) runs", text)
    runs = next((n for n in runs.groups() if n), "?") if runs else "?"
    kept = len(list(corpus.iterdir())) - before
    if code == 0:
        return f"fuzz {target}: {runs} runs in {seconds} s, {kept} new inputs kept", True
    artifact = re.search(r"Test unit written to (\S+)", text)
    tail = "\n".join(text.splitlines()[-60:])
    where = artifact.group(1) if artifact else f"no input written; log: {log}"
    return f"{tail}\nfuzz {target}: FAILED after {runs} runs: {where}", False


def main():
    parser = argparse.ArgumentParser(prog="./x fuzz")
    parser.add_argument("minutes", nargs="?", type=float, default=10, help="in all (default 10)")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="jid, say (default: all)")
    options = parser.parse_args()
    known = sorted(p.name.removeprefix("fuzz_") for p in _BINARIES.glob("fuzz_*")
                   if p.is_file() and os.access(p, os.X_OK))
    targets = options.targets or known
    if unknown := set(targets) - set(known):
        print(f"no fuzz target {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        return 1
    at_once = 2 if (os.cpu_count() or 1) >= 2 else 1
    seconds = max(1, int(options.minutes * 60 * min(at_once, len(targets)) / len(targets)))
    print(f"{len(targets)} targets, {seconds} s each, {at_once} at once", flush=True)
    failed = []
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        runs = {pool.submit(_fuzz, target, seconds): target for target in targets}
        for run in concurrent.futures.as_completed(runs):
            text, ok = run.result()
            print(text, flush=True)
            if not ok:
                failed.append(runs[run])
    print(f"{len(targets) - len(failed)} targets passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
