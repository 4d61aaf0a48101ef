"""The rights that docs/console.md lists: for each command of the command line, and as one policy."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from infrastructure.packaging import ROOT

_TEXT = (ROOT / "docs" / "console.md").read_text(encoding="utf-8")
_POLICY = re.compile(r"<!-- policy -->\n```json\n(.*?)```", re.DOTALL)
_ROW = re.compile(r"^\| (.+?) \| (.+?) \|$", re.MULTILINE)
_ALL = "all of these"


def operator_policy() -> dict[str, Any]:
    """The policy with the rights of all commands together."""
    (text,) = _POLICY.findall(_TEXT)
    policy: dict[str, Any] = json.loads(text)
    return policy


def rights() -> Mapping[str, set[str]]:
    """The rights of each command."""
    rows = {commands: _words(listed) for commands, listed in _ROW.findall(_section())}
    common = rows.pop(_ALL)
    found = {
        command: common | listed
        for commands, listed in rows.items()
        for command in _words(commands)
    }

    def resolved(listed: set[str]) -> set[str]:
        # A row may name a command for its rights.
        return {
            r for right in listed for r in (resolved(found[right]) if right in found else {right})
        }

    return {command: resolved(listed) for command, listed in found.items()}


def _section() -> str:
    return _TEXT.partition("| command | rights |\n|---|---|\n")[2].partition("\n\n")[0] + "\n"


def _words(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))
