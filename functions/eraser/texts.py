"""The mails of erasures to operators. They name an event by its key alone, as all that is kept does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eventing.erasure.request import ErasureRequest
from eventing.foreign_text import plain, quoted
from eventing.mail import Mail
from eventing.words import counted

_SECTION = "erase-an-event"
_LISTED = 10


def question_mail(
    request: ErasureRequest, *, execution: str, summary: Mapping[str, Any], ends_at: str
) -> Mail:
    """The question whether an event may be erased."""
    objects = counted(summary["to_read"]["objects"], "object")
    gigabytes = summary["to_read"]["bytes"] / 1e9
    return Mail(
        subject=f"approve the erasure of an event of {request.publisher}?",
        first=f"Somebody wants to erase an event of {request.publisher} everywhere, and needs an approval.",
        users="none so far; it can't be undone.",
        next=(("approve", execution), ("refuse", execution)),
        section=_SECTION,
        details=[
            f"by {quoted(request.started_by)}: {quoted(request.reason)}",
            f"event {request.key}",
            f"Events table: {summary['row']}; letters: {sum(summary['letters'].values())}",
            f"{objects} to read, {gigabytes:.3f} GB, ${summary['dollars']:.4f}, about {summary['seconds']} s",
            f"without an answer nothing is erased: it ends at {ends_at}",
        ],
    )


def erased_mail(request: ErasureRequest, report: Mapping[str, Any], *, uri: str) -> Mail:
    """The answer: what was erased, and what was not reached."""
    failures: Sequence[Mapping[str, Any]] = report["failures"]
    count = len(failures) + report["more_failures"]
    copies = sum(report["counts"].get(name, {}).get("copies", 0) for name in _PLACES)
    done = report["outcome"] == "done"
    return Mail(
        subject=f"erasure of an event of {request.publisher}: {report['outcome']}",
        first=(
            f"An event of {request.publisher} was erased: {counted(copies, 'copy', 'copies')} in objects, "
            f"{counted(report['counts']['letters'], 'letter')}."
            if done
            else f"An event of {request.publisher} was not erased everywhere: {counted(count, 'failure')}."
        ),
        users="who sends it again is answered 410.",
        next=(("report", report["execution"].rpartition(":")[2]),),
        section=_SECTION,
        details=[
            f"by {quoted(request.started_by)}: {quoted(request.reason)}",
            f"approved by {quoted(report['approver'] or 'nobody')}",
            f"event {request.key}",
            *(
                f"{one['place']}: {plain(one['object'])}: {one['why']}"
                for one in failures[:_LISTED]
            ),
            "not reached:",
            *(f"- {one['place']}: {one['why']}" for one in report["unreachable"]),
            f"report: {uri}",
        ],
    )


_PLACES = ("archive", "records", "junk")
