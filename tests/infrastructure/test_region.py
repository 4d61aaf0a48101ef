"""A region: whoever makes an alarm or a graph cannot forget it, nor draw what nobody writes."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns

from functions.contract import Dimension, Metric
from infrastructure.configuration import Configuration
from infrastructure.constructs.alarms import Meaning, Missing, Part
from infrastructure.constructs.region import Region
from tests.infrastructure.synthesis import CONTEXT

MEANING = Meaning(what="It is late.", users="they wait.", section="events-are-late")


@pytest.fixture
def stack() -> cdk.Stack:
    """A stack for what a test makes."""
    return cdk.Stack(cdk.App(), "stack")


@pytest.fixture
def region(stack: cdk.Stack) -> Region:
    """A region in that stack, without an alarm yet."""
    configuration = Configuration.read(CONTEXT.get)
    topic = sns.Topic(stack, "Ops")
    region = Region(configuration, "us-east-1", ops_topic=topic)
    region.alarms.tell_by(actions.SnsAction(topic))
    return region


def _alarm(stack: cdk.Stack, region: Region, name: str) -> cloudwatch.Alarm:
    return region.alarms.alarm(
        stack,
        name,
        name=name,
        metric=region.metric(Metric.EVENTS_UNACCOUNTED),
        above=0,
        missing=Missing.IS_FINE,
        meaning=MEANING,
    )


def _composite(
    stack: cdk.Stack, region: Region, *components: cloudwatch.Alarm, part: Part
) -> cloudwatch.CompositeAlarm:
    return region.alarms.composite(
        stack, "Both", part=part, name="both", components=components, meaning=MEANING
    )


def test_alarms_are_collected_in_the_order_of_the_walk(stack: cdk.Stack, region: Region) -> None:
    late, few, many, found = (_alarm(stack, region, name) for name in ("a", "b", "c", "d"))
    region.alarms.notify(late, part=Part.RUNS)
    both = _composite(stack, region, few, many, part=Part.INGESTION)
    region.alarms.show(found, part=Part.SENSITIVE_DATA)

    assert region.alarms.notifying == [both, late]
    assert region.alarms.components == [few, many]
    assert region.alarms.shown == [found]


def test_an_alarm_begins_above_a_value_or_below_one(stack: cdk.Stack, region: Region) -> None:
    metric = region.metric(Metric.EVENTS_UNACCOUNTED)

    def begins(**threshold: float) -> None:
        region.alarms.alarm(
            stack,
            "Begins",
            name="begins",
            metric=metric,
            missing=Missing.IS_BAD,
            meaning=MEANING,
            **threshold,  # type: ignore[arg-type]
        )

    for neither_or_both in ({}, {"above": 1, "below": 0}):
        with pytest.raises(ValueError, match="above a value or below one"):
            begins(**neither_or_both)


def test_an_alarm_that_has_no_place_stops_the_synth(stack: cdk.Stack, region: Region) -> None:
    _composite(stack, region, _alarm(stack, region, "a"), part=Part.RUNS)
    _alarm(stack, region, "Forgotten")

    with pytest.raises(RuntimeError, match="neither notify nor are a component: stack/Forgotten"):
        _ = region.alarms.notifying


def test_an_alarm_that_comes_after_the_board_stops_the_synth(
    stack: cdk.Stack, region: Region
) -> None:
    late = _alarm(stack, region, "a")
    region.alarms.notify(late, part=Part.RUNS)
    assert region.alarms.notifying == [late]

    with pytest.raises(RuntimeError, match="after the board"):
        _alarm(stack, region, "b")
    with pytest.raises(RuntimeError, match="after the board"):
        region.alarms.show(late, part=Part.RUNS)


def test_an_alarm_that_nobody_would_be_told_of_stops_the_synth(stack: cdk.Stack) -> None:
    configuration, topic = Configuration.read(CONTEXT.get), sns.Topic(stack, "Ops")
    region = Region(configuration, "us-east-1", ops_topic=topic)
    early = _alarm(stack, region, "a")

    with pytest.raises(RuntimeError, match="before the notifier"):
        region.alarms.notify(early, part=Part.RUNS)
    # The notifier's own.
    region.alarms.notify(early, part=Part.RUNS, action=actions.SnsAction(topic))
    assert region.alarms.notifying == [early]


@pytest.mark.parametrize(
    ("name", "console"),
    [
        ("eu-west-1", "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1"),
        ("cn-north-1", "https://cn-north-1.console.amazonaws.cn/cloudwatch/home?region=cn-north-1"),
    ],
)
def test_links_lead_to_the_console_of_the_region(stack: cdk.Stack, name: str, console: str) -> None:
    configuration = Configuration.read(CONTEXT.get)

    assert Region(configuration, name, ops_topic=sns.Topic(stack, "Ops")).console == console


@pytest.mark.parametrize(
    ("name", "by"),
    [
        (Metric.EVENTS_STORED, {Dimension.TOPIC: "orders"}),
        (Metric.OPEN_DEAD_LETTERS, {}),
        (Metric.DEAD_LETTERED, {Dimension.CAUSE: "TIMEOUT"}),
        (Metric.DEAD_LETTERED, {Dimension.STAGE: "ingest", Dimension.TOPIC: "orders"}),
    ],
)
def test_a_metric_by_dimensions_that_nobody_writes_stops_the_synth(
    region: Region, name: str, by: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match=f"{name} is not written by"):
        region.metric(name, by=by)
