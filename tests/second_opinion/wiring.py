"""Calls that AWS itself makes for the stack: they follow from the template, and are on no record.

What is called in whose name is said by the developer guides of Lambda, Step Functions, EventBridge,
CloudWatch, API Gateway, S3 and Firehose.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.infrastructure.synthesis import ACCOUNT, Json, Resource
from tests.second_opinion.iam import Arns, Call
from tests.workflows.asl import expression

# What is called on a target, by the service in its ARN.
TARGETS = {
    "lambda": "lambda:InvokeFunction",
    "sns": "sns:Publish",
    "sqs": "sqs:SendMessage",
    "states": "states:StartExecution",
}
# What Firehose calls to write objects below a prefix, and in their bucket.
WRITES = ("AbortMultipartUpload", "GetObject", "PutObject")
LOOKS = ("GetBucketLocation", "ListBucket", "ListBucketMultipartUploads")
TRACE = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
# Step Functions sets up the delivery of a log, and asks which executions to trace.
LOG_DELIVERY = (
    *(f"logs:{does}LogDelivery" for does in ("Create", "Get", "Update", "Delete")),
    *("logs:ListLogDeliveries", "logs:PutResourcePolicy"),
    *("logs:DescribeResourcePolicies", "logs:DescribeLogGroups"),
)
SAMPLING = ("xray:GetSamplingRules", "xray:GetSamplingTargets")
# What Lambda calls with a function's role to poll for it, by the service in the source's ARN.
POLLS = {
    "dynamodb": ("DescribeStream", "GetRecords", "GetShardIterator"),
    "sqs": ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"),
}


def of_aws(template: Arns) -> Iterator[Call]:
    """What AWS itself calls for the stack, with the roles of its parts or as a service."""
    yield from _of_functions(template)
    yield from _of_mappings(template)
    yield from _of_custom_resources(template)
    yield from _of_machines(template)
    yield from _of_rules(template)
    yield from _of_alarms(template)
    yield from _of_subscriptions(template)
    yield from _of_the_api(template)
    yield from _of_bucket_logs(template)
    yield from _of_delivery_streams(template)


def _target(arn: str) -> str:
    return TARGETS[arn.split(":")[2]]


def _caller(function: Resource) -> str:
    """The caller whose name a function has; the CDK's own, for custom resources, has none."""
    return str(function.properties.get("FunctionName", "custom resources")).removeprefix(
        "eventing-"
    )


def _of_functions(template: Arns) -> Iterator[Call]:
    for function in template.all("AWS::Lambda::Function"):
        group = function.properties["LoggingConfig"]["LogGroup"]
        log = f"arn:aws:logs:{template.region}:{ACCOUNT}:log-group:{group}:log-stream:1"
        for action in ("CreateLogStream", "PutLogEvents"):
            yield Call(_caller(function), f"logs:{action}", log)
        if function.properties.get("TracingConfig", {}).get("Mode") == "Active":
            yield from (Call(_caller(function), action, "*") for action in TRACE)
    for config in template.all("AWS::Lambda::EventInvokeConfig"):
        for destination in config.properties.get("DestinationConfig", {}).values():
            arn = destination["Destination"]
            caller = config.properties["FunctionName"].removeprefix("eventing-")
            yield Call(caller, _target(arn), arn)


def _of_mappings(template: Arns) -> Iterator[Call]:
    for mapping in template.all("AWS::Lambda::EventSourceMapping"):
        caller = mapping.properties["FunctionName"].removeprefix("eventing-")
        source = mapping.properties["EventSourceArn"]
        service = source.split(":")[2]
        yield from (Call(caller, f"{service}:{action}", source) for action in POLLS[service])
        failed = mapping.properties.get("DestinationConfig", {}).get("OnFailure", {})
        bucket = failed.get("Destination", "")
        if ":s3:" in bucket:
            yield Call(caller, "s3:PutObject", f"{bucket}/aws/lambda/mapping/shard/1")
            # To look whether the bucket is there, and at what is in it.
            yield Call(caller, "s3:ListBucket", bucket)
            yield Call(caller, "s3:ListBucket", bucket, {"s3:prefix": "aws/lambda/mapping"})


def _of_custom_resources(template: Arns) -> Iterator[Call]:
    for resource in template.all("Custom::AWS"):
        for when in ("Create", "Update", "Delete"):
            if when in resource.properties:
                yield from _of_sdk_call(template, json.loads(resource.properties[when]))


def _of_sdk_call(template: Arns, call: Json) -> Iterator[Call]:
    here = f"{template.region}:{ACCOUNT}"
    match call:
        case {"action": "describeTable", "parameters": {"TableName": table}}:
            arn = f"arn:aws:dynamodb:{here}:table/{table}"
            yield Call("custom resources", "dynamodb:DescribeTable", arn)
        case {"action": "putItem" | "deleteItem" as action, "parameters": {"TableName": table}}:
            arn = f"arn:aws:dynamodb:{here}:table/{table}"
            parameters = call["parameters"]
            key = (parameters.get("Item") or parameters["Key"])["pk"]["S"]
            yield Call(
                "custom resources",
                f"dynamodb:{action[0].upper()}{action[1:]}",
                arn,
                {"dynamodb:LeadingKeys": key},
            )
        case {"action": "createClassificationJob" | "updateClassificationJob" as action}:
            job = f"arn:aws:macie2:{here}:classification-job/1"
            yield Call("custom resources", f"macie2:{action[0].upper()}{action[1:]}", job)
        case {"action": "enableMacie"}:
            yield Call("custom resources", "macie2:EnableMacie", "*")
            # Macie's user guide: it makes the role when it is enabled.
            service = "macie.amazonaws.com"
            role = f"role/aws-service-role/{service}/AWSServiceRoleForAmazonMacie"
            yield Call(
                "custom resources",
                "iam:CreateServiceLinkedRole",
                f"arn:aws:iam::{ACCOUNT}:{role}",
                {"iam:AWSServiceName": service},
            )
        case _:
            raise AssertionError(f"which resource does this call need?\n{call}")


def _of_machines(template: Arns) -> Iterator[Call]:
    for machine in template.all("AWS::StepFunctions::StateMachine"):
        caller = f"machine {machine.properties['StateMachineName'].removeprefix('eventing-')}"
        if machine.properties["TracingConfiguration"]["Enabled"]:
            yield from (Call(caller, action, "*") for action in (*TRACE, *SAMPLING))
        if machine.properties["LoggingConfiguration"]["Level"] != "OFF":
            yield from (Call(caller, action, "*") for action in LOG_DELIVERY)
        filled = machine.properties["DefinitionSubstitutions"]
        for state in json.loads(machine.properties["DefinitionString"])["States"].values():
            if state["Type"] == "Task":
                yield from _of_task(template, caller, state, filled)


def _of_task(template: Arns, caller: str, state: Json, filled: Json) -> Iterator[Call]:
    arguments = state["Arguments"]
    named = arguments.get("FunctionName") or arguments["StateMachineArn"]
    assert expression(named) is None
    arn = filled[named.strip("${}")]
    yield Call(caller, _target(arn), arn)
    if ":lambda:" in state["Resource"]:
        return
    # Developer guide of Step Functions, "IAM policies for calling nested workflows".
    assert state["Resource"].endswith(":startExecution.sync:2")
    for action in ("DescribeExecution", "StopExecution"):
        execution = f"{arn.replace(':stateMachine:', ':execution:')}:run-1"
        yield Call(caller, f"states:{action}", execution)
    name = "StepFunctionsGetEventsForStepFunctionsExecutionRule"
    rule = f"arn:aws:events:{template.region}:{ACCOUNT}:rule/{name}"
    for action in ("PutTargets", "PutRule", "DescribeRule"):
        yield Call(caller, f"events:{action}", rule)


def _of_rules(template: Arns) -> Iterator[Call]:
    for rule in template.all("AWS::Events::Rule"):
        source = {"aws:SourceArn": template.render({"Fn::GetAtt": [rule.id, "Arn"]})}
        for target in rule.properties["Targets"]:
            arn = target["Arn"]
            if "RoleArn" in target:
                yield Call("rules", _target(arn), arn)
            else:
                yield Call("events.amazonaws.com", _target(arn), arn, source)
            if queue := target.get("DeadLetterConfig", {}).get("Arn"):
                yield Call("events.amazonaws.com", _target(queue), queue, source)


def _of_alarms(template: Arns) -> Iterator[Call]:
    for type in ("Alarm", "CompositeAlarm"):
        for alarm in template.all(f"AWS::CloudWatch::{type}"):
            name = alarm.properties["AlarmName"]
            source = {
                "aws:SourceArn": f"arn:aws:cloudwatch:{template.region}:{ACCOUNT}:alarm:{name}",
                "aws:SourceAccount": ACCOUNT,
            }
            for arn in alarm.properties.get("AlarmActions", ()):
                # Each service is called by a principal of its own.
                caller = {"sns:Publish": "cloudwatch"}.get(_target(arn), "lambda.alarms.cloudwatch")
                yield Call(f"{caller}.amazonaws.com", _target(arn), arn, source)


def _of_subscriptions(template: Arns) -> Iterator[Call]:
    for subscription in template.all("AWS::SNS::Subscription"):
        if subscription.properties["Protocol"] in TARGETS:
            arn = subscription.properties["Endpoint"]
            source = {"aws:SourceArn": subscription.properties["TopicArn"]}
            yield Call("sns.amazonaws.com", _target(arn), arn, source)


def _of_the_api(template: Arns) -> Iterator[Call]:
    api = f"arn:aws:execute-api:{template.region}:{ACCOUNT}:eventing-api"
    (stage,) = template.all("AWS::ApiGateway::Stage")
    for method in template.all("AWS::ApiGateway::Method"):
        integration = method.properties["Integration"]
        if integration["Type"] == "AWS_PROXY":
            resource = template.body["Resources"][method.raw["ResourceId"]["Ref"]]["Properties"]
            path = f"{method.properties['HttpMethod']}/{resource['PathPart']}"
            source = {"aws:SourceArn": f"{api}/<{stage.id}>/{path}"}
            function = integration["Uri"].partition("/functions/")[2].removesuffix("/invocations")
            yield Call("apigateway.amazonaws.com", "lambda:InvokeFunction", function, source)


def _of_bucket_logs(template: Arns) -> Iterator[Call]:
    for bucket in template.all("AWS::S3::Bucket"):
        if logging := bucket.properties.get("LoggingConfiguration"):
            source = {
                "aws:SourceArn": template.render({"Fn::GetAtt": [bucket.id, "Arn"]}),
                "aws:SourceAccount": ACCOUNT,
            }
            object = f"arn:aws:s3:::{logging['DestinationBucketName']}/{logging['LogFilePrefix']}1"
            yield Call("logging.s3.amazonaws.com", "s3:PutObject", object, source)


def _of_delivery_streams(template: Arns) -> Iterator[Call]:
    for stream in template.all("AWS::KinesisFirehose::DeliveryStream"):
        destination = stream.properties["ExtendedS3DestinationConfiguration"]
        # The bucket's policy lets this role alone write without `If-None-Match`.
        role = {"aws:PrincipalArn": destination["RoleARN"]}
        bucket = destination["BucketARN"]
        for prefix in (destination["Prefix"], destination["ErrorOutputPrefix"]):
            begins = prefix.partition("!")[0]
            for action in WRITES:
                yield Call("firehose", f"s3:{action}", f"{bucket}/{begins}x", role)
        for action in LOOKS:
            yield Call("firehose", f"s3:{action}", bucket, role)
        group = destination["CloudWatchLoggingOptions"]["LogGroupName"]
        log = f"arn:aws:logs:{template.region}:{ACCOUNT}:log-group:{group}:log-stream:errors"
        for action in ("CreateLogStream", "PutLogEvents"):
            yield Call("firehose", f"logs:{action}", log)
