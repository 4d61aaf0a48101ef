"""Enough of the Amazon States Language (JSONata) to run the project's state machines without AWS.

Follows the specification (states-language.net) for what the machines use, and refuses all else. Retries and
time-outs are Step Functions' own and not run here: a task that uses them up raises `TaskFailed` with the
error's name. A wait calls `wait`, and takes no time by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonata
from jsonata.utils import Utils

Json = Any
Task = Callable[[Json], Json]

# Each is told of every expression, its variables and its value: see tests/second_opinion.
listeners: list[Callable[[str, Mapping[str, Json], Json], None]] = []

# Nothing catches these (Step Functions, "Handling errors in workflows").
_TERMINAL = ("States.DataLimitExceeded", "States.Runtime")


class TaskFailed(Exception):  # noqa: N818 - an event of an execution, as Step Functions calls it
    """A Task state's call failed for good."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class ExecutionFailed(Exception):  # noqa: N818 - a state of an execution, as Step Functions calls it
    """The execution ended in a Fail state, or with an error that nothing caught."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


@dataclass
class Execution:
    """One execution of a state machine."""

    definition: Mapping[str, Json]
    task: Task
    """Stands for whatever a Task state calls: takes the arguments, gives the result or raises TaskFailed."""
    name: str = "run-1"
    wait: Callable[[float], None] = lambda seconds: None
    started_at: str = "2026-03-01T12:00:00.000Z"
    variables: dict[str, Json] = field(default_factory=dict)
    visited: list[str] = field(default_factory=list)

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:states:us-east-1:123456789012:execution:machine:{self.name}"

    def run(self, input: Json) -> Json:
        """Run to the end and give the output; raise ExecutionFailed when it fails."""
        assert self.definition["QueryLanguage"] == "JSONata"
        name, value = self.definition["StartAt"], input
        while name is not None:
            self.visited.append(name)
            name, value = self._step(self.definition["States"][name], value)
        return value

    def _step(self, state: Mapping[str, Json], input: Json) -> tuple[str | None, Json]:
        context: dict[str, Json] = {
            "Execution": {"Id": self.arn, "Name": self.name, "StartTime": self.started_at}
        }
        states: dict[str, Json] = {"input": input, "context": context}
        match state["Type"]:
            case "Choice":
                taken = (c for c in state["Choices"] if self._boolean(c["Condition"], states))
                choice = next(taken, None)
                self._assign(state if choice is None else choice, states)
                return (state["Default"] if choice is None else choice["Next"]), input
            case "Fail":
                raise ExecutionFailed(
                    self._text(state["Error"], states), self._text(state["Cause"], states)
                )
            case "Succeed":
                return None, self._value(state["Output"], states) if "Output" in state else input
            case "Task":
                if state["Resource"].endswith(".waitForTaskToken"):
                    context["Task"] = {"Token": f"token of {self.name}"}
                try:
                    states["result"] = self.task(self._value(state["Arguments"], states))
                except TaskFailed as failed:
                    return self._caught(state, failed, states)
            case "Pass":
                states["result"] = input
            case "Wait":
                seconds = self._value(state["Seconds"], states)
                # Of Step Functions: a whole number, at most a year.
                assert type(seconds) is int, seconds
                assert 0 <= seconds <= 99999999
                self.wait(seconds)
                states["result"] = input
            case other:
                raise AssertionError(f"{other} states are not interpreted here")
        output = self._value(state["Output"], states) if "Output" in state else states["result"]
        self._assign(state, states)
        return (None if state.get("End") else state["Next"]), output

    def _caught(
        self, state: Mapping[str, Json], failed: TaskFailed, states: dict[str, Json]
    ) -> tuple[str, Json]:
        states["errorOutput"] = {"Error": failed.error, "Cause": failed.cause}
        for catcher in state.get("Catch", ()):
            errors = catcher["ErrorEquals"]
            if failed.error in errors or ("States.ALL" in errors and failed.error not in _TERMINAL):
                self._assign(catcher, states)
                return catcher["Next"], states["errorOutput"]
        raise ExecutionFailed(failed.error, failed.cause)

    def _assign(self, holder: Mapping[str, Json], states: Mapping[str, Json]) -> None:
        # All expressions of a state see the variables as they were when it began.
        self.variables |= self._value(holder.get("Assign", {}), states)

    def _boolean(self, condition: str, states: Mapping[str, Json]) -> bool:
        value = self._value(condition, states)
        assert isinstance(value, bool), f"{condition} is {value!r}"
        return value

    def _text(self, template: str, states: Mapping[str, Json]) -> str:
        value = self._value(template, states)
        assert isinstance(value, str), f"{template} is {value!r}"
        return value

    def _value(self, template: Json, states: Mapping[str, Json]) -> Json:
        match template:
            case str() if (source := expression(template)) is not None:
                variables = {**self.variables, "states": states}
                value = evaluate(source, variables)
                for listener in listeners:
                    listener(source, variables, value)
                return value
            case dict():
                return {key: self._value(member, states) for key, member in template.items()}
            case list():
                return [self._value(member, states) for member in template]
            case _:
                return template


def evaluate(source: str, variables: Mapping[str, Json]) -> Json:
    """The value of an expression, which has to have one; `variables` have names without the dollar sign."""
    value = _raw(source, variables)
    # In Step Functions an expression without a value fails the state; null is a value.
    assert value is not None or _raw(f"$exists(({source}))", variables), f"{source} has no value"
    return value


def _raw(source: str, variables: Mapping[str, Json]) -> Json:
    query = jsonata.Jsonata(source)
    query.register_lambda("parse", json.loads)
    for name, value in variables.items():
        query.assign(name, Utils.NULL_VALUE if value is None else value)
    return query.evaluate(None)


def expression(text: str) -> str | None:
    """The JSONata in `{% ... %}`, or None for a text that is just that."""
    if text.startswith("{%") and text.endswith("%}"):
        return text[2:-2].strip()
    return None


def expressions(value: Json) -> Iterator[str]:
    """All JSONata in a definition."""
    match value:
        case str():
            if (source := expression(value)) is not None:
                yield source
        case dict():
            for member in value.values():
                yield from expressions(member)
        case list():
            for member in value:
                yield from expressions(member)


def targets(state: Mapping[str, Json]) -> Iterator[str]:
    """The states that may follow."""
    for holder in (state, *state.get("Choices", ()), *state.get("Catch", ())):
        if "Next" in holder:
            yield holder["Next"]
    if "Default" in state:
        yield state["Default"]
