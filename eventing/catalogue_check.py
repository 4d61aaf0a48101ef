"""Checks a catalogue as a whole: what only shows when its topics, types, conditions and schemas meet."""

from __future__ import annotations

from collections.abc import Iterator

from eventing import canary
from eventing.catalogue import (
    EVENT_TYPES,
    TOPICS,
    Catalogue,
    CatalogueError,
    Folder,
    Rule,
)
from eventing.detection import DETECTION, Detection
from eventing.routing import Router, rests_on_data
from eventing.schemas import Schemas
from eventing.type_patterns import covers


def load_catalogue(folder: Folder) -> Catalogue:
    """The catalogue in `folder`, with everything in it checked; raises `CatalogueError`.

    A synth and the commands call this; functions call `Catalogue.read`, which trusts what was checked.
    """
    catalogue = Catalogue.read(folder)
    _check_reserved(catalogue)
    _check_topics(catalogue)
    _check_event_types(catalogue)
    Router(catalogue)
    Schemas(catalogue)
    _check_expected(Detection.read(folder), catalogue)
    return catalogue


def warnings(catalogue: Catalogue) -> Iterator[str]:
    """The conditions on data whose form nothing ensures, each with the event type and the reason.

    Such a condition is sound, and not true of an event whose data is of another form.
    """
    for topic in catalogue.topics:
        for rule in topic.rules:
            if rule.when is None or not rests_on_data(rule.when):
                continue
            for event_type in catalogue.event_types:
                decides = covers(event_type.type, rule.type)
                enforced = event_type.schema is not None and event_type.mode == "enforce"
                if not enforced and (decides or covers(rule.type, event_type.type)):
                    why = "is not enforced" if event_type.schema_file else "does not exist"
                    yield (
                        f"{topic.name}: the condition {rule.when!r} rests on the schema of "
                        f"{event_type.type}, which {why}"
                    )
                if decides:
                    break


def _check_reserved(catalogue: Catalogue) -> None:
    reason = "is the canary's, which each deployment has of its own"
    for topic in catalogue.topics:
        if topic.name == canary.TOPIC:
            raise CatalogueError(TOPICS, topic.name, f"the name {reason}: choose another one")
        for rule in topic.rules:
            if canary.is_reserved(rule.type):
                raise CatalogueError(TOPICS, topic.name, f"the type {rule.type!r} {reason}")
    for event_type in catalogue.event_types:
        if canary.is_reserved(event_type.type):
            raise CatalogueError(EVENT_TYPES, event_type.type, f"the type {reason}")


def _check_topics(catalogue: Catalogue) -> None:
    seen: list[tuple[str, Rule]] = []
    names: set[str] = set()
    for topic in catalogue.topics:
        if topic.name in names:
            raise CatalogueError(TOPICS, topic.name, "the name is taken by an earlier topic")
        names.add(topic.name)
        for rule in topic.rules:
            if not any(
                covers(rule.type, e.type) or covers(e.type, rule.type)
                for e in catalogue.event_types
            ):
                raise CatalogueError(
                    TOPICS, topic.name, f"{EVENT_TYPES} has no type that {rule.type!r} could match"
                )
            for name, earlier in seen:
                if earlier.when is None and covers(earlier.type, rule.type):
                    raise CatalogueError(
                        TOPICS,
                        topic.name,
                        f"{rule.type!r} never gets an event: {name} takes {earlier.type!r} before it",
                    )
            seen.append((topic.name, rule))


def _check_event_types(catalogue: Catalogue) -> None:
    seen: list[str] = []
    rules = [rule for topic in catalogue.topics for rule in topic.rules]
    for event_type in catalogue.event_types:
        for earlier in seen:
            if covers(earlier, event_type.type):
                raise CatalogueError(
                    EVENT_TYPES, event_type.type, f"never applies: {earlier!r} stands before it"
                )
        seen.append(event_type.type)
        if not any(
            covers(r.type, event_type.type) or covers(event_type.type, r.type) for r in rules
        ):
            raise CatalogueError(EVENT_TYPES, event_type.type, f"no topic in {TOPICS} takes it")


def _check_expected(detection: Detection, catalogue: Catalogue) -> None:
    for entry in detection.expected:
        if not any(
            covers(entry.type, e.type) or covers(e.type, entry.type) for e in catalogue.event_types
        ):
            raise CatalogueError(
                DETECTION, entry.type, f"{EVENT_TYPES} has no type that it could match"
            )
