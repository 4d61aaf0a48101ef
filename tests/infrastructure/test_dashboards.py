"""The dashboards, as CloudWatch gets them."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import pytest

from eventing.catalogue_check import load_catalogue
from infrastructure.packaging import ROOT
from tests.infrastructure.synthesis import Json, Synthesis, Template

Metric = tuple[str, str, frozenset[tuple[str, str]]]
NAMES = ("operations", "delivery", "redrive", "publishers")

# Of CloudWatch ("CloudWatch service quotas"). The body's is a bound of our own: four of them have to fit
# into a template, which has 1 MB for everything.
WIDGETS, METRICS_OF_WIDGET, METRICS, BODY = 500, 500, 2500, 100_000

# The metrics of AWS that alarms and dashboards use, by namespace: their names, and their dimensions, as
# the services document them ("API Gateway metrics", "Lambda metrics", "DynamoDB metrics and
# dimensions", "SNS metrics", "Available CloudWatch metrics for SQS", "Step Functions metrics",
# "EventBridge metrics").
AWS = {
    "AWS/ApiGateway": ({"Count", "4XXError", "5XXError", "Latency"}, {"ApiName", "Stage"}),
    "AWS/Lambda": (
        {"DestinationDeliveryFailures", "Errors", "Throttles", "Duration", "IteratorAge"},
        {"FunctionName"},
    ),
    "AWS/DynamoDB": (
        {
            "ConsumedReadCapacityUnits",
            "ConsumedWriteCapacityUnits",
            "ReadThrottleEvents",
            "WriteThrottleEvents",
        },
        # And that of an index, which the table's own leave out.
        {"TableName"},
    ),
    "AWS/SNS": (
        {
            "NumberOfNotificationsDelivered",
            "NumberOfNotificationsFailed",
            "NumberOfNotificationsFilteredOut-InvalidAttributes",
        },
        {"TopicName"},
    ),
    "AWS/SQS": (
        {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
        {"QueueName"},
    ),
    "AWS/States": (
        {
            "ExecutionsStarted",
            "ExecutionsSucceeded",
            "ExecutionsFailed",
            "ExecutionsAborted",
            "ExecutionsTimedOut",
        },
        {"StateMachineArn"},
    ),
    "AWS/Firehose": (
        {
            "DeliveryToS3.DataFreshness",
            "IncomingRecords",
            "PartitionCountExceeded",
            "ThrottledRecords",
        },
        {"DeliveryStreamName"},
    ),
    "AWS/Events": ({"MatchedEvents"}, {"RuleName"}),
}


def _widgets(template: Template, name: str, region: str = "us-east-1") -> list[Json]:
    """A dashboard's widgets from the top, in a row from the left."""
    found = template.one("AWS::CloudWatch::Dashboard", DashboardName=f"eventing-{name}-{region}")
    widgets: list[Json] = json.loads(found.properties["DashboardBody"])["widgets"]
    return sorted(widgets, key=lambda widget: (widget["y"], widget["x"]))


def _metrics(widget: Json) -> list[tuple[str, ...]]:
    """Namespace, name and dimensions of each metric of a widget."""
    rows = widget["properties"].get("metrics", [])
    return [tuple(part for part in row if isinstance(part, str)) for row in rows]


def _named(metric: tuple[str, ...]) -> Metric:
    namespace, name, *pairs = metric
    return namespace, name, frozenset(zip(pairs[::2], pairs[1::2], strict=True))


def _watched(alarm: Json) -> Metric:
    dimensions = frozenset((d["Name"], d["Value"]) for d in alarm["Dimensions"])
    return alarm["Namespace"], alarm["MetricName"], dimensions


def _all(template: Template) -> list[Json]:
    return [widget for name in NAMES for widget in _widgets(template, name)]


def test_there_are_four(regional: Template) -> None:
    found = {d.properties["DashboardName"] for d in regional.all("AWS::CloudWatch::Dashboard")}

    assert found == {f"eventing-{name}-us-east-1" for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_cloudwatchs_limits_are_kept(regional: Template, name: str) -> None:
    widgets = _widgets(regional, name)
    counts = [len(_metrics(widget)) for widget in widgets]

    assert len(widgets) <= WIDGETS
    assert max(counts) <= METRICS_OF_WIDGET
    assert sum(counts) <= METRICS
    assert len(json.dumps(widgets)) <= BODY


# The widget with what waits, by where it stands; before it the three of the canary.
WITH_WHAT_WAITS = {"operations": 3, "redrive": 0}


@pytest.mark.parametrize("name", NAMES)
def test_what_waits_stands_first_where_operators_look(regional: Template, name: str) -> None:
    drawn = [number for number, w in enumerate(_widgets(regional, name)) if w["type"] == "custom"]

    assert drawn == ([WITH_WHAT_WAITS[name]] if name in WITH_WHAT_WAITS else [])
    for number in drawn:
        widget = _widgets(regional, name)[number]
        assert widget["properties"]["endpoint"] == "eventing-widget"
        assert widget["properties"].get("params", {}) == {}
        assert widget["properties"]["updateOn"] == {
            "refresh": True, "resize": False, "timeRange": False,
        }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_it_begins_by_saying_how_to_read_it(regional: Template, name: str) -> None:
    widgets = _widgets(regional, name)
    waits = WITH_WHAT_WAITS.get(name)
    first = widgets[0 if waits is None else waits + 1]

    assert first["type"] == "text"
    assert len(first["properties"]["markdown"]) > 200


def test_alarms_come_first_and_none_is_missing(regional: Template) -> None:
    from_what_waits = _widgets(regional, "operations")[WITH_WHAT_WAITS["operations"] :]
    _, _, everything, notifying, components = from_what_waits[:5]
    shown = [*everything["properties"]["alarms"], *notifying["properties"]["alarms"]]
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    there = {alarm.properties["AlarmName"] for kind in kinds for alarm in regional.all(kind)}

    assert everything["properties"]["alarms"] == ["eventing-unhealthy", "eventing-any-alarm"]
    # That an incident was reported is no sign of ill health.
    reported = {
        f"eventing-{what}-reported" for what in ("ingest", "publish", "attention", "canary")
    }
    assert {*shown, *components["properties"]["alarms"]} == there - reported


def test_the_first_row_says_whether_events_get_through(regional: Template) -> None:
    status, arrived, latency = _widgets(regional, "operations")[:3]

    assert status["properties"]["alarms"] == ["eventing-canary-undelivered"]
    (line,) = arrived["properties"]["annotations"]["horizontal"]
    assert (line["value"], line["label"]) == (1, "alarm below 1 events")
    assert {name for _, name, *_ in _metrics(arrived)} == {"CanaryDelivered"}
    assert {name for _, name, *_ in _metrics(latency)} == {"CanaryLatency"}


def test_publishers_figures_leave_the_canary_out(regional: Template) -> None:
    widgets = _widgets(regional, "publishers")
    queries = [w["properties"]["query"] for w in widgets if w["type"] == "log"]

    assert len(queries) == 5
    for query in queries:
        assert ("publisher != 'canary'" in query) != ("api_key_id != 'eventing-canary'" in query)


def test_the_rows_follow_the_walk_of_an_event(regional: Template) -> None:
    headings = [
        widget["properties"]["markdown"].partition("\n")[0].strip("# ")
        for widget in _widgets(regional, "operations")
        if widget["type"] == "text"
    ]

    assert headings == [
        "Is it healthy?",
        "Ingestion",
        "Event store",
        "Archive",
        "Publication",
        "Receipts",
        "Conservation",
        "Dead letters",
        "Redrive",
        "Sensitive data",
    ]


def test_every_topic_has_a_row(regional: Template) -> None:
    drawn = {metric for widget in _widgets(regional, "delivery") for metric in _metrics(widget)}
    topics = [topic.name for topic in load_catalogue(ROOT / "catalogue").topics]

    assert topics
    for topic in topics:
        of_topic = ("service", "eventing", "topic", topic)
        name = f"<eventing-topic-{topic}.TopicName>"
        assert {
            ("Eventing", "EventsPublished", *of_topic),
            ("Eventing", "PublishLag", *of_topic),
        } < drawn
        assert ("AWS/SNS", "NumberOfNotificationsFailed", "TopicName", name) in drawn


def test_rows_link_to_the_runbook_to_logs_and_to_traces(regional: Template) -> None:
    headings = [w["properties"]["markdown"] for w in _all(regional) if w["type"] == "text"]
    linked = [markdown for markdown in headings if "](" in markdown]

    assert len(linked) >= 12
    for markdown in linked:
        assert "[runbook](docs/runbook.md#" in markdown
        assert "[traces](https://us-east-1.console.aws.amazon.com/cloudwatch/home?" in markdown
    (ingestion,) = (m for m in linked if m.startswith("## Ingestion"))
    assert "#logsV2:log-groups/log-group/$252Faws$252Flambda$252Feventing-ingest)" in ingestion


def test_graphs_of_what_has_an_alarm_show_its_threshold(regional: Template) -> None:
    drawn = [
        (_named(metric), [line["value"] for line in lines])
        for widget in _all(regional)
        if (lines := widget["properties"].get("annotations", {}).get("horizontal"))
        for metric in _metrics(widget)
    ]
    for alarm in regional.all("AWS::CloudWatch::Alarm"):
        properties = alarm.properties
        if properties["AlarmName"].endswith("-reported"):
            continue
        assert (_watched(properties), [properties["Threshold"]]) in drawn, properties["AlarmName"]


@pytest.mark.parametrize("name", ["operations", "redrive"])
def test_parked_letters_are_drawn_with_their_age_and_expiry(regional: Template, name: str) -> None:
    drawn = {_named(metric) for w in _widgets(regional, name) for metric in _metrics(w)}

    for stage in ("ingest", "publish"):
        of_stage = frozenset({("service", "eventing"), ("stage", stage)})
        for what in ("Parked", "OldestParked", "FirstParked"):
            suffix = {"OldestParked": "Age", "FirstParked": "Expiry"}.get(what, "s")
            assert ("Eventing", f"{what}DeadLetter{suffix}", of_stage) in drawn


def test_titles_and_units_are_words(regional: Template) -> None:
    graphs = [widget["properties"] for widget in _all(regional) if widget["type"] == "metric"]

    assert len(graphs) > 40
    for graph in graphs:
        assert re.fullmatch(r"[A-Z][\w ,:()-]+", graph["title"]), graph["title"]
        assert re.fullmatch(r"[\w ]+", graph["yAxis"]["left"]["label"])
        for row in graph["metrics"]:
            assert re.fullmatch(r"[\w -]+", row[-1]["label"]), row


def test_metrics_of_aws_exist(regional: Template) -> None:
    named = [_named(metric) for widget in _all(regional) for metric in _metrics(widget)]
    named += [_watched(alarm.properties) for alarm in regional.all("AWS::CloudWatch::Alarm")]
    used: dict[str, set[str]] = {}
    for namespace, name, dimensions in named:
        if namespace != "Eventing":
            names, expected = AWS[namespace]
            assert name in names
            of_index = {"GlobalSecondaryIndexName"} if namespace == "AWS/DynamoDB" else set()
            assert {dimension for dimension, _ in dimensions} - of_index == expected
            used.setdefault(namespace, set()).add(name)

    assert used == {namespace: names for namespace, (names, _) in AWS.items()}


@pytest.mark.parametrize("name", NAMES)
def test_widgets_fill_rows_without_overlap(regional: Template, name: str) -> None:
    widgets = _widgets(regional, name)

    assert all(widget["x"] + widget["width"] <= 24 for widget in widgets)
    for above, below in pairwise(widgets):
        same_row = below["y"] == above["y"]
        assert same_row or below["y"] >= above["y"] + above["height"]
        assert not same_row or below["x"] == above["x"] + above["width"]


def test_queries_compare_text_where_the_log_has_text(regional: Template) -> None:
    """Every value of the access log is in quotes, and no number equals a text.

    (CloudWatch Logs, "Supported logs and discovered fields"; API Gateway writes the format as it is.)
    """
    queries = [w["properties"]["query"] for w in _all(regional) if w["type"] == "log"]
    of_the_gateway = [query for query in queries if "/aws/apigateway/" in query]

    assert of_the_gateway
    for query in of_the_gateway:
        assert re.search(r"filter status in \['403'", query)
        assert not re.search(r"(?<![\w'./-])\d+(?![\w'])", query.partition("| filter")[2])


def test_each_region_has_its_own(two_regions: Synthesis) -> None:
    for region in ("us-east-1", "eu-west-1"):
        template = two_regions.regional(region)
        for name in NAMES:
            widgets = _widgets(template, name, region)
            graphs = [widget for widget in widgets if widget["type"] == "metric"]
            assert {graph["properties"]["region"] for graph in graphs} <= {region}


def test_sensitive_data_has_a_row_also_where_macie_is_off(without_macie: Synthesis) -> None:
    """A finding can be brought by hand, and the laptop simulates some."""
    text = json.dumps(_widgets(without_macie.regional(), "operations"))

    assert "Sensitive data" in text
    for metric in ("AWS/Events", "ExecutionsFailed", "ExecutionsTimedOut", "eventing-findings-dlq"):
        assert metric in text
