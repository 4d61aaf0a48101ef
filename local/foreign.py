"""Foreign text: what others have sent, whatever it is."""

from __future__ import annotations

import json
from typing import Any


def json_object(text: Any) -> dict[str, Any]:
    """The JSON object that a text holds; an empty one when it holds anything else, or is no text."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
