"""The rights that documents list: for each command of `eventing`, and for the AWS CLI of the runbook."""

from __future__ import annotations

import re
from collections.abc import Mapping

from infrastructure.packaging import ROOT

_TEXT = (ROOT / "docs" / "console.md").read_text(encoding="utf-8")
_RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
_ALSO = re.compile(r"with the right\s+`(\w+:\w+)`")
_ROW = re.compile(r"^\| (.+?) \| (.+?) \|$", re.MULTILINE)
_ALL = "all of these"


APPROVING = ("approvals", "approve", "refuse")
"""The commands of approvers."""
KEY_HOLDING = ("publishers key",)
"""The commands of key holders."""
ERASING = ("erase", "report")
"""The commands of who asks for erasures; `report` is of operators as well."""
VERIFYING = ("deploy-command", "verify")
"""Those of who deploys and verifies, and is an operator as well; all others are of operators."""
ADMINISTERING = ("copies recover", "copies rewrite")
"""Those of who may read events and write the archive: no policy of the deployment lets anybody."""
# Nobody needs a right to ask who they are.
_NOT_GIVEN = {"sts:GetCallerIdentity"}


def rights_of_operators() -> set[str]:
    """The rights that the commands of operators need, and what the runbook shows of the AWS CLI."""
    others = (*APPROVING, *KEY_HOLDING, *VERIFYING, *ADMINISTERING, "erase")
    commands = (listed for command, listed in rights().items() if command not in others)
    return set().union(*commands, _ALSO.findall(_RUNBOOK)) - _NOT_GIVEN


def rights_of_approvers() -> set[str]:
    """The rights that the commands of approvers need."""
    return set().union(*(rights()[command] for command in APPROVING)) - _NOT_GIVEN


def rights_of_erasers() -> set[str]:
    """The rights that the command that erases needs, and its report."""
    return set().union(*(rights()[command] for command in ERASING)) - _NOT_GIVEN


def rights_of_key_holders() -> set[str]:
    """The rights that the commands of key holders need."""
    return set().union(*(rights()[command] for command in KEY_HOLDING)) - _NOT_GIVEN


def rights_of_verifiers() -> set[str]:
    """The rights that `verify` needs beside those of operators, which it has by other resources, too."""
    return set().union(*(rights()[command] for command in VERIFYING)) - _NOT_GIVEN


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
