"""Redrive: the state machine and the function that does its pages."""

from __future__ import annotations

from tests.infrastructure.synthesis import ACCOUNT, Template
from workflows.redrive import DEFINITION


def test_the_state_machine_is_the_file(regional: Template) -> None:
    machine = regional.one(
        "AWS::StepFunctions::StateMachine", StateMachineName="eventing-redrive"
    ).properties

    assert machine["DefinitionString"] == DEFINITION.read_text(encoding="utf-8")
    assert machine["DefinitionSubstitutions"] == {"RedriveFunction": "eventing-redrive"}


def test_executions_leave_a_log_and_a_trace(regional: Template) -> None:
    machine = regional.one("AWS::StepFunctions::StateMachine").properties
    (destination,) = machine["LoggingConfiguration"]["Destinations"]

    log = destination["CloudWatchLogsLogGroup"]["LogGroupArn"]
    assert log == "/aws/vendedlogs/states/eventing-redrive"
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    assert machine["TracingConfiguration"] == {"Enabled": True}


def test_the_state_machine_may_call_its_function_and_nothing_else(regional: Template) -> None:
    machine = regional.one("AWS::StepFunctions::StateMachine").properties
    allowed = regional.role_statements(machine["RoleArn"])

    assert {pair for pair in allowed if pair[1] != "*"} == {
        ("lambda:InvokeFunction", "eventing-redrive")
    }
    assert {action.partition(":")[0] for action, resource in allowed if resource == "*"} == {
        "logs",
        "xray",
    }


def test_the_function_may_do_what_the_stages_do_and_empty_their_queues(
    regional: Template,
) -> None:
    table = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/eventing-events"
    topics = {
        resource
        for action, resource in regional.statements("eventing-publish")
        if action == "sns:Publish"
    }

    assert regional.statements("eventing-redrive") == {
        ("dynamodb:PutItem", table),
        ("dynamodb:GetItem", table),
        ("s3:PutObject", f"eventing-archive-{ACCOUNT}-us-east-1/publisher=*"),
        *(("sns:Publish", topic) for topic in topics),
        *(
            (f"sqs:{action}", f"eventing-{stage}-dlq")
            for stage in ("ingest", "publish")
            for action in (
                "ReceiveMessage",
                "DeleteMessage",
                "SendMessage",
                "ChangeMessageVisibility",
            )
        ),
        ("logs:CreateLogStream", "/aws/lambda/eventing-redrive"),
        ("logs:PutLogEvents", "/aws/lambda/eventing-redrive"),
        ("xray:PutTraceSegments", "*"),
        ("xray:PutTelemetryRecords", "*"),
    }


def test_the_functions_environment(regional: Template) -> None:
    function = regional.one("AWS::Lambda::Function", FunctionName="eventing-redrive").properties

    assert function["Environment"]["Variables"] == {
        "POWERTOOLS_SERVICE_NAME": "eventing",
        "POWERTOOLS_METRICS_NAMESPACE": "Eventing",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "INGEST_DLQ_URL": "eventing-ingest-dlq",
        "PUBLISH_DLQ_URL": "eventing-publish-dlq",
        "EVENTS_TABLE": "eventing-events",
        "ARCHIVE_BUCKET": f"eventing-archive-{ACCOUNT}-us-east-1",
        "TOPIC_ARN_PREFIX": f"arn:aws:sns:us-east-1:{ACCOUNT}:eventing-topic-",
        "EVENT_RETENTION_DAYS": "90",
    }
