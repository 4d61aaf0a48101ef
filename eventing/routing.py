"""Routes events: each goes to the first topic in catalogue order that takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.functions import Functions
from jmespath.visitor import TreeInterpreter

from eventing.catalogue import TOPICS, Catalogue, CatalogueError
from eventing.type_patterns import TypePatterns


class _Interpreter(TreeInterpreter):  # type: ignore[misc]
    """JMESPath, in which an operand of another type gives null instead of an error.

    What stands in an event is for its publisher to say: an error here would let it make dead letters.
    """

    def visit_comparator(self, node: Any, value: Any) -> Any:
        return _or_null(super().visit_comparator, node, value)

    def visit_function_expression(self, node: Any, value: Any) -> Any:
        return _or_null(super().visit_function_expression, node, value)


def _or_null(visit: Callable[[Any, Any], Any], node: Any, value: Any) -> Any:
    try:
        return visit(node, value)
    except (JMESPathTypeError, TypeError, ValueError, ArithmeticError):
        return None


# It keeps nothing between expressions; `search` would make one for each event, which takes longer
# than most conditions.
_INTERPRETER = _Interpreter()


class NoRoute(Exception):  # noqa: N818 - the name that causes and dead letters use
    """No topic takes the event."""


@dataclass(frozen=True)
class Explanation:
    """A topic's answer to an event: it takes it or not, for this reason."""

    topic: str
    takes: bool
    reason: str


@dataclass(frozen=True)
class _Candidate:
    topic: str
    condition: jmespath.parser.ParsedResult | None


class Router:
    """Routes events by a catalogue whose conditions it has compiled, once."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._candidates = TypePatterns(
            [
                (rule.type, _Candidate(topic.name, _compile(topic.name, rule.when)))
                for topic in catalogue.topics
                for rule in topic.rules
            ]
        )

    def route(self, type: str, event: Mapping[str, Any]) -> str:
        """The name of the event's topic; `event` is the CloudEvent in its JSON format.

        A condition takes the event when it evaluates to `true`; anything else does not, and neither does
        `null` for a member that is missing or an operand of another type. Raises `NoRoute`.
        """
        for candidate in self._candidates.matches(type):
            condition = candidate.condition
            if condition is None or _INTERPRETER.visit(condition.parsed, event) is True:
                return candidate.topic
        raise NoRoute("no topic of the catalogue takes this event")

    def explain(self, type: str, event: Mapping[str, Any]) -> list[Explanation]:
        """Explain each topic's answer to the event, in catalogue order."""
        try:
            taken_by = self.route(type, event)
        except NoRoute:
            taken_by = None
        asked = {candidate.topic for candidate in self._candidates.matches(type)}
        explanations: list[Explanation] = []
        for topic in self._catalogue.topics:
            if topic.name == taken_by:
                reason = "takes it"
            elif any(explanation.takes for explanation in explanations):
                reason = f"is not asked, since {taken_by} stands before it"
            elif topic.name not in asked:
                reason = f"takes only {', '.join(rule.type for rule in topic.rules)}"
            else:
                conditions = [rule.when for rule in topic.rules if rule.when]
                reason = f"its condition does not hold: {'; '.join(conditions)}"
            explanations.append(Explanation(topic.name, topic.name == taken_by, reason))
        return explanations


def _compile(topic: str, when: str | None) -> jmespath.parser.ParsedResult | None:
    if when is None:
        return None
    try:
        condition = jmespath.compile(when)
        _check_calls(condition.parsed)
    except JMESPathError as error:
        reason = str(error).splitlines()[0]
        raise CatalogueError(TOPICS, topic, f"the condition {when!r} is faulty: {reason}") from None
    return condition


def _check_calls(node: Mapping[str, Any]) -> None:
    """Find what JMESPath finds only when it evaluates: unknown functions, a wrong number of arguments."""
    if node["type"] == "function_expression":
        name, given = node["value"], len(node["children"])
        if name not in Functions.FUNCTION_TABLE:
            raise JMESPathError(f"there is no function {name}()")
        arguments = Functions.FUNCTION_TABLE[name]["signature"]
        variadic = bool(arguments) and arguments[-1].get("variadic", False)
        if given < len(arguments) or (given > len(arguments) and not variadic):
            raise JMESPathError(f"{name}() has {given} arguments, not {len(arguments)}")
    for child in node["children"]:
        if isinstance(child, dict):
            _check_calls(child)


def rests_on_data(when: str) -> bool:
    """Tell whether a sound condition looks at the data of an event, and not at its attributes alone."""
    return _names_data(jmespath.compile(when).parsed)


def _names_data(node: Mapping[str, Any]) -> bool:
    if node["type"] == "field" and node["value"] == "data":
        return True
    return any(isinstance(child, dict) and _names_data(child) for child in node["children"])
