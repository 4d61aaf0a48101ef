"""What a verification checks, how it judges, and what it sends."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from eventing.canary import PUBLISHER, TOPIC, TYPE
from eventing.dead_letter import read_dead_letter
from eventing.event import read_event
from eventing.json_text import parse
from eventing.verification import account, permissions
from eventing.verification.account import Mail, Running
from eventing.verification.check import Check, failed, ok, skipped, verdict
from eventing.verification.events import SentEvent, announcement, new_run
from eventing.verification.load import Figures, Latencies, Sent, dollars, percentile

AT = "2026-11-27T16:00:00.000Z"
NOW = datetime(2026, 11, 27, 16, tzinfo=UTC)
OLD, YOUNG = (
    f"eventing-verify-{new_run(NOW - timedelta(hours=hours), '3fa9c1')}" for hours in (3, 1)
)


def running(name: str = "eventing-publish", **members: object) -> Running:
    usual = {"state": "Active", "last_update": "Successful", "reserved": None}
    return Running(name=name, **{**usual, **members})  # type: ignore[arg-type]


def test_a_check_is_one_line_with_what_to_do() -> None:
    assert ok("stored", "in the table", seconds=1.26).line == "ok      stored, 1.3 s: in the table"
    assert failed("alarms", "missing: a", fix="deploy").line == "failed  alarms: missing: a: deploy"
    assert "\n" not in failed("mails", "a\nb", fix="c\u202e").line


def test_one_failed_check_decides() -> None:
    good = [ok("a"), skipped("b", "no Macie")]

    assert verdict(good) == (True, "1 check ok, 1 skipped")
    assert verdict([*good, failed("c", "?", fix="!")]) == (
        False,
        "1 of 3 checks failed, 1 skipped: c",
    )


@pytest.mark.parametrize(
    ("check", "outcome", "told"),
    [
        (account.concurrency(99), "failed", "99 concurrent executions, and 100 are the least"),
        (account.concurrency(1000), "ok", "1,000"),
        (account.usage_plans(290), "ok", "290 of 300"),
        (account.urls({"https://a.example/health": 200}), "ok", "https://a.example/health"),
        (
            account.urls({"https://a.example/health": 200, "https://b.example/health": 403}),
            "failed",
            "https://b.example/health answers 403",
        ),
        (
            account.urls({"https://a.example/health": None, "https://b.example/health": 200}),
            "failed",
            "https://a.example/health does not answer",
        ),
        (account.usage_plans(291), "failed", "291 of 300"),
        (account.macie(wanted=False, session=None), "skipped", "goes without"),
        (account.macie(wanted=True, session=None), "failed", "it is off"),
        (account.macie(wanted=True, session="PAUSED"), "failed", "paused"),
        (account.macie(wanted=True, session="ENABLED"), "ok", "on"),
        (account.mails([]), "failed", "nobody is subscribed"),
        (account.mails([Mail("a@x", True), Mail("b@x", False)]), "failed", "not confirmed: b@x"),
        (account.mails([Mail("a@x", True)]), "ok", "1 confirmed"),
        (account.leftovers([OLD, YOUNG], now=NOW), "failed", OLD),
        (account.leftovers(["eventing-verify-1"], now=NOW), "failed", "eventing-verify-1"),
        (account.leftovers([YOUNG], now=NOW), "ok", "none"),
        (account.stacks({"s": "UPDATE_COMPLETE"}, {}), "ok", "s is UPDATE_COMPLETE"),
        (account.stacks({"s": "UPDATE_ROLLBACK_COMPLETE"}, {}), "failed", "the deployment before"),
        (account.stacks({"s": "UPDATE_IN_PROGRESS"}, {}), "failed", "s is UPDATE_IN_PROGRESS"),
        (account.stacks({"s": "UPDATE_ROLLBACK_FAILED"}, {}), "failed", "UPDATE_ROLLBACK_FAILED"),
        (account.stacks({"s": "CREATE_FAILED"}, {}), "failed", "s is CREATE_FAILED"),
        (account.stacks({"s": "UPDATE_COMPLETE"}, {"Q": "DELETE_FAILED"}), "failed", "Q is DELETE"),
        (account.functions([running()], reads_stream=True), "ok", "1 can run"),
        (account.functions([running(reserved=5)], reads_stream=None), "ok", "1 can run"),
        (account.functions([running(state=None)], reads_stream=None), "ok", "1 can run"),
        (account.functions([running(reserved=0)], reads_stream=True), "failed", "switched off"),
        (account.functions([running(state="Failed")], reads_stream=True), "failed", "is Failed"),
        (account.functions([running(last_update="Failed")], reads_stream=True), "failed", "before"),
        (account.functions([running()], reads_stream=False), "failed", "mapping of publish is off"),
        (account.there("alarms", ["a", "b"], {"a": True, "b": True, "c": False}), "ok", "all 2"),
        (account.there("alarms", ["a", "b"], {"b": False}), "failed", "missing: a; without"),
    ],
)  # fmt: skip
def test_what_is_found_is_judged(check: Check, outcome: str, told: str) -> None:
    assert (check.outcome, told in check.detail) == (outcome, True), check
    assert bool(check.fix) is (outcome == "failed")


def test_permissions_are_asked_for_each_function_and_judged_both_ways() -> None:
    asked = permissions.asked(["ingest", "publish"], get_args(permissions.Resource))
    expected = [(one, one.allowed) for one in asked]

    assert permissions.judge(expected).outcome == "ok"
    for number, (one, allowed) in enumerate(expected):
        wrong = [*expected]
        wrong[number] = (one, not allowed)
        told = permissions.judge(wrong)
        kind = "too few" if allowed else "too many"
        assert told.detail == f"{kind}: {one.function} {one.action} on {one.resource}"


def test_what_a_deployment_has_not_is_not_asked_for() -> None:
    there = set(get_args(permissions.Resource)) - {"delivery-stream"}

    asked = permissions.asked(["ingest", "publish"], there)
    assert {one.resource for one in asked} == there


def test_nobody_may_read_the_archive_or_change_an_event() -> None:
    asked = permissions.asked(["redrive"], get_args(permissions.Resource))

    for resource, action in (
        ("archive", "s3:GetObject"),
        ("events", "dynamodb:UpdateItem"),
        ("tokens", "s3:GetObject"),
        ("topic", "sns:Subscribe"),
    ):
        (found,) = [one for one in asked if (one.resource, one.action) == (resource, action)]
        assert not found.allowed


def test_an_event_is_one_of_the_canarys_type_and_of_its_own_source() -> None:
    event = SentEvent("run-1", "walk")
    read = read_event(parse(event.text))

    assert (read.type, read.source, read.id) == (TYPE, "urn:eventing:verify:run-1", "walk")
    assert read.key(PUBLISHER) == event.key
    assert event.is_in(json.dumps(json.loads(event.text), indent=1))
    assert not event.is_in(SentEvent("run-1", "walk", note="another").text)
    assert not event.is_in(SentEvent("run-2", "walk").text)


def test_the_injected_dead_letter_is_one_that_triage_reads() -> None:
    event = SentEvent("run-1", "letter")
    letter = event.injected(AT)
    read = read_dead_letter(letter.text())

    assert (read.stage, read.step, read.topic, read.publisher) == (
        "publish",
        "publish",
        TOPIC,
        PUBLISHER,
    )
    assert not read.cause.of_a_dependency
    assert read.key == letter.key
    assert letter.key in event.letters(AT)
    assert len(set(event.letters(AT))) == 4


def test_operators_are_told_what_is_sent_before_it_is() -> None:
    quiet = announcement("arn:dana", run="run-1", load=None)
    loud = announcement("arn:dana", run="run-1", load=(50, 60))

    assert PUBLISHER in quiet.first
    assert "By: arn:dana" in quiet.details
    assert loud.details[-1] == "Load: 50 events a second for 60 s"


def test_percentiles_are_of_the_nearest_rank() -> None:
    hundred = [float(number) for number in range(1, 101)]

    assert [percentile(hundred, share) for share in (1, 50, 95, 99, 100)] == [1, 50, 95, 99, 100]
    assert percentile([7.0], 99) == 7.0
    assert percentile([], 50) is None
    random.shuffle(hundred)
    assert Latencies.of(hundred) == Latencies(50.0, 95.0, 99.0)
    assert str(Latencies.of([0.0124])) == "p50 12 ms, p95 12 ms, p99 12 ms"
    assert str(Latencies.of([])) == "none"


def test_what_became_of_a_load_is_counted() -> None:
    events = [
        Sent(0.0, 0.1, [0.3]),
        Sent(1.0, 1.1, [1.4, 2.0]),  # doubled
        Sent(2.0, 2.2, []),  # lost
        Sent(3.0, None, []),  # refused
        Sent(4.0, None, [4.5]),  # taken all the same: its answer was lost
    ]
    figures = Figures.of(events, event_bytes=300)

    assert (figures.sent, figures.lost, figures.doubled, figures.refused) == (5, 1, 1, 1)
    assert figures.seconds == 4.0
    assert figures.accepted.p50 == pytest.approx(0.1)
    assert figures.delivered.p99 == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([Sent(0.0, 0.1, [0.3]), Sent(0.1, 0.2, [0.4, 0.5])], "ok"),
        ([Sent(0.0, 0.1, [0.3]), Sent(0.1, 0.2, [])], "failed"),
        ([Sent(0.0, 0.1, [0.3]), Sent(0.1, None, [])], "failed"),
    ],
)
def test_a_load_is_good_when_nothing_was_lost_or_refused(events: list[Sent], outcome: str) -> None:
    check = Figures.of(events, event_bytes=300).check(rate=10)

    assert check.outcome == outcome
    assert check.name == "load of 2 events"


def test_a_load_costs_about_what_the_price_lists_say() -> None:
    # One event of 300 bytes: a request and two invocations, a write, a record of Firehose, a publish, its
    # receipt, a receive and a delete; the ingest function for 50 ms.
    one = dollars(1, event_bytes=300, seconds=0.05)
    by_hand = 3.5e-6 + 2 * 0.2e-6 + 2 * 0.625e-6 + 0.5e-6 + 2 * 0.4e-6
    by_hand += 0.029 * 5 / 1024**2 + 0.020 * 400 / 1024**3
    by_hand += (0.05 + 0.03 / 2) * 1.33334e-5 + (1500 + 900) * 0.5e-9
    assert one == pytest.approx(by_hand)

    million = dollars(1_000_000, event_bytes=300, seconds=50_000)
    assert 6 < million < 7
    # A larger event is written in more units, and in another region again.
    assert dollars(1, event_bytes=2000, seconds=0.05) == pytest.approx(one + 2 * 0.625e-6, rel=0.01)
    assert dollars(1, event_bytes=300, seconds=0.05, regions=2) == pytest.approx(one + 2 * 0.625e-6)
