"""The lives of an event's copies: in one place, checked against each other, and those of the resources."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from eventing.dead_letter import STAGES
from functions.contract import Objects, Variable
from infrastructure.configuration import Configuration, ConfigurationError
from infrastructure.retention import APPROVAL_DAYS, Retention
from tests.infrastructure.synthesis import CONTEXT, Template, synthesise

DEFAULT = Retention()
# Each number differs from each other, and from its default.
OTHER = Retention(
    events=61,
    queued_letters=9,
    open_letters=101,
    closed_letters=41,
    invocation_records=17,
    junk=18,
    runs=151,
    reports=152,
    access_logs=153,
    logs=60,
    replaced_objects=5,
    backups=33,
    longest=999,
)


def test_cdk_json_names_every_life_with_its_default() -> None:
    assert CONTEXT["retention_days"] == asdict(DEFAULT)
    assert list(DEFAULT.faults()) == []


@pytest.mark.parametrize(
    ("lives", "reason"),
    [
        ({"queued_letters": 15}, "queued_letters: 15 is not between 1 and 14"),
        ({"backups": 36}, "backups: 36 is not between 1 and 35"),
        ({"logs": 31}, "logs: 31 is not one of 1, 3, 5, 7, 14, 30, "),
        ({"junk": 0}, "junk: 0 is not between 1 and 3650"),
        # A reference to an invocation record may wait in the queue for longer than the record is there.
        ({"invocation_records": 13}, "invocation_records: 13 is less than queued_letters (14)"),
        ({"open_letters": 20}, "open_letters: 20 days leave too little time after the alarm"),
        ({"reports": 100}, "reports: 100 is less than open_letters (180)"),
        ({"runs": 179}, "runs: 179 is less than open_letters (180)"),
        ({"closed_letters": 201}, "reports: 200 is less than closed_letters (201)"),
        # What is promised of all copies, and the copy that breaks the promise.
        ({"longest": 365}, "longest: an event may be in the ledger for 509 days"),
        (
            {"events": 500},
            "longest: an event may be in the archive for 746 days, and longest promises 550",
        ),
        ({"junk": 300}, "longest: an event may be in the operations bucket, `junk/` for 831 days"),
    ],
)
def test_lives_that_do_not_fit_are_refused_with_the_reason(
    lives: dict[str, int], reason: str
) -> None:
    context = {**CONTEXT, "retention_days": json.dumps(lives)}
    with pytest.raises(ConfigurationError) as refused:
        Configuration.read(context.get)

    assert str(refused.value).startswith("configuration: retention_days: ")
    assert reason in str(refused.value)


def test_every_life_of_an_event_counts_towards_the_longest() -> None:
    # Whatever is made longer makes some copy live longer, so none is left out of the promise.
    kept = {"runs", "reports", "access_logs", "logs", "longest"}
    for name, days in asdict(DEFAULT).items():
        longer = replace(DEFAULT, **{name: days + 1000})
        grown = [
            after.days - before.days
            for before, after in zip(DEFAULT.copies(), longer.copies(), strict=True)
        ]
        assert (max(grown) >= 1000) == (name not in kept), name


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    folder = tmp_path_factory.mktemp("other")
    made = synthesise(folder, retention_days=json.dumps(asdict(OTHER)))
    return {"data": made.data, "regional": made.regional()}


def test_tables_are_kept_and_restored_as_the_configuration_says(other: dict[str, Template]) -> None:
    for name in ("data", "regional"):
        for table in other[name].all("AWS::DynamoDB::GlobalTable"):
            for replica in table.properties["Replicas"]:
                recovery = replica["PointInTimeRecoverySpecification"]
                assert recovery == {
                    "PointInTimeRecoveryEnabled": True,
                    "RecoveryPeriodInDays": OTHER.backups,
                }


def test_letters_and_events_live_as_the_configuration_says(other: dict[str, Template]) -> None:
    def variables(function: str) -> Any:
        named = other["regional"].one("AWS::Lambda::Function", FunctionName=f"eventing-{function}")
        return named.properties["Environment"]["Variables"]

    for function in ("ingest", "redrive"):
        assert variables(function)[Variable.EVENT_RETENTION_DAYS] == str(OTHER.events)
    assert variables("triage")[Variable.OPEN_LETTER_DAYS] == str(OTHER.open_letters)
    assert variables("redrive")[Variable.CLOSED_LETTER_DAYS] == str(OTHER.closed_letters)
    for stage in STAGES:
        queue = other["regional"].one("AWS::SQS::Queue", QueueName=f"eventing-{stage}-dlq")
        assert queue.properties["MessageRetentionPeriod"] == OTHER.queued_letters * 86400


def test_objects_live_as_the_configuration_says(other: dict[str, Template]) -> None:
    found = {}
    for bucket in other["regional"].all("AWS::S3::Bucket"):
        for rule in bucket.properties["LifecycleConfiguration"]["Rules"]:
            if days := rule.get("ExpirationInDays"):
                kind = bucket.properties["BucketName"].split("-")[1]
                found[kind, rule.get("Prefix", "")] = days
                noncurrent = rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
                assert noncurrent == OTHER.replaced_objects

    assert found == {
        ("archive", ""): OTHER.events,
        ("operations", ""): OTHER.access_logs,
        ("operations", Objects.RUNS): OTHER.runs,
        ("operations", Objects.REPORTS): OTHER.reports,
        ("operations", Objects.CASES): OTHER.reports,
        ("operations", Objects.FINDINGS): OTHER.reports,
        ("operations", Objects.JUNK): OTHER.junk,
        ("operations", Objects.RESUBMITTED): OTHER.junk,
        ("operations", Objects.APPROVALS): APPROVAL_DAYS,
        ("operations", Objects.INVOCATION_RECORDS): OTHER.invocation_records,
        ("operations", "access-logs/"): OTHER.access_logs,
    }


def test_logs_live_as_the_configuration_says(other: dict[str, Template]) -> None:
    logs = list(other["regional"].all("AWS::Logs::LogGroup"))

    assert len(logs) >= 8
    assert {log.properties["RetentionInDays"] for log in logs} == {OTHER.logs}


def test_the_subscribers_guide_remembers_for_as_long_as_a_letter_may_wait() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "subscribers.md").read_text()
    letter = DEFAULT.queued_letters + DEFAULT.open_letters

    assert f"{letter} days ({DEFAULT.queued_letters} in" in guide
    assert f"{DEFAULT.open_letters} on record" in guide
