"""Patterns of XML: what a `receives:` block holds, and how an element is held against them.

Names of elements and attributes are compared as expanded names. Children may come in any order;
attributes, children or text that the pattern does not mention are an error, unless it says `...`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element
from xml.parsers import expat

from dialogues.language.names import match_value
from harness.xmpp.items import CLIENT, STREAM, XML, split_name, to_text

_ANY_ATTRIBUTE = "any-attribute"
_TAG = re.compile(r"""<[^<>!?/](?:[^<>'"]|'[^']*'|"[^"]*")*>""")
# What a server may add to any message (XEP-0359).
_STANZA_ID = "{urn:xmpp:sid:0}stanza-id"
_LANG = f"{{{XML}}}lang"


class Mismatch(Exception):
    """Says where, as a path of local names, and why."""


@dataclass
class Pattern:
    """One element."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list[Pattern] = field(default_factory=list)
    text: str = ""
    more_attributes: bool = False
    more_children: bool = False

    @property
    def name(self) -> str:
        namespace, local = split_name(self.tag)
        return f"<{local} xmlns='{namespace}'>"


def _mark_open_attributes(source: str) -> str:
    """`<a b='c' ...>` to well-formed XML; `...` within quotes stays."""
    def mark(match: re.Match[str]) -> str:
        return re.sub(r"""('[^']*'|"[^"]*")|\s\.\.\.(?=[\s/>])""",
                      lambda m: m[1] or f" {_ANY_ATTRIBUTE}=''", match[0])

    return _TAG.sub(mark, source)


def parse_patterns(source: str, first_line: int = 1) -> list[Pattern]:
    """The elements of a block, `jabber:client` being the default namespace.

    Raises ValueError, with the line, if the block is not well-formed.
    """
    builder = _Builder(first_line)
    prolog = f"<block xmlns='{CLIENT}' xmlns:stream='{STREAM}'>"
    try:
        builder.parser.Parse(prolog + _mark_open_attributes(source) + "</block>", True)
    except expat.ExpatError as error:
        line = first_line + error.lineno - 1
        raise ValueError(f"line {line}: {expat.ErrorString(error.code)}") from None
    return builder.root.children


class _Builder:
    def __init__(self, first_line: int) -> None:
        self.root = Pattern("block", {}, first_line)
        self.parser = expat.ParserCreate(namespace_separator="}")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self._open: list[Pattern] = []

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._open:
            self._open.append(self.root)
            return
        line = self.root.line + self.parser.CurrentLineNumber - 1
        named = {"{" + k if "}" in k else k: v for k, v in attributes.items()}
        more = named.pop(_ANY_ATTRIBUTE, None) is not None
        pattern = Pattern("{" + name if "}" in name else name, named, line, more_attributes=more)
        self._open[-1].children.append(pattern)
        self._open.append(pattern)

    def _characters(self, text: str) -> None:
        if text.strip() == "...":
            self._open[-1].more_children = True
        elif text.strip():
            if self._open[-1] is self.root:
                raise ValueError(f"line {self.root.line}: text outside of elements: {text!r}")
            self._open[-1].text += text

    def _end(self, _: str) -> None:
        self._open.pop()


def match(pattern: Pattern, element: Element, bindings: Mapping[str, str]) -> dict[str, str]:
    """The bindings and those the match adds to them. Raises Mismatch."""
    for result in _matches(pattern, element, dict(bindings)):
        return result
    raise Mismatch(_why_not(pattern, element, dict(bindings), ""))


def _matches(pattern: Pattern, element: Element,
             bindings: dict[str, str]) -> Iterator[dict[str, str]]:
    """All ways in which the pattern fits."""
    if element.tag != pattern.tag:
        return
    found = _match_own(pattern, element, bindings)
    if isinstance(found, dict):
        yield from _match_children(pattern, 0, list(element), found)


def _match_own(pattern: Pattern, element: Element,
               bindings: dict[str, str]) -> dict[str, str] | str:
    """Attributes and text: the new bindings, or why not."""
    bindings = dict(bindings)
    for name, template in pattern.attributes.items():
        actual = element.get(name)
        optional = template.startswith("?")
        template = template.removeprefix("?")
        if actual is None and not optional:
            return f"attribute {split_name(name)[1]!r} is missing"
        if actual is not None:
            found = match_value(template, actual, bindings)
            if found is None:
                return f"attribute {split_name(name)[1]!r} is {actual!r}, expected {template!r}"
            bindings |= found
    extra = [n for n in element.attrib if n not in pattern.attributes and n != _LANG]
    if extra and not pattern.more_attributes:
        return f"unexpected attribute {split_name(extra[0])[1]}={element.get(extra[0])!r}"
    return _match_text(pattern, element, bindings)


def _match_text(pattern: Pattern, element: Element,
                bindings: dict[str, str]) -> dict[str, str] | str:
    text = (element.text or "") + "".join(child.tail or "" for child in element)
    if not pattern.text:
        if text.strip() and not pattern.more_children:
            return f"unexpected text {text!r}"
        return bindings
    found = match_value(pattern.text, text, bindings) if text else None
    if found is None:
        return f"text is {text!r}, expected {pattern.text!r}"
    return bindings | found


def _match_children(pattern: Pattern, index: int, rest: list[Element],
                    bindings: dict[str, str]) -> Iterator[dict[str, str]]:
    if index == len(pattern.children):
        if pattern.more_children or all(child.tag == _STANZA_ID for child in rest):
            yield bindings
        return
    for at, child in enumerate(rest):
        for found in _matches(pattern.children[index], child, bindings):
            yield from _match_children(pattern, index + 1, rest[:at] + rest[at + 1:], found)


def _why_not(pattern: Pattern, element: Element, bindings: dict[str, str], path: str) -> str:
    """The most telling reason; the pattern is known not to match."""
    path += f"/{split_name(pattern.tag)[1]}"
    if element.tag != pattern.tag:
        namespace, local = split_name(element.tag)
        return f"{path}: it is <{local} xmlns='{namespace}'>, expected {pattern.name}"
    found = _match_own(pattern, element, bindings)
    if isinstance(found, str):
        return f"{path}: {found}"
    for child in pattern.children:
        if any(True for e in element for _ in _matches(child, e, found)):
            continue
        alike = [e for e in element if e.tag == child.tag]
        if len(alike) == 1:
            return _why_not(child, alike[0], found, path)
        return f"{path}: no child is like line {child.line}, {child.name}"
    matched = {c.tag for c in pattern.children}
    extra = [e for e in element if e.tag not in matched | {_STANZA_ID}] or list(element)
    if len(element) > len(pattern.children) and extra:
        return f"{path}: unexpected child {to_text(extra[-1], split_name(element.tag)[0])}"
    return f"{path}: its children do not fit all at once"
