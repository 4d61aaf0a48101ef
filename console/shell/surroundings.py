"""What a command finds around it; a test puts its own in their place."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.session import Session


def _session(profile: str | None) -> Session:
    from botocore.session import Session

    return Session(profile=profile)


def _answer(question: str) -> str:
    sys.stderr.write(f"{question} ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


@dataclass(frozen=True)
class Surroundings:
    """The caller's AWS session, folder, clock and terminal."""

    session: Callable[[str | None], Session] = _session
    """Makes a session of the SDK for a profile; None is the caller's default."""
    folder: Path = field(default_factory=Path.cwd)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    answer: Callable[[str], str] = _answer
    """Asks whoever sits there, and takes one line for an answer."""
    at_terminal: Callable[[], bool] = _at_terminal
    """True when somebody sits there who can be asked."""

    def agrees(self, question: str) -> bool:
        """Ask a question that only a plain yes answers."""
        return self.answer(f"{question} [y/N]").lower() in ("y", "yes")
