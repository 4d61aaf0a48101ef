"""Questions about cases: asked of approvers, and their answers read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from eventing.redrive.approval import ANSWERED_WITHIN
from eventing.sensitive_data.decision import read_answer
from eventing.timestamps import timestamp
from functions.cases.texts import asking_mail
from functions.contract import Objects
from functions.shared.clock import Clock
from functions.shared.operations import OperationsBucket, OpsTopic


class Questions:
    """The questions of one deployment. The methods raise what the SDK raises."""

    def __init__(self, *, bucket: OperationsBucket, ops: OpsTopic, clock: Clock) -> None:
        self._bucket = bucket
        self._ops = ops
        self._clock = clock

    def ask(self, task: Mapping[str, Any], examined: Mapping[str, Any]) -> None:
        """Ask: the token goes where approvers alone may read, and the message to all operators.

        Done again, with another token, it asks again; the latest one counts.
        """
        now, name = self._clock.now(), task["execution"]
        content = {
            "token": task["token"],
            "execution": name,
            "execution_arn": task["execution_arn"],
            "hash": task["plan"]["hash"],
            "because": task["because"],
            "asked_at": timestamp(now),
            "ends_at": timestamp(now + ANSWERED_WITHIN),
            "request": task["request"],
            "summary": examined,
            "groups": [],
        }
        self._bucket.put(f"{Objects.APPROVALS}{name}/{timestamp(now)}.json", json.dumps(content))
        self._ops.tell(asking_mail(examined, execution=str(name)))

    def answer(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The answer that was given: the members of an `Approval`, and what it chooses."""
        approval, choice = read_answer(
            task["answer"],
            content_hash=str(task["plan"]["hash"]),
            started_by=str(task["request"]["started_by"]),
        )
        return {**asdict(approval), "choice": choice.members() if choice else None}
