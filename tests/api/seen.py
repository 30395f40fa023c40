"""Which parts of the answers that openapi.json describes have been seen, and which not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

Schema = dict[str, Any]


def answers(document: dict[str, Any]) -> dict[str, Schema]:
    """What commands answer, by path; what those that go on say in a line and at their end."""
    found = {}
    for path, ways in document["paths"].items():
        for operation in ways.values():
            if "x-starlingctl" not in operation:
                continue
            [(kind, media)] = operation["responses"]["200"]["content"].items()
            if kind == "text/event-stream":
                found |= {f"{path} line": media.get("x-line", {}),
                          f"{path} end": media.get("x-end", {})}
            else:
                found[path] = media["schema"]
    return found


def parts(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """The schema and all that are in it: "/api/overview.nodes[].name", "/api/where|0.home"."""
    yield path, schema
    for i, one in enumerate(schema.get("anyOf", [])):
        yield from parts(one, f"{path}|{i}")
    if "items" in schema:
        yield from parts(schema["items"], f"{path}[]")
    for name, one in schema.get("properties", {}).items():
        yield from parts(one, f"{path}.{name}")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from parts(schema["additionalProperties"], f"{path}.*")


class Seen:
    """Is shown answers (`Api.on_answer`)."""

    def __init__(self) -> None:
        self.paths: set[str] = set()

    def note(self, path: str, schema: Schema, body: Any) -> None:
        if body is None:
            return
        self.paths.add(path)
        for i, one in enumerate(schema.get("anyOf", [])):
            if Draft202012Validator(one).is_valid(body):
                self.note(f"{path}|{i}", one, body)
        if isinstance(body, list) and "items" in schema:
            for item in body:
                self.note(f"{path}[]", schema["items"], item)
        elif isinstance(body, dict):
            known = schema.get("properties", {})
            for name, value in body.items():
                if name in known:
                    self.note(f"{path}.{name}", known[name], value)
                elif isinstance(schema.get("additionalProperties"), dict):
                    self.note(f"{path}.*", schema["additionalProperties"], value)

    def unseen(self, document: dict[str, Any]) -> set[str]:
        every = {path for name, schema in answers(document).items()
                 for path, _ in parts(schema, name)}
        return every - self.paths
