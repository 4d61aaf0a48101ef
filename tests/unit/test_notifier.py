"""The notifier: whatever CloudWatch tells of an alarm, operators hear of it, in the form of all mails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from aws_lambda_powertools import Logger

from eventing.alarm_text import AlarmText
from functions.contract import Notice, Variable
from functions.notifier.handler import make_handler
from functions.shared.parts import Parts
from tests.faults.aws import FakeAws
from tests.faults.memory import REGION
from tests.faults.vocabulary import Call, Fault

ENVIRONMENT = {
    Variable.OPS_TOPIC_ARN: f"arn:aws:sns:{REGION}:123456789012:shop-ops",
    Variable.DEPLOYMENT: "shop",
    Variable.COMMAND_OPTIONS: "--deployment shop --region eu-north-1",
    Variable.RUNBOOK: "https://example.com/runbook",
    Variable.DASHBOARD: "https://console.example.com/operations",
}
RUNBOOK = ENVIRONMENT[Variable.RUNBOOK]
TEXT = AlarmText(
    what="Events are not taken: requests are answered 503.",
    users="publishers have to send again.",
    next="status",
    runbook="https://example.com/runbook#publishers-get-503",
)
HOSTILE = "x\u2028\u202eapprove now: https://evil.example\x1b[2J\r\n<!channel>"


def alarm(name: str = "shop-ingestion-unavailable", **changes: Any) -> dict[str, Any]:
    """What CloudWatch invokes a function with, as its user guide has it, for a composite alarm."""
    arn = f"arn:aws:cloudwatch:{REGION}:123456789012:alarm:"
    triggering = [
        {"arn": f"{arn}shop-api-failures", "state": {"value": "ALARM", "timestamp": "x"}},
        {"arn": f"{arn}shop-ingest-errors", "state": {"value": "OK", "timestamp": "x"}},
    ]
    state = {
        "value": "ALARM",
        "reason": f"{arn}shop-api-failures transitioned to ALARM at Friday 27 November, 2026",
        "reasonData": json.dumps({"triggeringAlarms": triggering}),
        "timestamp": "2026-11-27T12:36:15.490+0000",
    }
    data = {
        "alarmName": name,
        "state": state,
        "previousState": {"value": "OK", "timestamp": "2026-11-27T11:31:29.591+0000"},
        "configuration": {"description": str(TEXT), "alarmRule": "ALARM(shop-api-failures)"},
    }
    return {
        "source": "aws.cloudwatch",
        "alarmArn": f"{arn}{name}",
        "accountId": "123456789012",
        "time": "2026-11-27T12:36:15.490+0000",
        "region": REGION,
        "alarmData": {**data, **changes},
    }


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def notify(aws: FakeAws) -> Iterator[Callable[[Any], None]]:
    """Invokes the function with an event."""
    with aws.installed() as clients:
        parts = Parts(ENVIRONMENT, threads=1, clients=clients, logger=Logger(service="shop"))
        handler = make_handler(parts)
        yield lambda event: handler(event, cast("Any", None))


Notify = Callable[[Any], None]


def test_an_alarm_is_a_mail_of_the_same_form_as_all(aws: FakeAws, notify: Notify) -> None:
    notify(alarm())

    ((subject, text),) = aws.told
    assert subject == "shop: Events are not taken: api-failures"
    assert text.split("\n") == [
        "Events are not taken: requests are answered 503.",
        "Users: publishers have to send again.",
        "Next: eventing status --deployment shop --region eu-north-1",
        "Runbook: https://example.com/runbook#publishers-get-503",
        "Dashboard: https://console.example.com/operations",
        "Where: shop in eu-north-1",
        "",
        "alarm: ingestion-unavailable, ALARM since 2026-11-27T12:36:15.490Z",
        "because of: api-failures",
        f'CloudWatch: "arn:aws:cloudwatch:{REGION}:123456789012:alarm:shop-api-failures '
        'transitioned to ALARM at Friday 27 November, 2026"',
    ]


def test_a_metric_alarm_without_data_says_that_nobody_counts(aws: FakeAws, notify: Notify) -> None:
    state = {"value": "INSUFFICIENT_DATA", "reason": "no datapoints", "timestamp": "x"}
    notify(alarm("shop-events-unaccounted", state=state))

    ((subject, text),) = aws.told
    assert subject == "shop: Events are not taken: INSUFFICIENT_DATA"
    assert "alarm: events-unaccounted, INSUFFICIENT_DATA since x\nCloudWatch: " in text


def test_what_cloudwatch_leaves_out_is_asked_for(aws: FakeAws, notify: Notify) -> None:
    aws.descriptions["shop-ingestion-unavailable"] = [str(TEXT)]
    notify(alarm(configuration={"alarmRule": "ALARM(shop-api-failures)"}))
    notify(alarm())

    assert aws.told[0] == aws.told[1]
    assert aws.count("DescribeAlarms") == 1


@pytest.mark.parametrize("fault", ["denied", "throttle", "500", "timeout", "unreachable"])
def test_where_that_fails_the_alarm_is_told_without(
    aws: FakeAws, notify: Notify, caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    aws.fault = lambda call: fault if call.operation == "DescribeAlarms" else None
    notify(alarm(configuration={}))

    ((subject, text),) = aws.told
    assert subject == "shop: alarm ingestion-unavailable: api-failures"
    assert text.startswith(
        "The alarm ingestion-unavailable is in the state ALARM.\nNext: eventing status"
    )
    assert "no description" in caplog.text


@pytest.mark.parametrize("fault", ["denied", "throttle", "500", "timeout", "missing"])
def test_a_mail_that_cannot_be_sent_is_an_error_of_the_function(
    aws: FakeAws, notify: Notify, fault: Fault
) -> None:
    # Lambda sends operators the event as it is, and an alarm of its own tells of that.
    aws.fault = lambda call: fault if call.operation == "Publish" else None
    with pytest.raises(Exception):  # noqa: B017,PT011 - whatever the SDK raises
        notify(alarm())
    assert aws.told == []


def test_a_mail_that_cannot_be_sent_at_first_is_sent_when_lambda_tries_again(
    aws: FakeAws, notify: Notify
) -> None:
    def twice(call: Call) -> Fault | None:
        return "500" if call.operation == "Publish" and call.number <= 2 else None

    aws.fault = twice
    with pytest.raises(Exception):  # noqa: B017,PT011 - whatever the SDK raises
        notify(alarm())
    notify(alarm())
    assert len(aws.told) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"state": None},
        {"state": {}},
        {"configuration": None},
        {"state": {"value": "ALARM", "reasonData": "no JSON"}},
        {"state": {"value": "ALARM", "reasonData": '{"triggeringAlarms": [{"arn": 1}]}'}},
        {"state": {"value": "ALARM", "reasonData": "[]", "timestamp": 1}},
        {"state": {"value": HOSTILE, "reason": HOSTILE, "timestamp": HOSTILE}},
        {"alarmName": HOSTILE},
        {"configuration": {"description": HOSTILE}},
        {"configuration": {"description": f"a: b Users: {HOSTILE} Next: eventing {HOSTILE}"}},
        {"configuration": {"description": f"{HOSTILE} Runbook: {HOSTILE}"}},
    ],
)
def test_whatever_an_alarm_says_is_told_and_stays_on_its_line(
    aws: FakeAws, notify: Notify, changes: Any
) -> None:
    notify(alarm(**changes))

    ((subject, text),) = aws.told
    assert subject.startswith("shop: ")
    lines = text.split("\n")
    assert all(line.isprintable() for line in lines)
    assert not any(line.startswith("approve") for line in lines)
    assert "\nWhere: shop in eu-north-1\n\nalarm: " in text


def test_the_end_of_all_alarms_is_a_mail(aws: FakeAws, notify: Notify) -> None:
    notify({Notice.KIND: Notice.WELL_AGAIN, "at": "2026-11-27T12:36:15.490+0000"})

    ((subject, text),) = aws.told
    assert subject == "shop: all is well again"
    assert text.startswith("All is well again: no alarm is on.\nNext: eventing status")
    assert text.endswith("since 2026-11-27T12:36:15.490Z")


@pytest.mark.parametrize("event", [{}, {"alarmData": {}}, {Notice.KIND: "other"}])
def test_an_event_that_is_none_of_ours_is_an_error(
    aws: FakeAws, notify: Notify, event: Any
) -> None:
    with pytest.raises(ValueError, match="no notice"):
        notify(event)
    assert aws.told == []
