"""The redrive state machine, run with functions whose answers a test gives."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from eventing.redrive.approval import ANSWERED_WITHIN
from functions.contract import DEPENDENCY_DOWN, EXECUTION_REFUSALS, Refusal
from tests.workflows.asl import Execution, ExecutionFailed, Json, TaskFailed, targets
from workflows.approval import DEFINITION as APPROVAL_DEFINITION
from workflows.redrive import DEFINITION

MACHINE: Json = json.loads(DEFINITION.read_text(encoding="utf-8"))
APPROVAL: Json = json.loads(APPROVAL_DEFINITION.read_text(encoding="utf-8"))
# What the machine needs of a checked request; the rest is the functions' business.
REQUEST: Mapping[str, Json] = {
    "stage": "publish",
    "stages": ["publish"],
    "action": "redrive",
    "approval_above": 1000,
    "reason": "the topic is back",
}
PLAN: Mapping[str, Json] = {"hash": "4f2a", "object": "redrive/run-1/plan.json", "count": 321}
PROBED: Mapping[str, Json] = {"next": 0, "pages": 0, "health": {}}
YES: Mapping[str, Json] = {
    "approved": True,
    "approver": "dana",
    "reason": "seen it",
    "hash": "4f2a",
}
NO: Mapping[str, Json] = {**YES, "approved": False}
DAY = 24 * 3600
Answer = Callable[[Json], Json]


def read_answer(payload: Json) -> Json:
    """How the function reads YES and NO."""
    if payload["answer"]["approved"]:
        said = {"approver": "dana", "reason": "seen it"}
        return {"approved": True, **said, "outcome": None, "cause": None}
    no = {"outcome": "refused", "cause": "Refused by dana."}
    return {"approved": False, "approver": None, "reason": None, **no}


ANSWERS: Mapping[str, Answer] = {
    "answer": read_answer,
    "resubmit": lambda payload: {"resubmitted": 1, "letters": 1},
}


def error(name: str, message: str) -> Answer:
    """A function that raises: its class's name and message, as Lambda reports them."""

    def answer(payload: Json) -> Json:
        raise TaskFailed(name, json.dumps({"errorMessage": message, "errorType": name}))

    return answer


def page(number: int, *, done: bool = False, stop: str | None = None) -> Json:
    """The result of a page."""
    return {"position": {"letter": number}, "done": done, "stop": stop}


def triaged(*, drained: bool = True, skipped: bool = False) -> Json:
    """The result of a page of triage."""
    return {"drained": drained, "skipped": skipped}


@dataclass
class Functions:
    """Stands for the functions: answers each task, and writes down what it was asked.

    The state machine of approvals is run as it is, with the same functions.
    """

    request: Mapping[str, Json]
    plan: Mapping[str, Json] = field(default_factory=lambda: dict(PLAN))
    triages: list[Json] = field(default_factory=lambda: [triaged()])
    pages: list[Json] = field(default_factory=lambda: [page(321, done=True)])
    answers: dict[str, Answer] = field(default_factory=dict)
    calls: list[Json] = field(default_factory=list)
    asked: list[Execution] = field(default_factory=list)
    """The executions of the state machine of approvals."""

    def __call__(self, arguments: Json) -> Json:
        if "StateMachineArn" in arguments:
            assert arguments["StateMachineArn"] == "${Approval}"
            self.asked.append(Execution(APPROVAL, self, name=arguments["Name"]))
            try:
                return {"Output": self.asked[-1].run(arguments["Input"])}
            except ExecutionFailed as failed:
                # As Step Functions tells of it; the cause is all that it describes of the execution.
                raise TaskFailed(
                    "States.TaskFailed", json.dumps({"Error": failed.error})
                ) from failed
        payload = arguments["Payload"]
        task = payload["task"]
        self.calls.append(payload)
        function = {"triage": "Triage", "ask": "", "answer": ""}.get(task, "Redrive")
        assert arguments["FunctionName"] == f"${{{function}Function}}"
        answer = {**ANSWERS, **self.answers}.get(task, self._answer)(payload)
        # What an operator answers is the result itself.
        return answer if task == "ask" else {"StatusCode": 200, "Payload": answer}

    def _answer(self, payload: Json) -> Json:
        match payload["task"]:
            case "begin":
                return dict(self.request)
            case "triage":
                return self.triages.pop(0)
            case "plan":
                more = self.plan["count"] > self.request["approval_above"]
                return {**self.plan, "because": "they are many" if more else None}
            case "ask":
                raise TaskFailed("States.Timeout")
            case "lock":
                return {"token": {"lock#publish": 7}}
            case "verify" | "probe":
                return {"position": PROBED}
            case "page":
                return self.pages.pop(0)
            case "tell":
                return None
            case "report" | "finish":
                return {"outcome": payload["outcome"], "report": "reports/2026-03-01/run-1.json"}
            case other:
                raise AssertionError(f"there is no task {other}")

    @property
    def tasks(self) -> list[str]:
        """The tasks, in the order that they were asked for in."""
        return [call["task"] for call in self.calls]

    def call(self, task: str) -> Json:
        """The payload of the one call of a task."""
        (call,) = (call for call in self.calls if call["task"] == task)
        return call


def functions(*, approval: Json = None, **request: Json) -> Functions:
    """Functions for a request that differs in this, and operators who answer, or don't."""
    made = Functions({**REQUEST, **request})
    if approval is not None:
        made.answers["ask"] = lambda payload: approval
    return made


def run(functions: Functions, input: Json = None) -> Json:
    """The output of an execution."""
    return Execution(MACHINE, functions).run({} if input is None else input)


def failure(functions: Functions) -> ExecutionFailed:
    """How an execution fails."""
    with pytest.raises(ExecutionFailed) as failed:
        run(functions)
    return failed.value


PLANNED = ["begin", "triage", "plan"]
VERIFIED = [*PLANNED, "lock", "verify"]
REDRIVEN = [*VERIFIED, "probe", "page", "finish"]


def test_every_task_is_told_which_execution_asks() -> None:
    stub = functions(approval_above=0, approval=YES)
    execution = Execution(MACHINE, stub)
    execution.run({})

    assert stub.tasks == [*PLANNED, "ask", "answer", *REDRIVEN[3:]]
    for call in stub.calls:
        assert call["execution"] == execution.name
        assert call["execution_arn"] == execution.arn
        assert call["started_at"] == execution.started_at


@pytest.mark.parametrize("input", [{}, {"stage": "publish"}, {"Stage": 1, "filter": {"x": []}}])
def test_the_input_is_judged_by_the_function_and_not_by_the_machine(input: Json) -> None:
    stub = functions(action="triage")
    run(stub, input)

    assert stub.call("begin")["input"] == input


def test_an_invalid_input_fails_with_what_is_wrong_and_touches_nothing() -> None:
    stub = functions()
    wrong = "rate_per_second: must be a whole number; filter.Publisher: there is no such field"
    stub.answers["begin"] = error("InvalidInput", wrong)
    failed = failure(stub)

    assert (failed.error, failed.cause) == ("InvalidInput", wrong)
    assert stub.tasks == ["begin"]


def test_a_filter_that_selects_nothing_is_an_invalid_input() -> None:
    stub = functions()
    stub.answers["plan"] = error("InvalidInput", "filter: selects no letter")
    failed = failure(stub)

    assert (failed.error, failed.cause) == ("InvalidInput", "filter: selects no letter")
    assert stub.tasks == ["begin", "triage", "plan"]


def test_triage_goes_on_until_the_queues_are_empty() -> None:
    stub = functions(action="triage", stages=["ingest", "publish"])
    stub.triages = [triaged(drained=False), triaged(drained=False), triaged()]
    output = run(stub)

    assert stub.tasks == ["begin", "triage", "triage", "triage", "report"]
    calls = [call for call in stub.calls if call["task"] == "triage"]
    assert all(call["stages"] == ["ingest", "publish"] for call in calls)
    assert output == {"outcome": "triaged", "report": "reports/2026-03-01/run-1.json"}


def test_one_stage_is_still_a_list() -> None:
    stub = functions()
    run(stub)

    assert stub.call("triage")["stages"] == ["publish"]
    assert stub.call("lock")["request"]["stages"] == ["publish"]


def test_a_triage_beside_another_one_succeeds_as_skipped() -> None:
    stub = functions(action="triage")
    stub.triages = [triaged(drained=False, skipped=True)]

    assert run(stub)["outcome"] == "skipped"
    assert stub.tasks == ["begin", "triage", "report"]


def test_a_redrive_beside_a_triage_takes_what_is_in_the_ledger() -> None:
    stub = functions()
    stub.triages = [triaged(drained=False, skipped=True)]

    assert run(stub)["outcome"] == "done"
    assert stub.tasks == REDRIVEN


def test_a_plan_changes_nothing() -> None:
    stub = functions(action="plan")

    assert run(stub)["outcome"] == "planned"
    assert stub.tasks == [*PLANNED, "report"]
    assert stub.call("plan")["request"] == stub.request
    assert stub.call("report")["plan"] == {**PLAN, "because": None}


@pytest.mark.parametrize("action", ["redrive", "discard"])
def test_without_letters_there_is_nothing_to_approve_and_nothing_to_lock(action: str) -> None:
    stub = functions(action=action, approval_above=0)
    stub.plan = {**PLAN, "count": 0}

    assert run(stub)["outcome"] == "nothing"
    assert stub.tasks == [*PLANNED, "report"]


def test_what_is_resubmitted_is_triaged_and_reported() -> None:
    stub = functions(action="resubmit")
    stub.triages = [triaged(), triaged(drained=False), triaged()]

    assert run(stub)["outcome"] == "resubmitted"
    assert stub.tasks == ["begin", "triage", "resubmit", "triage", "triage", "report"]
    assert stub.call("report")["junk"] == {"resubmitted": 1, "letters": 1}


def test_junk_that_is_no_letter_is_an_invalid_input() -> None:
    stub = functions(action="resubmit")
    stub.answers["resubmit"] = error("InvalidInput", "junk_ids: 17: no dead letter")
    failed = failure(stub)

    assert (failed.error, failed.cause) == ("InvalidInput", "junk_ids: 17: no dead letter")
    assert stub.tasks == ["begin", "triage", "resubmit"]


def test_a_redrive() -> None:
    stub = functions()

    assert run(stub)["outcome"] == "done"
    assert stub.tasks == REDRIVEN
    assert stub.call("verify")["approved"] is False
    assert stub.call("page")["token"] == {"lock#publish": 7}
    finish = stub.call("finish")
    assert finish["position"] == {"letter": 321}
    assert (finish["request"], finish["plan"]) == (stub.request, {**PLAN, "because": None})
    assert (finish["cause"], finish["approver"]) == (None, None)


def test_letters_are_discarded_without_a_probe() -> None:
    stub = functions(action="discard")

    assert run(stub)["outcome"] == "done"
    assert stub.tasks == [*VERIFIED, "page", "finish"]


@pytest.mark.parametrize(("count", "asked"), [(999, False), (1000, False), (1001, True)])
def test_many_letters_need_an_approval(count: int, asked: bool) -> None:
    stub = functions(approval=YES)
    stub.plan = {**PLAN, "count": count}

    assert run(stub)["outcome"] == "done"
    assert ("ask" in stub.tasks) is asked
    assert stub.call("verify")["approved"] is asked


def test_whoever_approves_is_asked_with_the_plan_and_written_down() -> None:
    stub = functions(approval_above=0, approval=YES)
    run(stub)
    asked = stub.call("ask")

    assert asked["token"] == "token of run-1"
    assert (asked["plan"], asked["request"]) == (stub.call("verify")["plan"], stub.request)
    assert asked["because"] == "they are many"
    finish = stub.call("finish")
    assert (finish["approver"], finish["approval_reason"]) == ("dana", "seen it")


def test_no_token_is_in_what_those_who_start_runs_may_read() -> None:
    """The history of an execution has what its tasks are given and give, and its output."""
    seen: list[Json] = []

    def noted(arguments: Json) -> Json:
        result = stub(arguments)
        seen.append([arguments, result])
        return result

    stub = functions(approval_above=0, approval=YES)
    execution = Execution(MACHINE, noted)
    seen.append(execution.run({}))
    (asked,) = stub.asked

    assert "token of run-1" not in json.dumps([seen, execution.variables])
    assert stub.call("ask")["token"] == "token of run-1"
    assert "token of run-1" not in json.dumps(asked.variables)


def test_a_run_that_has_come_to_need_an_approval_asks_when_it_has_the_lock() -> None:
    stub = functions(approval=YES)
    stub.answers["lock"] = lambda payload: (
        {"token": {"lock#publish": 7}}
        if payload["approved"]
        else error("ApprovalNeeded", "with those of others")(payload)
    )

    assert run(stub)["outcome"] == "done"
    assert stub.tasks == [*PLANNED, "lock", "ask", "answer", *REDRIVEN[3:]]
    assert stub.call("ask")["because"] == "with those of others"
    assert stub.call("verify")["approved"] is True


def test_the_answer_is_judged_by_the_function_and_not_by_the_machine() -> None:
    stub = functions(approval_above=0, approval=NO)

    assert run(stub)["outcome"] == "refused"
    asked = stub.call("answer")
    assert (asked["answer"], asked["plan"]["hash"]) == (NO, PLAN["hash"])
    assert stub.tasks == [*PLANNED, "ask", "answer", "report"]
    report = stub.call("report")
    assert (report["cause"], report["approver"]) == ("Refused by dana.", None)


def test_no_answer_within_a_day_is_a_no() -> None:
    stub = functions(approval_above=0)

    assert run(stub)["outcome"] == "not approved"
    assert stub.tasks == [*PLANNED, "ask", "report"]
    assert "within a day" in stub.call("report")["cause"]
    assert APPROVAL["States"]["Ask"]["TimeoutSeconds"] == DAY == ANSWERED_WITHIN.total_seconds()
    # Whoever waits for it gives it the time.
    assert (
        DAY < APPROVAL["TimeoutSeconds"] < MACHINE["States"]["Ask for approval"]["TimeoutSeconds"]
    )


def test_a_second_run_on_a_stage_is_refused_with_the_name_of_the_first() -> None:
    stub = functions()
    stub.answers["lock"] = error("Locked", "publish is being worked on by run-0")
    failed = failure(stub)

    assert (failed.error, failed.cause) == ("Locked", "publish is being worked on by run-0")
    assert stub.tasks == [*PLANNED, "lock", "report"]
    report = stub.call("report")
    assert (report["outcome"], report["cause"]) == ("locked", failed.cause)


def test_a_plan_that_does_not_hold_any_more_is_refused_and_the_lock_given_back() -> None:
    stub = functions()
    stub.answers["verify"] = error("PlanChanged", "1 letter was added: abc")
    failed = failure(stub)

    assert (failed.error, failed.cause) == ("PlanChanged", "1 letter was added: abc")
    assert stub.tasks == [*VERIFIED, "finish"]
    finish = stub.call("finish")
    assert (finish["outcome"], finish["cause"]) == ("changed", failed.cause)


def test_the_first_page_begins_with_what_the_probe_has_found() -> None:
    stub = functions()

    assert run(stub)["outcome"] == "done"
    assert stub.call("page")["position"] == PROBED


def test_each_page_goes_on_where_the_last_one_ended() -> None:
    stub = functions()
    stub.pages = [page(100), page(200), page(321, done=True)]

    assert run(stub)["outcome"] == "done"
    calls = [call for call in stub.calls if call["task"] == "page"]
    assert [call["position"] for call in calls] == [PROBED, {"letter": 100}, {"letter": 200}]
    assert all(call["plan"]["hash"] == PLAN["hash"] for call in calls)
    assert all(call["request"] == stub.request for call in calls)
    assert stub.call("finish")["position"] == {"letter": 321}


@pytest.mark.parametrize(
    ("stop", "outcome", "cause"),
    [
        ("aborted", "aborted", "Too many letters failed again."),
        ("lost lock", "partial", "lost lock"),
    ],
)
@pytest.mark.parametrize("done", [False, True])
def test_a_page_may_stop_the_run(stop: str, outcome: str, cause: str, done: bool) -> None:
    stub = functions()
    stub.pages = [page(10), page(14, done=done, stop=stop)]

    assert run(stub)["outcome"] == outcome
    assert stub.tasks == [*VERIFIED, "probe", "page", "page", "finish"]
    finish = stub.call("finish")
    assert (finish["cause"], finish["position"]) == (cause, {"letter": 14})


def test_a_run_ends_before_its_history_is_full() -> None:
    stub = functions()
    stub.triages = [triaged(drained=False) for _ in range(2000)]
    stub.pages = [page(number) for number in range(2000)]

    assert run(stub)["outcome"] == "partial"
    pages = Counter(stub.tasks)["triage"] + Counter(stub.tasks)["page"]
    assert pages == 2000
    # A page is seven entries (Task: entered, scheduled, started, succeeded, exited; Choice: entered,
    # exited), and an execution fails at 25,000. Retries add to them.
    assert 7 * pages < 0.6 * 25_000
    # Nor does the clock end it before: a page has a minute, an approval a day.
    assert MACHINE["TimeoutSeconds"] > 60 * pages + DAY


WITHOUT_LOCK = ("begin", "triage", "resubmit", "plan", "ask", "answer", "lock", "report", "finish")
WITH_LOCK = ("verify", "probe", "page")


def broken(task: str, name: str) -> Functions:
    """Functions of which one fails, in a run that gets there."""
    # A redrive that ends well has no report but that of finish.
    action = {"report": "plan", "resubmit": "resubmit"}.get(task, "redrive")
    stub = functions(action=action, approval_above=0, approval=YES)
    stub.answers[task] = error(name, "an event could be quoted here")
    return stub


@pytest.mark.parametrize(
    ("task", "name"),
    [
        (task, name)
        for task in WITHOUT_LOCK
        for name in ("States.Timeout", "ClientError", "Lambda.Unknown")
        # This one is an operator's silence.
        if (task, name) != ("ask", "States.Timeout")
    ],
)
def test_an_error_where_there_is_nothing_to_unlock(task: str, name: str) -> None:
    stub = broken(task, name)
    failed = failure(stub)

    assert failed.error == name
    unreported = "no report could be written: " if task in ("report", "finish") else ""
    assert failed.cause.startswith(f"{unreported}{name}: ")
    assert "quoted" not in failed.cause
    # What `finish` or a lost answer of `lock` leave locked, the rule on failed executions releases.
    follows = {"begin": [], "report": ["tell"], "finish": ["tell"]}.get(task, ["report"])
    assert stub.tasks[-1 - len(follows) :] == [task, *follows]
    for name in follows:
        assert stub.call(name)["cause"] == failed.cause


@pytest.mark.parametrize("task", [*WITHOUT_LOCK[1:], "verify", "page"])
def test_a_dependency_that_fails_is_named_by_the_execution(task: str) -> None:
    said = "table eventing-events: ACCESS_DENIED: User: redrive is not authorized"
    stub = broken(task, "DependencyDown")
    stub.answers[task] = error("DependencyDown", said)
    failed = failure(stub)

    assert failed.error == "DependencyDown"
    assert failed.cause.endswith(said)
    assert stub.calls[-1]["cause"] == failed.cause


def test_what_failed_first_is_named_when_its_report_fails_as_well() -> None:
    stub = functions()
    stub.answers["plan"] = error("DependencyDown", "table events: THROTTLED: slow down")
    stub.answers["report"] = error("DependencyDown", "bucket operations: ACCESS_DENIED: no")
    failed = failure(stub)

    assert stub.tasks == [*PLANNED, "report", "tell"]
    assert failed.cause == (
        "table events: THROTTLED: slow down; "
        "no report could be written: bucket operations: ACCESS_DENIED: no"
    )


def test_an_execution_that_can_tell_nobody_fails_with_its_own_cause() -> None:
    stub = functions()
    stub.answers |= {
        task: error("DependencyDown", f"{task}: ACCESS_DENIED: no")
        for task in ("plan", "report", "tell")
    }
    assert failure(stub).cause.startswith("plan: ACCESS_DENIED")


@pytest.mark.parametrize("task", WITH_LOCK)
@pytest.mark.parametrize("name", ["States.Timeout", "ClientError", "Sandbox.Timedout"])
def test_an_error_while_the_lock_is_held_gives_it_back(task: str, name: str) -> None:
    stub = broken(task, name)
    failed = failure(stub)

    assert failed.error == name
    assert stub.tasks[-2:] == [task, "finish"]
    finish = stub.call("finish")
    assert (finish["outcome"], finish["cause"]) == ("failed", failed.cause)
    assert "quoted" not in failed.cause


def test_a_page_that_fails_leaves_the_position_that_it_was_given() -> None:
    stub = functions()

    def second_fails(payload: Json) -> Json:
        if payload["position"] == PROBED:
            return page(10)
        raise TaskFailed("States.Timeout")

    stub.answers["page"] = second_fails
    assert failure(stub).error == "States.Timeout"
    assert stub.call("finish")["position"] == {"letter": 10}


def test_what_nothing_can_catch_leaves_the_release_to_the_rule() -> None:
    stub = broken("page", "States.DataLimitExceeded")

    assert failure(stub).error == "States.DataLimitExceeded"
    assert stub.tasks[-1] == "page"


def test_the_machine_knows_the_refusals_of_the_contract() -> None:
    caught = {
        error
        for state in MACHINE["States"].values()
        for catcher in state.get("Catch", ())
        for error in catcher["ErrorEquals"]
        if not error.startswith("States.")
    }

    assert caught == {*EXECUTION_REFUSALS, Refusal.APPROVAL_NEEDED}
    assert f"'{DEPENDENCY_DOWN}'" in DEFINITION.read_text(encoding="utf-8")


@pytest.mark.parametrize("letters", [1000, 1001, 10_000, 120_000])
def test_at_most_twenty_transitions_for_a_thousand_letters(letters: int) -> None:
    # A page has 50 seconds at the 200 letters a second that are the default, but begins slower; a
    # triage has 45 for two queues, and is faster.
    per_page = 9000
    pages = -(-letters // per_page)
    stub = functions(approval=YES)
    stub.plan = {**PLAN, "count": letters}
    stub.triages = [triaged(drained=number == pages) for number in range(1, pages + 1)]
    stub.pages = [page(number, done=number == pages) for number in range(1, pages + 1)]
    execution = Execution(MACHINE, stub)
    execution.run({})

    assert ("ask" in stub.tasks) is (letters > 1000)
    assert len(execution.visited) <= 20 * letters / 1000


def test_every_transition_is_one_that_an_execution_takes() -> None:
    taken: set[tuple[str, str]] = set()

    def walk(stub: Functions) -> None:
        execution = Execution(MACHINE, stub)
        try:
            execution.run({})
        except ExecutionFailed:
            assert execution.visited[-1] == "Failed"
        taken.update(zip(execution.visited, execution.visited[1:], strict=False))

    for action in ("triage", "plan", "discard"):
        walk(functions(action=action))
    resubmits = functions(action="resubmit")
    resubmits.triages = [triaged(), triaged()]
    walk(resubmits)
    for approval in (YES, NO, None):
        walk(functions(approval_above=0, approval=approval))
    several = functions()
    several.triages.insert(0, triaged(drained=False))
    several.pages.insert(0, page(1))
    walk(several)
    needed = functions(approval=NO)
    needed.answers["lock"] = error("ApprovalNeeded", "with those of others")
    walk(needed)
    aborted = functions(approval_above=0)
    aborted.answers["ask"] = error("States.DataLimitExceeded", "which the other machine fails with")
    walk(aborted)
    walk(broken("resubmit", "InvalidInput"))
    refused = {"plan": "InvalidInput", "lock": "Locked", "verify": "PlanChanged"}
    for task, name in refused.items():
        walk(broken(task, name))
    for task in (*WITHOUT_LOCK, *WITH_LOCK):
        walk(broken(task, "ClientError"))
    silenced = broken("report", "ClientError")
    silenced.answers["tell"] = error("ClientError", "")
    walk(silenced)

    assert taken == {
        (name, target) for name, state in MACHINE["States"].items() for target in targets(state)
    }
