"""The allowance of a stage: what splits a run below the ceiling counts together, for a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from eventing.dead_letter import Stage
from eventing.input import InvalidInput
from eventing.redrive.allowance import (
    Allowance,
    check_ceiling,
    letters_by_stage,
    why_approval,
)
from eventing.redrive.request import RedriveRequest

NOW = datetime(2026, 11, 27, 12, 30, tzinfo=UTC)
CEILINGS = {"redrive": 10, "discard": 4}
REDRIVE = RedriveRequest(action="redrive")
DISCARD = RedriveRequest(action="discard")
HOUR = timedelta(hours=1)


def test_what_was_taken_counts_for_a_day_and_for_no_shorter() -> None:
    taken = Allowance().take("run-1", 3, NOW).take("run-2", 4, NOW + 2 * HOUR)

    assert taken.used(NOW + 2 * HOUR) == 7
    assert taken.used(NOW + 24 * HOUR) == 7
    assert taken.used(NOW + 25 * HOUR) == 4
    assert taken.used(NOW + 27 * HOUR) == 0


def test_it_stays_small_however_many_runs_there_are() -> None:
    allowance = Allowance()
    for minute in range(0, 7 * 24 * 60, 7):
        allowance = allowance.take(f"run-{minute}", 1, NOW + timedelta(minutes=minute))

    assert len(allowance.hours) <= 25


def test_what_a_run_has_not_come_to_is_given_back_once() -> None:
    before = Allowance().take("run-1", 3, NOW).take("run-2", 4, NOW)
    after = before.give_back("run-2", 3)

    assert after.used(NOW) == 4
    assert after.give_back("run-2", 3) is after
    # Nobody gives back for others, nor more than it took.
    assert before.give_back("run-1", 3) is before
    assert before.give_back("run-2", 100).used(NOW) == 3
    assert before.give_back("run-2", 0) is before
    assert before.give_back("run-2", -5) is before


@pytest.mark.parametrize(
    ("request_", "letters", "used", "because"),
    [
        (REDRIVE, {"publish": 10}, {"publish": 0}, None),
        (REDRIVE, {"publish": 11}, {"publish": 0}, "11 letters are more than 10, the ceiling"),
        (REDRIVE, {"publish": 4}, {"publish": 6}, None),
        (REDRIVE, {"publish": 4}, {"publish": 7}, "4 letters of publish, with 7 that were taken up"),
        # What was redriven and what was discarded count together.
        (DISCARD, {"publish": 1}, {"publish": 4}, "1 letter of publish, with 4"),
        (DISCARD, {"publish": 4}, {"publish": 0}, None),
        # Over both stages: all together, and each with its own.
        (REDRIVE, {"ingest": 6, "publish": 5}, {"ingest": 0, "publish": 0}, "11 letters"),
        (REDRIVE, {"ingest": 1, "publish": 1}, {"ingest": 0, "publish": 10}, "1 letter of publish"),
        (REDRIVE, {}, {}, None),
        (RedriveRequest(action="plan"), {"publish": 999}, {"publish": 999}, None),
        (RedriveRequest(action="redrive", approval_above=2), {"publish": 3}, {"publish": 0},
         "3 letters are more than 2, which its input allows"),
        (RedriveRequest(action="redrive", approval_above=2), {"publish": 2}, {"publish": 5}, None),
    ],
)  # fmt: skip
def test_why_a_run_needs_an_approval(
    request_: RedriveRequest, letters: dict[Stage, int], used: dict[Stage, int], because: str | None
) -> None:
    found = why_approval(request_, letters, used, CEILINGS)

    assert (found or "").startswith(because or "")
    assert (found is None) is (because is None)


@pytest.mark.parametrize(("action", "most"), [("redrive", 10), ("discard", 4)])
def test_an_input_only_lowers_the_ceiling(action: str, most: int) -> None:
    check_ceiling(RedriveRequest(action=action, approval_above=most), CEILINGS)  # type: ignore[arg-type]
    check_ceiling(RedriveRequest(action=action), CEILINGS)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=f"approval_above: must be at most {most}, the ceiling"):
        check_ceiling(RedriveRequest(action=action, approval_above=most + 1), CEILINGS)  # type: ignore[arg-type]
    check_ceiling(RedriveRequest(action="plan", approval_above=most + 1), CEILINGS)


def test_the_letters_of_a_plan_are_counted_by_stage() -> None:
    summary = {"by_step": {"store": 1, "archive": 2, "route": 3, "publish": 4}}

    assert letters_by_stage(summary) == {"ingest": 3, "publish": 7}
    assert letters_by_stage({"by_step": {"route": 3}}) == {"publish": 3}
