"""The operations dashboard, as CloudWatch gets it."""

from __future__ import annotations

import json
from itertools import pairwise

from tests.infrastructure.synthesis import Json, Synthesis, Template


def _widgets(template: Template) -> list[Json]:
    """The dashboard's widgets from the top, in a row from the left."""
    (dashboard,) = template.all("AWS::CloudWatch::Dashboard")
    widgets: list[Json] = json.loads(dashboard.properties["DashboardBody"])["widgets"]
    return sorted(widgets, key=lambda widget: (widget["y"], widget["x"]))


def _metrics(widget: Json) -> list[tuple[str, ...]]:
    """Namespace, name and dimensions of each metric of a widget."""
    rows = widget["properties"].get("metrics", [])
    return [tuple(part for part in row if isinstance(part, str)) for row in rows]


def test_alarms_come_first(regional: Template) -> None:
    first = _widgets(regional)[0]

    assert first["type"] == "alarm"
    assert first["properties"]["alarms"] == [
        "eventing-ingest-dead-letters",
        "eventing-publish-dead-letters",
    ]


def test_the_rows_follow_the_walk_of_an_event(regional: Template) -> None:
    drawn = [metric for widget in _widgets(regional) for metric in _metrics(widget)]
    service = ("service", "eventing")
    depth = ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName")

    assert drawn == [
        ("Eventing", "EventsAccepted", *service),
        ("Eventing", "EventsDuplicate", *service),
        ("Eventing", "EventsRejected", *service),
        ("Eventing", "EventsPublished", *service),
        ("Eventing", "DeadLettered", *service, "stage", "ingest"),
        (*depth, "<eventing-ingest-dlq.QueueName>"),
        ("Eventing", "OpenDeadLetters", *service, "stage", "ingest"),
        ("Eventing", "DeadLettered", *service, "stage", "publish"),
        (*depth, "<eventing-publish-dlq.QueueName>"),
        ("Eventing", "OpenDeadLetters", *service, "stage", "publish"),
    ]


def test_graphs_of_what_has_an_alarm_show_its_threshold(regional: Template) -> None:
    watched = {
        (alarm.properties["Namespace"], alarm.properties["MetricName"])
        for alarm in regional.all("AWS::CloudWatch::Alarm")
    }
    drawn = [
        widget
        for widget in _widgets(regional)
        if watched & {metric[:2] for metric in _metrics(widget)}
    ]

    assert len(drawn) == 6
    for widget in drawn:
        (line,) = widget["properties"]["annotations"]["horizontal"]
        assert line["value"] == 0


def test_widgets_fill_rows_without_overlap(regional: Template) -> None:
    widgets = _widgets(regional)

    assert all(widget["x"] + widget["width"] <= 24 for widget in widgets)
    for above, below in pairwise(widgets):
        same_row = below["y"] == above["y"]
        assert same_row or below["y"] >= above["y"] + above["height"]
        assert not same_row or below["x"] == above["x"] + above["width"]


def test_each_region_has_one_of_its_own(two_regions: Synthesis) -> None:
    for region in ("us-east-1", "eu-west-1"):
        template = two_regions.regional(region)
        (dashboard,) = template.all("AWS::CloudWatch::Dashboard")
        assert dashboard.properties["DashboardName"] == f"eventing-operations-{region}"
        graphs = [widget for widget in _widgets(template) if widget["type"] == "metric"]
        assert {graph["properties"]["region"] for graph in graphs} == {region}
