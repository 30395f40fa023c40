"""The language of the dialogues (see ../README.md): patterns, scripts, and how they are played."""
