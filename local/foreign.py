"""Foreign text: what others have sent, whatever it is."""

from __future__ import annotations

import json
from typing import Any

CLIPPED = 120


def json_object(text: Any) -> dict[str, Any]:
    """The JSON object that a text holds; an empty one when it holds anything else, or is no text."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def printable(text: object) -> str:
    """One line that is safe to print: clipped, with control and other invisible characters escaped."""
    whole = text if isinstance(text, str) else str(text)
    clipped = whole if len(whole) <= CLIPPED else whole[:CLIPPED] + "..."
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in clipped
    )
