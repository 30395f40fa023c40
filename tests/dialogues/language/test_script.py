"""The reader of dialogue files: what they say, and the mistakes it finds."""

from __future__ import annotations

import pytest

from dialogues.language.script import ScriptError, parse

USERS = "alice is a user\nbob is a user at {host2}, with resource phone\n"


def test_participants_and_their_streams() -> None:
    script = parse("alice is a user\nbob is a user at {host2}, with resource the phone\n"
                   "tablet is bob, with resource tablet\nraw is a stream to x.test\n"
                   "eve is a bystander\nalice and bob are contacts\n"
                   "alice connects\nbob connects\ntablet connects\nraw opens tcp\n")
    people = script.participants
    assert [p.user for p in people.values()] == ["alice", "bob", "bob", None, "eve"]
    assert people["bob"].host == people["tablet"].host == "{host2}"
    assert people["bob"].resource == "the phone"
    assert people["alice"].resource == "alice"
    assert people["raw"].host == "x.test"
    assert [p.name for p in people.values() if p.bystander] == ["eve"]
    assert script.contacts == [("alice", "bob")]


def test_steps_have_arguments_and_blocks() -> None:
    script = parse(USERS + "# a remark\nalice goes online with priority -3\nbob connects\n"
                   "alice sends:\n  <message to='{bob}'>\n    <body/>\n  </message>\n\n"
                   "bob receives in any order:\n\n  <a/>\n  <b x='...'/>\n")
    online, _, send, receive = script.steps
    assert (online.line, online.verb, online.arguments) == (4, "go online", {"priority": "-3"})
    assert send.block == "<message to='{bob}'>\n  <body/>\n</message>"
    assert [p.line for p in receive.patterns] == [13, 14]


def test_arguments_of_authentication() -> None:
    step = parse("alice is a user\nalice authenticates with SCRAM-SHA-1-PLUS as 'a b' using ''"
                 " binding tls-unique, refused with not-authorized\n").steps[0]
    assert step.arguments == {"mechanism": "SCRAM-SHA-1-PLUS", "user": "a b", "password": "",
                              "binding": "tls-unique", "condition": "not-authorized"}


def test_writes_may_hold_anything() -> None:
    step, = parse("x is a stream\nx writes:\n  <a><b>\n    \\xff</a>\n").steps
    assert step.block == "<a><b>\n  \\xff</a>"


@pytest.mark.parametrize(("text", "why"), [
    ("alice dances\n", "neither a declaration nor a participant"),
    (USERS + "alice dances\n", "no such step"),
    (USERS + "alice connects\nbob connects\neve is a user\n", "declarations come before steps"),
    ("alice is a user\nalice is a user\n", "alice is there already"),
    ("tablet is alice, with resource tablet\n", "alice is not a user"),
    ("x is a stream\ny is a stream\nx and y are contacts\n", "x is not a user"),
    ("alice is a user\nalice sends:\nalice connects\n", "nothing follows"),
    ("alice is a user\nalice sends:\n  <a>\n", ":3|line 3"),
    ("alice is a user\n  <a/>\n", "belongs to no step"),
    ("alice is a user\n", "no steps"),
    (USERS + "alice connects\n", "bob does nothing"),
])
def test_mistakes_are_found(text: str, why: str) -> None:
    with pytest.raises(ScriptError, match=why):
        parse(text)
