"""From a finding to its publisher, its events and everybody who got them, whatever happens in between."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from functions.contract import QUARANTINE, Objects
from functions.shared.clients import Clients
from tests.engine.casebook import (
    ACCOUNT,
    ARCHIVE,
    SECRET,
    Casebook,
    event,
    finding,
    no,
    nobody,
    yes,
)
from tests.faults.aws import FakeAws
from tests.faults.choosing import once
from tests.faults.vocabulary import Call, Fault
from tests.workflows.asl import ExecutionFailed, Json

pytestmark = pytest.mark.memory

PAYMENT = "com.example.shop.payment.captured.v1"
CARD = "$.event.data.card"


@pytest.fixture(scope="module")
def clients() -> Iterator[tuple[Clients, FakeAws]]:
    """Made once: to make them takes longer than most tests here."""
    aws = FakeAws()
    with aws.installed() as made:
        yield made, aws


@pytest.fixture
def book(clients: tuple[Clients, FakeAws]) -> Casebook:
    made, aws = clients
    aws.forget()
    return Casebook(made, aws)


def three(book: Casebook) -> str:
    """An object with an order and two payments; its key."""
    return book.archive(event("o-1"), event("p-1", PAYMENT), event("p-2", PAYMENT))


def test_a_finding_on_a_later_line_names_the_publisher_the_event_and_who_got_it(
    book: Casebook,
) -> None:
    key = three(book)
    # The same hour has one payment more, and one that was archived twice.
    book.archive(event("p-2", PAYMENT), event("p-3", PAYMENT), name="b")
    book.aws.subscribers["payments"] = [("sqs", "222222222222")] * 2 + [("email", ACCOUNT)]

    output = book.found(finding(key, (2, CARD)), yes)

    (case,) = book.cases()
    assert output == {"case": case, "outcome": "suspended", "cause": None}
    found = book.record(case, "examined-1")
    assert (found["publisher"], found["contact"]) == ("acme-web", "ops@acme.example")
    (named,) = found["events"]
    assert (named["line"], named["id"], named["source"]) == (2, "p-2", "/orders")
    assert (named["type"], named["topic"]) == (PAYMENT, "payments")
    assert named["fields"] == ["data.card"]
    assert (found["count"], found["at_least"]) == (1, False)
    assert found["kinds"] == {"CREDIT_CARD_NUMBER": 1}
    assert found["topics"] == [
        {
            "topic": "payments",
            "events": 1,
            "subscriptions": [
                {"protocol": "email", "account": ACCOUNT, "count": 1},
                {"protocol": "sqs", "account": "222222222222", "count": 2},
            ],
            "complete": True,
            "unknown": "",
        }
    ]
    assert found["same_hour"] == {"types": {PAYMENT: 3}, "at_least": False, "unknown": ""}


def test_after_an_approval_the_publisher_is_suspended_and_the_object_quarantined(
    book: Casebook,
) -> None:
    key = three(book)
    began = book.clock.passed

    book.found(finding(key, (1, CARD)), yes)

    assert book.status() == "suspended"
    assert book.registrar.doorkeeper()["suspended"] == ["acme-web"]
    # Beside the half minute in which findings gather.
    assert book.clock.passed - began < 30 + 10
    (case,) = book.cases()
    assert book.aws.tags == {(ARCHIVE, key): {QUARANTINE: case}}
    closed = book.record(case, "closed-1")
    assert (closed["approver"], closed["approval_reason"]) == ("dana", "it has to stop")
    assert (closed["measure"], closed["quarantined"]) == ("suspend", True)
    assert "suspended your key" in closed["texts"]["publisher"]
    assert "data.card" in closed["texts"]["publisher"]
    assert "To: the owner of the topic payments" in closed["texts"]["topics"]["payments"]
    (entry,) = book.audit()
    assert (entry["outcome"], entry["approver"], entry["case"]) == ("suspended", "dana", case)
    asked, told = [subject for subject, _ in book.told()]
    assert asked.endswith("stop the publisher?")
    assert told == "shop: sensitive data of acme-web: suspended"


@pytest.mark.parametrize("answer", [no, nobody])
def test_after_a_refusal_or_a_time_out_nothing_has_changed(book: Casebook, answer: Any) -> None:
    key = three(book)
    before = book.registrar.agreed()

    output = book.found(finding(key, (1, CARD)), answer)

    assert output["outcome"] == ("refused" if answer is no else "not approved")
    assert book.registrar.agreed() == before
    assert book.aws.tags == {}
    assert book.status() == "active"
    assert book.told()[-1][1].startswith("The case ")
    assert "Nothing was changed." in book.told()[-1][1]


def test_the_approver_chooses_to_throttle(book: Casebook) -> None:
    key = three(book)

    output = book.found(
        finding(key, (0, CARD)), lambda q: yes(q, measure="throttle", rate_per_second=0.5)
    )

    assert output["outcome"] == "throttled"
    assert book.status() == "active"
    assert book.registrar.publisher()["throttle"]["rate_per_second"] == 0.5
    assert book.aws.tags


def test_the_approver_chooses_the_quarantine_alone(book: Casebook) -> None:
    key = three(book)

    output = book.found(finding(key, (0, CARD)), lambda q: yes(q, measure="quarantine"))

    assert output["outcome"] == "quarantined"
    assert book.status() == "active"
    assert book.aws.tags


@pytest.mark.parametrize(
    "choice",
    [{"measure": "revoke"}, {"measure": "throttle"}, {"rate_per_second": 1}, {"other": 1}],
)
def test_a_choice_that_is_none_is_no_approval(book: Casebook, choice: Json) -> None:
    output = book.found(finding(three(book), (0, CARD)), lambda q: yes(q, **choice))

    assert output["outcome"] == "not approved"
    assert book.status() == "active"


def test_whoever_opens_a_case_cannot_approve_it(book: Casebook) -> None:
    book.findings["f1"] = finding(three(book), (0, CARD))

    output = book.run({"finding_id": "f1", "started_by": "dana", "reason": "seen in Macie"}, yes)

    assert output["outcome"] == "not approved"
    assert book.status() == "active"


def test_a_secret_is_found_nowhere(book: Casebook) -> None:
    for number, answer in enumerate((yes, no, nobody)):
        key = book.archive(event("o-1"), event(f"o-{number}"), name=f"n{number}")
        book.found(finding(key, (1, CARD), (None, ""), id=f"f{number}"), answer)
    book.found({**finding("nowhere", (0, CARD)), "id": None})

    assert SECRET in str(book.aws.buckets[ARCHIVE])
    assert SECRET not in book.everything()
    assert "fine" not in book.everything()


def test_a_finding_that_points_at_an_id_does_not_bring_it_along(book: Casebook) -> None:
    key = book.archive(event("o-1"), event(SECRET, subject=SECRET))

    book.found(finding(key, (1, "$.event.id")), yes)

    (case,) = book.cases()
    (named,) = book.record(case, "examined-1")["events"]
    assert (named["id"], named["source"], named["fields"]) == (None, "/orders", ["id"])
    assert "id withheld" in book.told()[0][1]
    assert SECRET not in book.everything()


def test_a_finding_of_the_whole_object_means_all_its_events(book: Casebook) -> None:
    key = three(book)

    book.found(finding(key, count=40), no)

    (case,) = book.cases()
    found = book.record(case, "examined-1")
    assert [one["id"] for one in found["events"]] == ["o-1", "p-1", "p-2"]
    assert {tuple(one["fields"]) for one in found["events"]} == {()}
    assert (found["count"], found["at_least"]) == (3, True)
    assert "At least 1 event" in book.record(case, "closed-1")["texts"]["topics"]["orders"]


def test_a_severity_that_is_only_told_asks_nobody(book: Casebook) -> None:
    output = book.found(finding(three(book), (0, CARD), severity="Low"), yes)

    assert output["outcome"] == "notified"
    ((subject, text),) = book.told()
    assert subject == "shop: sensitive data in events of acme-web, severity low"
    assert "Nobody is asked: by the policy" in text
    assert "eventing publishers suspend acme-web" in text
    assert book.status() == "active"


@pytest.mark.parametrize("severity", ["", "Extreme", None])
def test_a_severity_that_nobody_knows_is_high(book: Casebook, severity: Any) -> None:
    book.policy = {"low": "notify", "medium": "notify", "high": "ask"}
    assert book.found(finding(three(book), (0, CARD), severity=severity), no)["outcome"] == (
        "refused"
    )


# Findings that come twice, in bursts, too late, or about something else


def test_the_same_finding_five_times_is_one_case_that_is_told_once(book: Casebook) -> None:
    detail = finding(three(book), (0, CARD), severity="Low")

    outcomes = [book.found(detail)["outcome"] for _ in range(5)]

    assert outcomes == ["notified", *["known"] * 4]
    assert len(book.cases()) == 1
    assert len(book.told()) == 1
    assert len(book.audit()) == 1


def test_findings_that_come_while_a_case_is_worked_on_join_it(book: Casebook) -> None:
    key = three(book)
    joined: list[Json] = []
    book.before["examine"] = lambda: joined.append(
        book.found(finding(key, (1, CARD), id="f2", severity="Medium"))
    )

    book.found(finding(key, (0, CARD)), yes)

    assert [one["outcome"] for one in joined] == ["joined"]
    (case,) = book.cases()
    found = book.record(case, "examined-1")
    assert [one["id"] for one in found["findings"]] == ["f1", "f2"]
    assert [one["id"] for one in found["events"]] == ["o-1", "p-1"]
    assert (found["severity"], found["kinds"]) == ("high", {"CREDIT_CARD_NUMBER": 2})
    assert len(book.told()) == 2


def test_a_finding_that_comes_too_late_for_a_round_has_another_one(book: Casebook) -> None:
    key = three(book)
    book.before["close"] = lambda: book.outputs.append(
        json.dumps(book.found(finding(key, (2, CARD), id="late")))
    )

    book.found(finding(key, (0, CARD)), no)

    (case,) = book.cases()
    assert [one["id"] for one in book.record(case, "examined-2")["findings"]] == ["f1", "late"]
    assert book.record(case, "closed-2")["outcome"] == "refused"
    # And nothing more when it comes again.
    assert book.found(finding(key, (2, CARD), id="late"))["outcome"] == "known"


def test_a_hundred_findings_at_once_are_a_case_for_each_object(book: Casebook) -> None:
    keys = [book.archive(event(f"o-{n}"), name=f"n{n}") for n in range(20)]
    # Four for each object, and one of them comes twice.
    details = [
        finding(key, (0, CARD), id=f"{kind}-{n}", severity="Low")
        for n, key in enumerate(keys)
        for kind in ("a", "b", "c", "d", "a")
    ]

    opened = book.opened_at_once(details)

    assert Counter(one["outcome"] for one in opened) == {"begun": 20, "joined": 80}
    assert Counter(one["case"] for one in opened) == dict.fromkeys(book.cases(), 5)
    assert len(book.cases()) == 20
    assert len(book.objects(Objects.FINDINGS)) == 80
    for case in book.cases():
        names = {key.rpartition("/")[2] for key in book.objects(f"{Objects.CASES}{case}/")}
        assert len([name for name in names if name.startswith("finding-")]) == 4
        assert "round-1.json" in names


def test_an_object_that_is_gone_has_a_case_that_says_so(book: Casebook) -> None:
    key = three(book)
    del book.aws.buckets[ARCHIVE][key]

    output = book.found(finding(key, (1, CARD)), yes)

    assert output["outcome"] == "notified"
    (case,) = book.cases()
    found = book.record(case, "examined-1")
    assert (found["object"]["gone"], found["publisher"], found["events"]) == (True, "acme-web", [])
    assert "that is gone" in book.told()[0][1]
    assert book.status() == "active"


def test_an_object_that_goes_while_it_is_asked_about(book: Casebook) -> None:
    key = three(book)
    book.before["quarantine"] = book.aws.buckets[ARCHIVE].clear

    output = book.found(finding(key, (1, CARD)), yes)

    assert (output["outcome"], book.status()) == ("partial", "suspended")
    assert "the object is gone" in output["cause"]


@pytest.mark.parametrize(
    "members",
    [
        {"category": "POLICY"},
        {"accountId": "999999999999"},
        {"resourcesAffected": {"s3Bucket": {"name": "another"}, "s3Object": {"key": "k"}}},
    ],
)
def test_what_is_not_about_this_archive_has_no_case(book: Casebook, members: Json) -> None:
    detail = finding(three(book), (0, CARD), **members)

    assert book.found(detail, yes)["outcome"] == "not ours"
    book.findings["f1"] = detail
    with pytest.raises(ExecutionFailed) as failed:
        book.run({"finding_id": "f1", "started_by": "eve"})

    assert failed.value.error == "InvalidInput"
    assert (book.cases(), book.told()) == ([], [])


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"id": "../../x"},
        {"resourcesAffected": {"s3Bucket": {"name": ARCHIVE}}},
        {"resourcesAffected": {"s3Bucket": {"name": ARCHIVE}, "s3Object": {"key": 5}}},
    ],
)
def test_a_finding_that_cannot_be_read_has_a_case_and_is_told_once(
    book: Casebook, change: Json
) -> None:
    detail = {**finding(three(book), (0, CARD)), **change}

    outcomes = [book.found(detail, yes)["outcome"] for _ in range(3)]

    assert outcomes == ["notified", "known", "known"]
    (case,) = book.cases()
    assert case.startswith("unreadable-")
    ((subject, _),) = book.told()
    assert subject == "shop: a finding of sensitive data could not be read"


@pytest.mark.parametrize(
    "result",
    [
        None,
        [],
        {"sensitiveData": "x", "customDataIdentifiers": 7},
        {
            "sensitiveData": [
                None,
                {"detections": [{"count": -1, "occurrences": {"records": [{}]}}]},
            ]
        },
        {
            "sensitiveData": [
                {
                    "detections": [
                        {"occurrences": {"records": [{"recordIndex": True}, {"recordIndex": -1}]}}
                    ]
                }
            ]
        },
    ],
)
def test_a_finding_without_places_means_the_whole_object(book: Casebook, result: Any) -> None:
    detail = finding(three(book), (0, CARD))
    detail["classificationDetails"] = {"result": result}

    assert book.found(detail, no)["outcome"] == "refused"
    (case,) = book.cases()
    assert book.record(case, "examined-1")["count"] == 3


def test_a_line_that_is_not_there_is_counted(book: Casebook) -> None:
    output = book.found(finding(three(book), (99, CARD)), yes)

    (case,) = book.cases()
    found = book.record(case, "examined-1")
    assert (found["count"], found["unread_lines"], found["at_least"]) == (0, 1, True)
    # Without evidence nobody is asked.
    assert output["outcome"] == "notified"


def test_lines_that_name_another_publisher_than_the_key_stop_nobody(book: Casebook) -> None:
    key = three(book)
    other = key.replace("publisher=acme-web", "publisher=other")
    book.aws.buckets[ARCHIVE][other] = book.aws.buckets[ARCHIVE].pop(key)

    output = book.found(finding(other, (0, CARD)), yes)

    assert output["outcome"] == "notified"
    assert "can't be told for sure" in book.told()[0][1]
    assert book.status() == "active"


def test_a_publisher_that_is_suspended_already_is_not_asked_about(book: Casebook) -> None:
    key = three(book)
    book.registrar.run("suspend")

    book.found(finding(key, (0, CARD)), yes)

    assert "the publisher is suspended already" in book.told()[0][1]


def test_a_case_is_taken_up_again_by_hand(book: Casebook) -> None:
    key = three(book)
    book.findings["f1"] = detail = finding(key, (0, CARD))
    book.found(detail, nobody)

    output = book.run({"finding_id": "f1", "started_by": "ada", "reason": "seen late"}, yes)

    assert output["outcome"] == "suspended"
    (case,) = book.cases()
    assert book.record(case, "closed-2")["started_by"] == "ada"


def test_macie_may_not_know_a_finding_and_a_case_may_not_be_there(book: Casebook) -> None:
    for request in (
        {"finding_id": "f9", "started_by": "ada"},
        {"case": "20260228-0123456789abcdef"},
        {"case": "x"},
        {"finding_id": "f1"},
        {},
        {"finding": {}, "case": "20260228-0123456789abcdef"},
    ):
        with pytest.raises(ExecutionFailed) as failed:
            book.run(request)
        assert failed.value.error == "InvalidInput"
    assert book.told() == []


# Failures


def calls_of(book: Casebook, answer: Any) -> list[str]:
    """The calls of an execution, as they are without a fault."""
    book.calls.clear()
    book.found(finding(three(book), (1, CARD)), answer)
    return list(book.calls)


def _nth(number: int) -> Any:
    seen = 0

    def chosen(call: Call) -> bool:
        nonlocal seen
        seen += 1
        return seen == number

    return chosen


# As many as `test_these_are_all_the_calls` finds.
CALLS = 35


def test_these_are_all_the_calls(book: Casebook) -> None:
    assert len(calls_of(book, yes)) == CALLS


@pytest.mark.parametrize("fault", ["done-then-killed", "killed"])
@pytest.mark.parametrize("number", range(1, CALLS + 1))
def test_killed_at_any_call_it_goes_on(book: Casebook, number: int, fault: Fault) -> None:
    key = three(book)
    book.faults = once(fault, _nth(number))

    output = book.found(finding(key, (1, CARD)), yes)

    assert output["outcome"] == "suspended"
    (case,) = book.cases()
    assert (book.status(), book.aws.tags[ARCHIVE, key]) == ("suspended", {QUARANTINE: case})
    assert len(book.audit()) == 1
    # A process that dies after it has sent a mail, and before it has noted that, sends it again.
    assert 2 <= len(book.told()) <= 3
    assert {name for name in book.objects(f"{Objects.CASES}{case}/") if "round" in name} == {
        f"{Objects.CASES}{case}/round-1.json"
    }
    assert len([e for e in book.aws.executions if "case-" in e["executionArn"]]) == 1


@pytest.mark.parametrize("fault", ["throttle", "denied", "500"])
@pytest.mark.parametrize("operation", ["GetObject", "GetItem", "PutObject", "ListObjectsV2"])
def test_a_dependency_that_stays_down_is_told_and_a_later_finding_begins_anew(
    book: Casebook, operation: str, fault: Fault
) -> None:
    key = three(book)
    detail = finding(key, (1, CARD))
    book.faults = lambda call: fault if call.operation == operation else None

    with pytest.raises(ExecutionFailed) as failed:
        book.found(detail, yes)

    assert failed.value.error == "DependencyDown"
    assert [subject for subject, _ in book.told()] == [
        "shop: a finding of sensitive data was not worked off"
    ]
    assert book.status() == "active"
    book.faults = lambda call: None
    assert book.found(detail, yes)["outcome"] == "suspended"


def test_topics_that_cannot_be_looked_at_do_not_keep_a_case_from_being_told(
    book: Casebook,
) -> None:
    key = three(book)
    book.faults = lambda call: "denied" if call.operation == "ListSubscriptionsByTopic" else None

    assert book.found(finding(key, (0, CARD)), yes)["outcome"] == "suspended"

    assert "subscriptions: not known (ACCESS_DENIED" in book.told()[0][1]


def test_of_very_many_subscriptions_some_are_counted(book: Casebook) -> None:
    book.aws.subscribers["orders"] = [("sqs", "222222222222")] * 1500

    book.found(finding(three(book), (0, CARD)), no)

    assert "1000 sqs of account 222222222222, and more" in book.told()[0][1]


def test_a_publisher_that_cannot_be_suspended_leaves_the_case_in_part(book: Casebook) -> None:
    key = three(book)
    book.before["act"] = lambda: book.registrar.run("revoke")

    output = book.found(finding(key, (0, CARD)), yes)

    assert output["outcome"] == "partial"
    assert "revoked" in output["cause"]
    assert book.aws.tags


def test_an_execution_that_has_died_is_taken_over_by_the_next_finding(book: Casebook) -> None:
    key = three(book)
    detail = finding(key, (0, CARD))

    def die() -> None:
        raise KeyboardInterrupt

    book.before["examine"] = die
    with pytest.raises(KeyboardInterrupt):
        book.found(detail, yes)
    book.aws.executions[-1]["status"] = "ABORTED"

    assert book.found(detail, yes)["outcome"] == "suspended"
    (case,) = book.cases()
    assert book.record(case, "closed-1")["outcome"] == "failed"
