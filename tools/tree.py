"""The project's files as the checks see them, and C++ text without comments and literals."""

import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
_SKIPPED_FOLDERS = {".git", "build", "run", "node_modules", "__pycache__", ".pytest_cache"}


def files(root):
    """Paths of the project, relative to root and sorted: tracked, or new and not ignored."""
    root = pathlib.Path(root)
    git = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=False) if (root / ".git").exists() else None
    if git is not None and git.returncode == 0:
        found = [pathlib.Path(name) for name in git.stdout.split("\0") if name]
    else:  # an unpacked archive
        found = []
        for folder, folders, names in os.walk(root):
            folders[:] = [f for f in folders if f not in _SKIPPED_FOLDERS]
            found += [(pathlib.Path(folder) / name).relative_to(root) for name in names]
    return sorted({path for path in found if (root / path).is_file()})


def read(root, path):
    return (pathlib.Path(root) / path).read_text(encoding="utf-8", errors="replace")


def is_cpp(path):
    return path.suffix in (".cc", ".h")


# The raw string comes first: it may hold anything. A digit separator is not a character literal.
_TOKEN = re.compile(
    r'R"(?P<tag>[^\s()\\]{0,16})\((?:.|\n)*?\)(?P=tag)"'
    r"|//(?:\\\n|[^\n])*|/\*(?:.|\n)*?\*/"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'")


def code_only(text):
    """C++ with comments blanked and literals emptied; every character keeps its line."""
    def blank(match):
        token = match.group(0)
        newlines = "\n" * token.count("\n")
        if token.startswith("/"):
            return " " + newlines
        return token[-1] + newlines + token[-1]
    return _TOKEN.sub(blank, text)


def masked(text, literals=False):
    """C++ with comments blanked, and what is in literals too; every character keeps its place."""
    def blank(match):
        token = match.group(0)
        if token.startswith("/"):
            return re.sub(r"[^\n]", " ", token)
        return token[0] + re.sub(r"[^\n]", "_", token[1:-1]) + token[-1] if literals else token
    return _TOKEN.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
