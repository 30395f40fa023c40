"""Every dialogue in this folder is one test."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dialogues.language import player, script
from harness.node import Node

FOLDER = Path(__file__).parent


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.xmpp")))
def test_dialogue(name: str, nodes: list[Node]) -> None:
    dialogue = script.load(FOLDER / f"{name}.xmpp")
    if failure := asyncio.run(player.play(dialogue, nodes)):
        pytest.fail(failure, pytrace=False)
