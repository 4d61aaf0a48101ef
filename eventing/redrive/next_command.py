"""The command of `eventing` that comes next for letters that wait."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from eventing.dead_letter import Stage
from eventing.redrive.summary import GroupSummary, StageSummary

# An execution's name is anybody's choice, and the ledger is only as trustworthy as its writers: a name that
# a shell or a reader could take for more is not shown.
_SIMPLE = re.compile(r"[A-Za-z0-9_-]{1,80}")


def next_command(
    stage: Stage, group: GroupSummary, of_stage: StageSummary, options: Sequence[str] = ()
) -> str:
    """For a group: follow the run under way, else plan, or redrive what the last plan was for.

    `options` say which deployment is meant. Parked letters are taken up by their ids, which are listed first.
    """
    if of_stage.run and group.open:
        return follow_command(of_stage.run.execution, options)
    chosen = ["--stage", stage]
    if _SIMPLE.fullmatch(group.fingerprint):
        chosen += ["--fingerprint", group.fingerprint]
    if not group.open:
        return _command("letters", "--parked", "--ids", *chosen, *options)
    plan = of_stage.plan
    promising = plan is not None and plan.covers(group) and 0 < plan.letters == plan.will_go_through
    return _command("redrive" if promising else "plan", *chosen, *options)


def follow_command(execution: str, options: Sequence[str] = ()) -> str:
    """Follows an execution; where its name is none to be typed, what lists executions."""
    if _SIMPLE.fullmatch(execution):
        return _command("follow", execution, *options)
    return _command("status", *options)


def _command(*words: str) -> str:
    return shlex.join(["eventing", *words])
