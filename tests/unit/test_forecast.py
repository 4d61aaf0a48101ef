"""What the deployed validator and router say of a dead letter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eventing.catalogue_check import load_catalogue
from eventing.cause import Code
from eventing.dead_letter import Step
from eventing.redrive.forecast import Forecaster
from tests.unit.examples import document
from tests.unit.letters import row

CATALOGUE = load_catalogue(Path(__file__).parents[2] / "catalogue")
ORDER = "com.example.shop.order.placed.v1"
DATA = {"order_id": "1", "total": 5, "currency": "EUR"}


@pytest.fixture(scope="module")
def forecaster() -> Forecaster:
    return Forecaster(CATALOGUE, code_digest="c1")


@pytest.mark.parametrize(
    ("step", "topic", "needs"),
    [
        ("store", None, True),
        ("archive", None, False),
        ("route", None, True),
        ("publish", "orders", False),
        ("publish", "gone", True),
        ("publish", None, True),
    ],
)
def test_the_event_is_read_only_where_it_matters(
    forecaster: Forecaster, step: Step, topic: str | None, needs: bool
) -> None:
    assert forecaster.needs_event(row(step=step, topic=topic)) is needs


@pytest.mark.parametrize(
    ("step", "topic", "members", "expected"),
    [
        ("store", None, {"type": ORDER, "data": DATA}, None),
        ("store", None, {"type": ORDER, "data": {}}, Code.INVALID),
        ("store", None, {"type": "org.unknown"}, Code.NO_ROUTE),
        ("store", None, {"type": ORDER, "data": "x" * 300_000}, Code.TOO_LARGE),
        ("archive", None, {"type": "org.unknown"}, None),
        ("route", None, {"type": ORDER, "data": DATA}, "orders"),
        ("route", None, {"type": ORDER, "data": {**DATA, "total": 500}}, "orders-priority"),
        ("route", None, {"type": "org.unknown"}, Code.NO_ROUTE),
        ("route", None, {"type": 5}, Code.INVALID),
        # The catalogue takes these, but no message can be made of them.
        *(
            (step, topic, {"type": ORDER, "data": DATA, **members}, Code.INVALID)
            for step, topic in (("route", None), ("publish", None), ("publish", "gone"))
            for members in ({"source": None}, {"source": 5}, {"source": ""}, {"subject": 5})
        ),
        ("route", None, {"type": ORDER, "data": DATA, "subject": None}, "orders"),
        # Goes where it was to go, whatever the catalogue says of its type by now.
        ("publish", "payments", {"type": ORDER, "data": DATA}, "payments"),
        ("publish", "payments", {"type": "org.unknown"}, "payments"),
        # The topic is gone: it is routed anew.
        ("publish", "gone", {"type": ORDER, "data": DATA}, "orders"),
        ("publish", None, {"type": ORDER, "data": DATA}, "orders"),
        ("publish", "gone", {"type": "org.unknown"}, Code.NO_ROUTE),
    ],
)
def test_where_it_goes_or_why_it_cannot(
    forecaster: Forecaster, step: Step, topic: str | None, members: dict[str, Any], expected: Any
) -> None:
    forecast = forecaster.forecast(row(step=step, topic=topic), document(**members))
    if isinstance(expected, Code):
        assert forecast.cause is not None
        assert forecast.cause.code is expected
        assert forecast.topic is None
    else:
        assert (forecast.topic, forecast.cause) == (expected, None)


@pytest.mark.parametrize("step", ["store", "route", "publish"])
def test_a_letter_without_an_event_is_invalid(forecaster: Forecaster, step: Step) -> None:
    forecast = forecaster.forecast(row(step=step, topic=None), None)
    assert forecast.cause
    assert forecast.cause.code is Code.INVALID


def test_a_topic_takes_as_much_in_a_call_as_the_catalogue_says(forecaster: Forecaster) -> None:
    for topic in forecaster.catalogue.topics:
        assert forecaster.max_bytes(topic.name) == topic.max_bytes
    assert forecaster.max_bytes("gone") == 256 * 1024


def test_other_code_or_another_catalogue_is_another_version(forecaster: Forecaster) -> None:
    other = replace(CATALOGUE, digest="another")

    assert Forecaster(CATALOGUE, code_digest="c1").version == forecaster.version
    assert Forecaster(CATALOGUE, code_digest="c2").version != forecaster.version
    assert Forecaster(other, code_digest="c1").version != forecaster.version
