"""Redriven to nobody: a topic without subscriptions, where the catalogue expects subscribers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from eventing.timestamps import minute_of
from functions.counter.delivery import OUTCOMES, PUBLISHED
from tests.engine.clouds import InMemory
from tests.engine.letters import CATALOGUE, PAYMENT, event

if TYPE_CHECKING:
    from tests.engine.world import World

REDRIVE = {"action": "redrive"}


def remake(world: World, name: str) -> None:
    """Delete a topic and make it again, as somebody does who fixes it in haste."""
    world.cloud.remove_topic(name)
    world.cloud.make_topic(name, subscribed=False)


@pytest.mark.aws
def test_a_topic_that_was_made_again_has_no_subscriptions_and_stops_the_run(world: World) -> None:
    world.dead_letters(*(world.letter(f"e{n}") for n in range(20)))
    world.run({})
    before = world.letters
    remake(world, "orders")

    ended = world.run(REDRIVE)
    assert ended.output["outcome"] == "aborted"
    topic = f"{world.name}-topic-orders"
    reason = f"confirmed subscription of topic {topic}: NOT_FOUND, 20 left out"
    assert ended.output["cause"] == reason
    # Not a letter was touched, and none pays for it.
    assert world.letters == before
    assert world.locked() == {}
    *_, (_, aborted) = world.told()
    assert reason in aborted

    world.cloud.make_topic("orders")
    assert world.run(REDRIVE).output["counts"] == {"resolved": 20}
    assert world.delivered() == {f"e{n}": ["orders"] for n in range(20)}


def test_the_plan_names_the_number_of_each_topic(world: World) -> None:
    world.dead_letters(world.letter("a"), world.letter("b", topic="payments", text=event("b", PAYMENT)),
                       world.letter("c", topic="customers"))  # fmt: skip
    world.run({})
    remake(world, "orders")
    world.cloud.remove_topic("customers")

    plan = world.run({"action": "plan"}).output["plan"]
    assert plan["subscriptions"] == {"customers": "NOT_FOUND", "orders": 0, "payments": 1}
    assert plan["subscribers_needed"] == ["customers", "orders", "payments"]


def test_it_goes_on_when_it_is_meant(world: World) -> None:
    world.dead_letters(world.letter("a"))
    world.run({})
    remake(world, "orders")

    ended = world.run({**REDRIVE, "without_subscribers": True})
    assert ended.output["counts"] == {"resolved": 1}
    assert ended.output["plan"]["subscriptions"] == {"orders": 0}
    assert world.delivered() == {}


def test_a_topic_that_expects_nobody_needs_nobody(world: World) -> None:
    topics = [replace(t, subscribers_expected=t.name != "orders") for t in CATALOGUE.topics]
    world.deploy(replace(CATALOGUE, topics=tuple(topics)))
    world.dead_letters(world.letter("a"))
    world.run({})
    remake(world, "orders")

    assert world.run(REDRIVE).output["counts"] == {"resolved": 1}


def test_letters_that_go_nowhere_else_need_no_subscribers(world: World) -> None:
    world.dead_letters(
        world.letter("a", stage="ingest"), world.letter("b", stage="ingest", step="archive")
    )
    world.run({})
    remake(world, "orders")

    assert world.run({**REDRIVE, "stage": "ingest"}).output["counts"] == {"resolved": 2}


@pytest.mark.memory
@pytest.mark.parametrize("outcome", [None, *OUTCOMES])
def test_the_counter_tells_of_topics_that_nobody_hears(
    world: World, capsys: pytest.CaptureFixture[str], outcome: str | None
) -> None:
    assert isinstance(world.cloud, InMemory)
    before = minute_of(world.clock.now()) - timedelta(minutes=20)
    for name in filter(None, (PUBLISHED, outcome)):
        world.cloud.aws.metrics[f"{name} of shop-topic-payments-failed"] = {before: 3}
    counted = world.count()
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    found = {line["topic"]: line["TopicUnheard"][0] for line in lines if "TopicUnheard" in line}

    expected = ["payments-failed"] if outcome is None else []
    assert counted["delivery"] == {"unheard": expected}
    assert found == {t.name: int(t.name in expected) for t in CATALOGUE.topics}
    # A metric is a number, and true is none in JSON.
    assert {type(value) for value in found.values()} == {int}
