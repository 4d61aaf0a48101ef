"""Commands about cases of sensitive data, and answers to the questions about them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.console.cloud import CALLER, CASE, FOLLOWING, TOKEN, Cloud, Run
from tests.unit.console.given import Eventing

ID = CASE["case"]
NAME = f"case-{ID}-1"
WHY = ("--reason", "it has to stop")
CLOSED = {
    "outcome": "suspended",
    "cause": None,
    "started_by": "macie",
    "reason": "",
    "approver": "dana",
    "approval_reason": "it has to stop",
    "quarantined": True,
    "texts": {"publisher": "To: ops@acme.example\nWe found", "topics": {"orders": "To: the owner"}},
    "closed_at": "2026-11-27T15:10:00.000Z",
}


def answers(cloud: Cloud) -> list[dict[str, Any]]:
    """What was answered."""
    return [json.loads(p["output"]) for name, p in cloud.calls if name == "SendTaskSuccess"]


def test_cases_are_listed_with_what_waits(cloud: Cloud, eventing: Eventing) -> None:
    cloud.keep_case({**CASE, "case": "20261126-0123456789abcdef"}, CLOSED)
    cloud.keep_case(CASE)

    shown = eventing("findings", "list")

    assert shown.out.index(ID) < shown.out.index("20261126")
    for told in ("waits for an answer", "suspended", "acme-web", "CREDIT_CARD_NUMBER"):
        assert told in shown.out
    assert f"  eventing approve {NAME}" in shown.out
    document = eventing("findings", "list", "--most", "1", "--json").document
    assert [one["case"] for one in document["cases"]] == [ID]
    assert document["total"] == 2
    assert "and 1 more" in eventing("findings", "list", "--most", "1").out


def test_there_may_be_no_case(cloud: Cloud, eventing: Eventing) -> None:
    assert eventing("findings", "list").out == "There is no case of sensitive data.\n"
    for id in (ID, "mumble", "../x"):
        ended = eventing("findings", "show", id)
        assert (ended.code, "There is no case" in ended.err) == (2, True)


def test_a_case_is_shown_with_its_events_receivers_and_texts(
    cloud: Cloud, eventing: Eventing
) -> None:
    cloud.keep_case(CASE, CLOSED)

    shown = eventing("findings", "show", ID).out

    for told in (
        *("at least 3 events", "17 of com.example.shop.order.placed.v1", "withheld", "data.card"),
        *("2 sqs of account 222222222222", "approved by", "To: ops@acme.example", "To: the owner"),
        *("and 2 more events", "suspended", "quarantined"),
    ):
        assert told in shown
    document = eventing("findings", "show", ID, "--json").document
    assert document["closed"]["outcome"] == "suspended"
    assert [one["id"] for one in document["findings"]] == ["f1"]


def test_the_last_round_counts(cloud: Cloud, eventing: Eventing) -> None:
    cloud.keep_case(CASE, {**CLOSED, "outcome": "not approved"})
    cloud.keep_case({**CASE, "round": 2}, round=2)

    assert f"{ID}: waits for an answer" in eventing("findings", "show", ID).out


def test_a_finding_that_nobody_took_up_is_taken_up(cloud: Cloud, eventing: Eventing) -> None:
    ended = eventing("findings", "open", "f1", "--reason", "seen in Macie")

    assert ended.code == 0, ended.err
    ((_, started),) = [call for call in cloud.calls if call[0] == "StartExecution"]
    assert started["stateMachineArn"] == FOLLOWING
    assert json.loads(started["input"]) == {
        "finding_id": "f1",
        "started_by": CALLER,
        "reason": "seen in Macie",
    }
    assert f"  eventing findings show {ID}" in ended.out


def test_macie_may_not_know_the_finding(cloud: Cloud, eventing: Eventing) -> None:
    cause = "finding_id: Macie has no finding f9"
    cloud.following = lambda cloud, request: Run(
        request, status="FAILED", error="InvalidInput", cause=cause, states=[]
    )
    ended = eventing("findings", "open", "f9")
    assert (ended.code, cause in ended.err) == (2, True)
    assert eventing("findings", "open", "no id!").code == 2
    assert "start-execution" in eventing("findings", "open", "f9", "--show-aws").out


def test_what_waits_about_a_case_is_among_the_approvals(cloud: Cloud, eventing: Eventing) -> None:
    cloud.ask("r-1")
    cloud.ask_about(CASE)

    shown = eventing("approvals")

    for told in ("r-1", NAME, "acme-web", "macie", "1 h ago", f"  eventing approve {NAME}"):
        assert told in shown.out
    entries = eventing("approvals", "--json").document["approvals"]
    assert [one["execution"] for one in entries] == ["r-1", NAME]
    assert TOKEN not in shown.out + json.dumps(entries)


@pytest.mark.parametrize(
    ("options", "choice", "asked"),
    [
        ((), None, "suspension"),
        (
            ("--throttle", "0.5"),
            {"measure": "throttle", "rate_per_second": 0.5},
            "throttling",
        ),
        (("--only-quarantine",), {"measure": "quarantine"}, "quarantine"),
    ],
)
def test_the_approver_sees_the_case_and_chooses(
    cloud: Cloud, eventing: Eventing, options: tuple[str, ...], choice: Any, asked: str
) -> None:
    cloud.ask_about(CASE)
    cloud.answers = ["y", "it has to stop"]

    ended = eventing("approve", NAME, *options)

    assert ended.code == 0, ended.err
    told = {"approved": True, "approver": CALLER, "reason": "it has to stop", "hash": "4f2a"}
    assert answers(cloud) == [told | ({"choice": choice} if choice else {})]
    assert cloud.asked[0].startswith(f"Approve the {asked} of acme-web on eventing")
    assert "data.card" in ended.out
    assert f"  eventing findings show {ID}" in ended.out


def test_a_case_is_refused(cloud: Cloud, eventing: Eventing) -> None:
    cloud.ask_about(CASE)

    ended = eventing("refuse", NAME, "--yes", *WHY)

    assert ended.code == 0, ended.err
    assert answers(cloud)[0]["approved"] is False
    assert f"{NAME}: refused" in ended.out


@pytest.mark.parametrize(
    "options",
    [("--throttle", "0"), ("--throttle", "1", "--only-quarantine"), ("--throttle", "99999999")],
)
def test_a_choice_that_is_none_is_not_sent(
    cloud: Cloud, eventing: Eventing, options: tuple[str, ...]
) -> None:
    cloud.ask_about(CASE)
    assert eventing("approve", NAME, "--yes", *WHY, *options).code == 2
    assert answers(cloud) == []


def test_runs_have_no_choice(cloud: Cloud, eventing: Eventing) -> None:
    cloud.ask("r-1")
    assert eventing("approve", "r-1", "--yes", *WHY, "--throttle", "1").code == 2
    assert answers(cloud) == []


def test_a_case_that_waits_no_more_says_so(cloud: Cloud, eventing: Eventing) -> None:
    assert eventing("approve", NAME, "--yes", *WHY).code == 2
    cloud.ask_about(CASE)
    assert eventing("refuse", NAME, "--yes", *WHY).code == 0
    assert "waits for no approval" in eventing("approve", NAME, "--yes", *WHY).err


def test_findings_are_simulated_on_the_laptop_alone(cloud: Cloud, eventing: Eventing) -> None:
    ended = eventing("findings", "simulate")
    assert (ended.code, "on the laptop alone" in ended.err) == (2, True)
