"""The mails on adoption."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eventing.adoption.request import AdoptionRequest
from eventing.cause import Code
from eventing.foreign_text import plain, quoted
from eventing.mail import Command, Mail
from eventing.timestamps import timestamp
from eventing.words import counted

NOT_KNOWN = (
    "What {region} has accepted and not replicated, and the letters in its own queue and ledger, are not "
    "known here: they are there when it is back."
)
_REDRIVE: Command = ("redrive", "--stage", "publish", "--cause", Code.REGION_LOST)
_SECTION = "adopt-a-lost-region"


def adopted_mail(request: AdoptionRequest, output: Mapping[str, Any]) -> Mail:
    """The mail on an adoption that came to its end; `output` is that of its execution."""
    counts = output["counts"]
    adopted, on_record = counts.get("adopted", 0), counts.get("on_record", 0)
    doubtful = counts.get("doubtful", 0)
    events = counted(adopted, "event")
    there = f", {counted(on_record, 'other')} were on record" if on_record else ""
    return Mail(
        subject=f"adopted {events} of {request.region}",
        first=f"{events} that {request.region} took and did not publish {'is' if adopted == 1 else 'are'} "
        f"dead letters here now{there}.",
        users="subscribers get these events when they are redriven.",
        next=(_REDRIVE,) if adopted or on_record else (("status",),),
        section=_SECTION,
        details=[
            _window(request),
            *(f"{name.replace('_', ' ')}: {count:,}" for name, count in counts.items()),
            f"last published by {request.region}, as far as is known: "
            f"{output['plan']['last_published_at'] or 'unknown'}",
            f"accepted after that, so that it may have published them as well: {doubtful:,} at most",
            NOT_KNOWN.format(region=request.region),
            _asked(request),
        ],
    )


def failed_mail(request: AdoptionRequest, error: str, counts: Mapping[str, int]) -> Mail:
    """The mail on an adoption that did not come to its end."""
    return Mail(
        subject=f"adopting {request.region} failed",
        first=f"The events of {request.region} were not all looked through; what was found is in the ledger.",
        users="subscribers don't get what the region took and did not publish.",
        next=(("status",),),
        section=_SECTION,
        details=[
            plain(error),
            "Ask for the same once more: what was found stays, and is not found again.",
            _window(request),
            *(f"{name.replace('_', ' ')}: {count:,}" for name, count in counts.items()),
            _asked(request),
        ],
    )


def _window(request: AdoptionRequest) -> str:
    return f"accepted from {timestamp(request.start)} to {timestamp(request.end)}"


def _asked(request: AdoptionRequest) -> str:
    how = ", without waiting until it is quiet" if request.now else ""
    return f"asked by {quoted(request.started_by)}{how}: {quoted(request.reason)}"
