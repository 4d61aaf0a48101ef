"""Topics whose events nobody gets: what the counter makes of SNS's own counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from eventing.delivery import LOOK_BACK
from functions.counter.delivery import OUTCOMES, PUBLISHED, unheard
from functions.shared.metric_reader import MetricReader

NOW = datetime(2026, 11, 27, 12, 0, 30, tzinfo=UTC)
DELIVERED, FAILED, FILTERED = OUTCOMES
Counts = dict[tuple[str, str], dict[int, float]]
"""By metric and topic, what was counted so many minutes ago."""


class CloudWatch:
    """Has these counts."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self.asked: list[tuple[str, str]] = []

    def get_metric_data(
        self,
        *,
        MetricDataQueries: list[Any],  # noqa: N803
        StartTime: datetime,  # noqa: N803
        EndTime: datetime,  # noqa: N803
    ) -> Any:
        assert 1 <= len(MetricDataQueries) <= 500
        results = []
        for query in MetricDataQueries:
            metric = query["MetricStat"]["Metric"]
            ((name, topic),) = ((d["Name"], d["Value"]) for d in metric["Dimensions"])
            assert (metric["Namespace"], name, query["MetricStat"]["Period"]) == (
                "AWS/SNS",
                "TopicName",
                60,
            )
            self.asked.append((metric["MetricName"], topic))
            counted = self.counts.get((metric["MetricName"], topic), {})
            minute = NOW.replace(second=0)
            points = {minute - timedelta(minutes=ago): value for ago, value in counted.items()}
            points = {at: value for at, value in points.items() if StartTime <= at < EndTime}
            results.append(
                {
                    "Id": query["Id"],
                    "Label": query["Label"],
                    "StatusCode": "Complete",
                    "Timestamps": list(points),
                    "Values": list(points.values()),
                }
            )
        return {"MetricDataResults": results}


def found(counts: Counts, *topics: str) -> set[str]:
    client = cast("Any", CloudWatch(counts))
    reader = MetricReader(client, namespace="Eventing", service="shop")
    return unheard(reader, topics or ("orders",), NOW)


@pytest.mark.parametrize(("ago", "expected"), [(14, set()), (15, {"orders"}), (55, {"orders"})])
def test_one_event_that_nobody_gets_is_enough_after_a_quarter_of_an_hour(
    ago: int, expected: set[str]
) -> None:
    assert found({(PUBLISHED, "orders"): {ago: 1}}) == expected


def test_what_was_published_long_ago_is_not_looked_at_for_ever() -> None:
    ago = round(LOOK_BACK.total_seconds() / 60) + 1

    assert found({(PUBLISHED, "orders"): {ago: 5}}) == set()


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("ago", [0, 7, 20])
def test_anything_that_has_become_of_it_since_is_a_sign_of_somebody(outcome: str, ago: int) -> None:
    assert found({(PUBLISHED, "orders"): {20: 3}, (outcome, "orders"): {ago: 1}}) == set()


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_what_became_of_earlier_events_is_none(outcome: str) -> None:
    """A topic that is busy is deleted and made again: nothing becomes of its events from then on."""
    published = dict.fromkeys(range(60), 4.0)
    until_then = dict.fromkeys(range(16, 60), 4.0)

    assert found({(PUBLISHED, "orders"): published, (outcome, "orders"): until_then}) == {"orders"}
    later = dict.fromkeys(range(15, 60), 4.0)
    assert found({(PUBLISHED, "orders"): published, (outcome, "orders"): later}) == set()


def test_a_count_of_nothing_is_none() -> None:
    assert found({(PUBLISHED, "orders"): {20: 0}}) == set()
    assert found({(PUBLISHED, "orders"): {20: 1}, (DELIVERED, "orders"): {10: 0}}) == {"orders"}


def test_each_topic_is_judged_by_itself() -> None:
    counts: Counts = {
        (PUBLISHED, "orders"): {20: 3},
        (PUBLISHED, "payments"): {20: 3},
        (PUBLISHED, "customers"): {5: 3},
        (FILTERED, "payments"): {20: 3},
    }

    assert found(counts, "orders", "payments", "customers", "quiet") == {"orders"}


def test_of_topics_that_somebody_hears_no_more_is_read_than_shows_it() -> None:
    client = CloudWatch(
        {
            (PUBLISHED, "orders"): {20: 3},
            (PUBLISHED, "payments"): {20: 3},
            (DELIVERED, "orders"): {20: 3},
        }
    )
    reader = MetricReader(cast("Any", client), namespace="Eventing", service="shop")

    assert unheard(reader, ["orders", "payments", "quiet"], NOW) == {"payments"}
    assert client.asked == [
        (PUBLISHED, "orders"),
        (PUBLISHED, "payments"),
        (PUBLISHED, "quiet"),
        (DELIVERED, "orders"),
        (DELIVERED, "payments"),
        (FAILED, "payments"),
        (FILTERED, "payments"),
    ]


def test_more_topics_than_a_call_takes_are_asked_for_in_several() -> None:
    topics = [f"t-{number}" for number in range(1100)]
    counts: Counts = {(PUBLISHED, topic): {20: 1} for topic in topics[::7]}

    assert found(counts, *topics) == set(topics[::7])
