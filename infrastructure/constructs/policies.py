"""What people need: a managed policy for who operates, who approves, who hands over keys, who erases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from functions.contract import (
    EVENT_MEMBERS,
    LEDGER_EVENT_INDEX,
    LEDGER_INDEX,
    LETTER_MEMBERS,
    Objects,
)
from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.states import states_arn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_stepfunctions as sfn

    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.operations import Operations
    from infrastructure.constructs.receipts import Receipts
    from infrastructure.constructs.region import Region
    from infrastructure.constructs.topics import Topics

_EXECUTIONS = "All executions of this one state machine."
_OBJECTS = "Objects are named by execution, day or kind."
NO_RESOURCE = "AWS knows no resource of this action."


class Policies(Construct):
    """The managed policies `operator`, `approver`, `key_holder`, `eraser`; whoever deploys attaches them.

    An operator does all that the runbook shows but answer approvals and see the values of keys. Whoever has
    this policy can't read the token of an approval, whatever else they have. An approver does nothing else,
    and a key holder sees the values of keys of publishers, to hand them over. An eraser asks for the erasure
    of events, and can't read tokens either.
    """

    operator: iam.ManagedPolicy
    approver: iam.ManagedPolicy
    key_holder: iam.ManagedPolicy
    eraser: iam.ManagedPolicy

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        event_store: EventStore,
        receipts: Receipts,
        ledger: Ledger,
        operations: Operations,
        topics: Topics,
        redrive: sfn.StateMachine,
        approvals: Sequence[sfn.StateMachine],
        sensitive_data: sfn.StateMachine,
        publishers: sfn.StateMachine,
        regions: Sequence[sfn.StateMachine],
        erasure: sfn.StateMachine,
    ) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        self._bucket = operations.bucket
        self._outputs = stack.format_arn(
            service="cloudformation", resource="stack", resource_name=f"{stack.stack_name}/*"
        )
        self.operator = self._policy(
            region,
            "operator",
            "All that the runbook shows but answering approvals: start, stop, read",
        )
        self.approver = self._policy(region, "approver", "Read what waits for an approval, answer")
        self.key_holder = self._policy(region, "key-holder", "See the values of publishers' keys")
        self.eraser = self._policy(region, "eraser", "Ask for the erasure of events, and follow it")
        self._operate(region, ledger, topics, redrive)
        self._look_up(event_store, receipts, ledger)
        for policy in (self.operator, self.key_holder):
            self._ask_of(policy, publishers)
        for machine in regions:
            self._ask_of(self.operator, machine)
        self._follow_findings(sensitive_data)
        self._hold_keys(region)
        self._erase(erasure)
        self._approve((redrive, sensitive_data, erasure), approvals)
        for policy in (self.operator, self.eraser):
            self._keep_apart(policy, approvals)

    @property
    def outputs(self) -> dict[str, str]:
        """Their ARNs, by the outputs of the stack."""
        return {
            "OperatorPolicyArn": self.operator.managed_policy_arn,
            "ApproverPolicyArn": self.approver.managed_policy_arn,
            "KeyHolderPolicyArn": self.key_holder.managed_policy_arn,
            "EraserPolicyArn": self.eraser.managed_policy_arn,
        }

    def _policy(self, region: Region, name: str, description: str) -> iam.ManagedPolicy:
        # IAM knows no regions.
        policy = iam.ManagedPolicy(
            self,
            "".join(word.capitalize() for word in name.split("-")),
            managed_policy_name=region.configuration.name(f"{name}-{region.name}"),
            description=description,
        )
        allow(policy, ["cloudformation:DescribeStacks"], [self._outputs], why=_OBJECTS)
        return policy

    def _operate(
        self, region: Region, ledger: Ledger, topics: Topics, redrive: sfn.StateMachine
    ) -> None:
        table = ledger.table.table_arn
        functions = self._log(region, "lambda", "*")
        operator = self.operator
        allow(operator, ["cloudwatch:DescribeAlarms"], ["*"], why="All alarms are looked through.")
        allow(operator, ["dynamodb:Query"], [f"{table}/index/{LEDGER_INDEX}"])
        self._get(table, LETTER_MEMBERS)
        machine = redrive.state_machine_arn
        allow(operator, ["states:StartExecution", "states:ListExecutions"], [machine])
        executions = [self._executions(redrive)]
        told = ["states:DescribeExecution", "states:GetExecutionHistory", "states:StopExecution"]
        allow(operator, told, executions, why=_EXECUTIONS)
        concluded = f"{Objects.RUNS}*/{Objects.CONCLUDED}"
        self._read(operator, concluded, f"{Objects.REPORTS}*", f"{Objects.JUNK}*")
        self._list(operator, Objects.REPORTS, Objects.JUNK)
        allow(
            operator,
            ["logs:FilterLogEvents", "logs:StartQuery"],
            [functions],
            why="The logs of this deployment's functions.",
        )
        # What the gateway refuses, by the ids of keys.
        allow(operator, ["logs:StartQuery"], [self._log(region, "apigateway", "access")])
        allow(operator, ["logs:GetQueryResults"], ["*"], why=NO_RESOURCE)
        allow(operator, ["lambda:ListEventSourceMappings"], ["*"], why=NO_RESOURCE)
        allow(
            operator,
            ["sns:GetTopicAttributes"],
            [f"{topics.arn_prefix}*"],
            why="Every topic of this deployment.",
        )

    def _erase(self, erasure: sfn.StateMachine) -> None:
        eraser = self.eraser
        allow(eraser, ["states:StartExecution"], [erasure.state_machine_arn])
        told = ["states:DescribeExecution", "states:GetExecutionHistory"]
        allow(eraser, told, [self._executions(erasure)], why=_EXECUTIONS)
        self._read(eraser, f"{Objects.RUNS}*/{Objects.CONCLUDED}", f"{Objects.REPORTS}*")

    def _look_up(self, event_store: EventStore, receipts: Receipts, ledger: Ledger) -> None:
        """Let operators see what became of an event, and not what is in it."""
        self._get(event_store.table.table_arn, EVENT_MEMBERS)
        index = f"{ledger.table.table_arn}/index/{LEDGER_EVENT_INDEX}"
        allow(self.operator, ["dynamodb:Query"], [index, receipts.table_arn])

    def _get(self, table: str, members: Sequence[str]) -> None:
        """Let operators read these members of a row, and no others."""
        allow(
            self.operator,
            ["dynamodb:GetItem"],
            [table],
            conditions={
                "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", *members]},
                "Null": {"dynamodb:Attributes": "false"},
                "StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
            },
        )

    def _follow_findings(self, machine: sfn.StateMachine) -> None:
        """Let operators see cases, and begin one for a finding that nobody took up."""
        allow(self.operator, ["states:StartExecution"], [machine.state_machine_arn])
        executions = [self._executions(machine)]
        allow(self.operator, ["states:DescribeExecution"], executions, why=_EXECUTIONS)
        self._read(self.operator, f"{Objects.CASES}*", f"{Objects.FINDINGS}*")
        self._list(self.operator, Objects.CASES)

    def _approve(
        self, asked_for: Sequence[sfn.StateMachine], approvals: Sequence[sfn.StateMachine]
    ) -> None:
        approver = self.approver
        allow(
            approver,
            ["states:ListExecutions"],
            [approval.state_machine_arn for approval in approvals],
        )
        executions = [self._executions(machine) for machine in (*asked_for, *approvals)]
        allow(approver, ["states:DescribeExecution"], executions, why=_EXECUTIONS)
        self._read(approver, f"{Objects.APPROVALS}*")
        self._list(approver, Objects.APPROVALS)
        # What is answered is said by the token alone, and an approver can read those of this deployment.
        allow(approver, ["states:SendTaskSuccess"], ["*"], why=NO_RESOURCE)

    def _ask_of(self, policy: iam.ManagedPolicy, machine: sfn.StateMachine) -> None:
        """Let them ask for what this state machine does, and hear what became of it."""
        allow(policy, ["states:StartExecution"], [machine.state_machine_arn])
        executions = [self._executions(machine)]
        allow(policy, ["states:DescribeExecution"], executions, why=_EXECUTIONS)

    def _hold_keys(self, region: Region) -> None:
        stack = cdk.Stack.of(self)
        allow(
            self.key_holder,
            ["apigateway:GET"],
            [f"arn:{stack.partition}:apigateway:{stack.region}::/apikeys/*"],
            why="API Gateway chooses the ids; the tag tells those of this deployment.",
            conditions={
                "StringEquals": {"aws:ResourceTag/deployment": region.configuration.deployment}
            },
        )

    def _keep_apart(self, policy: iam.ManagedPolicy, approvals: Sequence[sfn.StateMachine]) -> None:
        """Keep the tokens from who asks, also from one who is an approver, or may read everything."""
        tokens = self._bucket.arn_for_objects(f"{Objects.APPROVALS}*")
        denied = {
            tokens: ["s3:GetObject", "s3:GetObjectVersion"],
            **{self._executions(one): ["states:GetExecutionHistory"] for one in approvals},
        }
        for resource, actions in denied.items():
            policy.add_statements(
                iam.PolicyStatement(effect=iam.Effect.DENY, actions=actions, resources=[resource])
            )

    def _executions(self, machine: sfn.StateMachine) -> str:
        return states_arn(self, "execution", f"{machine.state_machine_name}:*")

    def _log(self, region: Region, service: str, name: str) -> str:
        return cdk.Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"/aws/{service}/{region.configuration.name(name)}",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )

    def _read(self, policy: iam.ManagedPolicy, *objects: str) -> None:
        resources = [self._bucket.arn_for_objects(names) for names in objects]
        allow(policy, ["s3:GetObject"], resources, why=_OBJECTS)

    def _list(self, policy: iam.ManagedPolicy, *prefixes: str) -> None:
        listed = {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}
        allow(
            policy, ["s3:ListBucket"], [self._bucket.bucket_arn], conditions={"StringLike": listed}
        )


def allow(
    policy: iam.ManagedPolicy,
    actions: Sequence[str],
    resources: Sequence[str],
    *,
    why: str = "",
    conditions: Mapping[str, Mapping[str, object]] | None = None,
) -> None:
    """Allow this; `why` says why a resource has a `*` in it."""
    policy.add_statements(
        iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)
    )
    if why:
        for resource in resources:
            accept_wildcard(policy, resource, why)
