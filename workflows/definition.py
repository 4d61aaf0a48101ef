"""State machines of the ASL files here, for the partition of AWS that they are deployed into."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.function import log_group_of
from infrastructure.constructs.states import states_arn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_lambda as lambda_

    from infrastructure.configuration import Configuration


def definition_of(file: Path, scope: Construct) -> sfn.DefinitionBody:
    """The definition in an ASL file, into the template itself, where cfn-lint reads it.

    The file names integrations by ARNs of the partition `aws`, as Workflow Studio writes them.
    """
    partition = cdk.Stack.of(scope).partition
    text = file.read_text(encoding="utf-8").replace("arn:aws:", f"arn:{partition}:")
    return sfn.DefinitionBody.from_string(text)


def log_name_of(configuration: Configuration, what: str) -> str:
    """The name of a state machine's log."""
    # Step Functions writes under this prefix without adding to a policy of the account.
    return f"/aws/vendedlogs/states/{configuration.name(what)}"


def state_machine(
    scope: Construct,
    *,
    configuration: Configuration,
    what: str,
    definition: Path,
    functions: Mapping[str, str],
    others: Mapping[str, str] | None = None,
    logs_data: bool = True,
) -> sfn.StateMachine:
    """The state machine of that name, with its log and its trace; it may call the functions.

    `functions` and `others` are ARNs by their names in the definition. `logs_data`: what goes in and out of
    states is in the log.
    """
    machine = sfn.StateMachine(
        scope,
        "StateMachine",
        state_machine_name=configuration.name(what),
        definition_body=definition_of(definition, scope),
        definition_substitutions={**functions, **(others or {})},
        tracing_enabled=True,
        logs=sfn.LogOptions(
            destination=log_group_of(
                scope, "Log", log_name_of(configuration, what), configuration=configuration
            ),
            level=sfn.LogLevel.ALL,
            include_execution_data=logs_data,
        ),
    )
    # The CDK's own grant covers every version of the functions as well.
    machine.add_to_role_policy(
        iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=list(functions.values()))
    )
    accept_wildcard(
        machine,
        "*",
        "X-Ray's segments and the delivery of logs are no resources that a policy could name.",
    )
    return machine


def let_start(machine: sfn.StateMachine, nested: sfn.StateMachine) -> None:
    """Let it start executions of another one, hear of their end, and stop them where it is stopped itself.

    By the developer guide of Step Functions, "IAM policies for calling nested workflows".
    """
    executions = states_arn(machine, "execution", f"{nested.state_machine_name}:*")
    rule = cdk.Stack.of(machine).format_arn(
        service="events",
        resource="rule",
        resource_name="StepFunctionsGetEventsForStepFunctionsExecutionRule",
    )
    for actions, resource in (
        (["states:StartExecution"], nested.state_machine_arn),
        (["states:DescribeExecution", "states:StopExecution"], executions),
        (["events:PutTargets", "events:PutRule", "events:DescribeRule"], rule),
    ):
        machine.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
    accept_wildcard(machine, executions, "Executions of the one state machine.")


def tell_of_end(
    scope: Construct,
    id: str,
    *,
    machine: sfn.StateMachine,
    name: str,
    description: str,
    function: lambda_.IFunction,
    task: str,
) -> None:
    """Call the task when an execution comes to another end than its last state.

    StopExecution and a time-out of the execution run no Catch. It is worth trying for as long as EventBridge
    does: something waits for it.
    """
    field = events.EventField.from_path
    events.Rule(
        scope,
        id,
        rule_name=name,
        description=description,
        event_pattern=events.EventPattern(
            source=["aws.states"],
            detail_type=["Step Functions Execution Status Change"],
            detail={
                "stateMachineArn": [machine.state_machine_arn],
                "status": ["ABORTED", "FAILED", "TIMED_OUT"],
            },
        ),
        targets=[
            targets.LambdaFunction(
                function,
                event=events.RuleTargetInput.from_object(
                    {
                        "task": task,
                        "execution": field("$.detail.name"),
                        "execution_arn": field("$.detail.executionArn"),
                        "started_at": field("$.detail.startDate"),
                        "status": field("$.detail.status"),
                    }
                ),
                retry_attempts=185,
                max_event_age=cdk.Duration.hours(24),
            )
        ],
    )
