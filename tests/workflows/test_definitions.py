"""Rules for every state machine: its graph is whole, its tasks are tried again, it has all substitutions."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from infrastructure.packaging import ROOT
from tests.workflows.asl import Json, targets

FILES = sorted((ROOT / "workflows").glob("*.asl.json"))


@pytest.fixture(params=FILES, ids=lambda path: path.name)
def definition(request: pytest.FixtureRequest) -> Json:
    """The definition in a file."""
    path: Path = request.param
    return json.loads(path.read_text(encoding="utf-8"))


def test_there_are_state_machines() -> None:
    names = [path.name for path in FILES]
    assert names == [
        "adoption.asl.json",
        "approval.asl.json",
        "erasure.asl.json",
        "proof.asl.json",
        "publishers.asl.json",
        "redrive.asl.json",
        "sensitive-data.asl.json",
    ]


def test_it_says_what_it_is_for_in_jsonata_and_ends_some_day(definition: Json) -> None:
    assert len(definition["Comment"]) > 40
    assert definition["QueryLanguage"] == "JSONata"
    # The longest wait is a day, for an approval.
    assert definition["TimeoutSeconds"] <= 3 * 24 * 3600


def test_every_state_is_reached_and_leads_somewhere(definition: Json) -> None:
    states = definition["States"]
    reached, waiting = set(), [definition["StartAt"]]
    while waiting:
        name = waiting.pop()
        assert name in states, f"{name} is not there"
        if name not in reached:
            reached.add(name)
            waiting += targets(states[name])

    assert reached == set(states)
    for name, state in states.items():
        ends = state.get("End") is True or state["Type"] in ("Succeed", "Fail")
        # A state that is the last one may have another way out when it fails.
        goes_on = bool(list(targets({**state, "Catch": []})))
        assert ends != goes_on, f"{name} neither ends nor goes on, or both"


def test_every_task_is_tried_again_when_lambda_itself_fails(definition: Json) -> None:
    tasks = [state for state in definition["States"].values() if state["Type"] == "Task"]

    assert tasks
    for task in tasks:
        errors = {error for retry in task["Retry"] for error in retry["ErrorEquals"]}
        if ":lambda:" in task["Resource"]:
            assert {"Lambda.ServiceException", "Lambda.TooManyRequestsException"} <= errors
        else:
            assert errors == {"StepFunctions.SdkClientException"}
        assert task["TimeoutSeconds"] > 90


def test_what_may_be_done_again_is_tried_again_when_a_function_fails() -> None:
    states = json.loads((ROOT / "workflows" / "redrive.asl.json").read_text())["States"]

    again = {
        name
        for name, state in states.items()
        if any("States.TaskFailed" in retry["ErrorEquals"] for retry in state.get("Retry", ()))
    }
    assert again == {"Triage a page", "Work off a page", "Finish", "Report", "Tell operators"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_substitution_is_made(path: Path) -> None:
    wanted = set(re.findall(r"\$\{(\w+)\}", path.read_text(encoding="utf-8")))
    module = path.name.replace(".asl.json", ".py").replace("-", "_")
    construct = path.with_name(module).read_text(encoding="utf-8")

    assert wanted
    for name in wanted:
        assert f'"{name}":' in construct
