"""What cannot make it to the next step is found, alarmed about, and redriven when it is fixed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from functions.contract import Variable
from tests.end_to_end.conftest import (
    PUBLISHER,
    accept,
    denied,
    eventually,
    execute,
    in_the_ledger,
    new_event,
    payment,
)

if TYPE_CHECKING:
    from local.deployment import Deployment
    from tests.end_to_end.conftest import Subscriber


def test_an_event_that_cannot_be_stored_is_accepted_and_redriven(
    deployment: Deployment, subscriber: Subscriber
) -> None:
    event = new_event()
    table = f"arn:aws:dynamodb:*:*:table/{deployment.outputs['EventsTable']}"
    with denied(deployment, deployment.outputs["IngestFunction"], "dynamodb:PartiQLInsert", table):
        accept(deployment, event)
        (letter,) = in_the_ledger(deployment, event)
        _see_the_alarm(deployment, "ingest")
    assert (letter["stage"], letter["step"]) == ("ingest", "store")
    assert letter["publisher"] == PUBLISHER
    assert letter["code"] == "ACCESS_DENIED"
    assert json.loads(letter["event"]) == event
    assert subscriber.seen(event["id"]) == []

    _see_redriven(deployment, "ingest", "IngestDlqUrl", letter)
    assert [delivery.topic for delivery in subscriber.wait_for(event["id"])] == ["orders"]


def test_events_of_a_topic_that_fails_are_redriven_and_others_are_delivered(
    deployment: Deployment, subscriber: Subscriber
) -> None:
    failing, others = [payment(), payment()], [new_event(), new_event()]
    topic = deployment.topic_arn("payments")
    with denied(deployment, deployment.outputs["PublishFunction"], "sns:Publish", topic):
        accept(deployment, failing[0], others[0], failing[1], others[1])
        for event in others:
            assert [d.topic for d in subscriber.wait_for(event["id"])] == ["orders"]
        letters = in_the_ledger(deployment, *failing)
        _see_the_alarm(deployment, "publish")
    for letter in letters:
        assert (letter["stage"], letter["step"]) == ("publish", "publish")
        assert letter["topic"] == "payments"
        assert letter["code"] == "ACCESS_DENIED"
    assert [json.loads(letter["event"]) for letter in letters] == failing

    _see_redriven(deployment, "publish", "PublishDlqUrl", *letters)
    for event in failing:
        assert [d.topic for d in subscriber.wait_for(event["id"])] == ["payments"]
        assert json.loads(subscriber.wait_for(event["id"])[0].body) == event


def test_a_redrive_of_an_unknown_stage_fails_before_it_does_anything(
    deployment: Deployment,
) -> None:
    execution = execute(deployment, stage="archive", action="redrive", filter={"topik": "x"})
    assert (execution["status"], execution["error"]) == ("FAILED", "InvalidInput")
    assert "stage: " in execution["cause"]
    assert "filter.topik: " in execution["cause"]


def test_what_the_publish_function_crashes_on_ends_up_whole_in_the_operations_bucket(
    deployment: Deployment,
) -> None:
    lambdas, function = deployment.client("lambda"), deployment.outputs["PublishFunction"]
    (mapping,) = lambdas.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    variables = lambdas.get_function_configuration(FunctionName=function)["Environment"][
        "Variables"
    ]
    retries = mapping["MaximumRetryAttempts"]
    broken = {name: value for name, value in variables.items() if name != Variable.TOPIC_ARN_PREFIX}
    event = new_event()
    lambdas.update_event_source_mapping(UUID=mapping["UUID"], MaximumRetryAttempts=1)
    lambdas.update_function_configuration(FunctionName=function, Environment={"Variables": broken})
    try:
        accept(deployment, event)
        records = eventually(
            lambda: _invocation_records(deployment, mapping["UUID"], event["id"]), bool
        )
    finally:
        lambdas.update_function_configuration(
            FunctionName=function, Environment={"Variables": variables}
        )
        lambdas.update_event_source_mapping(UUID=mapping["UUID"], MaximumRetryAttempts=retries)
    assert records[0]["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert records[0]["requestContext"]["approximateInvokeCount"] == 2


def _see_the_alarm(deployment: Deployment, stage: str) -> None:
    """The composite alarm of the stage is on."""
    name = f"{deployment.name}-{stage}-dead-letters"
    alarms = deployment.client("cloudwatch")

    def state() -> str:
        found = alarms.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])
        value: str = found["CompositeAlarms"][0]["StateValue"]
        return value

    eventually(state, lambda value: value == "ALARM")


def _see_redriven(deployment: Deployment, stage: str, queue: str, *letters: dict[str, str]) -> None:
    execution = execute(
        deployment,
        stage=stage,
        action="redrive",
        filter={"letter_ids": [letter["pk"] for letter in letters]},
        reason="the permission is back",
    )
    assert execution["status"] == "SUCCEEDED", execution
    output = json.loads(execution["output"])
    assert output["outcome"] == "done"
    assert output["counts"] == {"resolved": len(letters)}
    eventually(lambda: deployment.depth(deployment.outputs[queue]), lambda depth: depth == 0)


def _invocation_records(deployment: Deployment, mapping: str, id: str) -> list[dict[str, Any]]:
    s3, bucket = deployment.client("s3"), deployment.outputs["OperationsBucket"]
    found = s3.list_objects_v2(Bucket=bucket, Prefix=f"aws/lambda/{mapping}/").get("Contents", [])
    records = [
        json.loads(s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()) for entry in found
    ]
    return [record for record in records if id in record["payload"]]
