"""Text for terminals: foreign text made harmless, ages and numbers in words."""

from __future__ import annotations

import unicodedata
from datetime import timedelta

# Control characters, formatting characters (bidirectional marks among them), surrogates, private use,
# unassigned code points, and separators of lines and paragraphs.
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_MOST = 200


def plain(text: object, most: int = _MOST) -> str:
    """`text` on one line, clipped, with every character escaped that could hide or move others."""
    characters = str(text)
    clipped = characters if len(characters) <= most else f"{characters[: most - 1]}…"
    return "".join(
        c.encode("unicode_escape").decode("ascii") if unicodedata.category(c) in _INVISIBLE else c
        for c in clipped
    )


def duration(length: timedelta) -> str:
    """A length of time in its two largest units: `3 d 4 h`, `12 min`, `40 s`."""
    seconds = max(0, round(length.total_seconds()))
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min"
    return f"{seconds} s"


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 letter`, `2,000 letters`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
