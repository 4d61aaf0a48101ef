"""The runbook: what it tells operators to type is what the code takes, and what it explains is what there is.

Its commands are run, as written, by the end-to-end tests.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from typing import get_args

import pytest

from eventing.redrive.actions import ACTIONS
from eventing.redrive.approval import No
from eventing.redrive.filter import Filter
from eventing.redrive.request import RedriveRequest, read_request
from functions.contract import EXECUTION_REFUSALS
from functions.redrive.tally import Fate
from infrastructure.packaging import ROOT
from tests.shown import commands, filled_in
from tests.workflows.asl import Json
from workflows.redrive import DEFINITION

DOCS = ROOT / "docs"
TEXT = (DOCS / "runbook.md").read_text(encoding="utf-8")
SHOWN = commands("docs/runbook.md")


def _inputs() -> Iterator[Json]:
    for block in SHOWN.values():
        for text in re.findall(r"start '(\{.*?\})'\)", block, re.DOTALL):
            yield json.loads(filled_in(text.replace("LETTER", "a" * 43)))


def _rows(text: str) -> dict[str, str]:
    """The rows of the tables in a text: what is in the first column, and the rest."""
    rows = (line.strip("|").split("|", 1) for line in text.splitlines() if line.startswith("| "))
    return {first.strip(): rest.strip() for first, rest in rows}


def _section(heading: str) -> str:
    return TEXT.partition(f"# {heading}\n")[2].partition("\n#")[0]


@pytest.mark.parametrize("name", SHOWN)
def test_commands_are_what_a_shell_can_read(name: str) -> None:
    checked = subprocess.run(["bash", "-n"], input=SHOWN[name], capture_output=True, text=True)

    assert checked.stderr == ""


def test_inputs_are_valid_and_show_every_action() -> None:
    requests = [read_request(given) for given in _inputs()]

    assert {request.action for request in requests} == set(ACTIONS)


def test_the_table_of_inputs_is_complete_and_has_the_defaults() -> None:
    rows = _rows(_section("Input"))
    request = RedriveRequest()
    documented = {
        name.strip("`"): rest for names, rest in rows.items() for name in names.split(", ")
    }

    assert documented.keys() - {"field", "---"} == {field.name for field in fields(RedriveRequest)}
    for field in fields(RedriveRequest):
        default = getattr(request, field.name)
        if default not in ("", None, Filter(), "unknown"):
            assert documented[field.name].partition("|")[0].strip(" `") == json.dumps(
                default
            ).strip('"')
    for field in fields(Filter):
        assert f"`{field.name}`" in documented["filter"]


def test_every_outcome_and_every_named_error_is_explained() -> None:
    explained = " ".join(_rows(_section("Verify")))
    definition = DEFINITION.read_text(encoding="utf-8")
    outcomes = set(re.findall(r'"outcome": "([a-z ]+)"', definition)) | {"triaged", "skipped"}
    outcomes |= {*get_args(No)}
    errors = set(re.findall(r'"error": "(\w+)"', definition))

    assert {"done", "partial", "refused"} <= outcomes
    assert errors == set(EXECUTION_REFUSALS)
    # Those of runs that fail have the name of their error.
    for name in (outcomes - {"locked", "changed", "failed"}) | errors:
        assert f"`{name}`" in explained, name
    for fate in get_args(Fate):
        assert f"`{fate}`" in explained, fate
