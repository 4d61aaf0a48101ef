"""How a command ends: its exit code, and the sentence it ends with when it can't go on."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of every command; programs rely on them."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    """What was asked, or who asked, is at fault: an option, a right, a region, credentials."""
    PARTIAL = 3
    """Something is left over: stopped, aborted, refused, called off."""


class Failure(Exception):  # noqa: N818 - what the caller is told, not an error of the program
    """The command can't go on; the message is one sentence for whoever typed it."""

    def __init__(self, sentence: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(sentence)
        self.code = code


class Misuse(Failure):
    """A failure that the caller can fix: exit code 2."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, ExitCode.USAGE)
