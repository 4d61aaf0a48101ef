"""Commands of approvers: what waits, the answers, and what is no answer."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from tests.unit.console.cloud import CALLER, TOKEN, Cloud, Refused, Run
from tests.unit.console.given import Eventing

WHY = ("--reason", "the topic is back")


def answers(cloud: Cloud) -> list[dict[str, Any]]:
    """What was answered."""
    return [json.loads(p["output"]) for name, p in cloud.calls if name == "SendTaskSuccess"]


def test_what_waits_is_listed_with_the_command_that_comes_next(
    cloud: Cloud, eventing: Eventing
) -> None:
    cloud.ask("r-1", started_by="ada\u202e")
    shown = eventing("approvals")
    for told in ("r-1", "redrive", "publish", "ACCESS_DENIED 12", "orders 12", "1 h ago", "23 h"):
        assert told in shown.out
    assert "\u202e" not in shown.out
    assert "  eventing approve r-1" in shown.out

    (entry,) = eventing("approvals", "--json").document["approvals"]
    assert entry["letters"] == 12
    assert entry["causes"] == {"ACCESS_DENIED": 12}
    assert entry["because"] == "12 letters are more than 10"


def test_nothing_waits(cloud: Cloud, eventing: Eventing) -> None:
    assert eventing("approvals").out == "Nothing waits for an approval.\n"
    # The execution that asks may live on for a while when the one that it asks for was stopped.
    cloud.ask("r-1")
    cloud.runs["r-1"] = Run({}, status="ABORTED", states=[])
    assert eventing("approvals", "--json").document == {"approvals": [], "next": []}


@pytest.mark.parametrize(("verb", "approved"), [("approve", True), ("refuse", False)])
def test_the_plan_is_shown_and_the_answer_given_by_name(
    cloud: Cloud, eventing: Eventing, verb: str, approved: bool
) -> None:
    cloud.ask("r-1")
    cloud.answers = ["y", "the topic is back"]
    ended = eventing(verb, "r-1")

    assert ended.code == 0, ended.err
    assert answers(cloud) == [
        {
            "approved": approved,
            "approver": CALLER,
            "reason": "the topic is back",
            "hash": "4f2a",
        }
    ]
    assert cloud.asked[0] == (
        f"{verb.capitalize()} the redrive of 12 letters on eventing in eu-north-1? [y/N]"
    )
    for told in ("ada", "it is back", "12 letters are more than 10", "ACCESS_DENIED", "orders 12"):
        assert told in ended.out
    assert "not [red]authorized[/]" in ended.out
    assert f"r-1: {verb}{'d' if verb.endswith('e') else 'ed'}" in ended.out


def test_for_programs_an_answer_is_one_document(cloud: Cloud, eventing: Eventing) -> None:
    cloud.ask("r-1")
    assert eventing("approve", "r-1", *WHY, "--json").code == 2
    ended = eventing("approve", "r-1", *WHY, "--json", "--yes")
    assert ended.document["outcome"] == "approved"
    assert ended.document["next"] == ["eventing follow r-1"]


@pytest.mark.parametrize("started_by", [CALLER, "dana", CALLER.replace("operator", "approver")])
def test_whoever_asked_cant_approve_and_can_refuse(
    cloud: Cloud, eventing: Eventing, started_by: str
) -> None:
    cloud.ask("r-1", started_by=started_by)
    ended = eventing("approve", "r-1", *WHY, "--yes")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "somebody else has to approve it" in ended.err
    assert answers(cloud) == []
    assert eventing("refuse", "r-1", *WHY, "--yes").code == 0


@pytest.mark.parametrize(
    "reason", ["", " ", "WHY", "WHY IT IS SAFE NOW", "a\nb", "\u202e", "x" * 1025]
)
def test_an_answer_without_a_reason_is_not_given(
    cloud: Cloud, eventing: Eventing, reason: str
) -> None:
    cloud.ask("r-1")
    for verb in ("approve", "refuse"):
        ended = eventing(verb, "r-1", "--yes", "--reason", reason)
        assert (ended.code, ended.err.count("\n")) == (2, 1)
        assert ended.err.startswith("eventing: reason: ")
    assert answers(cloud) == []


@pytest.mark.parametrize("said", [["n"], [""], [KeyboardInterrupt], ["y", KeyboardInterrupt]])
def test_what_is_called_off_is_not_answered(
    cloud: Cloud, eventing: Eventing, said: list[Any]
) -> None:
    cloud.ask("r-1")
    cloud.answers = said
    ended = eventing("approve", "r-1")
    assert (ended.code, ended.err) == (3, "eventing: Called off; nothing was answered.\n")
    assert answers(cloud) == []


def test_without_a_terminal_nothing_is_asked(cloud: Cloud, eventing: Eventing) -> None:
    cloud.ask("r-1")
    cloud.at_terminal = False
    assert eventing("approve", "r-1", *WHY).code == 2
    assert answers(cloud) == []


NO_MORE: list[tuple[Run | None, Run, str]] = [
    (Run({}, {"approved": True, "approver": "bob"}, states=[]), Run({}, states=["Lock"]),
     "it was approved by bob."),
    (Run({}, {"approved": False, "cause": "Refused by bob: no"}, states=[]), Run({}, states=["x"]),
     "Refused by bob: no"),
    (Run({}, {"approved": False, "cause": "Nobody approved the plan within a day."}, states=[]),
     Run({}, {"outcome": "not approved"}, states=[]), "Nobody approved the plan within a day."),
    (Run({}, status="ABORTED", states=[]), Run({}, status="ABORTED", states=[]), "ended (aborted)"),
    (Run({}, states=["Ask"]), Run({}, status="ABORTED", states=[]), "ended (aborted)"),
    (None, Run({}, states=["Plan"]), "waits for no approval, or not yet"),
]  # fmt: skip


@pytest.mark.parametrize(("asking", "run", "told"), NO_MORE)
def test_what_waits_no_more_is_said_in_one_sentence(
    cloud: Cloud, eventing: Eventing, asking: Run | None, run: Run, told: str
) -> None:
    cloud.ask("r-1")
    cloud.runs["r-1"] = run
    if asking is None:
        del cloud.asking["r-1"], cloud.objects["approvals/r-1/2026-11-27T15:00:00.json"]
    else:
        cloud.asking["r-1"] = asking
    for verb in ("approve", "refuse"):
        ended = eventing(verb, "r-1", *WHY, "--yes")
        assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
        assert told in ended.err
    assert answers(cloud) == []
    assert eventing("approve", "r-2", *WHY, "--yes").err == (
        "eventing: There is no execution r-2.\n"
    )


def test_a_task_that_was_begun_anew_is_answered_by_its_own_token(
    cloud: Cloud, eventing: Eventing
) -> None:
    cloud.ask("r-1", token=TOKEN + "-of-the-first")
    cloud.ask("r-1")
    assert eventing("approve", "r-1", *WHY, "--yes").code == 0
    # The other way round, when the first attempt is the one that still waits.
    cloud.ask("r-2")
    cloud.ask("r-2", token=TOKEN + "-of-nobody")
    cloud.tokens["r-2"] = TOKEN
    assert eventing("approve", "r-2", *WHY, "--yes").code == 0


def test_an_answer_that_comes_too_late_is_none(cloud: Cloud, eventing: Eventing) -> None:
    cloud.ask("r-1")

    def another(operation: str) -> None:
        if operation == "SendTaskSuccess":
            cloud.tokens.clear()
            cloud.asking["r-1"] = Run(
                {}, {"approved": False, "cause": "Refused by bob: no"}, states=[]
            )

    cloud.fault = another
    ended = eventing("approve", "r-1", *WHY, "--yes")
    assert (ended.code, ended.err) == (
        2,
        "eventing: r-1 waits for no approval: Refused by bob: no\n",
    )


def test_an_answer_that_is_not_read_in_time_is_not_called_one_that_counts(
    cloud: Cloud, eventing: Eventing, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.ask("r-1")
    monkeypatch.setattr(cloud, "send_task_success", lambda params: {})
    ended = eventing("approve", "r-1", *WHY, "--yes")
    assert (ended.code, ended.out) == (3, "")
    assert "taken and not read yet: eventing follow r-1" in ended.err


def test_an_answer_that_does_not_count_says_why(cloud: Cloud, eventing: Eventing) -> None:
    cloud.ask("r-1")
    content = json.loads(cloud.objects["approvals/r-1/2026-11-27T15:00:00.json"])
    cloud.objects["approvals/r-1/2026-11-27T15:00:00.json"] = json.dumps({**content, "hash": "x"})
    ended = eventing("approve", "r-1", *WHY, "--yes")
    assert ended.code == 1
    assert "its hash is another" in ended.err


@pytest.mark.parametrize("verb", ["approve", "refuse"])
def test_an_answer_whose_confirmation_got_lost_counts(
    cloud: Cloud, eventing: Eventing, verb: str
) -> None:
    cloud.ask("r-1")

    def taken_before(operation: str) -> None:
        # The SDK asks again, and finds its own answer.
        if operation == "SendTaskSuccess":
            cloud.send_task_success(cloud.calls[-1][1])

    cloud.fault = taken_before
    assert eventing(verb, "r-1", *WHY, "--yes").code == 0


@pytest.mark.parametrize("verb", ["approve", "refuse"])
def test_show_aws_reads_the_token_when_it_is_run(
    cloud: Cloud, eventing: Eventing, verb: str
) -> None:
    cloud.ask("r-1")
    shown = eventing(verb, "r-1", "--reason", "it's $(false) `false`", "--show-aws").out
    assert answers(cloud) == []
    words = shlex.split(shown)
    assert words[:3] == ["aws", "stepfunctions", "send-task-success"]
    output = json.loads(words[words.index("--task-output") + 1])
    assert output["reason"] == "it's $(false) `false`"
    assert "aws s3 cp s3://eventing-operations/approvals/r-1/" in words[-1]


@pytest.mark.parametrize("right", ["SendTaskSuccess", "GetObject", "ListObjectsV2"])
def test_a_missing_right_is_one_sentence(cloud: Cloud, eventing: Eventing, right: str) -> None:
    cloud.ask("r-1")

    def denied(operation: str) -> None:
        if operation == right:
            raise Refused("AccessDeniedException")

    cloud.fault = denied
    ended = eventing("approve", "r-1", *WHY, "--yes")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith("eventing: The right ")


def test_status_names_the_command_that_lists_what_waits(cloud: Cloud, eventing: Eventing) -> None:
    cloud.ask("r-1")
    assert eventing("status", "--json").document["next"] == [
        "eventing follow r-1",
        "eventing approvals",
    ]
