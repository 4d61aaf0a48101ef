"""Proof: what its function may do, the night on which it is made, and the one alarm on yesterday."""

from __future__ import annotations

import json

import pytest

from functions.contract import LEDGER_INDEX, Variable
from tests.infrastructure.synthesis import ACCOUNT, Synthesis, Template
from workflows import proof

_TABLES = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/"
EVENTS, RECEIPTS = f"{_TABLES}eventing-events", f"{_TABLES}eventing-receipts"


def test_the_prover_reads_and_changes_nothing(regional: Template) -> None:
    assert regional.statements("eventing-prover") == {
        *((f"dynamodb:{action}", EVENTS) for action in ("Scan", "DescribeTable")),
        ("dynamodb:Query", RECEIPTS),
        ("dynamodb:Query", f"eventing-ledger/index/{LEDGER_INDEX}"),
        ("cloudwatch:GetMetricData", "*"),
        ("logs:CreateLogStream", "/aws/lambda/eventing-prover"),
        ("logs:PutLogEvents", "/aws/lambda/eventing-prover"),
        ("xray:PutTraceSegments", "*"),
        ("xray:PutTelemetryRecords", "*"),
    }


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_each_region_proves_yesterday_every_night(two_regions: Synthesis, region: str) -> None:
    template = two_regions.regional(region)
    rule = template.one("AWS::Events::Rule", Name="eventing-proof").properties
    (target,) = rule["Targets"]

    assert rule["ScheduleExpression"] == "cron(30 1 * * ? *)"
    assert json.loads(target["Input"]) == {"action": "count", "started_by": "schedule"}
    assert template.role_statements(target["RoleArn"]) == {
        ("states:StartExecution", "eventing-proof")
    }


def test_it_knows_the_other_regions_and_has_time_for_a_quarter(two_regions: Synthesis) -> None:
    template = two_regions.regional("us-east-1")
    function = template.one("AWS::Lambda::Function", FunctionName="eventing-prover").properties
    states = json.loads(proof.DEFINITION.read_text(encoding="utf-8"))["States"]

    variables = function["Environment"]["Variables"]
    assert variables[Variable.REGIONS] == '["us-east-1", "eu-west-1"]'
    assert function["Timeout"] == 900 < states["Count a part"]["TimeoutSeconds"]


def test_the_state_machine_calls_its_function_alone(regional: Template) -> None:
    machine = regional.one(
        "AWS::StepFunctions::StateMachine", StateMachineName="eventing-proof"
    ).properties
    allowed = regional.role_statements(machine["RoleArn"])

    assert {pair for pair in allowed if pair[1] != "*"} == {
        ("lambda:InvokeFunction", "eventing-prover")
    }
    assert machine["DefinitionString"] == proof.DEFINITION.read_text(encoding="utf-8")
    assert machine["DefinitionSubstitutions"] == {"ProverFunction": "eventing-prover"}


def test_a_proof_that_comes_to_no_end_is_written_down(regional: Template) -> None:
    rule = regional.one("AWS::Events::Rule", Name="eventing-proof-ended").properties

    assert rule["EventPattern"]["detail"]["status"] == ["ABORTED", "FAILED", "TIMED_OUT"]
    (target,) = rule["Targets"]
    assert '"task":"ended"' in json.dumps(target["InputTransformer"]).replace("\\", "").replace(
        " ", ""
    )


def test_all_that_is_not_proven_of_yesterday_is_one_alarm(regional: Template) -> None:
    composite = regional.one(
        "AWS::CloudWatch::CompositeAlarm", AlarmName="eventing-yesterday-unproven"
    ).properties

    for part in ("events-unproven", "events-published-twice", "proof-failed", "prover-throttles"):
        assert f"eventing-{part}" in composite["AlarmRule"]
    assert composite["AlarmActions"]
