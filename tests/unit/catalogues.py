"""Catalogues for tests: as Python values, and as the files they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eventing.catalogue import Catalogue, EventType, Mode, Rule, Topic


def write(folder: Path, files: Mapping[str, Any]) -> Path:
    """Write each file: a text as it is, anything else as JSON."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return folder


def of_topics(*topics: tuple[str, list[tuple[str, str | None]]]) -> Catalogue:
    """A catalogue of these topics, each with its rules: a pattern and a condition."""
    made = tuple(
        Topic(name, "", tuple(Rule(pattern, when) for pattern, when in rules))
        for name, rules in topics
    )
    return Catalogue(made, (), {}, "")


def of_schema(schema: Any, *, mode: Mode = "enforce", type: str = "*") -> Catalogue:
    """A catalogue with one event type of this schema."""
    return Catalogue((), (EventType(type, "", mode, "schema.json", schema),), {}, "")
