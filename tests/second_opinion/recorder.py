"""Records the expressions that the workflows' tests evaluate, with their inputs: a plugin of pytest.

`make expressions` writes the record. It is sorted, so that a new one differs only in what has changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.workflows.asl import Json, listeners

RECORD = Path(__file__).parent / "expressions.json"
# Enough for each kind of input; more would be the same again.
INPUTS_PER_VALUE = 2
VALUES_PER_EXPRESSION = 4

_seen: dict[str, dict[str, set[str]]] = {}


def _note(source: str, variables: Mapping[str, Json], value: Json) -> None:
    named = set(re.findall(r"\$(\w+)", source))
    inputs = {name: given for name, given in variables.items() if name in named}
    of_value = _seen.setdefault(source, {}).setdefault(json.dumps(value, sort_keys=True), set())
    of_value.add(json.dumps(inputs, sort_keys=True))


def pytest_configure() -> None:
    """Begin to listen."""
    listeners.append(_note)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write what was heard, unless a test failed."""
    if exitstatus != pytest.ExitCode.OK:
        return
    record = [
        json.dumps({"source": source, "variables": json.loads(inputs)}, ensure_ascii=False)
        for source, values in sorted(_seen.items())
        for _, seen in sorted(values.items())[:VALUES_PER_EXPRESSION]
        for inputs in sorted(seen)[:INPUTS_PER_VALUE]
    ]
    RECORD.write_text("[\n" + ",\n".join(record) + "\n]\n", encoding="utf-8")
