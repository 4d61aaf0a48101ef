"""Who starts a run can neither lift the ceiling, nor get below it in parts, nor answer the question."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eventing.redrive.allowance import Allowance
from functions.contract import Objects
from functions.shared.allowances import Allowances, Contended
from tests.engine.process import TaskCall
from tests.engine.world import Ended, World
from tests.faults.vocabulary import Fault
from tests.infrastructure.synthesis import ACCOUNT, Template
from tests.security.policies import Decisions

OPERATOR, APPROVER = "eventing-operator-us-east-1", "eventing-approver-us-east-1"
OPERATIONS = f"eventing-operations-{ACCOUNT}-us-east-1"
TOKENS = f"{OPERATIONS}/{Objects.APPROVALS}run-1/2026-11-27T12:00:00.000Z.json"
STATES = f"arn:aws:states:us-east-1:{ACCOUNT}"
REDRIVES, ASKED = (
    f"{STATES}:execution:eventing-redrive:run-1",
    f"{STATES}:execution:eventing-approval:run-1",
)
DISCARD: dict[str, Any] = {"action": "discard", "everything": True, "stage": "publish"}
REDRIVE: dict[str, Any] = {"action": "redrive", "stage": "publish"}


@pytest.fixture
def world(world: World) -> World:
    """A world in which more than ten letters need an approval, whatever is done with them."""
    world.ceilings = {"redrive": 10, "discard": 10}
    return world


def record(world: World, count: int, name: str = "e") -> None:
    world.record(*(world.letter(f"{name}{number}") for number in range(count)))


def yes(task: Any) -> Any:
    told = {"approver": "bob", "reason": "seen it", "hash": task["plan"]["hash"]}
    return {"approved": True, **told}


def asked(ended: Ended) -> bool:
    return "ask" in ended.tasks


def test_a_discard_beside_one_that_waits_does_not_lift_its_ceiling(world: World) -> None:
    """The attack: 30 letters discarded by a high ceiling of one's own, while a run waits for approval."""
    record(world, 30)
    attacks: list[Ended] = []

    def attack(task: Any) -> Any:
        attacks.append(world.run({**DISCARD, "approval_above": 10_000_000}))
        attacks.append(world.run(DISCARD))
        return {**yes(task), "approved": False}

    waited = world.run(DISCARD, approve=attack)

    assert waited.output["outcome"] == "refused"
    assert attacks[0].error == "InvalidInput"
    assert "approval_above: must be at most 10" in (attacks[0].cause or "")
    assert attacks[1].output["outcome"] == "not approved"
    assert world.states() == {"open": 30}


@pytest.mark.parametrize("action", ["redrive", "discard"])
def test_parts_below_the_ceiling_count_together(world: World, action: str) -> None:
    record(world, 30)
    asks = {"action": action, "stage": "publish", "limit": 4}
    if action == "discard":
        asks["everything"] = True
    ended = [world.run(asks) for _ in range(4)]

    assert [asked(one) for one in ended] == [False, False, True, True]
    assert world.states()["open"] == 30 - 8
    (mail,) = {
        text
        for subject, text in world.told()
        if "letters?" in subject and ended[3].output["execution"] in text
    }
    assert "4 letters of publish, with 8 that were taken up within 24 hours" in mail


def test_what_was_redriven_counts_with_what_is_discarded(world: World) -> None:
    record(world, 20)
    assert not asked(world.run({**REDRIVE, "limit": 8}))
    assert asked(world.run({**DISCARD, "limit": 3}))
    assert not asked(world.run({**DISCARD, "limit": 2}))
    assert world.states() == {"open": 10, "resolved": 8, "discarded": 2}


def test_a_day_later_they_count_no_more_and_each_stage_has_its_own(world: World) -> None:
    record(world, 18)
    world.record(*(world.letter(f"s{number}", stage="ingest") for number in range(9)))
    assert not asked(world.run({**REDRIVE, "limit": 9}))
    assert not asked(world.run({**REDRIVE, "stage": "ingest"}))
    assert asked(world.run(REDRIVE))
    world.clock.passed += 23 * 3600
    assert asked(world.run(REDRIVE))
    world.clock.passed += 2 * 3600
    assert not asked(world.run(REDRIVE))


def test_what_was_approved_does_not_count(world: World) -> None:
    record(world, 20)
    assert asked(world.run(REDRIVE, approve=yes))
    record(world, 10, name="later")
    assert not asked(world.run(REDRIVE))


def test_what_a_run_has_not_come_to_does_not_count(world: World) -> None:
    record(world, 9)

    def down(call: TaskCall) -> Fault | None:
        return "denied" if call.operation == "PublishBatch" else None

    for _ in range(3):
        assert world.run(REDRIVE, faults=down).output["outcome"] == "aborted"
    assert world.run(REDRIVE).output["outcome"] == "done"


def test_of_two_that_are_started_together_one_asks(world: World) -> None:
    record(world, 14)
    second: list[Ended] = []

    def meanwhile() -> None:
        # Planned while nobody had taken anything up, and run before the first has the lock.
        second.append(world.run({**REDRIVE, "limit": 7}))

    first = world.run({**REDRIVE, "limit": 7}, before={"lock": meanwhile}, approve=yes)

    assert not asked(second[0])
    assert second[0].output["outcome"] == "done"
    assert first.tasks[:5] == ["begin", "triage", "plan", "lock", "ask"]
    assert world.locked() == {}
    # What was planned is gone: nothing is done twice, approved or not.
    assert first.error == "PlanChanged"


@pytest.mark.parametrize("fault", ["denied", "throttle", "timeout"])
@pytest.mark.parametrize("task", ["plan", "lock"])
def test_a_count_that_cannot_be_read_lets_nothing_pass(
    world: World, task: str, fault: Fault
) -> None:
    record(world, 3)

    def faults(call: TaskCall) -> Fault | None:
        of_allowance = call.operation == "GetItem" and "allowance#" in call.body
        return fault if call.task == task and of_allowance else None

    ended = world.run(REDRIVE, faults=faults)

    assert ended.error == "DependencyDown"
    assert "table" in (ended.cause or "")
    assert world.states() == {"open": 3}
    assert world.locked() == {}


def test_what_others_changed_meanwhile_is_looked_at_again(world: World) -> None:
    client = world.cloud.client("dynamodb")
    mine, others = (Allowances(client, table=world.ledger) for _ in range(2))
    now, seen = world.clock.now(), list[int]()

    def take(found: Allowance) -> Allowance:
        seen.append(found.used(now))
        if len(seen) <= meanwhile:
            others.change("publish", lambda there: there.take("run-2", 3, now))
        return found.take("run-1", 4, now)

    meanwhile = 1
    mine.change("publish", take)
    assert seen == [0, 3]
    assert mine.of("publish").used(now) == 7
    # Not for ever.
    seen.clear()
    meanwhile = 1000
    with pytest.raises(Contended, match="allowance of publish"):
        mine.change("publish", take)


def test_no_token_leaves_the_place_where_approvers_alone_may_read(world: World) -> None:
    record(world, 11)
    ended = world.run({**REDRIVE, "started_by": "ada"}, approve=yes)
    name = ended.output["execution"].rpartition(":")[2]
    token = f"token of {name}"
    (kept,) = world.objects(f"{Objects.APPROVALS}{name}/")

    assert world.read(kept)["token"] == token
    others = {
        key: content
        for key, content in world.cloud.objects(world.operations).items()
        if not key.startswith(Objects.APPROVALS)
    }
    seen = [
        world.told(),
        ended.output,
        world.audit(),
        world.rows(),
        str(others),
        world.log.getvalue(),
    ]
    assert token not in json.dumps(seen, default=str)


def test_who_asks_and_who_approves_is_on_record_as_what_they_claim(world: World) -> None:
    record(world, 11)
    world.run({**REDRIVE, "started_by": "ada"}, approve=yes)
    entry = world.audit()[-1]

    assert (entry["request"]["started_by"], entry["approver"]) == ("ada", "bob")
    assert entry["approval_reason"] == "seen it"
    assert entry["claimed"] == ["started_by", "approver"]


@pytest.mark.parametrize("approver", ["ada", "arn:aws:sts::1:assumed-role/approver/ada"])
def test_whoever_asks_does_not_approve_by_the_same_claim(world: World, approver: str) -> None:
    record(world, 11)
    ended = world.run(
        {**REDRIVE, "started_by": "ada"}, approve=lambda task: {**yes(task), "approver": approver}
    )

    assert ended.output["outcome"] == "not approved"
    assert world.states() == {"open": 11}


# With the credentials of people


@pytest.fixture(scope="module")
def decisions(regional: Template) -> Decisions:
    return Decisions(regional)


@pytest.mark.parametrize("policies", [[OPERATOR], [OPERATOR, APPROVER]])
def test_an_operator_reads_no_token_whatever_else_they_have(
    decisions: Decisions, policies: list[str]
) -> None:
    assert decisions.person_may([APPROVER], "s3:GetObject", TOKENS)
    assert not decisions.person_may(policies, "s3:GetObject", TOKENS)
    assert not decisions.person_may(policies, "s3:GetObjectVersion", TOKENS)
    # The history of the execution that asks has it as well.
    assert not decisions.person_may(policies, "states:GetExecutionHistory", ASKED)
    assert decisions.person_may([OPERATOR], "states:GetExecutionHistory", REDRIVES)


def test_an_operator_answers_nothing_and_an_approver_starts_and_stops_nothing(
    decisions: Decisions,
) -> None:
    for action in ("SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat"):
        assert not decisions.person_may([OPERATOR], f"states:{action}", "*")
    assert decisions.person_may([APPROVER], "states:SendTaskSuccess", "*")
    machines = ("eventing-redrive", "eventing-approval")
    for machine in machines:
        assert not decisions.person_may([APPROVER], "states:StartExecution", machine)
    for execution in (REDRIVES, ASKED):
        assert not decisions.person_may([APPROVER], "states:StopExecution", execution)
        assert not decisions.person_may([APPROVER], "states:GetExecutionHistory", execution)
        assert decisions.person_may([APPROVER], "states:DescribeExecution", execution)
    # Nobody asks but a run.
    assert decisions.person_may([OPERATOR], "states:StartExecution", machines[0])
    assert not decisions.person_may([OPERATOR], "states:StartExecution", machines[1])
    assert not decisions.person_may([OPERATOR], "states:StopExecution", ASKED)


@pytest.mark.parametrize("policy", [OPERATOR, APPROVER])
def test_people_write_nothing(decisions: Decisions, policy: str) -> None:
    for action in ("PutObject", "DeleteObject", "DeleteObjectVersion"):
        for key in (TOKENS, f"{OPERATIONS}/{Objects.REPORTS}x.json"):
            assert not decisions.person_may(
                [policy], f"s3:{action}", key, {"s3:if-none-match": "*"}
            )
    keys = {"dynamodb:LeadingKeys": ["allowance#publish"]}
    for action in ("PutItem", "UpdateItem", "DeleteItem", "PartiQLUpdate", "PartiQLInsert"):
        assert not decisions.person_may([policy], f"dynamodb:{action}", "eventing-ledger", keys)


@pytest.mark.parametrize("function", ["ingest", "publish", "triage", "redrive", "counter"])
def test_no_function_reads_a_token_or_answers(decisions: Decisions, function: str) -> None:
    assert not decisions.may(function, "s3:GetObject", TOKENS)
    assert not decisions.may(function, "states:GetExecutionHistory", ASKED)
    assert not decisions.may(function, "states:SendTaskSuccess", "*")


def test_whoever_deploys_finds_both_policies(regional: Template) -> None:
    assert regional.output("OperatorPolicyArn") == OPERATOR
    assert regional.output("ApproverPolicyArn") == APPROVER
    attached = {
        key
        for resource in regional.all("AWS::IAM::ManagedPolicy")
        for key in ("Users", "Groups", "Roles")
        if resource.properties.get(key)
    }
    assert attached == set()
