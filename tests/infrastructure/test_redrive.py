"""Triage and redrive: the state machine, its functions, what starts them and what cleans up."""

from __future__ import annotations

import json

import pytest

from functions.contract import DLQ_URLS, LEDGER_INDEX, Objects, Variable
from tests.infrastructure.synthesis import ACCOUNT, Json, Template
from workflows import approval, sensitive_data
from workflows.redrive import DEFINITION

STAGES = ("ingest", "publish")
_ASKED = f"arn:aws:states:us-east-1:{ACCOUNT}:execution:eventing-approval:*"
_EXECUTIONS = f"arn:aws:states:us-east-1:{ACCOUNT}:execution:eventing-redrive:*"
EVENTS = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/eventing-events"
RECEIPTS = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/eventing-receipts"
REGISTRY = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/eventing-registry"
MAPPING = f"arn:aws:lambda:us-east-1:{ACCOUNT}:event-source-mapping:eventing-publish"
OPERATIONS = f"eventing-operations-{ACCOUNT}-us-east-1"
ALWAYS = {
    Variable.SERVICE: "eventing",
    Variable.NAMESPACE: "Eventing",
    Variable.LOG_LEVEL: "INFO",
    Variable.CANARY: "on",
}
QUEUES = {DLQ_URLS[stage]: f"eventing-{stage}-dlq" for stage in STAGES}


def _function(template: Template, name: str) -> Json:
    return template.one("AWS::Lambda::Function", FunctionName=f"eventing-{name}").properties


def _machine(template: Template, name: str) -> Json:
    return template.one(
        "AWS::StepFunctions::StateMachine", StateMachineName=f"eventing-{name}"
    ).properties


def _rule(template: Template, name: str) -> Json:
    return template.one("AWS::Events::Rule", Name=f"eventing-{name}").properties


def _own(template: Template, name: str) -> set[tuple[str, str]]:
    """A function's permissions beside those of all: to write its log and its trace."""
    common = {
        ("logs:CreateLogStream", f"/aws/lambda/eventing-{name}"),
        ("logs:PutLogEvents", f"/aws/lambda/eventing-{name}"),
        ("xray:PutTraceSegments", "*"),
        ("xray:PutTelemetryRecords", "*"),
    }
    allowed = template.statements(f"eventing-{name}")
    assert common <= allowed
    return allowed - common


def test_the_state_machine_is_the_file(regional: Template) -> None:
    machine = regional.one(
        "AWS::StepFunctions::StateMachine", StateMachineName="eventing-redrive"
    ).properties

    assert machine["DefinitionString"] == DEFINITION.read_text(encoding="utf-8")
    assert machine["DefinitionSubstitutions"] == {
        "RedriveFunction": "eventing-redrive",
        "TriageFunction": "eventing-triage",
        "Approval": "eventing-approval",
    }
    assert machine.get("StateMachineType", "STANDARD") == "STANDARD"


def test_a_task_is_given_up_only_when_its_function_is(regional: Template) -> None:
    tasks = [
        state
        for definition in (DEFINITION, approval.DEFINITION, sensitive_data.DEFINITION)
        for state in json.loads(definition.read_text(encoding="utf-8"))["States"].values()
        if state["Type"] == "Task" and ":lambda:" in state["Resource"]
    ]

    assert tasks
    for task in tasks:
        # Otherwise a function would go on while the execution unlocks what it works on.
        for name in _called(task["Arguments"]["FunctionName"]):
            assert task["TimeoutSeconds"] > _function(regional, name)["Timeout"]


def _called(placeholder: str) -> tuple[str, ...]:
    """The functions that a placeholder in a definition stands for."""
    name = placeholder.removeprefix("${").removesuffix("Function}").lower()
    return (name,) if name else ("redrive", "cases")


@pytest.mark.parametrize(
    ("name", "with_data"),
    [("redrive", True), ("approval", False), ("sensitive-data", True), ("case-approval", False)],
)
def test_executions_leave_a_log_and_a_trace(regional: Template, name: str, with_data: bool) -> None:
    machine = _machine(regional, name)
    (destination,) = machine["LoggingConfiguration"]["Destinations"]

    log = destination["CloudWatchLogsLogGroup"]["LogGroupArn"]
    assert log == f"/aws/vendedlogs/states/eventing-{name}"
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    # What the tasks that ask are given has their tokens.
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is with_data
    assert machine["TracingConfiguration"] == {"Enabled": True}


def test_the_state_machine_may_call_its_functions_and_nothing_else(regional: Template) -> None:
    allowed = regional.role_statements(_machine(regional, "redrive")["RoleArn"])
    rule = "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
    assert {pair for pair in allowed if pair[1] != "*"} == {
        ("lambda:InvokeFunction", "eventing-redrive"),
        ("lambda:InvokeFunction", "eventing-triage"),
        ("states:StartExecution", "eventing-approval"),
        ("states:DescribeExecution", _ASKED),
        ("states:StopExecution", _ASKED),
        *(
            (f"events:{action}", f"arn:aws:events:us-east-1:{ACCOUNT}:{rule}")
            for action in ("PutTargets", "PutRule", "DescribeRule")
        ),
    }
    assert {action.partition(":")[0] for action, resource in allowed if resource == "*"} == {
        "logs",
        "xray",
    }


@pytest.mark.parametrize(
    ("name", "function"), [("approval", "redrive"), ("case-approval", "cases")]
)
def test_a_state_machine_of_approvals_may_call_its_function(
    regional: Template, name: str, function: str
) -> None:
    machine = _machine(regional, name)
    allowed = regional.role_statements(machine["RoleArn"])

    assert {pair for pair in allowed if pair[1] != "*"} == {
        ("lambda:InvokeFunction", f"eventing-{function}")
    }
    assert machine["DefinitionString"] == approval.DEFINITION.read_text(encoding="utf-8")
    assert machine["DefinitionSubstitutions"] == {"Function": f"eventing-{function}"}
    assert machine.get("StateMachineType", "STANDARD") == "STANDARD"


def test_triage_may_empty_the_queues_into_the_ledger(regional: Template) -> None:
    assert _own(regional, "triage") == {
        *(
            (f"sqs:{action}", f"eventing-{stage}-dlq")
            for stage in STAGES
            for action in ("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility")
        ),
        ("dynamodb:UpdateItem", "eventing-ledger"),
        ("s3:GetObject", f"{OPERATIONS}/{Objects.INVOCATION_RECORDS}*"),
        ("s3:PutObject", f"{OPERATIONS}/{Objects.RUNS}*"),
        ("s3:PutObject", f"{OPERATIONS}/{Objects.JUNK}*"),
    }


def test_redrive_may_do_what_the_stages_do_and_write_down_what_it_did(regional: Template) -> None:
    topics = {
        resource
        for action, resource in regional.statements("eventing-publish")
        if action == "sns:Publish"
    }
    assert topics

    assert _own(regional, "redrive") == {
        *(
            (f"dynamodb:{action}", "eventing-ledger")
            for action in (
                "GetItem",
                "BatchGetItem",
                "UpdateItem",
                "PartiQLUpdate",
                "PartiQLInsert",
            )
        ),
        ("dynamodb:Query", f"eventing-ledger/index/{LEDGER_INDEX}"),
        ("dynamodb:GetItem", REGISTRY),
        ("dynamodb:PartiQLInsert", RECEIPTS),
        ("dynamodb:Query", RECEIPTS),
        *(
            (f"dynamodb:{action}", EVENTS)
            for action in (
                "PartiQLInsert",
                "BatchGetItem",
                "DescribeTable",
            )
        ),
        ("s3:PutObject", f"eventing-archive-{ACCOUNT}-us-east-1/{Objects.EVENTS}*"),
        *(
            (action, topic)
            for topic in topics
            for action in ("sns:Publish", "sns:GetTopicAttributes")
        ),
        ("sns:Publish", "eventing-ops"),
        ("s3:GetObject", f"{OPERATIONS}/{Objects.RUNS}*"),
        ("s3:GetObject", f"{OPERATIONS}/{Objects.REPORTS}*"),
        ("s3:PutObject", f"{OPERATIONS}/{Objects.RUNS}*"),
        ("s3:PutObject", f"{OPERATIONS}/{Objects.APPROVALS}*"),
        ("s3:PutObject", f"{OPERATIONS}/{Objects.REPORTS}*"),
        ("s3:GetObject", f"{OPERATIONS}/{Objects.JUNK}*"),
        ("states:DescribeExecution", _EXECUTIONS),
        ("s3:PutObject", f"{OPERATIONS}/{Objects.RESUBMITTED}*"),
        *(("sqs:SendMessage", f"eventing-{stage}-dlq") for stage in STAGES),
        ("s3:ListBucket", OPERATIONS),
    }


def test_the_widget_may_read_a_row(regional: Template) -> None:
    assert _own(regional, "widget") == {("dynamodb:GetItem", "eventing-ledger")}


def test_the_counter_may_look_and_start_triage(regional: Template) -> None:
    assert _own(regional, "counter") == {
        *(("sqs:GetQueueAttributes", f"eventing-{stage}-dlq") for stage in STAGES),
        ("dynamodb:GetItem", "eventing-ledger"),
        ("dynamodb:DeleteItem", "eventing-ledger"),
        ("dynamodb:UpdateItem", "eventing-ledger"),
        ("dynamodb:Query", f"eventing-ledger/index/{LEDGER_INDEX}"),
        ("states:StartExecution", "eventing-redrive"),
        ("states:ListExecutions", "eventing-redrive"),
        ("states:DescribeExecution", _EXECUTIONS),
        ("states:GetExecutionHistory", _EXECUTIONS),
        ("cloudwatch:GetMetricData", "*"),
        ("dynamodb:DescribeTable", EVENTS),
        ("lambda:GetEventSourceMapping", MAPPING),
        ("s3:ListBucket", f"eventing-archive-{ACCOUNT}-us-east-1"),
    }


@pytest.mark.parametrize(
    ("name", "environment"),
    [
        (
            "triage",
            {
                **QUEUES,
                Variable.LEDGER_TABLE: "eventing-ledger",
                Variable.OPEN_LETTER_DAYS: "180",
                Variable.OPERATIONS_BUCKET: OPERATIONS,
            },
        ),
        (
            "redrive",
            {
                **QUEUES,
                Variable.APPROVAL_ABOVE: '{"redrive": 1000, "discard": 100}',
                Variable.OPEN_LETTER_DAYS: "180",
                Variable.LEDGER_TABLE: "eventing-ledger",
                Variable.CLOSED_LETTER_DAYS: "30",
                Variable.OPERATIONS_BUCKET: OPERATIONS,
                Variable.OPS_TOPIC_ARN: "eventing-ops",
                Variable.DEPLOYMENT: "eventing",
                Variable.RUNBOOK: "docs/runbook.md",
                Variable.COMMAND_OPTIONS: "--deployment eventing --region us-east-1",
                Variable.DASHBOARD: (
                    "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1"
                    "#dashboards/dashboard/eventing-operations-us-east-1"
                ),
                Variable.EVENTS_TABLE: "eventing-events",
                Variable.ARCHIVE_BUCKET: f"eventing-archive-{ACCOUNT}-us-east-1",
                Variable.TOPIC_ARN_PREFIX: f"arn:aws:sns:us-east-1:{ACCOUNT}:eventing-topic-",
                Variable.RECEIPTS_TABLE: "eventing-receipts",
                Variable.REGIONS: '["us-east-1"]',
                Variable.EVENT_RETENTION_DAYS: "90",
                Variable.REGISTRY_TABLE: "eventing-registry",
                Variable.STATE_MACHINE_ARN: (
                    f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:eventing-redrive"
                ),
            },
        ),
        (
            "widget",
            {
                Variable.LEDGER_TABLE: "eventing-ledger",
                Variable.COMMAND_OPTIONS: "--deployment eventing --region us-east-1",
            },
        ),
        (
            "counter",
            {
                **QUEUES,
                Variable.LEDGER_TABLE: "eventing-ledger",
                Variable.EVENTS_TABLE: "eventing-events",
                # Templates in tests name a mapping after its function.
                Variable.PUBLISH_MAPPING: "eventing-publish",
                Variable.STATE_MACHINE_ARN: "eventing-redrive",
                Variable.TOPIC_ARN_PREFIX: f"arn:aws:sns:us-east-1:{ACCOUNT}:eventing-topic-",
                Variable.CONSERVATION_FROM_MINUTES: "180",
                Variable.CONSERVATION_UNTIL_MINUTES: "10",
                Variable.ARCHIVE_BUCKET: f"eventing-archive-{ACCOUNT}-us-east-1",
            },
        ),
    ],
)
def test_a_functions_environment(regional: Template, name: str, environment: Json) -> None:
    variables = _function(regional, name)["Environment"]["Variables"]

    assert variables == {**ALWAYS, **environment}


@pytest.mark.parametrize("stage", STAGES)
def test_the_alarm_of_a_queue_starts_triage_of_its_stage(regional: Template, stage: str) -> None:
    rule = _rule(regional, f"{stage}-triage")
    (target,) = rule["Targets"]

    assert rule["EventPattern"] == {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "resources": [f"eventing-{stage}-dead-letters"],
        "detail": {"state": {"value": ["ALARM"]}},
    }
    assert target["Arn"] == "eventing-redrive"
    assert json.loads(target["Input"]) == {
        "stage": stage,
        "action": "triage",
        "started_by": "alarm",
    }
    assert regional.role_statements(target["RoleArn"]) == {
        ("states:StartExecution", "eventing-redrive")
    }
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 300}


def test_what_an_execution_leaves_behind_is_released(regional: Template) -> None:
    rule = _rule(regional, "redrive-release")
    (target,) = rule["Targets"]

    assert rule["EventPattern"] == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {
            "stateMachineArn": ["eventing-redrive"],
            "status": ["ABORTED", "FAILED", "TIMED_OUT"],
        },
    }
    assert target["Arn"] == "eventing-redrive"
    transformer = target["InputTransformer"]
    paths = transformer["InputPathsMap"]
    assert len(set(paths.values())) == 4
    filled = transformer["InputTemplate"]
    for name in paths:
        filled = filled.replace(f"<{name}>", f'"{paths[name]}"')
    assert json.loads(filled) == {
        "task": "release",
        "execution": "$.detail.name",
        "execution_arn": "$.detail.executionArn",
        "started_at": "$.detail.startDate",
        "status": "$.detail.status",
    }
    assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 24 * 3600
    assert _may_invoke(regional, "redrive") == {"eventing-redrive-release"}


def test_the_counter_runs_every_minute_and_never_late(regional: Template) -> None:
    rule = _rule(regional, "counter")
    (target,) = rule["Targets"]
    invoked = regional.one("AWS::Lambda::EventInvokeConfig", FunctionName="eventing-counter")

    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert target["Arn"] == "eventing-counter"
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    assert invoked.properties["MaximumRetryAttempts"] == 0
    assert _function(regional, "counter")["Timeout"] < 60
    assert _may_invoke(regional, "counter") == {"eventing-counter"}


def _may_invoke(template: Template, function: str) -> set[str]:
    """The rules whose events a function takes."""
    permissions = (
        permission.properties
        for permission in template.all("AWS::Lambda::Permission")
        if permission.properties["FunctionName"] == f"eventing-{function}"
    )
    return {p["SourceArn"] for p in permissions if p["Principal"] == "events.amazonaws.com"}


def test_no_rule_puts_what_it_could_not_deliver_into_a_queue_that_sets_it_off(
    regional: Template,
) -> None:
    rules = [rule.properties for rule in regional.all("AWS::Events::Rule")]

    assert len(rules) >= 4
    for rule in rules:
        queues = [t["DeadLetterConfig"]["Arn"] for t in rule["Targets"] if "DeadLetterConfig" in t]
        assert set(queues) <= {"eventing-findings-dlq"}
