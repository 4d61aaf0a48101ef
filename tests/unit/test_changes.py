"""The changes that take a letter from state to state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from eventing.cause import Cause, Code
from eventing.dead_letter import DeadLetter
from eventing.redrive.changes import claim, claimed, close, fail_again, reopen
from eventing.redrive.ledger import new_row
from tests.unit.examples import event_text
from tests.unit.letters import ROW, row

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
BROKEN = Cause(Code.ACCESS_DENIED, "AuthorizationError", "not authorized")


def test_a_new_row_has_all_that_the_index_tells() -> None:
    letter = DeadLetter(
        stage="publish",
        step="publish",
        publisher="acme",
        event=event_text(id="ü"),
        accepted_at="2026-11-24T09:29:59.000Z",
        cause=BROKEN,
        failed_at="2026-11-24T09:30:00.000Z",
        topic="customers",
        episode=2,
    )
    made = new_row(letter, verdict="ok", target="customers", judged_by="c1", now=NOW, days=180)

    assert (made.key, made.event_key, made.digest) == (letter.key, letter.event_key, letter.digest)
    assert made.event_key.startswith("acme#")
    assert (made.state, made.version, made.episode, made.run) == ("open", 1, 2, None)
    assert (made.code, made.fingerprint) == ("ACCESS_DENIED", letter.fingerprint)
    assert made.size == len(letter.event.encode()) > len(letter.event)
    assert made.expires_at == int((NOW + timedelta(days=180)).timestamp())
    assert (made.verdict, made.target, made.judged_by) == ("ok", "customers", "c1")


@pytest.mark.parametrize(
    ("said", "recorded"),
    [
        ("2026-11-24T09:59:59.999Z", "2026-11-24T09:59:59.999Z"),
        ("2026-11-24T10:00:00.000Z", "2026-11-24T10:00:00.000Z"),
        ("2026-11-24T10:00:00.001Z", "2026-11-24T10:00:00.000Z"),
        ("2099-01-01T00:00:00.000Z", "2026-11-24T10:00:00.000Z"),
    ],
)
def test_what_a_letter_says_of_the_future_has_happened_by_now(said: str, recorded: str) -> None:
    letter = DeadLetter(
        stage="ingest",
        step="store",
        publisher="acme",
        event=event_text(),
        accepted_at=said,
        cause=BROKEN,
        failed_at=said,
    )
    made = new_row(letter, verdict="ok", target=None, judged_by="c1", now=NOW, days=180)
    assert (made.failed_at, made.accepted_at) == (recorded, recorded)


def test_a_claim_names_its_run_and_the_claimed_row_is_one_version_on() -> None:
    change = claim(ROW, run="r1", days=180)
    assert (change.row, change.state, change.members) == (ROW, "redriving", {"run": "r1"})
    assert claimed(ROW) == replace(ROW, version=2)
    back = reopen(claimed(ROW))
    assert (back.row, back.state, back.members) == (claimed(ROW), "open", {"run": ""})


def test_a_discarded_letter_that_is_taken_up_is_kept_as_long_as_an_open_one() -> None:
    accepted_at = datetime.fromisoformat(ROW.accepted_at)
    soon = int((NOW + timedelta(days=30)).timestamp())
    change = claim(row(state="discarded", expires_at=soon), run="r1", days=180)
    assert change.members == {
        "run": "r1",
        "closed_at": "",
        "reason": "",
        "expires_at": int((accepted_at + timedelta(days=180)).timestamp()),
    }
    # Never for less than it is kept already.
    late = claim(row(state="discarded", expires_at=2**33), run="r1", days=180)
    assert late.members["expires_at"] == 2**33


def test_a_letter_that_is_closed_stays_on_record_for_a_while() -> None:
    change = close(ROW, "discarded", run="r1", now=NOW, days=30, reason="tests")
    assert change.state == "discarded"
    assert change.members == {
        "run": "r1",
        "reason": "tests",
        "closed_at": NOW.isoformat(),
        "expires_at": int((NOW + timedelta(days=30)).timestamp()),
    }
    assert "reason" not in close(ROW, "resolved", run="r1", now=NOW, days=30).members


@pytest.mark.parametrize(
    ("episode", "code", "state"),
    [
        (0, Code.ACCESS_DENIED, "open"),
        (1, Code.ACCESS_DENIED, "open"),
        (2, Code.ACCESS_DENIED, "parked"),
        (7, Code.ACCESS_DENIED, "parked"),
        # Another event has the key: no redrive will ever change that.
        (0, Code.CONFLICT, "parked"),
    ],
)
def test_a_letter_that_fails_again_is_open_until_it_has_had_its_episodes(
    episode: int, code: Code, state: str
) -> None:
    cause = Cause(code, "AnError", "not now")
    change = fail_again(row(episode=episode), cause, run="r1", now=NOW, max_episodes=3)
    assert change.state == state
    assert change.members["episode"] == episode + 1
    assert change.members["code"] == code
    assert change.members["failed_at"] == "2026-11-24T10:00:00.000Z"


def test_its_fingerprint_is_that_of_a_letter_with_the_new_cause() -> None:
    letter = DeadLetter(
        stage="publish", step="publish", publisher="another", event=event_text(),
        accepted_at=ROW.accepted_at, cause=BROKEN, failed_at=ROW.failed_at, topic="orders",
    )  # fmt: skip
    change = fail_again(ROW, BROKEN, run="r1", now=NOW, max_episodes=3)
    assert change.members["fingerprint"] == letter.fingerprint != ROW.fingerprint


def test_a_cause_without_class_and_message_still_replaces_the_one_before() -> None:
    change = fail_again(ROW, Cause(Code.TIMEOUT, "", ""), run="r1", now=NOW, max_episodes=3)
    assert (change.members["error_class"], change.members["message"]) == ("-", "-")
