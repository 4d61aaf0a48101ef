"""Checks that AWS does not let be made."""

from __future__ import annotations

from collections.abc import Callable

from console.deployed.aws import explained
from console.shell.failure import Failure
from eventing.verification.check import Check, failed


def guarded(name: str, make: Callable[[], Check]) -> Check:
    """The check that this makes; where AWS refuses a call or does not answer, a failed one that says so."""
    try:
        with explained():
            return make()
    except Failure as failure:
        return failed(name, str(failure), fix="put that right, then verify again")
