"""Calls of AWS that the system makes.

Those of functions are on record, one of each kind: `make calls` records them anew from the end-to-end tests.
Those that AWS itself makes for the stack follow from the template.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from infrastructure.packaging import ROOT
from local.cloud import ACCOUNT as LOCAL_ACCOUNT
from tests.infrastructure.synthesis import ACCOUNT, Json
from tests.second_opinion.iam import Arns, Call
from tests.workflows.asl import expression

RECORD = Path(__file__).parent / "calls.json"
# What differs from one call of a kind to the next.
PARTICULARS = (
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    r"(?<=\")[\w-]{43}(?=\")",
    r"(?<=#)[^\"]+",
    r"publisher=[^\"]+",
    r"aws/lambda/[^\"]+",
    r"\d",
)


def recorded() -> list[Call]:
    """The functions' calls."""
    return [Call(**one) for one in json.loads(RECORD.read_text(encoding="utf-8"))]


def of_aws(template: Arns) -> Iterator[Call]:
    """What AWS itself calls for the stack: rules, alarms, the API, state machines, the log of S3's access."""
    yield from _of_rules(template)
    yield from _of_alarms(template)
    yield from _of_machines(template)
    api = f"arn:aws:execute-api:{template.region}:{ACCOUNT}:eventing-api"
    (stage,) = template.all("AWS::ApiGateway::Stage")
    source = {"aws:SourceArn": f"{api}/<{stage.id}>/POST/events"}
    ingest = template.render({"Fn::GetAtt": [_function(template, "ingest"), "Arn"]})
    yield Call("apigateway.amazonaws.com", "lambda:InvokeFunction", ingest, source)
    for bucket in template.all("AWS::S3::Bucket"):
        if logging := bucket.properties.get("LoggingConfiguration"):
            source = {
                "aws:SourceArn": template.render({"Fn::GetAtt": [bucket.id, "Arn"]}),
                "aws:SourceAccount": ACCOUNT,
            }
            object = f"arn:aws:s3:::{logging['DestinationBucketName']}/{logging['LogFilePrefix']}1"
            yield Call("logging.s3.amazonaws.com", "s3:PutObject", object, source)


def _of_rules(template: Arns) -> Iterator[Call]:
    for rule in template.all("AWS::Events::Rule"):
        source = {"aws:SourceArn": template.render({"Fn::GetAtt": [rule.id, "Arn"]})}
        for target in rule.properties["Targets"]:
            arn = target["Arn"]
            if "RoleArn" in target:
                yield Call("rules", "states:StartExecution", arn)
            else:
                action = "sqs:SendMessage" if ":sqs:" in arn else "lambda:InvokeFunction"
                yield Call("events.amazonaws.com", action, arn, source)


def _of_alarms(template: Arns) -> Iterator[Call]:
    for type in ("Alarm", "CompositeAlarm"):
        for alarm in template.all(f"AWS::CloudWatch::{type}"):
            name = alarm.properties["AlarmName"]
            source = {
                "aws:SourceArn": f"arn:aws:cloudwatch:{template.region}:{ACCOUNT}:alarm:{name}",
                "aws:SourceAccount": ACCOUNT,
            }
            for arn in alarm.properties.get("AlarmActions", ()):
                if ":sns:" in arn:
                    yield Call("cloudwatch.amazonaws.com", "sns:Publish", arn, source)
                else:
                    service = "lambda.alarms.cloudwatch.amazonaws.com"
                    yield Call(service, "lambda:InvokeFunction", arn, source)


def _of_machines(template: Arns) -> Iterator[Call]:
    for machine in template.all("AWS::StepFunctions::StateMachine"):
        caller = f"machine {machine.properties['StateMachineName'].removeprefix('eventing-')}"
        filled = machine.properties["DefinitionSubstitutions"]
        for state in json.loads(machine.properties["DefinitionString"])["States"].values():
            if state["Type"] != "Task":
                continue
            arguments = state["Arguments"]
            named = arguments.get("FunctionName") or arguments["StateMachineArn"]
            assert expression(named) is None
            arn = filled[named.strip("${}")]
            if ":lambda:" in state["Resource"]:
                yield Call(caller, "lambda:InvokeFunction", arn)
                continue
            # Developer guide of Step Functions, "IAM policies for calling nested workflows".
            assert state["Resource"].endswith(":startExecution.sync:2")
            yield Call(caller, "states:StartExecution", arn)
            for action in ("DescribeExecution", "StopExecution"):
                execution = f"{arn.replace(':stateMachine:', ':execution:')}:run-1"
                yield Call(caller, f"states:{action}", execution)
            rule = "StepFunctionsGetEventsForStepFunctionsExecutionRule"
            arn = f"arn:aws:events:{template.region}:{ACCOUNT}:rule/{rule}"
            for action in ("PutTargets", "PutRule", "DescribeRule"):
                yield Call(caller, f"events:{action}", arn)


def _function(template: Arns, name: str) -> str:
    return template.one("AWS::Lambda::Function", FunctionName=f"eventing-{name}").id


def one_of_each_kind(lines: Sequence[str]) -> list[Json]:
    """Of the calls that the emulator has recorded the first of each kind, in their order as texts."""
    kinds: dict[str, Json] = {}
    for line in sorted(set(lines)):
        call = json.loads(line.replace(LOCAL_ACCOUNT, ACCOUNT))
        role, _, session = call["caller"].partition(":assumed-role/")[2].partition("/")
        # Tests take functions' roles as well, by sessions with names of their own.
        if session.startswith("eventing-") and session.removeprefix("eventing-") in _functions():
            caller = session.removeprefix("eventing-")
        elif "-AWS679f53fac" in role:
            caller = "custom resources"
        else:
            continue
        kept = {
            "caller": caller,
            **{name: call[name] for name in ("action", "resource", "context")},
        }
        kind = json.dumps(kept, sort_keys=True)
        for particular in PARTICULARS:
            kind = re.sub(particular, "*", kind)
        kinds.setdefault(kind, kept)
    return [kinds[kind] for kind in sorted(kinds)]


def _functions() -> set[str]:
    return {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}


if __name__ == "__main__":
    found = one_of_each_kind(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines())
    text = ",\n".join(json.dumps(one, sort_keys=True) for one in found)
    RECORD.write_text(f"[\n{text}\n]\n", encoding="utf-8")
