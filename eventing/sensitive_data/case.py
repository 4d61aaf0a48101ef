"""Cases: all findings on one version of an object are one case, however often and in what order they come."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from eventing.sensitive_data.finding import SEVERITIES, Severity

Reaction = Literal["notify", "ask"]
"""Operators are told; or they are asked as well whether the publisher is to be stopped."""
Policy = Mapping[Severity, Reaction]

_CASE = re.compile(r"(?:\d{8}|unreadable)-[0-9a-f]{16}")
_ASKING = re.compile(rf"case-({_CASE.pattern})-([1-9]\d{{0,3}})")
_NO_DAY = "00000000"


def policy_of(content: Any) -> Policy:
    """The policy in a JSON object with a reaction for each severity; raises ValueError for anything else."""
    if not isinstance(content, Mapping) or set(content) != set(SEVERITIES):
        raise ValueError(f"has to have {', '.join(SEVERITIES)}, and nothing else")
    for severity, reaction in content.items():
        if reaction not in ("notify", "ask"):
            raise ValueError(f"{severity}: has to be notify or ask, not {reaction!r}")
    return dict(content)


def case_id(key: str, version: str | None, *, day: str | None) -> str:
    """The id of the case of an object, the same for each of its findings; ids sort by the object's day.

    `day` is that of the key, as `2026-11-28`; None where the key has none.
    """
    digest = _digest([key, version])
    return f"{day.replace('-', '') if day else _NO_DAY}-{digest}"


def unreadable_case_id(detail: Any) -> str:
    """The id of the case of a finding whose object can't be told: the same finding, the same case."""
    return f"unreadable-{_digest(detail)}"


def is_case_id(text: str) -> bool:
    """True for what `case_id` and `unreadable_case_id` give."""
    return _CASE.fullmatch(text) is not None


def asking_name(case: str, round: int) -> str:
    """The name of the execution that asks for the approval of a case, in its first, second ... round."""
    return f"case-{case}-{round}"


def asked_about(name: str) -> str | None:
    """The case that an execution of this name asks about; None where it asks about something else."""
    found = _ASKING.fullmatch(name)
    return found[1] if found else None


def content_hash(content: Any) -> str:
    """What an approval is for: the same hash, the same content."""
    return _digest(content)


def _digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]
