"""The command that has an event erased: what it asks for, what it shows, what leaves this machine."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eventing.event import event_key
from tests.unit.console.cloud import CALLER, ERASING, SURVEYED, Cloud, Run
from tests.unit.console.given import Eventing

EVENT = ("/crm/ünï", "id-4711")
KEY = event_key("acme-web", *EVENT)
WHY = ("--reason", "a request of the person")
ASKED = ("erase", *EVENT, "--publisher", "acme-web", *WHY)
REPORT: dict[str, Any] = {
    "request": {"action": "erase", "key": KEY, "reason": "a request", "started_by": "ada"},
    "outcome": "done",
    "approver": "dana",
    "approval_reason": "it has to go",
    "cause": None,
    "counts": {
        "letters": 2,
        "row": "tombstone",
        **{
            name: {"copies": 3, "versions": 2, "rewritten": 1, "read": 40, "unreadable": 1}
            for name in ("archive", "records", "junk")
        },
    },
    "failures": [],
    "more_failures": 0,
    "unreachable": SURVEYED["unreachable"],
    "erase_again_after": None,
}


def requests(cloud: Cloud) -> list[dict[str, Any]]:
    """The inputs of executions that were started, all of the one state machine."""
    started = [params for name, params in cloud.calls if name == "StartExecution"]
    assert {one["stateMachineArn"] for one in started} <= {ERASING}
    return [json.loads(one["input"]) for one in started]


def test_it_asks_shows_what_was_found_and_who_comes_next(cloud: Cloud, eventing: Eventing) -> None:
    cloud.answers = ["y"]
    ended = eventing(*ASKED)

    assert ended.code == 0, ended.err
    (question,) = cloud.asked
    assert question.startswith("Erase an event of acme-web on eventing in eu-north-1?")
    for told in ("event", "3 objects, 2.000 GB", "$0.0009", "about 67 s", "backups of the ledger"):
        assert told in ended.out
    assert "eventing approve erase-20261127-160000-" in ended.out
    assert requests(cloud) == [{"key": KEY, "reason": WHY[1], "started_by": CALLER}]


def test_neither_source_nor_id_leaves_the_machine(cloud: Cloud, eventing: Eventing) -> None:
    ended = eventing(*ASKED, "--yes")

    sent = json.dumps([params for _, params in cloud.calls], default=str, ensure_ascii=False)
    assert KEY in sent
    assert not [text for text in EVENT if text in sent]
    # Nor does it stand in what is typed next.
    assert not [text for text in EVENT if text in ended.out]


def test_the_key_serves_in_place_of_source_and_id(cloud: Cloud, eventing: Eventing) -> None:
    assert eventing("erase", "--key", KEY, *WHY, "--yes").code == 0
    assert requests(cloud)[0]["key"] == KEY


def test_for_programs_it_is_one_document(cloud: Cloud, eventing: Eventing) -> None:
    assert eventing(*ASKED, "--json").code == 2
    document = eventing(*ASKED, "--json", "--yes").document
    name = document["execution"]
    assert document["plan"] == SURVEYED
    assert document["next"] == [f"eventing approve {name}", f"eventing report {name}"]


def test_show_aws_does_nothing(cloud: Cloud, eventing: Eventing) -> None:
    shown = eventing(*ASKED, "--show-aws")
    assert shown.out.startswith("aws stepfunctions start-execution")
    assert KEY in shown.out
    assert requests(cloud) == []


@pytest.mark.parametrize("said", ["n", ""])
def test_what_is_called_off_is_not_started(cloud: Cloud, eventing: Eventing, said: str) -> None:
    cloud.answers = [said]
    assert eventing(*ASKED).code == 3
    assert requests(cloud) == []


FAULTY: tuple[tuple[tuple[str, ...], str], ...] = (
    (("erase", "/crm", "--publisher", "acme-web", *WHY), "Give SOURCE, ID and --publisher"),
    (("erase", *EVENT, *WHY), "Give SOURCE, ID and --publisher"),
    (("erase", *EVENT, "--key", KEY, *WHY), "Give either --key, or SOURCE"),
    (("erase", "--key", "acme-web#short", *WHY), "key: must be the key of an event"),
    (("erase", *EVENT, "--publisher", "Acme Web", *WHY), "key: must be the key of an event"),
    ((*ASKED[:5], "--reason", ""), "reason: must be a text"),
    ((*ASKED[:5], "--reason", "WHY"), "reason: must say why"),
    ((*ASKED[:5], "--reason", "erase id-4711 now"), "reason: names the event"),
    ((*ASKED[:5], "--reason", "it came from /crm/ünï"), "reason: names the event"),
    ((*ASKED, "--started-by", "counter"), "started_by: must say who asks"),
)


@pytest.mark.parametrize(("typed", "fault"), FAULTY)
def test_what_cannot_be_asked_for_is_refused(
    cloud: Cloud, eventing: Eventing, typed: tuple[str, ...], fault: str
) -> None:
    ended = eventing(*typed, "--yes")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert fault in ended.err
    assert requests(cloud) == []


def test_a_word_of_the_reason_that_only_holds_the_id_is_no_name_of_it(
    cloud: Cloud, eventing: Eventing
) -> None:
    typed = ("erase", "/crm", "1", "--publisher", "acme-web", "--reason", "ticket 4711", "--yes")
    assert eventing(*typed).code == 0


def ending(**members: Any) -> Any:
    """A state machine whose executions end like this before they ask."""
    return lambda cloud, request: Run(request, states=["Survey"], **members)


def test_an_execution_that_refuses_is_a_fault_of_usage(cloud: Cloud, eventing: Eventing) -> None:
    cloud.erasing = ending(output={"outcome": "refused", "cause": "key: must be another"})
    ended = eventing(*ASKED, "--yes")
    assert (ended.code, "key: must be another" in ended.err) == (2, True)


def test_an_execution_that_fails_is_a_failure(cloud: Cloud, eventing: Eventing) -> None:
    cloud.erasing = ending(status="FAILED", error="DependencyDown", cause="bucket b: ACCESS_DENIED")
    ended = eventing(*ASKED, "--yes")
    assert (ended.code, "ACCESS_DENIED" in ended.err) == (1, True)


def test_a_report_tells_what_was_erased_and_what_was_not_reached(
    cloud: Cloud, eventing: Eventing
) -> None:
    cloud.keep_report("erase-1", **REPORT)
    ended = eventing("report", "erase-1")

    assert ended.code == 0, ended.err
    for told in ("erasure of an event: done", KEY, "3 copies, 40 read, 1 unreadable", "dana",
                 "it has to go", "subscribers of orders"):  # fmt: skip
        assert told in ended.out
    assert eventing("report", "erase-1", "--json").document["next"] == []


def test_a_report_with_failures_leads_on(cloud: Cloud, eventing: Eventing) -> None:
    failures = [{"place": "archive", "object": f"o-{n}", "why": "ACCESS_DENIED"} for n in range(12)]
    left = {"outcome": "partial", "failures": failures, "more_failures": 5}
    cloud.keep_report("erase-1", **{**REPORT, **left})
    ended = eventing("report", "erase-1")

    assert ended.code == 3
    assert "o-9" in ended.out
    assert "o-10" not in ended.out
    assert "and 7 more" in ended.out
    assert f"eventing erase --key '{KEY}' --reason WHY" in ended.out


def test_an_erasure_without_a_report_says_how_it_is(cloud: Cloud, eventing: Eventing) -> None:
    cloud.runs["erase-1"] = Run({}, states=["Survey"])
    ended = eventing("report", "erase-1")
    assert (ended.code, "it is running" in ended.err) == (1, True)


def test_it_is_in_the_audit(cloud: Cloud, eventing: Eventing) -> None:
    cloud.keep_report("erase-1", **REPORT)
    shown = eventing("audit")
    for told in ("erase", "ada", "dana", "a request", "letters 2"):
        assert told in shown.out


def ask_to_erase(cloud: Cloud) -> None:
    """An erasure waits for its approval."""
    cloud.ask("erase-1", action="erase", key=KEY)
    (path,) = (key for key in cloud.objects if key.startswith("approvals/erase-1/"))
    content = json.loads(cloud.objects[path])
    content |= {"summary": SURVEYED, "groups": [], "because": "An erasure can't be undone."}
    del content["request"]["stage"]
    cloud.objects[path] = json.dumps(content)


def test_what_waits_for_an_approval_is_listed(cloud: Cloud, eventing: Eventing) -> None:
    ask_to_erase(cloud)
    cloud.ask("r-1")
    shown = eventing("approvals")
    for told in ("erase-1", "eventing approve erase-1", "eventing approve r-1"):
        assert told in shown.out
    entries = eventing("approvals", "--json").document["approvals"]
    assert [(one["execution"], one["letters"]) for one in entries] == [("r-1", 12), ("erase-1", 2)]


@pytest.mark.parametrize(("verb", "approved"), [("approve", True), ("refuse", False)])
def test_an_approver_sees_what_was_found_and_answers(
    cloud: Cloud, eventing: Eventing, verb: str, approved: bool
) -> None:
    ask_to_erase(cloud)
    cloud.answers = ["y", "it has to go"]
    ended = eventing(verb, "erase-1")

    assert ended.code == 0, ended.err
    assert cloud.asked[0].startswith(f"{verb.capitalize()} the erasure of an event of acme-web on")
    for told in ("3 objects, 2.000 GB", "An erasure can't be undone.", "eventing report erase-1"):
        assert told in ended.out
    (answer,) = (json.loads(p["output"]) for name, p in cloud.calls if name == "SendTaskSuccess")
    assert (answer["approved"], answer["approver"], answer["hash"]) == (approved, CALLER, "4f2a")
