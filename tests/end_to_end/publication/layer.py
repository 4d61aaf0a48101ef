"""Faults of the publish function itself: stands before its handler, in a layer that tests attach.

A file says what is to happen; it is read at each invocation.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import functions.publish.handler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from functions.shared.invocation import Context

MISHAPS = Path(os.environ["MISHAPS"])


def handle(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Die or hang on events that hold a text; die after the work is done, once."""
    mishaps = json.loads(MISHAPS.read_text())
    text = json.dumps(event)
    if mishaps.get("die_on", "\0") in text:
        os._exit(1)
    if mishaps.get("hang_on", "\0") in text:
        time.sleep(60)
    answer: dict[str, Any] = functions.publish.handler.handle(event, context)
    if mishaps.pop("die_after", "\0") in text:
        MISHAPS.write_text(json.dumps(mishaps))
        os._exit(1)
    return answer
