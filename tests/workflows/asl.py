"""Enough of the Amazon States Language (JSONata) to run the project's state machines without AWS.

Follows the specification (states-language.net) for what the machines use, and refuses all else. Waits,
retries and time-outs are Step Functions' own and not run here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonata

Json = Any
Task = Callable[[Json], Json]


class ExecutionFailed(Exception):  # noqa: N818 - a state of an execution, as Step Functions calls it
    """The execution ended in a Fail state."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


@dataclass
class Execution:
    """One execution of a state machine."""

    definition: Mapping[str, Json]
    task: Task
    """Stands for whatever a Task state calls: takes the arguments, gives the result."""
    started_at: str = "2026-03-01T12:00:00.000Z"
    variables: dict[str, Json] = field(default_factory=dict)
    visited: list[str] = field(default_factory=list)

    def run(self, input: Json) -> Json:
        """Run to the end and give the output; raise ExecutionFailed in a Fail state."""
        assert self.definition["QueryLanguage"] == "JSONata"
        name, value = self.definition["StartAt"], input
        while name is not None:
            self.visited.append(name)
            name, value = self._step(self.definition["States"][name], value)
        return value

    def _step(self, state: Mapping[str, Json], input: Json) -> tuple[str | None, Json]:
        states = {"input": input, "context": {"Execution": {"StartTime": self.started_at}}}
        match state["Type"]:
            case "Choice":
                taken = (c for c in state["Choices"] if self._boolean(c["Condition"], states))
                choice = next(taken, None)
                return (state["Default"] if choice is None else choice["Next"]), input
            case "Fail":
                raise ExecutionFailed(
                    self._value(state["Error"], states), self._value(state["Cause"], states)
                )
            case "Task":
                states["result"] = self.task(self._value(state["Arguments"], states))
            case "Pass":
                states["result"] = input
            case other:
                raise NotImplementedError(other)
        output = self._value(state["Output"], states) if "Output" in state else states["result"]
        # All expressions of a state see the variables as they were when it began.
        self.variables |= self._value(state.get("Assign", {}), states)
        return (None if state.get("End") else state["Next"]), output

    def _boolean(self, condition: str, states: Mapping[str, Json]) -> bool:
        value = self._value(condition, states)
        assert isinstance(value, bool), f"{condition} is {value!r}"
        return value

    def _value(self, template: Json, states: Mapping[str, Json]) -> Json:
        match template:
            case str() if (source := expression(template)) is not None:
                query = jsonata.Jsonata(source)
                for name, value in {**self.variables, "states": states}.items():
                    query.assign(name, value)
                result = query.evaluate(None)
                # In Step Functions an expression without a value fails the state.
                assert result is not None, f"{source} has no value"
                return result
            case dict():
                return {key: self._value(member, states) for key, member in template.items()}
            case list():
                return [self._value(member, states) for member in template]
            case _:
                return template


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
