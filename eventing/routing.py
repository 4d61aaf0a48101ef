"""Routes events: each goes to the first topic in catalogue order that takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from jmespath.visitor import TreeInterpreter

from eventing.catalogue import TOPICS, Catalogue, CatalogueError
from eventing.type_patterns import TypePatterns

# It keeps nothing between expressions; `search` would make one for each event, which takes longer
# than most conditions.
_INTERPRETER = TreeInterpreter()


class NoRoute(Exception):  # noqa: N818 - the name that causes and dead letters use
    """No topic takes the event."""


class ConditionFailed(Exception):  # noqa: N818 - what happened, not where
    """A topic's condition cannot be evaluated on the event (a comparison of unlike types, say)."""

    def __init__(self, message: str, *, topic: str = "") -> None:
        super().__init__(message)
        self.topic = topic


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

        A condition takes the event when it evaluates to `true`; anything else, `null` for a member
        that is missing included, does not. Raises `NoRoute` or `ConditionFailed`.
        """
        for candidate in self._candidates.matches(type):
            condition = candidate.condition
            if condition is None or _holds(condition, candidate.topic, event):
                return candidate.topic
        raise NoRoute("no topic of the catalogue takes this event")

    def explain(self, type: str, event: Mapping[str, Any]) -> list[Explanation]:
        """Explain each topic's answer to the event, in catalogue order."""
        taken_by, failure = None, None
        try:
            taken_by = self.route(type, event)
        except NoRoute:
            pass
        except ConditionFailed as error:
            failure = error
        asked = {candidate.topic for candidate in self._candidates.matches(type)}
        explanations: list[Explanation] = []
        for topic in self._catalogue.topics:
            if topic.name == taken_by:
                reason = "takes it"
            elif any(explanation.takes for explanation in explanations):
                reason = f"is not asked, since {taken_by} stands before it"
            elif topic.name not in asked:
                reason = f"takes only {', '.join(rule.type for rule in topic.rules)}"
            elif failure and topic.name == failure.topic:
                explanations.append(Explanation(topic.name, False, str(failure)))
                break
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


def _holds(condition: jmespath.parser.ParsedResult, topic: str, event: Mapping[str, Any]) -> bool:
    try:
        return _INTERPRETER.visit(condition.parsed, event) is True
    except (JMESPathError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        # The error's own text quotes the event's data.
        raise ConditionFailed(
            f"the condition of topic {topic} cannot be evaluated: {type(error).__name__}",
            topic=topic,
        ) from None
