"""Facts about the invocation that a function runs in."""

from __future__ import annotations

import os
import re
import traceback
from typing import Protocol

_ROOT = re.compile(r"Root=([^;]+)")


class Context(Protocol):
    """The part of Lambda's context object that is used here."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda stops the invocation."""


def trace_id() -> str | None:
    """The X-Ray trace id of this invocation (AWS Lambda, "_X_AMZN_TRACE_ID")."""
    match = _ROOT.search(os.environ.get("_X_AMZN_TRACE_ID", ""))
    return match[1] if match else None


def where(error: BaseException) -> list[str]:
    """The lines that an error came through, for a log line. Its text is left out: it may quote an event."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-5:]]
