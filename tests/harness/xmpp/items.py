"""What a client can receive, in the order of the bytes on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

CLIENT = "jabber:client"
STREAM = "http://etherx.jabber.org/streams"
STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
ROSTER = "jabber:iq:roster"
PING = "urn:xmpp:ping"
XML = "http://www.w3.org/XML/1998/namespace"


@dataclass(frozen=True)
class Declaration:
    """The XML declaration before a stream header."""

    version: str

    def __str__(self) -> str:
        return f"<?xml version='{self.version}'?>"


@dataclass(frozen=True)
class Received:
    """A stream header (an element without children), a stanza, or another child of the stream."""

    element: Element

    def __str__(self) -> str:
        return to_text(self.element)


@dataclass(frozen=True)
class EndOfStream:
    """`</stream:stream>`."""

    def __str__(self) -> str:
        return "</stream:stream>"


@dataclass(frozen=True)
class Closed:
    """The connection is gone, in order or not."""

    reason: str

    def __str__(self) -> str:
        return f"the connection's end ({self.reason})"


Item = Declaration | Received | EndOfStream | Closed


def split_name(name: str) -> tuple[str, str]:
    """`{namespace}local` in its two parts."""
    namespace, _, local = name.rpartition("}")
    return namespace.removeprefix("{"), local


def to_text(element: Element, parent: str = CLIENT) -> str:
    """One line of XML for people: a namespace is declared where it changes."""
    namespace, local = split_name(element.tag)
    attributes = "" if namespace in (parent, STREAM) else f" xmlns='{namespace}'"
    for name, value in element.attrib.items():
        where, key = split_name(name)
        prefix = {"": "", XML: "xml:"}.get(where, "{" + where + "}")
        attributes += f" {prefix}{key}={quoteattr(value)}".replace('"', "'")
    tag = f"stream:{local}" if namespace == STREAM else local
    content = escape(element.text or "")
    inner = parent if namespace == STREAM else namespace
    for child in element:
        content += to_text(child, inner) + escape(child.tail or "")
    return f"<{tag}{attributes}>{content}</{tag}>" if content else f"<{tag}{attributes}/>"
