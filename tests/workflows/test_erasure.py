"""The state machine that erases, run with a function whose answers a test gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from tests.workflows.asl import Execution, ExecutionFailed, Json, TaskFailed, targets
from workflows.approval import DEFINITION as APPROVAL_DEFINITION
from workflows.erasure import DEFINITION

MACHINE: Json = json.loads(DEFINITION.read_text(encoding="utf-8"))
APPROVAL: Json = json.loads(APPROVAL_DEFINITION.read_text(encoding="utf-8"))
INPUT: Mapping[str, Json] = {"key": "acme-web#" + "k" * 43, "reason": "r", "started_by": "ada"}
PLAN: Mapping[str, Json] = {"hash": "4f2a", "summary": {"since": None}}
APPROVED: Mapping[str, Json] = {
    "approved": True, "approver": "dana", "reason": "seen", "outcome": None, "cause": None,
}  # fmt: skip
NO: Mapping[str, Json] = {
    **APPROVED, "approved": False, "approver": None, "outcome": "refused", "cause": "Refused.",
}  # fmt: skip
Answer = Callable[[Json], Json]


def error(name: str, message: str = "what it said") -> Answer:
    """A function that raises: its class's name and message, as Lambda reports them."""

    def answer(payload: Json) -> Json:
        raise TaskFailed(name, json.dumps({"errorMessage": message, "errorType": name}))

    return answer


def position(*left: str, wait: int = 0) -> Json:
    return {"left": [*left], "wait": wait}


@dataclass
class Machine:
    """The state machine with the answers to its tasks; those of a list are given one after another."""

    answers: Mapping[str, list[Json] | Answer] = field(default_factory=dict)
    calls: list[Json] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    walked: set[tuple[str, str]] = field(default_factory=set)
    error: str | None = None
    cause: str | None = None

    def run(self) -> Json:
        """The output of an execution; None where it fails."""
        execution = Execution(MACHINE, self._task, wait=self.waited.append)
        try:
            return execution.run(dict(INPUT))
        except ExecutionFailed as failed:
            self.error, self.cause = failed.error, failed.cause
            return None
        finally:
            self.walked.update(zip(execution.visited, execution.visited[1:], strict=False))

    def tasks(self, name: str) -> list[Json]:
        return [call for call in self.calls if call["task"] == name]

    def _task(self, arguments: Json) -> Json:
        if "StateMachineArn" in arguments:
            assert arguments["StateMachineArn"] == "${Approval}"
            return {"Output": Execution(APPROVAL, self._task).run(arguments["Input"])}
        payload = arguments["Payload"]
        self.calls.append(payload)
        task: str = payload["task"]
        asks = task in ("ask", "answer")
        assert arguments["FunctionName"] == ("${Function}" if asks else "${EraserFunction}")
        answer = self.answers.get(task, _ANSWERS[task])
        number = len(self.tasks(task))
        found = answer(payload) if callable(answer) else answer[:number][-1]
        return found if task == "ask" else {"StatusCode": 200, "Payload": found}


_ANSWERS: Mapping[str, list[Json] | Answer] = {
    "begin": [{"request": {"action": "erase", **INPUT}, "survey": {"left": ["archive"]}}],
    "survey": [{"survey": {"left": []}, "plan": PLAN}],
    "ask": [{"approved": True}],
    "answer": [APPROVED],
    "erase": [position()],
    "report": lambda payload: {"outcome": payload["outcome"] or "done"},
}
MORE = {"survey": {"left": ["archive"]}, "plan": None}
RUNS: Mapping[str, Machine] = {
    "straight": Machine(),
    "pages": Machine({"survey": [MORE, MORE, *_ANSWERS["survey"]],  # type: ignore[misc]
                      "erase": [position("archive"), position("archive"), position()]}),
    "busy": Machine({"erase": [position("letters", wait=5), position()]}),
    "refused": Machine({"answer": [NO]}),
    "nobody": Machine({"ask": error("States.Timeout")}),
    "faulty": Machine({"begin": error("InvalidInput", "key: must be another")}),
    "endless": Machine({"erase": [position("archive")]}),
    **{task: Machine({task: error("DependencyDown", "bucket b: DENIED")})
       for task in ("begin", "survey", "ask", "answer", "erase", "report")},
}  # fmt: skip


@pytest.fixture(scope="module")
def outputs() -> Mapping[str, Json]:
    """The output of each of the runs."""
    return {name: machine.run() for name, machine in RUNS.items()}


def test_it_surveys_asks_erases_and_reports(outputs: Mapping[str, Json]) -> None:
    run = RUNS["straight"]
    assert outputs["straight"] == {"outcome": "done"}
    assert [call["task"] for call in run.calls] == [
        "begin", "survey", "ask", "answer", "erase", "report",
    ]  # fmt: skip
    assert {call["execution"] for call in run.calls} == {"run-1"}
    (report,) = run.tasks("report")
    assert (report["approval"]["approver"], report["plan"]) == ("dana", PLAN)
    assert report["position"] == position()


def test_pages_go_on_where_the_last_one_ended(outputs: Mapping[str, Json]) -> None:
    run = RUNS["pages"]
    assert outputs["pages"] == {"outcome": "done"}
    assert [one["survey"]["left"] for one in run.tasks("survey")] == [["archive"]] * 3
    assert [one["position"] for one in run.tasks("erase")] == [None, *[position("archive")] * 2]
    assert run.waited == []


def test_a_letter_that_a_redrive_is_at_is_waited_for(outputs: Mapping[str, Json]) -> None:
    assert outputs["busy"] == {"outcome": "done"}
    assert RUNS["busy"].waited == [5]


@pytest.mark.parametrize(("name", "said"), [("refused", "refused"), ("nobody", "not approved")])
def test_without_a_yes_nothing_is_erased(outputs: Mapping[str, Json], name: str, said: str) -> None:
    run = RUNS[name]
    assert run.tasks("erase") == []
    (report,) = run.tasks("report")
    assert (report["approval"]["outcome"], report["position"]) == (said, None)
    assert outputs[name] == {"outcome": "done"}  # the function says which, by the approval


def test_a_faulty_request_is_no_failure(outputs: Mapping[str, Json]) -> None:
    assert outputs["faulty"] == {"outcome": "refused", "cause": "key: must be another"}
    assert RUNS["faulty"].error is None


def test_its_history_has_an_end(outputs: Mapping[str, Json]) -> None:
    run = RUNS["endless"]
    (report,) = run.tasks("report")
    assert (report["outcome"], "erase once more" in report["cause"]) == ("partial", True)
    # A page leaves seven events, and an execution may have 25,000.
    assert len(run.tasks("erase")) * 7 < 20_000


@pytest.mark.parametrize("task", ["begin", "survey", "erase", "report"])
def test_what_fails_ends_it_with_its_name(outputs: Mapping[str, Json], task: str) -> None:
    run = RUNS[task]
    assert outputs[task] is None
    assert (run.error, run.cause) == ("DependencyDown", "bucket b: DENIED")
    # What was erased by then is reported.
    assert len(run.tasks("report")) == (task in ("erase", "report"))


@pytest.mark.parametrize("task", ["ask", "answer"])
def test_an_approval_that_fails_is_none(outputs: Mapping[str, Json], task: str) -> None:
    run = RUNS[task]
    assert run.tasks("erase") == []
    (report,) = run.tasks("report")
    assert report["approval"]["outcome"] == "failed"
    assert outputs[task] is not None


def test_no_token_is_in_what_those_who_ask_may_read(outputs: Mapping[str, Json]) -> None:
    assert outputs
    for run in RUNS.values():
        told = [call for call in run.calls if call["task"] != "ask"]
        assert "token of" not in json.dumps(told)


def test_every_transition_is_one_that_an_execution_takes(outputs: Mapping[str, Json]) -> None:
    def stopped(arguments: Json) -> Json:
        if "StateMachineArn" in arguments:
            raise TaskFailed("States.TaskFailed")
        return Machine()._task(arguments)

    assert outputs
    walked = set().union(*(run.walked for run in RUNS.values()))
    # The execution that asks was stopped.
    execution = Execution(MACHINE, stopped)
    with pytest.raises(ExecutionFailed):
        execution.run(dict(INPUT))
    walked.update(zip(execution.visited, execution.visited[1:], strict=False))
    assert walked == {
        (name, target) for name, state in MACHINE["States"].items() for target in targets(state)
    }
