"""Fails on what this code base does without: see _BANS, and each rule's reason there.

A line that must break a rule says so: `// lint: allow(RULE) because …`.
"""

import re

import tree

_BANS = [
    # rule, pattern, where it is allowed, what to do instead
    ("clock", r"\b(?:steady|system|high_resolution)_clock::now\b|\bclock_gettime\b",
     ("src/base/", "src/net/io_loop.cc", "bench/"),
     "time comes from base/clock.h or the event loop: tests turn it"),
    ("random", r"\brandom_device\b|(?<![\w.>])s?rand\s*\(", ("src/base/",), "use base/random.h"),
    ("random", r"\bmt19937", ("src/base/", "_test.cc", "test_", "bench/"),
     "use base/random.h; only a test wants numbers that come again"),
    ("thread", r"\bstd::j?thread\b(?!::)",
     ("src/base/", "src/starlingd/", "_test.cc", "fuzz/", "bench/"),
     "threads are made in base/ and by the composition root"),
    ("detach", r"\bdetach(?:ed)?\s*\(\s*\)|\bco_spawn\b[^;]*\bdetached\b", ("src/base/",),
     "everything that runs is owned: spawn it on a Gate (base/task.h)"),
    ("sleep", r"\bsleep_(?:for|until)\b|(?<![\w.>])u?sleep\s*\(", ("src/base/",),
     "wait for the event itself, or use a timer of the event loop"),
    ("using-std", r"\busing\s+namespace\s+std\s*;", (), "name what is used"),
    ("cout", r"\bstd::c(?:out|err)\b", ("src/starlingd/", "src/starlingctl/", "fuzz/", "bench/"),
     "a library does not print: use base/log.h"),
]
# Folders of whoever works on it, hosts that packages came from, and how the text was made: none
# of them is of use to a reader. (Classes keep the patterns from matching this file.)
_FORBIDDEN = [
    ("a folder of one machine", re.compile(r"(?<![\w.~$}])/(?:wor[k]|hom[e]|Use[r]s)/")),
    ("a package registry's address", re.compile(
        r"registr[y]\.(?:npmjs|yarnpkg)|\bpyp[i]\.org|de[b]\.debian\.org|artifactregistr[y]")),
    ("how the text was made", re.compile(
        r"\b(?:clau[d]e|anthro[p]ic|chat[- ]?gp[t]|open[a]i|copilo[t]|A[I][- ](?:assistant"
        r"|agent|generated|written))\b", re.IGNORECASE)),
]
_MAX_LINES = 800
_MAX_COLUMNS = 100
_SIZED = (".cc", ".h", ".py", ".sh", ".js", ".mjs")
_BINARY = (".png", ".ico", ".woff2", ".gz")
_ALLOW = re.compile(r"lint: allow\(([\w-]+)\) because \S")


def _awaited_end(code, start):
    """The end of the expression that begins at start: its ';', or what closes around it."""
    depth = 0
    for i in range(start, len(code)):
        if code[i] in "([{":
            depth += 1
        elif code[i] in ")]}":
            depth -= 1
            if depth < 0:
                return i
        elif code[i] in ";," and depth == 0:
            return i
    return len(code)


def _matching(code, start):
    """The index of the bracket that closes the one at start."""
    depth = 0
    for i in range(start, len(code)):
        if code[i] in "([{":
            depth += 1
        elif code[i] in ")]}":
            depth -= 1
            if depth == 0:
                return i
    return len(code) - 1


def find_await_temporaries(code):
    """Yields (offset, what) for braces and captures between a co_await and its end."""
    for match in re.finditer(r"\bco_await\b(?<!operator co_await)", code):
        i, end = match.end(), _awaited_end(code, match.end())
        while i < end:
            if code[i] == "[" and not re.search(r"[\w)\]]\s*$", code[:i]):
                close = _matching(code, i)
                if code[i + 1:close].strip():
                    yield i, "a lambda with a capture"
                body = code.find("{", close)
                i = _matching(code, body) if 0 <= body < end else close
            elif code[i] == "{":
                yield i, "a temporary made with braces"
                i = _matching(code, i)
            i += 1


def _check_cpp(path, text):
    code, lines = tree.code_only(text), text.splitlines()

    def error(offset, rule, message):
        number = tree.line_of(code, offset)
        allowed = _ALLOW.search(lines[number - 1])
        if allowed and allowed.group(1) == rule:
            return []
        return [f"{path}:{number}: {message} [{rule}]"]

    errors = []
    for rule, pattern, exempt, instead in _BANS:
        if any(str(path).startswith(e) or str(path).endswith(e) or path.name.startswith(e)
               for e in exempt):
            continue
        for match in re.finditer(pattern, code):
            errors += error(match.start(), rule, f"{match.group(0).strip()}: {instead}")
    for offset, what in find_await_temporaries(code):
        errors += error(offset, "await",
                        f"{what} after co_await: name it first, then std::move it in")
    return errors


def _check_text(path, text):
    errors, lines = [], text.splitlines()
    sized = path.suffix in _SIZED or path.name == "x"
    if sized and len(lines) > _MAX_LINES:
        errors.append(f"{path}: {len(lines)} lines: split it by idea ({_MAX_LINES} at most)")
    for number, line in enumerate(lines, 1):
        if sized and len(line) > _MAX_COLUMNS and "://" not in line:
            errors.append(f"{path}:{number}: {len(line)} columns ({_MAX_COLUMNS} at most)")
        for what, pattern in _FORBIDDEN:
            if match := pattern.search(line):
                errors.append(f"{path}:{number}: {what}: {match.group(0)}")
    return errors


def check(root):
    errors = []
    for path in tree.files(root):
        if path.suffix in _BINARY or path.parts[:2] == ("fuzz", "seeds"):
            continue
        text = tree.read(root, path)
        errors += _check_text(path, text)
        if tree.is_cpp(path) and path.parts[0] in ("src", "fuzz", "bench"):
            errors += _check_cpp(path, text)
    return errors
