"""Foreign text where people read it: the one way in which mails, reports, logs and terminals show it.

Foreign is whatever a publisher, an error or a message of a queue brought along: types, sources, ids,
subjects, messages, reasons and names. Shown, it stays on its line, is no longer than it may be, moves and
hides nothing that stands beside it, and can be told from what this system says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from unicodedata import category

# Control and formatting characters (bidirectional marks and tags among them), surrogates, private use,
# unassigned code points, separators of lines and paragraphs, and blanks that are no plain space.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
# Letters, marks and symbols that nobody sees (Unicode, "Default_Ignorable_Code_Point"; U+2800).
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Names that need no quotes: they have no blank, and nothing that makes an address of them.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._#-]*")
_PLAIN, _QUOTED = 200, 120


def plain(text: object, most: int = _PLAIN) -> str:
    """The text on one line of at most `most` characters, with each one escaped that could hide others."""
    return _clipped(_escaped(str(text)), most)


def quoted(text: object, most: int = _QUOTED) -> str:
    """The text as `plain` shows it, in quotes unless it is a simple name; no program makes a link of it."""
    whole = str(text)
    if len(whole) <= most and _NAME.fullmatch(whole):
        return whole
    return f'"{_clipped(_in_quotes(_escaped(whole)), most - 2)}"'


def name_counts(counts: Mapping[str, int], most: int = 10) -> str:
    """Names and how often each is there: `a 3, b 1`, with the number of names that are left out."""
    shown = [f"{quoted(name)} {count}" for name, count in list(counts.items())[:most]]
    return ", ".join([*shown, f"{len(counts) - most} more"] if len(counts) > most else shown)


def shown_names(value: Any) -> Any:
    """A JSON value whose names and texts are those that people are shown."""
    if isinstance(value, Mapping):
        return {quoted(name): shown_names(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [shown_names(one) for one in value]
    return plain(value) if isinstance(value, str) else value


def within(lines: Sequence[str], most_bytes: int) -> str:
    """The lines in at most so many bytes: where they do not fit, the first ones and how many follow."""
    whole = "\n".join(lines)
    if len(whole.encode()) <= most_bytes:
        return whole
    room, kept = most_bytes - len(_left_out(len(lines)).encode()), 0
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept += 1
    return "\n".join([*lines[:kept], _left_out(len(lines) - kept)])


def _left_out(lines: int) -> str:
    return f"... and {lines} more lines, which the report has"


def _escaped(text: str) -> Iterator[str]:
    for c in text:
        hidden = c != " " and (category(c) in _HIDDEN or _UNSEEN.match(c))
        yield c.encode("unicode_escape").decode("ascii") if hidden else c


def _in_quotes(pieces: Iterator[str]) -> Iterator[str]:
    before = ""
    for piece in pieces:
        # Mail programs make a link of what has "//" in it.
        ends_quote_or_links = piece in ("\\", '"') or piece == before == "/"
        yield f"\\{piece}" if ends_quote_or_links else piece
        before = piece


def _clipped(pieces: Iterator[str], most: int) -> str:
    """The pieces, or as many as leave room for the sign that there are more; none is cut in two."""
    kept: list[str] = []
    size, fitting = 0, 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            return "".join(kept[:fitting]) + "…"
        kept.append(piece)
        fitting += size < most
    return "".join(kept)
