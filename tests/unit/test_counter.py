"""What the counter reads from CloudWatch and Step Functions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from eventing.conservation import Window
from functions.contract import Metric
from functions.counter import runs
from functions.counter.conservation import lost_events
from functions.shared.executions import Executions
from functions.shared.metric_reader import MetricReader

NOW = datetime(2026, 11, 25, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class CloudWatch:
    """Answers with the pages that it was given."""

    def __init__(self, *pages: Any) -> None:
        self.pages = list(pages)
        self.requests: list[Any] = []

    def get_metric_data(self, **request: Any) -> Any:
        self.requests.append(dict(request))
        return self.pages.pop(0)


def _result(name: str, values: dict[int, float], status: str = "Complete") -> Any:
    times = [NOW.replace(second=0) - minutes * MINUTE for minutes in values]
    return {
        "Id": name.lower(), "Label": name, "StatusCode": status,
        "Timestamps": times, "Values": list(values.values()),
    }  # fmt: skip


def _unaccounted(client: CloudWatch) -> int:
    reader = MetricReader(cast("Any", client), namespace="Eventing", service="shop")
    return lost_events(reader, Window(180, 10), NOW)


def test_it_asks_for_this_deployments_sums_by_the_minute() -> None:
    client = CloudWatch({"MetricDataResults": []})

    assert _unaccounted(client) == 0
    (request,) = client.requests
    assert request["StartTime"] == datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
    assert request["EndTime"] == datetime(2026, 11, 25, 11, 50, tzinfo=UTC)
    stats = [query["MetricStat"] for query in request["MetricDataQueries"]]
    assert [s["Metric"]["MetricName"] for s in stats] == [
        Metric.EVENTS_STORED,
        Metric.EVENTS_SETTLED,
    ]
    for stat in stats:
        assert (stat["Metric"]["Namespace"], stat["Period"], stat["Stat"]) == (
            "Eventing",
            60,
            "Sum",
        )
        assert stat["Metric"]["Dimensions"] == [{"Name": "service", "Value": "shop"}]


def test_pages_are_put_together() -> None:
    client = CloudWatch(
        {
            "MetricDataResults": [
                _result(Metric.EVENTS_STORED, {20: 5.0, 30: 4.0}, "PartialData"),
                _result(Metric.EVENTS_SETTLED, {20: 5.0}, "PartialData"),
            ],
            "NextToken": "more",
        },
        {
            "MetricDataResults": [
                _result(Metric.EVENTS_SETTLED, {30: 1.0}),
                _result(Metric.EVENTS_STORED, {}),
            ]
        },
    )

    assert _unaccounted(client) == 3
    assert client.requests[1]["NextToken"] == "more"


def test_an_answer_that_is_none_is_no_loss_but_an_error() -> None:
    client = CloudWatch(
        {"MetricDataResults": [_result(Metric.EVENTS_SETTLED, {}, status="InternalError")]}
    )

    with pytest.raises(RuntimeError, match="InternalError for eventssettled"):
        _unaccounted(client)


class StepFunctions:
    """Executions by status, each with its error and its history, the latest event first."""

    def __init__(self, **executions: list[dict[str, Any]]) -> None:
        self._by_status = executions
        self._by_arn = {e["executionArn"]: e for found in executions.values() for e in found}

    def list_executions(self, *, stateMachineArn: str, statusFilter: str) -> Any:  # noqa: N803
        assert stateMachineArn == "machine"
        return {"executions": self._by_status.get(statusFilter, [])}

    def describe_execution(self, *, executionArn: str) -> Any:  # noqa: N803
        return self._by_arn[executionArn]

    def get_execution_history(self, *, executionArn: str, **order: Any) -> Any:  # noqa: N803
        assert order == {"reverseOrder": True, "maxResults": 1000}
        return {"events": self._by_arn[executionArn]["history"]}


def _look(**executions: list[dict[str, Any]]) -> runs.Runs:
    client = cast("Any", StepFunctions(**executions))
    return runs.look(Executions(client, state_machine_arn="machine"), NOW)


def _ended(minutes_ago: float, error: str) -> dict[str, Any]:
    stopped = NOW - minutes_ago * MINUTE
    return {
        "executionArn": f"{error}-{minutes_ago}",
        "startDate": stopped - MINUTE,
        "stopDate": stopped,
        "error": error,
    }


def _running(minutes: float, *history: dict[str, Any]) -> dict[str, Any]:
    return {
        "executionArn": f"run-{minutes}",
        "startDate": NOW - minutes * MINUTE,
        "history": history,
    }


def _asked(kind: str, minutes_ago: float) -> dict[str, Any]:
    details = {"resource": "startExecution.sync:2"}
    return {"type": kind, "timestamp": NOW - minutes_ago * MINUTE, "details": details}


def _page(minutes_ago: float) -> dict[str, Any]:
    details = {"resource": "invoke"}
    return {"type": "TaskSucceeded", "timestamp": NOW - minutes_ago * MINUTE, "details": details}


def test_without_executions_there_is_nothing_to_tell() -> None:
    assert _look() == runs.Runs(failed=0, seconds=0.0)


def test_failures_of_the_last_minutes_count_and_refusals_do_not() -> None:
    found = _look(
        FAILED=[
            _ended(1, "Lambda.Unknown"),
            _ended(2, "InvalidInput"),
            _ended(2, "Locked"),
            _ended(2, "PlanChanged"),
            _ended(9, "Lambda.Unknown"),
        ],
        TIMED_OUT=[_ended(3, "States.Timeout")],
    )

    assert found.failed == 2


def test_the_longest_execution_counts_from_its_start() -> None:
    assert _look(RUNNING=[_running(3), _running(8), _running(5)]).seconds == 480
    assert _look(RUNNING=[_running(90, _page(1), _page(2))]).seconds == 5400


def test_one_that_waits_for_approval_does_not_count() -> None:
    waiting = _running(600, _asked("TaskSubmitted", 599), _asked("TaskScheduled", 599))

    assert _look(RUNNING=[waiting]).seconds == 0
    assert _look(RUNNING=[waiting, _running(4)]).seconds == 240


@pytest.mark.parametrize("answer", ["TaskSucceeded", "TaskFailed", "TaskTimedOut"])
def test_one_that_was_answered_counts_from_the_answer(answer: str) -> None:
    history = (_page(1), _asked(answer, 30), _asked("TaskSubmitted", 599))

    assert _look(RUNNING=[_running(600, *history)]).seconds == 1800
