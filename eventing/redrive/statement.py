"""Statements for the record: the reason and the name that a person gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unicodedata import category

from eventing.members import Unfit

# The words in capitals that documents and messages show for people to replace, and the names that
# executions have which no person started: neither says anything.
PLACEHOLDERS = frozenset(
    {
        "FINGERPRINT",
        "HASH",
        "JUNK",
        "LETTER",
        "NAME",
        "REASON",
        "TOKEN",
        "WHY",
        "WHY IT IS A LETTER OF OURS",
        "WHY IT IS NOT SAFE YET",
        "WHY IT IS SAFE NOW",
        "WHY NOBODY NEEDS THEM",
        "YOUR NAME",
    }
)
SYSTEM_NAMES = frozenset({"ALARM", "COUNTER", "UNKNOWN"})
# Control and format characters, lone surrogates, line and paragraph separators: they hide or forge what
# stands beside them. Two that join letters are needed to write some languages.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"
# Letters by their category that nobody sees.
_BLANK = "\u115f\u1160\u3164\uffa0"


def line(value: Any, *, most: int) -> str:
    """A text of one line without hidden characters, and without blanks around it."""
    if not isinstance(value, str) or len(value) > most:
        raise Unfit(f"must be a text of at most {most} characters")
    if any(category(c) in _HIDDEN and c not in _JOINERS for c in value):
        raise Unfit("must be a single line without control characters")
    return value.strip()


def statement(most: int, *, least: int) -> Callable[[Any], str]:
    """A check of a text of one line, as `line` takes it, with so many characters at least."""

    def check(value: Any) -> str:
        text = line(value, most=most)
        if len(text) < least:
            raise Unfit("must be a text that is not blank")
        return text

    return check


def said(value: Any, *, most: int) -> str | None:
    """The statement in a value; None for one that is no line, or says nothing."""
    try:
        statement = line(value, most=most)
    except Unfit:
        return None
    return statement if says_something(statement) else None


def says_something(text: str) -> bool:
    """True for a text with a letter or a digit in it that no document has as a placeholder."""
    words = " ".join(text.split()).strip("<>[](){}\"'`.,:;!?").upper()
    if words in PLACEHOLDERS or words in SYSTEM_NAMES:
        return False
    return any(c.isalnum() and c not in _BLANK for c in text)
