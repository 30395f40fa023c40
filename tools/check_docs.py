"""Fails when a document names what is not there, or when code lacks what every such code has:

- `folder/file.cc` and `folder/file.cc:function` in documents that lead through the code exist;
- relative links in Markdown resolve, to headings too;
- every module of src/modules has a test, every fuzz target is built and has seeds.
"""

import pathlib
import re
import urllib.parse

import tree

_GUIDES = ("README.md", "docs/life-of-a-stanza.md", "docs/architecture.md")
_NAMED = re.compile(r"`([\w.-]+(?:/[\w.-]+)*\.(?:cc|h|py|sh|txt|xmpp|md|yml))(?::([^`\s]+))?`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|\b(?:src|href)=\"([^\"]+)\"")
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def _check_names(root, guide, known):
    errors, text = [], tree.read(root, guide)
    for match in _NAMED.finditer(text):
        name, member = match.groups()
        where = f"{guide}:{tree.line_of(text, match.start())}"
        # As in an include, or from the root; a bare file name will do where only one has it.
        found = [p for p in (f"src/{name}", name) if p in known]
        if not found and "/" not in name:
            found = [p for p in known if p.endswith(f"/{name}")]
        if not found:
            errors.append(f"{where}: no file {name}")
        elif len(found) > 1 and "/" not in name:
            errors.append(f"{where}: {name} is ambiguous: {', '.join(sorted(found))}")
        elif member is not None:
            function = re.sub(r"\(.*\)$", "", member).split("::")[-1].split(".")[-1]
            if not re.fullmatch(r"~?[A-Za-z_]\w*", function):
                errors.append(f"{where}: {name}:{member}: name a function; lines move")
            elif not re.search(rf"(?<!\w){re.escape(function)}(?!\w)", tree.read(root, found[0])):
                errors.append(f"{where}: {found[0]} has no {function}")
    return errors


def _anchors(text):
    """The fragment that each heading of a Markdown text is reached by."""
    found = set()
    for heading in re.findall(r"^#+\s+(.*)$", _FENCE.sub("", text), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.strip().lower())
        found.add(plain.replace(" ", "-"))
    return found


def _check_links(root, path):
    errors, text = [], tree.read(root, path)
    text = _FENCE.sub(lambda m: "\n" * m.group(0).count("\n"), text)
    for match in _LINK.finditer(text):
        link = match.group(1) or match.group(2)
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        where = f"{path}:{tree.line_of(text, match.start())}"
        name, _, anchor = urllib.parse.unquote(link).partition("#")
        target = root / path.parent / name if name else root / path
        if not target.exists():
            errors.append(f"{where}: nothing at {link}")
        elif anchor and target.suffix == ".md" and anchor not in _anchors(target.read_text()):
            errors.append(f"{where}: no heading for {link}")
    return errors


def _check_modules(root, paths):
    errors = []
    modules = [p for p in paths if p.parts[:2] == ("src", "modules") and p.suffix == ".cc"]
    tests = [p for p in modules if p.name.endswith("_test.cc")]
    tests += [p for p in paths if p.parts[0] == "tests" and p.suffix in (".py", ".xmpp", ".js")]
    for path in modules:
        name = path.stem
        if path in tests or name in ("registry", "modules"):
            continue
        # A test may name the module, or its XEP.
        names = {name}
        if xep := re.match(r"xep_(\d{4})_", name):
            names |= {f"xep_{xep[1]}", f"XEP-{xep[1]}"}
        wanted = re.compile("|".join(rf"{n}(?![A-Za-z0-9])" for n in sorted(names)))
        if not any(wanted.search(f"{t} {tree.read(root, t)}") for t in tests):
            errors.append(f"{path}: no test: neither {name}_test.cc nor a mention in tests/")
    return errors


def _check_fuzz(root, paths):
    errors = []
    targets = [p for p in paths if p.parts[0] == "fuzz" and len(p.parts) == 2
               and p.suffix == ".cc" and "LLVMFuzzerTestOneInput" in tree.read(root, p)
               and p.name != "replay_main.cc"]
    built = tree.read(root, "fuzz/CMakeLists.txt") if targets else ""
    for path in targets:
        if not any(p.parts[:3] == ("fuzz", "seeds", path.stem) for p in paths):
            errors.append(f"{path}: no seeds in fuzz/seeds/{path.stem}/")
        if not re.search(rf"starling_fuzz_target\(\s*{path.stem}\b", built):
            errors.append(f"{path}: fuzz/CMakeLists.txt does not build it")
    return errors


def check(root):
    root = pathlib.Path(root)
    paths = tree.files(root)
    known = {str(p) for p in paths}
    errors = []
    for guide in _GUIDES:
        if guide in known:
            errors += _check_names(root, guide, known)
    for path in paths:
        if path.suffix == ".md":
            errors += _check_links(root, path)
    return errors + _check_modules(root, paths) + _check_fuzz(root, paths)
