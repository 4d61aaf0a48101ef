"""What may be said of the archive by what Macie tells, and what the coverage function writes and starts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from eventing.sensitive_data.coverage import Coverage, Job, coverage
from functions.contract import Metric, Objects, Variable
from functions.coverage.handler import make_handler
from functions.shared.clients import Clients
from functions.shared.clock import Clock
from functions.shared.parts import Parts
from tests.faults.aws import FakeAws
from tests.faults.vocabulary import Fault
from tests.unit.invocations import Context

MACHINE = "arn:aws:states:eu-north-1:123456789012:stateMachine:shop-sensitive-data"
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
MADE = NOW - timedelta(days=30)
HOUR = timedelta(hours=1)


def job(status: str, last_run: timedelta, *, had_errors: bool = False) -> Job:
    return Job(status=status, created=MADE, last_run=NOW - last_run, had_errors=had_errors)


@pytest.mark.parametrize(
    ("known", "unexamined"),
    [
        # It is complete: all that came before it began was examined.
        (job("IDLE", 3 * HOUR), 3 * HOUR),
        (job("IDLE", 40 * HOUR), 40 * HOUR),
        # It is under way: the one before it is complete, and began a day earlier at least.
        (job("RUNNING", 3 * HOUR), 27 * HOUR),
        (job("RUNNING", 13 * HOUR), 37 * HOUR),
        # A first run has none before it.
        (Job(status="RUNNING", created=NOW - HOUR, last_run=NOW - HOUR, had_errors=False), HOUR),
        # Clocks differ.
        (job("IDLE", -HOUR), timedelta()),
    ],
)
def test_what_came_before_the_last_complete_run_was_examined(
    known: Job, unexamined: timedelta
) -> None:
    assert coverage(is_on=True, job=known, now=NOW).unexamined == unexamined


@pytest.mark.parametrize("status", ["PAUSED", "USER_PAUSED", "CANCELLED", "COMPLETE"])
def test_a_job_that_does_not_go_on_is_stopped(status: str) -> None:
    assert coverage(is_on=True, job=job(status, HOUR), now=NOW).stopped
    assert not coverage(is_on=True, job=job("RUNNING", HOUR), now=NOW).stopped
    assert coverage(is_on=True, job=None, now=NOW) == Coverage(off=False, stopped=True)


def test_of_a_macie_that_is_off_nothing_else_is_known() -> None:
    assert coverage(is_on=False, job=None, now=NOW) == Coverage(off=True)


class Noon(Clock):
    def now(self) -> datetime:
        return NOW


class Look:
    """The coverage function before a Macie in memory, and what it has written, started and logged."""

    def __init__(self, aws: FakeAws, clients: Clients) -> None:
        self.aws = aws
        self.aws.jobs["job1"] = {
            "jobStatus": "IDLE",
            "createdAt": MADE.isoformat(),
            "lastRunTime": (NOW - 2 * HOUR).isoformat(),
            "lastRunErrorStatus": {"code": "NONE"},
        }
        environment = {
            Variable.SERVICE: "shop",
            Variable.NAMESPACE: "Eventing",
            Variable.MACIE_JOB_ID: "job1",
            Variable.ARCHIVE_BUCKET: "shop-archive",
            Variable.OPERATIONS_BUCKET: "shop-operations",
            Variable.STATE_MACHINE_ARN: MACHINE,
        }
        logger = Logger(service="coverage", stream=StringIO())
        parts = Parts(environment, threads=1, clients=clients, logger=logger, clock=Noon())
        self._handler = make_handler(parts)

    def see(self, *ids: str) -> None:
        """Put findings into cases, as the sensitive-data workflow does."""
        held = self.aws.buckets.setdefault("shop-operations", {})
        held.update({f"{Objects.FINDINGS}{id}.json": b"{}" for id in ids})

    @property
    def started(self) -> list[str]:
        """The findings that executions were started for."""
        return [json.loads(one["input"])["finding_id"] for one in self.aws.executions]

    def __call__(self) -> dict[str, Any]:
        return self._handler({}, Context(60))

    def finding(self, id: str, age: timedelta, bucket: str = "shop-archive") -> None:
        created = int((NOW - age).timestamp() * 1000)
        self.aws.findings.append({"id": id, "bucket": bucket, "created": created})


@pytest.fixture
def look() -> Iterator[Look]:
    aws = FakeAws()
    with aws.installed() as clients:
        yield Look(aws, clients)


def written(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {
        metric["Name"]: line[metric["Name"]][0]
        for line in lines
        for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    }


WELL = {
    Metric.MACIE_OFF: 0,
    Metric.MACIE_JOB_STOPPED: 0,
    Metric.MACIE_RUN_ERRORS: 0,
    Metric.ARCHIVE_UNEXAMINED: 7200,
    Metric.FINDINGS_UNSEEN: 0,
}


def test_all_is_well(look: Look, capsys: pytest.CaptureFixture[str]) -> None:
    look()
    assert written(capsys) == WELL
    assert look.started == []


def test_a_run_with_errors_is_told(look: Look, capsys: pytest.CaptureFixture[str]) -> None:
    look.aws.jobs["job1"]["lastRunErrorStatus"] = {"code": "ERROR"}
    look()
    assert written(capsys) == WELL | {Metric.MACIE_RUN_ERRORS: 1}


def test_a_run_that_is_overdue_is_told(look: Look, capsys: pytest.CaptureFixture[str]) -> None:
    look.aws.jobs["job1"]["lastRunTime"] = (NOW - 37 * HOUR).isoformat()
    look()
    assert written(capsys) == WELL | {Metric.ARCHIVE_UNEXAMINED: 37 * 3600}


def test_a_job_that_has_not_run_yet_counts_from_when_it_was_made(
    look: Look, capsys: pytest.CaptureFixture[str]
) -> None:
    look.aws.jobs["job1"] = {"jobStatus": "RUNNING", "createdAt": (NOW - HOUR).isoformat()}
    look()
    assert written(capsys) == WELL | {Metric.ARCHIVE_UNEXAMINED: 3600}


@pytest.mark.parametrize("status", ["USER_PAUSED", "PAUSED", "CANCELLED"])
def test_a_job_that_was_stopped_is_told(
    look: Look, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    look.aws.jobs["job1"]["jobStatus"] = status
    look()
    assert written(capsys)[Metric.MACIE_JOB_STOPPED] == 1


def test_a_job_that_is_gone_is_told(look: Look, capsys: pytest.CaptureFixture[str]) -> None:
    del look.aws.jobs["job1"]
    look()
    known = {Metric.MACIE_OFF: 0, Metric.MACIE_JOB_STOPPED: 1, Metric.FINDINGS_UNSEEN: 0}
    assert written(capsys) == known


@pytest.mark.parametrize("status", [None, "PAUSED"])
def test_a_macie_that_is_off_is_told_and_nothing_else(
    look: Look, status: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    look.aws.macie = status
    assert look()["off"]
    assert written(capsys) == {Metric.MACIE_OFF: 1}
    assert look.aws.count() == 1


def test_findings_that_nobody_saw_are_counted_and_taken_up(
    look: Look, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(5):
        look.finding(f"f{number}", timedelta(hours=2 + number))
    look.finding("too-young", timedelta(minutes=30))
    look.finding("long-ago", timedelta(days=4))
    look.finding("elsewhere", 2 * HOUR, bucket="somebody-elses")
    look.see("f0", "f3")

    look()
    assert written(capsys) == WELL | {Metric.FINDINGS_UNSEEN: 3}
    assert look.started == ["f1", "f2", "f4"]

    look.see(*look.started)
    look()
    assert written(capsys)[Metric.FINDINGS_UNSEEN] == 0


@pytest.mark.parametrize("fault", ["throttle", "500", "unreachable"])
@pytest.mark.parametrize(
    "operation", ["GetMacieSession", "DescribeClassificationJob", "ListFindings"]
)
def test_a_look_that_fails_does_not_say_that_all_is_well(
    look: Look, fault: Fault, operation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    look.aws.fault = lambda call: fault if call.operation == operation else None
    with pytest.raises(Exception, match=r"."):
        look()
    assert Metric.FINDINGS_UNSEEN not in written(capsys)


def test_a_permission_that_is_missing_is_no_macie_that_is_well(
    look: Look, capsys: pytest.CaptureFixture[str]
) -> None:
    look.aws.fault = lambda call: "denied" if call.operation == "GetMacieSession" else None
    look()
    assert written(capsys) == {Metric.MACIE_OFF: 1}

    look.aws.fault = lambda call: "denied" if call.operation == "ListFindings" else None
    with pytest.raises(ClientError):
        look()
