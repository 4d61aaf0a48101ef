"""The input of an execution, which an operator has written: every field is checked, and every fault named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from eventing.members import Unfit

Check = Callable[[Any], Any]

MAX_NAME = 256
"""Characters of a name of whoever asks or answers."""
MAX_REASON = 1024


class InvalidInput(ValueError):  # noqa: N818 - the name that an execution fails with
    """The input cannot be carried out; the message names every field at fault."""


def read_fields(
    content: Mapping[str, Any], checks: Mapping[str, Check], prefix: str = ""
) -> tuple[list[str], dict[str, Any]]:
    """Every field at fault, in words, and the others as their checks return them."""
    unknown = sorted(set(content) - set(checks))
    faults = [f"{prefix}{name}: there is no such field" for name in unknown]
    values: dict[str, Any] = {}
    for name in content:
        if name in checks:
            try:
                values[name] = checks[name](content[name])
            except Unfit as unfit:
                faults.append(f"{prefix}{name}: {unfit}")
    return faults, values
