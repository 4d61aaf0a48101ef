"""Cases in the operations bucket: nothing of them is ever overwritten, and the first who writes has it.

A case has its findings, and rounds: an execution begins a round, examines what findings there are by then,
and closes it. What is written once is what a task that is done again finds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from eventing.sensitive_data.finding import Finding, Place
from functions.contract import Objects
from functions.shared.operations import OperationsBucket

_NAME = re.compile(r"(?P<kind>finding|round|closed)-(?P<which>[A-Za-z0-9-]+)\.json")
UNREADABLE = "unreadable"
"""The member of a finding that could not be read: why."""


@dataclass
class State:
    """How far a case is."""

    findings: set[str] = field(default_factory=set)
    """Ids."""
    round: int = 0
    """The last one that was begun; 0 where none was."""
    closed: bool = False
    """That round is over."""


class Cases:
    """The cases of one deployment. The methods raise what the SDK raises."""

    def __init__(self, bucket: OperationsBucket) -> None:
        self._bucket = bucket

    def state(self, case: str) -> State:
        """How far the case is; one that nobody knows has no findings."""
        state = State()
        written: set[tuple[str, str]] = set()
        for key in self._bucket.keys(f"{Objects.CASES}{case}/"):
            if found := _NAME.fullmatch(key.rpartition("/")[2]):
                written.add((found["kind"], found["which"]))
        state.findings = {which for kind, which in written if kind == "finding"}
        state.round = max((int(which) for kind, which in written if kind == "round"), default=0)
        state.closed = ("closed", str(state.round)) in written
        return state

    def add(self, case: str, finding: Finding) -> None:
        """Add a finding, once however often it comes; and a mark by which its case is found."""
        self._put(case, f"finding-{finding.id}", asdict(finding))
        self._mark(finding.id, case)

    def add_unreadable(self, case: str, id: str | None, *, why: str) -> None:
        """Add a finding of which no more can be read than perhaps its id."""
        self._put(case, f"finding-{id or UNREADABLE}", {UNREADABLE: why, "id": id})
        if id:
            self._mark(id, case)

    def findings(self, case: str) -> list[Finding]:
        """The findings that could be read, by their ids."""
        ids = sorted(self.state(case).findings)
        found = [self._get(case, f"finding-{id}") for id in ids]
        return [_finding(one) for one in found if one and UNREADABLE not in one]

    def why_unreadable(self, case: str) -> str:
        """Why the finding of a case could not be read."""
        found = [self._get(case, f"finding-{id}") for id in self.state(case).findings]
        return next((one[UNREADABLE] for one in found if one and UNREADABLE in one), "")

    def begin(self, case: str, round: int, *, execution: str, at: str) -> bool:
        """Begin a round; False when another execution has begun it."""
        return self._put(case, f"round-{round}", {"execution": execution, "begun_at": at})

    def execution(self, case: str, round: int) -> str:
        """The ARN of the execution that a round is of."""
        return str(self._read(case, f"round-{round}")["execution"])

    def examine(self, case: str, round: int, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write down what was found; what was written before counts."""
        return self._once(case, f"examined-{round}", content)

    def examined(self, case: str, round: int) -> Mapping[str, Any] | None:
        """What was found in a round; None as long as nothing was written down."""
        return self._get(case, f"examined-{round}")

    def close(self, case: str, round: int, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write down how a round ended; what was written before counts."""
        return self._once(case, f"closed-{round}", content)

    def closed(self, case: str, round: int) -> Mapping[str, Any] | None:
        """How a round ended; None as long as it has not."""
        return self._get(case, f"closed-{round}")

    def once(self, case: str, round: int, mark: str) -> bool:
        """True as long as nobody has noted this mark in a round."""
        return self._get(case, f"{mark}-{round}") is None

    def note(self, case: str, round: int, mark: str) -> None:
        """Note a mark in a round: what was told need not be told again."""
        self._put(case, f"{mark}-{round}", {})

    def _mark(self, finding: str, case: str) -> None:
        self._bucket.put(f"{Objects.FINDINGS}{finding}.json", json.dumps({"case": case}))

    def _put(self, case: str, name: str, content: Mapping[str, Any]) -> bool:
        return self._bucket.put(_key(case, name), json.dumps(content))

    def _once(self, case: str, name: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        self._put(case, name, content)
        return self._read(case, name)

    def _read(self, case: str, name: str) -> Mapping[str, Any]:
        content: Mapping[str, Any] = json.loads(self._bucket.get(_key(case, name)))
        return content

    def _get(self, case: str, name: str) -> Mapping[str, Any] | None:
        text = self._bucket.find(_key(case, name))
        return None if text is None else json.loads(text)


def _key(case: str, name: str) -> str:
    return f"{Objects.CASES}{case}/{name}.json"


def _finding(content: Mapping[str, Any]) -> Finding:
    return Finding(**{**content, "places": tuple(Place(**one) for one in content["places"])})
