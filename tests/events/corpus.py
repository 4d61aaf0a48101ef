"""Reads the corpus: one file for each request, in `valid/` and `invalid/`.

A file says which section it is written from and why it is there, the mode, the headers (a name with
one value or a list of them) and the body, as text or under `body_base64`.

A valid one says what its subscriber receives: `published`, a JSON text for each event in the order
sent. Every one of them is of a type that the topic `customers` takes, and no two share their identity.

An invalid one says the answer's `status` and, for each fault, its JSON pointer; where the answer has a
result for each event of a batch, `results` has the two for each.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

Mode = Literal["structured", "batched", "binary"]

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Result:
    """What is expected for one event, or for a request of which none can be read."""

    status: int
    pointers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """One request of the corpus, and what is expected of it."""

    name: str
    section: str
    why: str
    mode: Mode
    headers: Mapping[str, tuple[str, ...]]
    body: bytes = field(repr=False)
    published: tuple[str, ...] = field(default=(), repr=False)
    status: int = 202
    results: tuple[Result, ...] = ()


@dataclass(frozen=True)
class Number:
    """A JSON number as it is spelled: `1.10` is not `1.1`, and neither is a string."""

    spelling: str


def exact(text: str) -> Any:
    """A JSON value to be compared with another: member order does not matter, all else does."""
    return json.loads(text, parse_int=Number, parse_float=Number)


@cache
def valid() -> tuple[Case, ...]:
    """Requests whose events are all accepted."""
    return tuple(_case(path) for path in sorted((FOLDER / "valid").glob("*.json")))


@cache
def invalid() -> tuple[Case, ...]:
    """Requests that are refused, or of which an event is."""
    return tuple(_case(path) for path in sorted((FOLDER / "invalid").glob("*.json")))


def _case(path: Path) -> Case:
    content: dict[str, Any] = json.loads(path.read_bytes())
    body = content.pop("body", "").encode() or b64decode(content.pop("body_base64", ""))
    headers = {
        name: (values,) if isinstance(values, str) else tuple(values)
        for name, values in content.pop("headers").items()
    }
    if "published" in content:
        content["published"] = tuple(content["published"])
    elif "results" in content:
        content["results"] = tuple(
            Result(r["status"], tuple(r["pointers"])) for r in content["results"]
        )
    else:
        content["results"] = (Result(content["status"], tuple(content.pop("pointers"))),)
    return Case(name=path.stem, headers=headers, body=body, **content)
