"""Only a plain yes to this very plan, by somebody who says who it is, is an approval."""

from __future__ import annotations

from typing import Any

import pytest

from eventing.redrive.approval import Approval, read_approval

YES: dict[str, Any] = {"approved": True, "approver": "dana", "hash": "4f2a"}


def test_a_plain_yes_names_who_said_it() -> None:
    assert read_approval({**YES, "approver": " dana "}, plan_hash="4f2a") == Approval(
        approved=True, approver="dana"
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
    found = read_approval({**YES, "approver": approver}, plan_hash="4f2a")
    assert (found.approved, found.outcome) == (False, "not approved")
    assert found.cause == "The approval names no approver."
    refused = read_approval({**YES, "approver": approver, "approved": False}, plan_hash="4f2a")
    assert refused.cause == "Refused by somebody who gave no name."


@pytest.mark.parametrize("hash", ["another", "", None, 5])
def test_a_yes_to_another_plan_is_none(hash: Any) -> None:
    found = read_approval({**YES, "hash": hash}, plan_hash="4f2a")
    assert (found.approved, found.outcome) == (False, "not approved")
    assert found.cause
    assert "not for this plan" in found.cause


@pytest.mark.parametrize("approved", [False, None, "true", 1, [True], {}])
def test_anything_but_a_yes_is_a_no(approved: Any) -> None:
    found = read_approval({**YES, "approved": approved}, plan_hash="4f2a")
    assert (found.approved, found.outcome, found.cause) == (False, "refused", "Refused by dana.")


@pytest.mark.parametrize("content", [None, True, "yes", 5, [], [YES], {}])
def test_what_is_no_answer_is_a_no(content: Any) -> None:
    assert read_approval(content, plan_hash="4f2a").outcome == "refused"
