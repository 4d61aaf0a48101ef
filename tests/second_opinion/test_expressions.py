"""The reference implementation of JSONata evaluates as the tests' own engine does.

Step Functions names version 2.0.6. The tests' engine and the emulator's know more than that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import jsonata
import pytest

from infrastructure.packaging import ROOT
from tests.second_opinion.programs import INSTALLED, ask
from tests.second_opinion.recorder import RECORD
from tests.workflows.asl import Json, evaluate, expressions

DEFINITIONS = [
    json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "workflows").glob("*.asl.json")
]
RECORDED: Sequence[Mapping[str, Json]] = json.loads(RECORD.read_text(encoding="utf-8"))


def reference(asked: Sequence[Mapping[str, Json]]) -> list[Json]:
    """For each source and its variables the `value`, the `error`, or nothing without a value."""
    return ask("evaluate.cjs", asked)


def differences(asked: Sequence[Mapping[str, Json]]) -> list[str]:
    """Where the two engines do not say the same."""
    found = []
    for one, theirs in zip(asked, reference(asked), strict=True):
        # As texts, since in Python 1 equals True.
        ours = _text({"value": evaluate(one["source"], one["variables"])})
        if ours != _text(theirs):
            found.append(f"{one['source']}: {ours} here, {_text(theirs)} by the reference")
    return found


def _text(value: Json) -> str:
    # JavaScript has one kind of number, and writes 0.0 as 0.
    return json.dumps(json.loads(json.dumps(value), parse_float=_number), sort_keys=True)


def _number(text: str) -> float:
    number = float(text)
    return int(number) if number.is_integer() else number


def test_the_reference_is_the_version_that_step_functions_names() -> None:
    installed = json.loads((INSTALLED / "jsonata" / "package.json").read_text(encoding="utf-8"))

    assert installed["version"] == "2.0.6"


def test_every_expression_is_on_record() -> None:
    """Otherwise: `make expressions`."""
    recorded = {one["source"] for one in RECORDED}

    assert recorded
    assert recorded == {source for one in DEFINITIONS for source in expressions(one)}


def test_every_condition_is_on_record_both_ways() -> None:
    conditions = {
        source
        for definition in DEFINITIONS
        for state in definition["States"].values()
        for choice in state.get("Choices", ())
        for source in expressions(choice["Condition"])
    }
    seen: dict[str, set[bool]] = {}
    for one in RECORDED:
        if one["source"] in conditions:
            value = evaluate(one["source"], one["variables"])
            seen.setdefault(one["source"], set()).add(value)

    assert conditions
    assert seen == {condition: {True, False} for condition in conditions}


def test_the_reference_gives_what_our_engine_gives() -> None:
    assert differences(RECORDED) == []


@pytest.mark.parametrize("operator", ["??", "?:"])
def test_what_came_after_the_version_is_refused(operator: str) -> None:
    """Our own engine takes it, and so does the emulator: nothing else would show it."""
    one = RECORDED[0]
    changed = {**one, "source": f"({one['source']}) {operator} 'none'"}
    jsonata.Jsonata(changed["source"])
    (difference,) = differences([changed])

    assert '"error": "S0' in difference


def test_what_step_functions_leaves_out_is_refused() -> None:
    (answer,) = reference([{"source": "$eval('1')", "variables": {}}])

    assert "no $eval" in answer["error"]


@pytest.mark.parametrize(
    ("source", "variables"),
    [("$states.input.gone", {"states": {"input": {}}}), ("$never_assigned", {})],
)
def test_both_say_that_an_expression_has_no_value(
    source: str, variables: Mapping[str, Json]
) -> None:
    assert reference([{"source": source, "variables": variables}]) == [{}]
    with pytest.raises(AssertionError, match="no value"):
        evaluate(source, variables)
