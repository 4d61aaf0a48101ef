"""The state machine of sensitive data, run with a function whose answers a test gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from eventing.redrive.approval import ANSWERED_WITHIN
from tests.workflows.asl import Execution, ExecutionFailed, Json, TaskFailed, targets
from workflows.approval import DEFINITION as APPROVAL_DEFINITION
from workflows.sensitive_data import DEFINITION

MACHINE: Json = json.loads(DEFINITION.read_text(encoding="utf-8"))
APPROVAL: Json = json.loads(APPROVAL_DEFINITION.read_text(encoding="utf-8"))
REQUEST = {"started_by": "macie", "reason": ""}
OPENED: Mapping[str, Json] = {
    "mine": True,
    "case": "c",
    "round": 1,
    "wait": 30,
    "outcome": "begun",
    "cause": "",
    "request": REQUEST,
}
EXAMINED: Mapping[str, Json] = {
    "asks": True,
    "ask": "case-c-1",
    "hash": "4f2a",
    "publisher": "acme-web",
    "because": "sensitive data of severity high",
}
YES: Mapping[str, Json] = {
    "approved": True,
    "approver": "dana",
    "reason": "it has to stop",
    "outcome": None,
    "cause": None,
    "choice": {"measure": "suspend"},
}
NO: Mapping[str, Json] = {
    "approved": False,
    "approver": None,
    "reason": None,
    "outcome": "refused",
    "cause": "Refused by dana.",
    "choice": None,
}
AGAIN: Mapping[str, Json] = {"done": False, "wait": 1, "position": {"attempt": 0, "looks": 1}}
OVER: Mapping[str, Json] = {
    "done": True,
    "wait": 0,
    "outcome": "done",
    "cause": "",
    "failures": [],
    "position": {"attempt": 0, "looks": 0},
}


def error(name: str, message: str = "why") -> Callable[[Json], Json]:
    """A function that raises, as Lambda reports it."""

    def answer(payload: Json) -> Json:
        raise TaskFailed(name, json.dumps({"errorMessage": message, "errorType": name}))

    return answer


@dataclass
class Function:
    """Answers each task, and writes down what it was asked."""

    answers: dict[str, Callable[[Json], Json]] = field(default_factory=dict)
    acts: list[Json] = field(default_factory=lambda: [AGAIN, AGAIN, OVER])
    read: Mapping[str, Json] = field(default_factory=lambda: YES)
    calls: list[Json] = field(default_factory=list)

    def __call__(self, arguments: Json) -> Json:
        if "StateMachineArn" in arguments:
            assert arguments["StateMachineArn"] == "${CaseApproval}"
            asking = Execution(APPROVAL, self, name=arguments["Name"])
            return {"Output": asking.run(arguments["Input"])}
        payload = arguments["Payload"]
        task = payload["task"]
        name = "" if task in ("ask", "answer") else "Cases"
        assert arguments["FunctionName"] == f"${{{name}Function}}"
        self.calls.append(payload)
        answer = self.answers.get(task, self._answer)(payload)
        return answer if task == "ask" else {"StatusCode": 200, "Payload": answer}

    def _answer(self, payload: Json) -> Json:
        match payload["task"]:
            case "open":
                return OPENED
            case "examine":
                return EXAMINED
            case "ask":
                return {"approved": True}
            case "answer":
                return self.read
            case "act":
                return self.acts.pop(0)
            case "quarantine":
                return {"quarantined": True}
            case "close":
                return {"case": "c", "outcome": "suspended", "cause": None}
        return None

    def tasks(self) -> list[str]:
        """The tasks in their order."""
        return [call["task"] for call in self.calls]

    def call(self, task: str) -> Json:
        """What the last one of these tasks was given."""
        return next(call for call in reversed(self.calls) if call["task"] == task)


def walk(function: Function, input: Json = None) -> tuple[Json, list[str]]:
    """The output, or the error, and the states that were visited."""
    execution = Execution(MACHINE, function)
    try:
        return execution.run(input or {"finding": {"id": "f1", "x": "y"}}), execution.visited
    except ExecutionFailed as failed:
        return failed, execution.visited


def test_an_approval_is_acted_on_and_then_the_object_goes_under_quarantine() -> None:
    function = Function()

    output, _ = walk(function)

    assert function.tasks() == [
        *("open", "examine", "ask", "answer", "act", "act", "act", "quarantine", "close")
    ]
    assert output["outcome"] == "suspended"
    assert function.call("act")["answer"] == {**YES, "error": ""}
    assert function.call("act")["position"] == AGAIN["position"]
    close = function.call("close")
    assert (close["acted"], close["quarantined"]) == (OVER, True)


def test_the_question_is_about_the_case_and_has_the_hash() -> None:
    function = Function()
    walk(function)

    ask = function.call("ask")
    assert (ask["execution"], ask["plan"]) == ("case-c-1", {"hash": "4f2a"})
    assert ask["execution_arn"].endswith(":machine:run-1")
    assert ask["request"] == {
        "action": "stop",
        "case": "c",
        "round": 1,
        "publisher": "acme-web",
        **REQUEST,
    }


def test_the_finding_goes_no_further_than_the_first_task() -> None:
    function = Function()
    walk(function)

    first, *others = function.calls
    assert first["request"] == {"finding": {"id": "f1", "x": "y"}}
    assert all(call.get("request") != first["request"] for call in others)


@pytest.mark.parametrize("read", [NO, None])
def test_without_an_approval_nothing_is_done(read: Json) -> None:
    function = Function(read=read or NO)
    if read is None:
        function.answers["ask"] = error("States.Timeout")

    walk(function)

    assert not {"act", "quarantine"} & set(function.tasks())
    close = function.call("close")
    assert close["answer"]["approved"] is False
    assert (close["acted"], close["quarantined"]) == (None, None)


def test_nobody_may_have_to_be_asked() -> None:
    function = Function()
    function.answers["examine"] = lambda _: {**EXAMINED, "asks": False}

    walk(function)

    assert function.tasks() == ["open", "examine", "tell", "close"]
    assert function.call("close")["answer"] is None


def test_a_finding_that_is_another_executions_ends_at_once() -> None:
    function = Function()
    joined = {**OPENED, "mine": False, "round": 0, "outcome": "joined"}
    function.answers["open"] = lambda _: joined

    output, _ = walk(function)

    assert (function.tasks(), output) == (["open"], joined)


def test_a_refusal_of_a_persons_input_is_an_error_and_no_mail() -> None:
    function = Function()
    function.answers["open"] = error("InvalidInput", "case: there is no case c")

    failed, _ = walk(function)

    assert (failed.error, failed.cause) == ("InvalidInput", "case: there is no case c")
    assert function.tasks() == ["open"]


TASKS = ("open", "examine", "tell", "ask", "answer", "act", "quarantine", "close")


@pytest.mark.parametrize("name", ["DependencyDown", "Runtime.ExitError"])
@pytest.mark.parametrize("task", TASKS)
def test_what_fails_is_given_up_and_told(task: str, name: str) -> None:
    function = Function()
    function.answers[task] = error(name, "table t: THROTTLED")
    if task == "tell":
        function.answers["examine"] = lambda _: {**EXAMINED, "asks": False}

    failed, _ = walk(function)

    assert failed.error == name
    given = function.call("give_up")
    assert ("table t: THROTTLED" in given["cause"]) is (name == "DependencyDown")
    assert given["case"] == (None if task == "open" else "c")
    assert function.tasks()[-1] == "give_up"


def test_not_even_that_may_work() -> None:
    function = Function()
    function.answers |= {"examine": error("DependencyDown"), "give_up": error("DependencyDown")}

    failed, visited = walk(function)

    assert failed.error == "DependencyDown"
    assert visited[-1] == "Failed"


def test_the_machine_outlives_an_approval() -> None:
    asks = MACHINE["States"]["Ask for approval"]["TimeoutSeconds"]
    assert ANSWERED_WITHIN.total_seconds() < APPROVAL["TimeoutSeconds"] < asks
    assert asks < MACHINE["TimeoutSeconds"]


def test_every_transition_is_one_that_an_execution_takes() -> None:
    taken: set[tuple[str, str]] = set()

    def note(function: Function) -> None:
        _, visited = walk(function)
        taken.update(pairwise(visited))

    note(Function())
    note(Function(read=NO))
    told = {"examine": lambda _: {**EXAMINED, "asks": False}}
    note(Function(answers=dict(told)))
    note(Function(answers={"open": lambda _: {**OPENED, "mine": False}}))
    note(Function(answers={"open": error("InvalidInput")}))
    for task in TASKS:
        also = told if task == "tell" else {}
        note(Function(answers={**also, task: error("DependencyDown")}))
    # Without what it asks by, nothing can be asked.
    execution = Execution(MACHINE, _without_approval)
    with pytest.raises(ExecutionFailed):
        execution.run({"finding": {}})
    taken.update(pairwise(execution.visited))

    every = {(name, to) for name, state in MACHINE["States"].items() for to in targets(state)}
    assert taken == every


def _without_approval(arguments: Json) -> Json:
    if "StateMachineArn" in arguments:
        raise TaskFailed("StepFunctions.SdkClientException")
    return Function()(arguments)
