"""Fails when a log event has no line in docs/log-events.md, or a line there has no event.

Operators grep and alert on the names: each must say what it means and what to do.
"""

import re

import tree

DOCUMENT = "docs/log-events.md"
# The name as a literal, in a call or in a choice of two.
_LOGGED = re.compile(r'\blog(?:::(?:debug|info|warning|error)\(|_event\(log::Level::\w+,)'
                     r'\s*"([a-z0-9_]+)"')
_CHOSEN = re.compile(r'\blog::(?:debug|info|warning|error)\([^"();]*\?\s*"(\w+)"\s*:\s*"(\w+)"')
_ROW = re.compile(r"^\| `([a-z0-9_]+)` \|", re.MULTILINE)


def check(root):
    sources = [p for p in tree.files(root) if p.parts[0] == "src" and tree.is_cpp(p)
               and not p.name.endswith("_test.cc") and not p.name.startswith("test_")]
    logged, quoted = {}, set()
    for path in sources:
        text = tree.read(root, path)
        quoted |= set(re.findall(r'"([a-z0-9_]+)"', text))
        for name in _LOGGED.findall(text) + [n for pair in _CHOSEN.findall(text) for n in pair]:
            logged.setdefault(name, path)
    if not logged:
        return []
    try:
        rows = _ROW.findall(tree.read(root, DOCUMENT))
    except FileNotFoundError:
        return [f"{DOCUMENT}: is not there"]
    errors = [f"{path}: no line for the event {name} in {DOCUMENT}"
              for name, path in sorted(logged.items()) if name not in rows]
    errors += [f"{DOCUMENT}: no event {name} in src" for name in rows if name not in quoted]
    errors += [f"{DOCUMENT}: {name} stands there twice"
               for name in sorted({n for n in rows if rows.count(n) > 1})]
    return errors
