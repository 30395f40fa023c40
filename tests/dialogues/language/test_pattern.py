"""The matcher: what fits a pattern, and what it says when something does not."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

import pytest

from dialogues.language.names import UnknownName, match_value, substitute
from dialogues.language.pattern import Mismatch, match, parse_patterns


def fits(pattern: str, xml: str, **names: str) -> dict[str, str]:
    """The names after matching; `xml` is in jabber:client unless it says otherwise."""
    one, = parse_patterns(pattern)
    element = fromstring(f"<r xmlns='jabber:client'>{xml}</r>")[0]
    return match(one, element, names)


def refused(pattern: str, xml: str, **names: str) -> str:
    with pytest.raises(Mismatch) as caught:
        fits(pattern, xml, **names)
    return str(caught.value)


def test_attributes_must_be_the_same() -> None:
    fits("<a x='1' y='2'/>", "<a y='2' x='1'/>")
    assert "attribute 'x' is '2', expected '1'" in refused("<a x='1'/>", "<a x='2'/>")
    assert "attribute 'x' is missing" in refused("<a x='1'/>", "<a/>")
    assert "unexpected attribute z='3'" in refused("<a x='1'/>", "<a x='1' z='3'/>")


def test_dots_allow_more_attributes_only() -> None:
    fits("<a x='1' .../>", "<a x='1' z='3'/>")
    fits("<a ...>text</a>", "<a z='3'>text</a>")
    assert "unexpected child <b/>" in refused("<a .../>", "<a><b/></a>")


def test_dots_in_quotes_are_text() -> None:
    fits("<a x='b ... c'/>", "<a x='b ... c'/>")
    refused("<a x='b ... c'/>", "<a x='b d c'/>")


def test_optional_attribute_may_be_missing_but_not_differ() -> None:
    fits("<a x='?1'/>", "<a/>")
    fits("<a x='?1'/>", "<a x='1'/>")
    refused("<a x='?1'/>", "<a x='2'/>")


def test_names_are_compared_expanded() -> None:
    fits("<a xmlns='urn:x'/>", "<p:a xmlns:p='urn:x'/>")
    fits("<a xmlns:q='urn:y' q:k='v'/>", "<a xmlns:p='urn:y' p:k='v'/>")
    assert "<a xmlns='jabber:client'>, expected <a xmlns='urn:x'>" in refused(
        "<a xmlns='urn:x'/>", "<a/>")


def test_language_is_ignored_unless_asked_for() -> None:
    fits("<a/>", "<a xml:lang='de'/>")
    refused("<a xml:lang='en'/>", "<a xml:lang='de'/>")


def test_stanza_id_is_ignored_unless_asked_for() -> None:
    stanza_id = "<stanza-id xmlns='urn:xmpp:sid:0' by='a@x' id='1'/>"
    fits("<a><b/></a>", f"<a><b/>{stanza_id}</a>")
    fits(f"<a>{stanza_id}</a>", f"<a>{stanza_id}</a>")
    refused(f"<a>{stanza_id}</a>", "<a/>")
    refused("<a><b/></a>", "<a><b/><stanza-id/></a>")


def test_children_come_in_any_order_each_once() -> None:
    fits("<a><b/><c/></a>", "<a><c/><b/></a>")
    assert "unexpected child <c/>" in refused("<a><b/></a>", "<a><b/><c/></a>")
    assert "no child is like line 1, <c " in refused("<a><b/><c/></a>", "<a><b/></a>")
    refused("<a><b/><b/></a>", "<a><b/></a>")
    refused("<a><b/></a>", "<a><b/><b/></a>")


def test_dots_allow_more_children() -> None:
    fits("<a><b/>...</a>", "<a><c>text</c><b/></a>")
    fits("<a>...</a>", "<a/>")
    refused("<a><b/>...</a>", "<a><c/></a>")


def test_children_are_assigned_with_backtracking() -> None:
    # The first pattern fits both; only taking the second leaves one for the other.
    names = fits("<a><i k='*' v='{v}'/><i k='1' v='{w}'/></a>",
                 "<a><i k='1' v='one'/><i k='2' v='two'/></a>")
    assert (names["v"], names["w"]) == ("two", "one")


def test_capture_is_one_value_throughout() -> None:
    fits("<a><b k='{x}'/><c k='{x}'/></a>", "<a><b k='1'/><c k='1'/></a>")
    refused("<a><b k='{x}'/><c k='{x}'/></a>", "<a><b k='1'/><c k='2'/></a>")
    assert fits("<a k='{x}'/>", "<a k='v'/>") == {"x": "v"}
    refused("<a k='{x}'/>", "<a k='v'/>", x="other")


def test_failed_alternative_leaves_no_capture() -> None:
    names = fits("<a><b><c k='{x}'/><d/></b>...</a>",
                 "<a><b><c k='wrong'/></b><b><c k='right'/><d/></b></a>")
    assert names == {"x": "right"}


def test_text_is_compared_exactly() -> None:
    fits("<a>x y</a>", "<a>x y</a>")
    fits("<a>*</a>", "<a>anything</a>")
    refused("<a>*</a>", "<a/>")
    refused("<a>x</a>", "<a>x </a>")
    assert "unexpected text 'x'" in refused("<a/>", "<a>x</a>")


def test_white_space_between_children_means_nothing() -> None:
    fits("<a>\n  <b/>\n</a>", "<a><b/></a>")
    fits("<a><b/></a>", "<a> <b/> </a>")


def test_mismatch_names_the_path() -> None:
    assert refused("<a><b><c x='1'/></b></a>", "<a><b><c x='2'/></b></a>").startswith("/a/b/c: ")


def test_stream_prefix_is_known() -> None:
    one, = parse_patterns("<stream:features/>")
    match(one, fromstring("<s:features xmlns:s='http://etherx.jabber.org/streams'/>"), {})


def test_broken_pattern_says_where() -> None:
    with pytest.raises(ValueError, match="line 12: mismatched tag"):
        parse_patterns("<a>\n<b>\n</a>", first_line=10)
    with pytest.raises(ValueError, match="text outside of elements"):
        parse_patterns("<a/> text")


def test_value_with_names_around_text() -> None:
    assert match_value("{a}@{h}", "joe@host", {"h": "host"}) == {"a": "joe"}
    assert match_value("{a}@{h}", "joe@other", {"h": "host"}) is None
    assert match_value("{a}-{a}", "x-x", {}) == {"a": "x"}
    assert match_value("{a}-{a}", "x-y", {}) is None
    assert match_value("1.5", "1x5", {}) is None
    assert match_value("{not a name}", "{not a name}", {}) == {}


def test_dotted_name_is_never_captured() -> None:
    with pytest.raises(UnknownName):
        match_value("{alice.bare}", "x", {})


def test_substitution_escapes() -> None:
    assert substitute("<a k='{v}'/>", {"v": "<'&"}, quote=True) == "<a k='&lt;&apos;&amp;'/>"
    with pytest.raises(UnknownName):
        substitute("{v}", {})
