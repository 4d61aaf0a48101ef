"""Cases: the function that follows a finding of sensitive data to its publisher and its receivers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from functions.contract import Objects, Variable
from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.function import Function
from infrastructure.constructs.states import states_arn

if TYPE_CHECKING:
    from infrastructure.constructs.archive import Archive
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.operations import Operations
    from infrastructure.constructs.publishers import Registry
    from infrastructure.constructs.region import Region
    from infrastructure.constructs.topics import Topics

# An object may have 128 MiB, and the count of an hour takes up to 20 s.
_TIMEOUT = cdk.Duration.seconds(120)
# Findings on one object come within seconds of each other.
_GATHER_SECONDS = 30


class CasesFunction(Construct):
    """Reads the archive, and puts objects of it under quarantine; has publishers suspended and throttled."""

    function: Function

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        archive: Archive,
        topics: Topics,
        registry: Registry,
        ledger: Ledger,
        operations: Operations,
    ) -> None:
        super().__init__(scope, id)
        configuration = region.configuration
        stack = cdk.Stack.of(self)
        # By its name: in another region it is another stack's, and the one here calls this function.
        publishers = stack.format_arn(
            service="states",
            region=configuration.primary_region,
            resource="stateMachine",
            resource_name=configuration.name("publishers"),
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        own = states_arn(self, "stateMachine", configuration.name("sensitive-data"))
        self.function = Function(
            self,
            "Function",
            region=region,
            name="cases",
            description="Follows findings of sensitive data to publishers, events and subscriptions",
            memory_size=1024,
            timeout=_TIMEOUT,
            environment={
                Variable.ACCOUNT: stack.account,
                Variable.ARCHIVE_BUCKET: archive.bucket.bucket_name,
                Variable.OPERATIONS_BUCKET: operations.bucket.bucket_name,
                Variable.LEDGER_TABLE: ledger.table.table_name,
                Variable.REGISTRY_TABLE: registry.table_name,
                Variable.TOPIC_ARN_PREFIX: topics.arn_prefix,
                Variable.FINDINGS_POLICY: json.dumps(configuration.findings),
                Variable.GATHER_SECONDS: str(1 if configuration.laptop else _GATHER_SECONDS),
                Variable.PUBLISHERS_MACHINE: publishers,
                Variable.STATE_MACHINE_ARN: own,
                **region.mail_environment,
            },
            harm="they notice nothing, but findings of sensitive data are not followed up.",
            # Who opens a case by hand sees its execution fail; all others are watched for.
            refuses=True,
        )
        archive.grant_examine(self.function)
        topics.grant_see_subscribers(self.function)
        registry.grant_look_up(self.function)
        ledger.grant_audit(self.function)
        operations.grant_notify(self.function)
        operations.grant_read(self.function, Objects.CASES)
        operations.grant_list(self.function, Objects.CASES)
        # It adds what waits for an approval, and reads none of it: there lie the tokens.
        operations.grant_write(self.function, Objects.CASES, Objects.FINDINGS, Objects.APPROVALS)
        for machine in (publishers, own):
            self._grant_executions(machine)
        if configuration.macie != "off":
            self._grant_findings()

    def _grant_executions(self, machine: str) -> None:
        """Let it begin executions of a state machine, and see how they go."""
        executions = f"{machine.replace(':stateMachine:', ':execution:')}:*"
        for action, resource in (
            ("states:StartExecution", machine),
            ("states:DescribeExecution", executions),
        ):
            self.function.add_to_role_policy(
                iam.PolicyStatement(actions=[action], resources=[resource])
            )
        accept_wildcard(
            self.function.execution_role, executions, "Executions of the one state machine."
        )

    def _grant_findings(self) -> None:
        self.function.add_to_role_policy(
            iam.PolicyStatement(actions=["macie2:GetFindings"], resources=["*"])
        )
        accept_wildcard(self.function.execution_role, "*", "AWS knows no resource of this action.")
