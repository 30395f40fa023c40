"""The player against a real server: it notices when a script is wrong."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Iterator

import pytest

from dialogues.language.player import play
from dialogues.language.script import parse
from harness.node import Node
from harness.xmpp import client

TWO = "alice is a user\nbob is a user\nalice connects\nbob connects\n"
HELLO = "alice sends:\n  <message to='{bob}' id='1'><body>hello</body></message>\n"


def fails(node: Node, text: str) -> str:
    why = asyncio.run(play(parse(textwrap.dedent(text)), [node]))
    assert why is not None, "the dialogue did not fail"
    return why


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For waiting in vain: what these tests wait for never comes."""
    monkeypatch.setattr(client, "TIMEOUT_S", 1.0)
    yield


def test_right_script_passes(node: Node) -> None:
    text = TWO + HELLO + "bob receives:\n  <message from='{alice}' ...>...</message>\n"
    assert asyncio.run(play(parse(text), [node])) is None


def test_servers_are_shared_out(node: Node) -> None:
    """Here they are the same twice; three nodes of a cluster look no different."""
    text = TWO + HELLO + "bob receives:\n  <message ...>...</message>\n"
    assert asyncio.run(play(parse(text), [node, node])) is None


def test_stanza_left_over_at_the_end_is_noticed(node: Node) -> None:
    why = fails(node, TWO + HELLO)
    assert "after the last step" in why
    assert "bob received unexpectedly" in why
    assert "<body>hello</body>" in why


def test_stanza_where_nothing_is_expected_is_noticed(node: Node) -> None:
    why = fails(node, TWO + HELLO + "bob receives nothing\n")
    assert "line 7: bob receives nothing" in why


def test_stanza_at_a_disconnect_is_noticed(node: Node) -> None:
    assert "line 7: bob disconnects" in fails(node, TWO + HELLO + "bob disconnects\n")


def test_stanza_at_a_bystander_is_noticed(node: Node) -> None:
    why = fails(node, "alice is a user\nbob is a bystander\nalice connects\n" + HELLO)
    assert "bob received unexpectedly" in why


def test_mismatch_is_explained(node: Node) -> None:
    why = fails(node, TWO + HELLO + "bob receives:\n  <presence/>\n")
    assert "line 7: bob receives:" in why
    assert "line 8: /presence: it is <message" in why
    assert "last on the stream of bob" in why
    why = fails(node, TWO + HELLO + "bob receives:\n  <message ...><body>bye</body></message>\n")
    assert "/message/body: text is 'hello', expected 'bye'" in why


def test_wrong_order_is_noticed(node: Node) -> None:
    second = "alice sends:\n  <message to='{bob}' id='2'/>\n"
    block = "  <message id='2' ...>...</message>\n  <message id='1' ...>...</message>\n"
    assert "attribute 'id' is '1', expected '2'" in fails(
        node, TWO + HELLO + second + "bob receives:\n" + block)
    text = TWO + HELLO + second + "bob receives in any order:\n" + block
    assert asyncio.run(play(parse(text), [node])) is None


def test_unordered_mismatch_names_the_odd_one(node: Node) -> None:
    why = fails(node, TWO + HELLO + HELLO + "bob receives in any order:\n"
                "  <message ...>...</message>\n  <presence/>\n")
    assert "received:" in why


def test_end_of_stream_is_noticed(node: Node) -> None:
    why = fails(node, TWO + "alice sends:\n  <nonsense/>\nalice receives:\n  <message/>\n")
    assert "unsupported-stanza-type" in why
    assert "alice received unexpectedly" in fails(node, TWO + "alice sends:\n  <nonsense/>\n"
                                                  "bob receives nothing\n")


def test_wrong_stream_error_is_noticed(node: Node) -> None:
    why = fails(node, TWO + "alice sends:\n  <nonsense/>\nalice is closed with conflict\n")
    assert "no child is like" in why


def test_silence_is_noticed(node: Node, impatient: None) -> None:
    assert "nothing came" in fails(node, TWO + "alice receives:\n  <message/>\n")
    assert "nothing came" in fails(node, TWO + "alice is closed\n")


def test_refusal_is_noticed(node: Node) -> None:
    text = "alice is a user\nalice negotiates tls\nalice authenticates"
    assert "refused with <not-authorized/>" in fails(node, text + " using 'wrong'\n")
    assert "refused with <not-authorized/>" in fails(
        node, text + " using 'wrong', refused with aborted\n")
    assert "was not refused" in fails(node, text + ", refused with not-authorized\n")


def test_unknown_name_is_noticed(node: Node) -> None:
    why = fails(node, TWO + "alice sends:\n  <message to='{carol}'/>\n")
    assert "line 5" in why
    assert "{carol} has no value here" in why
