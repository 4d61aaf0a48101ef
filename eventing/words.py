"""Ages and numbers in words, as people read them."""

from __future__ import annotations

from datetime import timedelta


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
