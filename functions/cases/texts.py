"""The mails that cases send to operators: where and what kind, and never a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eventing.foreign_text import name_counts, plain, quoted
from eventing.mail import Mail
from eventing.sensitive_data.ready_texts import event_text, subscriptions_text
from eventing.words import counted

_SECTION = "sensitive-data"
_EVENTS = 10
_USERS = "a publisher sends what it should not, and subscribers may have got it."
_DONE: Mapping[str, str] = {
    "suspended": "is suspended",
    "throttled": "is throttled",
    "quarantined": "goes on sending",
}


def case_mail(case: Mapping[str, Any]) -> Mail:
    """The mail on a case that nobody is asked about."""
    id = case["case"]
    suspend = [("publishers", "suspend", case["publisher"])] if case["status"] == "active" else []
    if case["object"] is None:
        return Mail(
            subject="a finding of sensitive data could not be read",
            first="Macie found sensitive data in the archive, and its finding names no object.",
            users=_USERS,
            next=(("findings", "show", id),),
            section=_SECTION,
            details=[f"case: {id}", plain(case["why_not_asked"])],
        )
    return Mail(
        subject=_subject(case),
        first=f"{_first(case)} Nobody is asked: {case['why_not_asked']}.",
        users=_USERS,
        next=(("findings", "show", id), *suspend),
        section=_SECTION,
        details=_details(case),
    )


def asking_mail(case: Mapping[str, Any], *, execution: str) -> Mail:
    """The mail that asks whether a publisher is to be stopped."""
    return Mail(
        subject=f"{_subject(case)}: stop the publisher?",
        first=f"{_first(case)} It waits for a day for somebody who stops the publisher, or refuses to.",
        users=_USERS,
        next=(
            ("findings", "show", case["case"]),
            ("approve", execution),
            ("refuse", execution),
        ),
        section=_SECTION,
        details=_details(case),
    )


def closed_mail(closed: Mapping[str, Any]) -> Mail:
    """The mail on what became of a question."""
    id, publisher, outcome = closed["case"], quoted(closed["publisher"]), closed["outcome"]
    done = _DONE.get(outcome)
    first = (
        f"The publisher {publisher} {done}, and the object is under quarantine."
        if done
        else f"The case {id} has ended: {outcome}. {_what_holds(outcome)}"
    )
    return Mail(
        subject=f"sensitive data of {publisher} was dealt with in part"
        if outcome == "partial"
        else f"sensitive data of {publisher}: {outcome}",
        first=first,
        users="its requests are answered 403." if outcome == "suspended" else "",
        next=(
            ("findings", "show", id),
            *([("publishers", "show", closed["publisher"])] if outcome == "partial" else []),
        ),
        section=_SECTION,
        details=[
            f"case: {id}",
            *([f"cause: {plain(closed['cause'])}"] if closed["cause"] else []),
            *(
                [f"by {quoted(closed['approver'])}: {quoted(closed['approval_reason'])}"]
                if closed["approver"]
                else []
            ),
            *[
                f"{failure['region']}, {failure['step']}: {plain(failure['why'])}"
                for failure in closed["failures"]
            ],
            "Texts for the publisher and for the owners of topics are in the case.",
        ],
    )


def failed_mail(case: str | None, *, execution: str, why: str) -> Mail:
    """The mail on an execution that failed, with or without a case by then."""
    return Mail(
        subject="a finding of sensitive data was not worked off",
        first="What follows from a finding of sensitive data has failed, and may be done in part.",
        users=_USERS,
        next=(("findings", "show", case),) if case else (("findings", "list"),),
        section="sensitive-data-failed",
        details=[f"case: {case or 'none yet'}", f"execution: {quoted(execution)}", plain(why)],
    )


def _what_holds(outcome: str) -> str:
    return "Not all was done." if outcome == "partial" else "Nothing was changed."


def _subject(case: Mapping[str, Any]) -> str:
    who = f"events of {quoted(case['publisher'])}" if case["publisher"] else "the archive"
    return f"sensitive data in {who}, severity {case['severity']}"


def _first(case: Mapping[str, Any]) -> str:
    if case["object"]["gone"]:
        return "Macie found sensitive data in an object of the archive that is gone."
    if not case["publisher"]:
        return (
            "Macie found sensitive data in the archive, of a publisher that can't be told for sure."
        )
    number = counted(case["count"], "event")
    least = "at least " if case["at_least"] else ""
    return f"Macie found sensitive data in {least}{number} of {quoted(case['publisher'])}."


def _details(case: Mapping[str, Any]) -> list[str]:
    fields = dict.fromkeys(field for one in case["events"] for field in one["fields"])
    same_hour = case["same_hour"]
    lines = [
        f"case: {case['case']}",
        f"object: {quoted(case['object']['key'], 400)}",
        f"kinds: {name_counts(case['kinds']) or quoted(case['type'])}",
        f"fields: {', '.join(map(quoted, list(fields)[:_EVENTS])) or 'not told'}",
        *(f"event: {event_text(one)}" for one in case["events"][:_EVENTS]),
    ]
    if (left := case["count"] - min(_EVENTS, len(case["events"]))) > 0:
        lines.append(f"and {counted(left, 'more event')}")
    lines += [
        f"topic {one['topic']}: {counted(one['events'], 'event')}, "
        f"subscriptions: {subscriptions_text(one)}"
        for one in case["topics"]
    ]
    least = "at least " if same_hour["at_least"] else ""
    lines += [
        f"in the same hour: {least}{count} of {quoted(type)}"
        for type, count in same_hour["types"].items()
    ]
    return [*lines, *(f"finding: {quoted(one['id'])}" for one in case["findings"][:_EVENTS])]
