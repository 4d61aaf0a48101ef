"""Only a plain yes to this very plan, by somebody who says who it is, is an approval."""

from __future__ import annotations

from typing import Any

import pytest

from eventing.redrive.approval import Approval, read_approval, same_person

YES: dict[str, Any] = {
    "approved": True,
    "approver": "dana",
    "reason": "seen it",
    "hash": "4f2a",
}
ASKED = {"plan_hash": "4f2a", "started_by": "ada"}


def test_a_plain_yes_names_who_said_it() -> None:
    assert read_approval({**YES, "approver": " dana "}, **ASKED) == Approval(
        approved=True, approver="dana", reason="seen it"
    )


@pytest.mark.parametrize(
    "approver",
    [
        None,
        5,
        "",
        "  ",
        "YOUR NAME",
        "your name",
        "-",
        "\u200b",
        "da\nna",
        "\x07",
        "a" * 257,
        ["dana"],
        "counter",
    ],
)
def test_a_yes_of_nobody_is_none(approver: Any) -> None:
    found = read_approval({**YES, "approver": approver}, **ASKED)
    assert (found.approved, found.outcome) == (False, "not approved")
    assert found.cause == "The approval names no approver."
    refused = read_approval({**YES, "approver": approver, "approved": False}, **ASKED)
    assert refused.cause == "Refused by somebody who gave no name: seen it"


@pytest.mark.parametrize("hash", ["another", "", None, 5])
def test_a_yes_to_another_plan_is_none(hash: Any) -> None:
    found = read_approval({**YES, "hash": hash}, **ASKED)
    assert (found.approved, found.outcome) == (False, "not approved")
    assert found.cause
    assert "not for this plan" in found.cause


@pytest.mark.parametrize("approved", [False, None, "true", 1, [True], {}])
def test_anything_but_a_yes_is_a_no(approved: Any) -> None:
    found = read_approval({**YES, "approved": approved}, **ASKED)
    assert (found.approved, found.outcome, found.cause) == (
        False,
        "refused",
        "Refused by dana: seen it",
    )


@pytest.mark.parametrize("content", [None, True, "yes", 5, [], [YES], {}])
def test_what_is_no_answer_is_a_no(content: Any) -> None:
    assert read_approval(content, **ASKED).outcome == "refused"


@pytest.mark.parametrize(
    "reason", [None, 5, "", " ", "WHY", "why it is safe now", "a\nb", "x" * 1025]
)
def test_a_yes_without_a_reason_is_none(reason: Any) -> None:
    found = read_approval({**YES, "reason": reason}, **ASKED)
    assert (found.approved, found.outcome) == (False, "not approved")
    assert found.cause == "The approval gives no reason."
    refused = read_approval({**YES, "reason": reason, "approved": False}, **ASKED)
    assert refused.cause == "Refused by dana."


@pytest.mark.parametrize(
    ("started_by", "approver"),
    [
        ("dana", "dana"),
        ("dana", " Dana "),
        ("arn:aws:iam::1:user/dana", "arn:aws:iam::1:user/dana"),
        # One person with two roles: single sign-on names sessions by the person.
        ("arn:aws:sts::1:assumed-role/operator/dana", "arn:aws:sts::1:assumed-role/approver/dana"),
        ("arn:aws:sts::1:assumed-role/operator/dana", "dana"),
    ],
)
def test_whoever_asks_cant_approve(started_by: str, approver: str) -> None:
    answer = {**YES, "approver": approver}
    found = read_approval(answer, plan_hash="4f2a", started_by=started_by)
    assert (found.approved, found.outcome) == (False, "not approved")
    assert found.cause == "Whoever asks for a run can't approve it."
    # Whoever asks may call it off.
    no = read_approval({**answer, "approved": False}, plan_hash="4f2a", started_by=started_by)
    assert no.outcome == "refused"
    assert not same_person("arn:aws:sts::1:assumed-role/operator/dana", "arn:aws:iam::1:user/ada")
