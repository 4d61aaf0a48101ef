"""The tasks of the state machine in `workflows/sensitive-data.asl.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eventing.input import InvalidInput
from eventing.sensitive_data.case import asking_name, case_id, content_hash, unreadable_case_id
from eventing.sensitive_data.decision import read_choice
from eventing.sensitive_data.finding import NotOurs, Unreadable, finding_id, read_finding
from eventing.sensitive_data.request import CaseRequest, read_request
from eventing.timestamps import timestamp
from functions.cases.case_store import Cases, State
from functions.cases.closing import Closing
from functions.cases.examiner import Examiner, unreadable
from functions.cases.measures import Measures
from functions.cases.questions import Questions
from functions.cases.texts import case_mail
from functions.shared.archive_objects import ArchiveObjects, hour_of
from functions.shared.clock import Clock
from functions.shared.executions import Executions
from functions.shared.macie import Macie
from functions.shared.operations import OpsTopic

# Rounds that others begin at the very same time.
_CLAIMS = 20
_FIRST = {"attempt": 0, "looks": 0}


class Tasks:
    """One method for each task; each takes the task's payload and returns its result.

    Each may be done again, by another process that knows nothing of the first one.
    """

    def __init__(
        self,
        *,
        cases: Cases,
        examiner: Examiner,
        archive: ArchiveObjects,
        macie: Macie,
        questions: Questions,
        measures: Measures,
        closing: Closing,
        executions: Executions,
        ops: OpsTopic,
        account: str,
        gather_seconds: int,
        clock: Clock,
    ) -> None:
        self._cases = cases
        self._examiner = examiner
        self._archive = archive
        self._macie = macie
        self._questions = questions
        self._measures = measures
        self._closing = closing
        self._executions = executions
        self._ops = ops
        self._account = account
        self._gather_seconds = gather_seconds
        self._clock = clock

    def open(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Add the finding to its case, and begin a round of it unless another execution is at it.

        `mine` says whether a round was begun. Raises `InvalidInput` for what a person can't ask.
        """
        request = read_request(task["request"])
        if request.case is not None:
            case = request.case
            if not self._cases.state(case).findings:
                raise InvalidInput(f"case: there is no case {case}")
        else:
            try:
                case = self._filed(request)
            except NotOurs as no:
                if request.by_hand:
                    raise InvalidInput(f"finding_id: {no}") from None
                return _opened(request, None, outcome="not ours", cause=str(no))
        return self._begun(case, request, str(task["execution_arn"]))

    def examine(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Look at what the findings of a case lead to, write it down, and tell whether anybody is asked."""
        case, round = str(task["case"]), int(task["round"])
        found = self._cases.examined(case, round)
        if found is None:
            findings = self._cases.findings(case)
            content = (
                self._examiner.examine(findings)
                if findings
                else unreadable(self._cases.why_unreadable(case))
            )
            content = {"case": case, "round": round, **content}
            content["examined_at"] = timestamp(self._clock.now())
            found = self._cases.examine(case, round, content)
        return {
            "asks": found["why_not_asked"] is None,
            "ask": asking_name(case, round),
            "hash": content_hash(found),
            "publisher": found["publisher"],
            "because": f"sensitive data of severity {found['severity']}",
        }

    def tell(self, task: Mapping[str, Any]) -> None:
        """Tell operators of a case that nobody is asked about, unless the catalogue expects all of it."""
        case, round = str(task["case"]), int(task["round"])
        examined = self._examined(task)
        if not examined["expected"] and self._cases.once(case, round, "told"):
            self._ops.tell(case_mail(examined))
            self._cases.note(case, round, "told")

    def ask(self, task: Mapping[str, Any]) -> None:
        """Ask for an approval: the state machine of approvals waits for its answer."""
        self._questions.ask(task, self._examined(task["request"]))

    def answer(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The answer that was given: the members of an `Approval`, and the `choice` in it."""
        return self._questions.answer(task)

    def act(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Do to the publisher what was approved, or look how far it is: see `Measures.take`."""
        case, round = str(task["case"]), int(task["round"])
        answer = task["answer"]
        return self._measures.take(
            name=asking_name(case, round),
            publisher=str(self._examined(task)["publisher"]),
            choice=read_choice(answer["choice"]),
            reason=f"sensitive data, case {case}: {answer['reason']}",
            by=str(answer["approver"]),
            position=task["position"] or _FIRST,
        )

    def quarantine(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Keep the object from all readers but the few that the bucket's policy names."""
        found = self._examined(task)["object"]
        done = self._archive.quarantine(found["key"], found["version"], case=str(task["case"]))
        return {"quarantined": done}

    def close(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Write down how the round ended, with ready texts; begin another one for findings that came late."""
        case, round = str(task["case"]), int(task["round"])
        closed = self._closing.close(task, self._examined(task))
        if self._unexamined(case, self._cases.state(case)):
            self._executions.start({"case": case}, name=f"again-{case}-{round + 1}")
        return {"case": case, "outcome": closed["outcome"], "cause": closed["cause"]}

    def give_up(self, task: Mapping[str, Any]) -> None:
        """Tell operators of an execution that failed, and close its round."""
        self._closing.give_up(task)

    def _examined(self, task: Mapping[str, Any]) -> Mapping[str, Any]:
        found = self._cases.examined(str(task["case"]), int(task["round"]))
        if found is None:
            raise LookupError("a task of a case that was not examined")
        return found

    def _filed(self, request: CaseRequest) -> str:
        """The case that a finding belongs to, once it is filed there."""
        detail = request.finding
        if request.finding_id is not None:
            detail = self._macie.finding(request.finding_id)
            if detail is None:
                raise InvalidInput(f"finding_id: Macie has no finding {request.finding_id}")
        bucket = self._archive.bucket
        try:
            finding = read_finding(detail, bucket=bucket, account=self._account)
        except Unreadable as no:
            case = unreadable_case_id(detail)
            self._cases.add_unreadable(case, finding_id(detail), why=str(no))
            return case
        hour = hour_of(finding.key)
        case = case_id(finding.key, finding.version, day=hour.day if hour else None)
        self._cases.add(case, finding)
        return case

    def _begun(self, case: str, request: CaseRequest, execution: str) -> dict[str, Any]:
        """Begin a round of a case where there is something to do in it."""
        for _ in range(_CLAIMS):
            state = self._cases.state(case)
            if state.round and not state.closed:
                owner = self._cases.execution(case, state.round)
                if owner == execution:
                    return self._mine(request, case, state.round)
                if self._executions.is_running(owner):
                    return _opened(request, case, outcome="joined", cause=f"{owner} is at it")
                self._closing.left(case, state.round)
                continue
            if not request.by_hand and not self._unexamined(case, state):
                cause = "every finding of the case was looked at"
                return _opened(request, case, outcome="known", cause=cause)
            at = timestamp(self._clock.now())
            if self._cases.begin(case, state.round + 1, execution=execution, at=at):
                return self._mine(request, case, state.round + 1)
        raise TimeoutError("rounds of the case are begun again and again")

    def _unexamined(self, case: str, state: State) -> bool:
        """True when a finding was in no round that came to its end."""
        if not state.round:
            return True
        closed = self._cases.closed(case, state.round)
        if closed and closed["outcome"] == "failed":
            return True
        examined = self._cases.examined(case, state.round)
        ids = {one["id"] for one in examined["findings"]} if examined else set()
        # One that could not be read has a case of its own.
        return bool(examined and examined["findings"] and state.findings - ids)

    def _mine(self, request: CaseRequest, case: str, round: int) -> dict[str, Any]:
        return _opened(request, case, round=round, wait=self._gather_seconds, outcome="begun")


def _opened(
    request: CaseRequest,
    case: str | None,
    *,
    round: int = 0,
    wait: int = 0,
    outcome: str,
    cause: str = "",
) -> dict[str, Any]:
    """The result of opening a case: with a round where one was begun."""
    return {
        "mine": round > 0,
        "case": case,
        "round": round,
        "wait": wait,
        "outcome": outcome,
        "cause": cause,
        # Without the finding, which is on record: nothing of it goes further.
        "request": {"started_by": request.started_by, "reason": request.reason},
    }
