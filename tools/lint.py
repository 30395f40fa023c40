"""`./x lint`: every check in turn; each finding on a line of its own; exit code 1 if there are any.

With --tidy, clang-tidy as well (tools/tidy.py); it wants build/release to be configured.
"""

import argparse
import re
import subprocess
import sys

import check_bans
import check_docs
import check_events
import check_layers
import metrics_page
import tidy
import tree


def check_format(root):
    sources = [str(p) for p in tree.files(root)
               if tree.is_cpp(p) and p.parts[0] in ("src", "fuzz", "bench")]
    if not sources:
        return []
    run = subprocess.run(["clang-format-19", "--dry-run", "-Werror", *sources], cwd=root,
                         capture_output=True, text=True, check=False)
    # Every wrong line is reported; the first of a file is enough to find it.
    found = re.findall(r"^([^:\n]+):(\d+):\d+: error:", run.stderr, re.MULTILINE)
    first = dict(reversed(found))
    errors = [f"{path}:{first[path]}: not formatted: run ./x fmt" for path in sorted(first)]
    return errors or ([run.stderr.strip()] if run.returncode else [])


def main():
    parser = argparse.ArgumentParser(prog="./x lint")
    parser.add_argument("--tidy", action="store_true", help="run clang-tidy, too")
    options = parser.parse_args()
    checks = [("layers", check_layers.check), ("bans", check_bans.check),
              ("docs", check_docs.check), ("events", check_events.check),
              ("metrics", metrics_page.check), ("format", check_format)]
    if options.tidy:
        checks.append(("tidy", tidy.check))
    failed = False
    for name, check in checks:
        errors = check(tree.ROOT)
        for error in errors:
            print(error)
        print(f"lint {name}: {len(errors)} findings" if errors else f"lint {name}: ok", flush=True)
        failed |= bool(errors)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
