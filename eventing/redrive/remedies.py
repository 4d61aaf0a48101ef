"""What fixes each cause, in words."""

from __future__ import annotations

from collections.abc import Mapping

from eventing.cause import Code

# What usually has to happen before a redrive helps. docs/dead-letters.md has the same at more length.
REMEDIES: Mapping[Code, str] = {
    Code.THROTTLED: "AWS had too much to do: redrive",
    Code.UNAVAILABLE: "AWS was not there: redrive",
    Code.TIMEOUT: "AWS was too slow: redrive",
    Code.ACCESS_DENIED: "a policy or a key was changed: fix it, then redrive",
    Code.NOT_FOUND: "a topic, table or bucket is gone: deploy, then redrive",
    Code.TOO_LARGE: "the event does not fit: talk to the publisher, then discard",
    Code.NO_ROUTE: "no topic takes the event: change the catalogue, deploy, then redrive",
    Code.INVALID: "the event breaks a rule: look at a letter, talk to the publisher",
    Code.CONFLICT: "another event has its identity: talk to the publisher, then discard",
    Code.CRASHED: "the function died on it: look at its log",
    Code.REGION_LOST: "the region that took it is lost: redrive",
    Code.UNKNOWN: "an error that the code does not know: look at a letter",
}


def remedy_of(code: str) -> str:
    """What usually has to happen before a redrive helps; nothing for a code that is none of the list."""
    return REMEDIES[Code(code)] if code in list(Code) else ""
