"""Times in text: RFC 3339 as publishers write it, and the one form in which we do."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?"
    r"(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MINUTES_OF_A_DAY = 24 * 60


def timestamp(moment: datetime) -> str:
    """The text of a moment as it is written everywhere: RFC 3339, UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_moment(text: str) -> datetime:
    """The moment in a text of ISO 8601; raises ValueError for any other text, or without an offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without an offset")
    return moment


def read_timestamp(text: str) -> str:
    """The same moment as `timestamp` writes it; raises ValueError as `read_moment` does."""
    try:
        return timestamp(read_moment(text))
    except OverflowError:
        raise ValueError("a time that is out of range") from None


def minute_of(moment: datetime) -> datetime:
    """The beginning of the minute that a moment is in."""
    return moment.replace(second=0, microsecond=0)


def is_rfc3339(text: str) -> bool:
    """Tell whether `text` is a date and time of RFC 3339, leap seconds included."""
    match = _TIME.fullmatch(text)
    if match is None:
        return False
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    sign, offset_hours, offset_minutes = match[7] or "+", int(match[8] or 0), int(match[9] or 0)
    if not 1 <= month <= 12 or hour > 23 or minute > 59 or offset_hours > 23 or offset_minutes > 59:
        return False
    leap_day = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = _DAYS[month - 1] + leap_day
    if not 1 <= day <= days:
        return False
    offset = int(f"{sign}1") * (offset_hours * 60 + offset_minutes)
    return second < 60 or (second == 60 and _ends_a_month(day, days, hour * 60 + minute - offset))


def _ends_a_month(day: int, days: int, minute: int) -> bool:
    """Tell whether this is a month's last minute in UTC, which a leap second may end (RFC 3339 section 5.7).

    `minute` is counted in UTC from the midnight that began the local day, and may lie in the day before
    or after that.
    """
    later, minute = divmod(minute, _MINUTES_OF_A_DAY)
    return minute == _MINUTES_OF_A_DAY - 1 and (day + later) % days == 0
