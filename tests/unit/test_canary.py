"""The canary's own event: nobody else may send it, and no catalogue takes or names it."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from eventing import canary
from eventing.catalogue import Catalogue, CatalogueError
from eventing.catalogue_check import load_catalogue
from eventing.ingestion import admit
from eventing.problem import Kind, Refused
from eventing.routing import Router
from eventing.schemas import Schemas
from tests.unit.catalogues import write
from tests.unit.examples import TYPE, document

GREEDY: dict[str, Any] = {
    "topics.json": {"topics": [{"name": "all", "events": [{"type": "*"}]}]},
    "event-types.json": {"event_types": [{"type": "*", "schema": "none.json"}]},
    "usage-plans.json": {"usage_plans": {}},
    "none.json": False,
}


@pytest.fixture
def greedy(tmp_path: Path) -> Catalogue:
    """A catalogue that takes every type, and accepts the data of none."""
    return load_catalogue(write(tmp_path, GREEDY))


def test_it_goes_to_its_own_topic_whatever_a_catalogue_takes(greedy: Catalogue) -> None:
    router = Router(canary.with_canary(greedy))

    assert router.route(canary.TYPE, {}) == canary.TOPIC
    assert router.route("eventing.canary.v2", {}) == "all"
    assert Router(greedy).route(canary.TYPE, {}) == "all"


def test_a_catalogue_with_it_is_another_one(greedy: Catalogue) -> None:
    found = canary.with_canary(greedy)

    assert [topic.name for topic in found.topics] == [canary.TOPIC, "all"]
    assert found.digest != greedy.digest
    topic = found.topic(canary.TOPIC)
    assert topic
    assert not topic.subscribers_expected


@pytest.mark.parametrize(
    ("publisher", "type", "taken"),
    [
        (canary.PUBLISHER, canary.TYPE, True),
        ("acme-web", canary.TYPE, False),
        ("acme-web", "eventing.canary.v2", False),
        (canary.PUBLISHER, TYPE, False),
        ("acme-web", TYPE, True),
    ],
)
def test_the_canary_sends_its_own_events_and_nobody_else_does(
    catalogue: Catalogue, publisher: str, type: str, taken: bool
) -> None:
    schemas = Schemas(canary.with_canary(catalogue))
    event = document(type=type)
    if taken:
        assert admit(event, publisher=publisher, schemas=schemas).event.type == type
        return
    with pytest.raises(Refused) as raised:
        admit(event, publisher=publisher, schemas=schemas)
    assert raised.value.problem.kind is Kind.UNKNOWN_TYPE


def test_without_a_canary_even_a_catalogue_that_takes_all_does_not_take_it(
    greedy: Catalogue,
) -> None:
    with pytest.raises(Refused) as raised:
        admit(document(type=canary.TYPE), publisher="acme-web", schemas=Schemas(greedy))
    assert raised.value.problem.kind is Kind.UNKNOWN_TYPE


@pytest.mark.parametrize(
    ("file", "member", "entry", "refusal"),
    [
        (
            "topics.json",
            "topics",
            {"name": "canary", "events": [{"type": "shop.*"}]},
            "topics.json: canary: the name is the canary's, which each deployment has of its own: "
            "choose another one",
        ),
        (
            "topics.json",
            "topics",
            {"name": "mine", "events": [{"type": "eventing.canary.v1"}]},
            "topics.json: mine: the type 'eventing.canary.v1' is the canary's, which each deployment "
            "has of its own",
        ),
        (
            "topics.json",
            "topics",
            {"name": "mine", "events": [{"type": "eventing.canary.*", "when": "data.x == `1`"}]},
            "topics.json: mine: the type 'eventing.canary.*' is the canary's, which each deployment "
            "has of its own",
        ),
        (
            "event-types.json",
            "event_types",
            {"type": "eventing.canary.v2"},
            "event-types.json: eventing.canary.v2: the type is the canary's, which each deployment "
            "has of its own",
        ),
    ],
)
def test_no_catalogue_takes_its_names(
    tmp_path: Path, file: str, member: str, entry: dict[str, Any], refusal: str
) -> None:
    files = deepcopy(GREEDY)
    files[file][member].insert(0, entry)
    with pytest.raises(CatalogueError) as raised:
        load_catalogue(write(tmp_path, files))
    assert str(raised.value) == refusal
