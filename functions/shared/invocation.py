"""What a function knows of the invocation it runs in."""

from __future__ import annotations

import os
import re
import traceback
from concurrent.futures import Future
from time import monotonic
from typing import Protocol, TypeVar

T = TypeVar("T")

_ROOT = re.compile(r"Root=([^;]+)")


class Context(Protocol):
    """The part of Lambda's context object that is used here."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda stops the invocation."""


def result_by(deadline: float, call: Future[T], otherwise: T) -> T:
    """The result of a call, or `otherwise` when it is not back at `deadline` (of `time.monotonic`).

    A call that is late goes on in its thread, and nobody waits for it; one that has not begun never
    does.
    """
    try:
        return call.result(timeout=max(0.0, deadline - monotonic()))
    except TimeoutError:
        call.cancel()
        return otherwise


def trace_id() -> str | None:
    """The X-Ray trace id of this invocation (AWS Lambda, "_X_AMZN_TRACE_ID")."""
    match = _ROOT.search(os.environ.get("_X_AMZN_TRACE_ID", ""))
    return match[1] if match else None


def where(error: BaseException) -> list[str]:
    """Where an error was raised, for a log line. Its text is left out: it may quote an event."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-5:]]
