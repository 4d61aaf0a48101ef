"""Finds a deployment, and holds what of it the commands use."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from botocore import exceptions as sdk

from console.deployed.alarms import Alarms
from console.deployed.approvals import Approvals
from console.deployed.aws import Aws, error_code
from console.deployed.cases import Cases
from console.deployed.event_records import EventRecords
from console.deployed.executions import Executions
from console.deployed.insights import Insights
from console.deployed.laptop import has_several_regions, in_region, laptop_outputs
from console.deployed.ledger import Ledger
from console.deployed.objects import Objects
from console.shell.failure import Misuse
from console.shell.surroundings import Surroundings
from eventing.foreign_text import plain

NAME = "eventing"


@dataclass(frozen=True)
class Target:
    """Which deployment the caller means; what is left out is the default."""

    deployment: str | None = None
    region: str | None = None
    profile: str | None = None

    @property
    def options(self) -> list[str]:
        """The same as options of the command line."""
        given = {
            "--deployment": self.deployment,
            "--region": self.region,
            "--profile": self.profile,
        }
        return [word for name, value in given.items() if value for word in (name, value)]


class Deployment:
    """One region of a deployment, as the caller's credentials reach it."""

    def __init__(
        self,
        aws: Aws,
        *,
        name: str,
        outputs: Mapping[str, str],
        target: Target,
        laptop: Mapping[str, Any] | None = None,
    ) -> None:
        self.aws = aws
        self.name = name
        self.region = aws.region
        self._outputs = outputs
        self.target = target
        self.laptop = laptop
        """What `make run` says of itself; None on AWS."""

    def __str__(self) -> str:
        here = "on this machine" if self.laptop else ""
        several = self.laptop is None or has_several_regions(self.laptop)
        return " ".join(filter(None, (self.name, f"in {self.region}" if several else "", here)))

    def output(self, key: str) -> str:
        """An output of the regional stack."""
        if key not in self._outputs:
            raise Misuse(f"{self} has no output {key}: it is of another version than this command.")
        return self._outputs[key]

    def has(self, key: str) -> bool:
        """True when the regional stack has this output."""
        return key in self._outputs

    @property
    def api_url(self) -> str:
        """The URL of its API."""
        return str(self.laptop["api_url"]) if self.laptop else self.output("ApiUrl")

    @property
    def urls(self) -> list[str]:
        """All URLs that lead to its API; the first one is what publishers get."""
        outputs = () if self.laptop else ("PublisherUrl", "RegionUrl")
        found = [self.output(key) for key in outputs if self.has(key)]
        # Without a domain it is one and the same.
        return list(dict.fromkeys([*found, self.api_url]))

    def command(self, *words: str) -> str:
        """A command of `eventing` for this deployment, as it is typed."""
        return shlex.join(["eventing", *words, *self.target.options])

    def command_in(self, region: str, *words: str) -> str:
        """A command of `eventing` for this deployment in that region, as it is typed."""
        if region == self.region:
            return self.command(*words)
        options = replace(self.target, region=region).options
        return shlex.join(["eventing", *words, *options])

    def aws_command(self, *words: str) -> str:
        """A command of the AWS CLI for this deployment, as it is typed."""
        options = ["--region", self.region]
        if self.target.profile:
            options += ["--profile", self.target.profile]
        if self.aws.endpoint_url:
            options += ["--endpoint-url", self.aws.endpoint_url]
        return shlex.join(["aws", *words, *options])

    def start_command(self, executions: Executions, request: Mapping[str, Any]) -> str:
        """The command of the AWS CLI that starts an execution with this input, as it is typed."""
        words = ("stepfunctions", "start-execution", "--state-machine-arn")
        arn = executions.state_machine_arn
        return self.aws_command(*words, arn, "--input", json.dumps(request))

    @cached_property
    def ledger(self) -> Ledger:
        """Its dead letters."""
        return Ledger(self.aws.client("dynamodb"), table=self.output("LedgerTable"))

    @cached_property
    def event_records(self) -> EventRecords:
        """What its tables have of one event."""
        return EventRecords(
            self.aws.client("dynamodb"),
            events=self.output("EventsTable"),
            ledger=self.output("LedgerTable"),
            receipts=self.output("ReceiptsTable"),
        )

    @cached_property
    def executions(self) -> Executions:
        """The executions of its state machine."""
        return Executions(
            self.aws.client("stepfunctions"),
            state_machine_arn=self.output("RedriveStateMachineArn"),
        )

    @cached_property
    def changes(self) -> Executions:
        """The executions of the state machine that changes publishers."""
        return Executions(
            self.aws.client("stepfunctions"),
            state_machine_arn=self.output("PublishersStateMachineArn"),
        )

    @cached_property
    def adoptions(self) -> Executions:
        """The executions of the state machine that adopts a lost region."""
        return Executions(
            self.aws.client("stepfunctions"),
            state_machine_arn=self.output("AdoptionStateMachineArn"),
        )

    @cached_property
    def proofs(self) -> Executions:
        """The executions of the state machine that proves what was published."""
        return Executions(
            self.aws.client("stepfunctions"),
            state_machine_arn=self.output("ProofStateMachineArn"),
        )

    @cached_property
    def erasures(self) -> Executions:
        """The executions of the state machine that erases events."""
        return Executions(
            self.aws.client("stepfunctions"),
            state_machine_arn=self.output("ErasureStateMachineArn"),
        )

    @cached_property
    def followed(self) -> Executions:
        """The executions that follow up findings of sensitive data."""
        return Executions(
            self.aws.client("stepfunctions"),
            state_machine_arn=self.output("SensitiveDataStateMachineArn"),
        )

    @cached_property
    def cases(self) -> Cases:
        """Its cases of sensitive data."""
        return Cases(self.aws.client("s3"), bucket=self.output("OperationsBucket"))

    def key_value(self, id: str) -> str:
        """The value of an API key of this region: a secret, for whoever has the right to see it."""
        answer = self.aws.client("apigateway").get_api_key(apiKey=id, includeValue=True)
        return str(answer["value"])

    @cached_property
    def approvals(self) -> Approvals:
        """What waits for an approval to be done to letters."""
        return self._approvals("ApprovalStateMachineArn", self.executions)

    @cached_property
    def erasure_approvals(self) -> Approvals:
        """The erasures that wait for an approval."""
        return self._approvals("ErasureApprovalStateMachineArn", self.erasures)

    @cached_property
    def case_approvals(self) -> Approvals:
        """What waits for an approval to be done to publishers."""
        return self._approvals("CaseApprovalStateMachineArn", self.followed)

    def _approvals(self, machine: str, runs: Executions) -> Approvals:
        client = self.aws.client("stepfunctions")
        asking = Executions(client, state_machine_arn=self.output(machine))
        return Approvals(client, asking=asking, runs=runs, objects=self.objects)

    @cached_property
    def objects(self) -> Objects:
        """Its reports and junk."""
        return Objects(self.aws.client("s3"), bucket=self.output("OperationsBucket"))

    @property
    def ingest_log(self) -> str:
        """The log of the ingest function."""
        return f"/aws/lambda/{self.output('IngestFunction')}"

    @property
    def access_log(self) -> str:
        """The log of all requests that come to the gateway."""
        return self.output("AccessLog")

    def insights(self, log: str, sleep: Callable[[float], None]) -> Insights:
        """Queries of this log; `sleep` waits between two looks at one."""
        return Insights(self.aws.client("logs"), log=log, sleep=sleep)

    @property
    def regions(self) -> int:
        """How many regions have a replica of the Events table."""
        return int(self.output("Regions"))

    @cached_property
    def alarms(self) -> Alarms:
        """Its notifying alarms."""
        return Alarms(
            self.aws.client("cloudwatch"),
            deployment=self.name,
            ops_topic=self.output("OpsTopicArn"),
        )


def find(target: Target, surroundings: Surroundings) -> Deployment:
    """The deployment that is meant: with no option, the laptop while `make run` is up.

    Its regions, when it has several, are found by their names. Raises `Misuse` when there is none.
    """
    if target == Target(region=target.region):
        laptop = laptop_outputs(surroundings.folder, target.region)
        if laptop:
            return _on_laptop(laptop, target, surroundings)
    return _on_aws(target, surroundings)


def elsewhere(deployment: Deployment, region: str, surroundings: Surroundings) -> Deployment:
    """The same deployment in another region; raises `Misuse` when it is not there."""
    if deployment.laptop:
        laptop = in_region(deployment.laptop, region)
        return _on_laptop(laptop, Target(region=region), surroundings)
    named = Target(deployment.name, region, deployment.target.profile)
    return _on_aws(named, surroundings)


def reach(target: Target, surroundings: Surroundings) -> Aws:
    """AWS in the region that is meant, whether anything is deployed there or not."""
    session = surroundings.session(target.profile)
    # The SDK for Python does not look at AWS_REGION, which all others and the AWS CLI do.
    region = target.region or os.environ.get("AWS_REGION") or session.get_config_variable("region")
    if not region:
        raise sdk.NoRegionError
    if session.get_credentials() is None:
        raise sdk.NoCredentialsError
    return Aws(session, region=region)


def _on_laptop(laptop: Mapping[str, Any], target: Target, surroundings: Surroundings) -> Deployment:
    region = str(laptop["region"])
    session = surroundings.session(None)
    session.set_credentials(laptop["access_key_id"], laptop["secret_access_key"])
    aws = Aws(session, region=region, endpoint_url=laptop["endpoint_url"])
    stack, outputs = next(
        (stack, outputs)
        for stack, outputs in laptop["stacks"].items()
        if stack.endswith(f"-{region}")
    )
    name = stack.removesuffix(f"-{region}")
    return Deployment(aws, name=name, outputs=outputs, target=target, laptop=laptop)


def _on_aws(target: Target, surroundings: Surroundings) -> Deployment:
    aws, name = reach(target, surroundings), target.deployment or NAME
    region = aws.region
    try:
        (stack,) = aws.client("cloudformation").describe_stacks(StackName=f"{name}-{region}")[
            "Stacks"
        ]
    except sdk.ClientError as error:
        if error_code(error) in ("AccessDenied", "AccessDeniedException"):
            # IAM answers before CloudFormation looks, and whoever may see one stack can't tell of others.
            raise Misuse(
                f"There is no deployment {plain(name)} in {plain(region)} that you may see: "
                "see --deployment and --region, or ask for the right cloudformation:DescribeStacks."
            ) from error
        if error_code(error) != "ValidationError":
            raise
        raise Misuse(
            f"There is no deployment {plain(name)} in {plain(region)}: see --deployment and --region."
        ) from error
    outputs = {entry["OutputKey"]: entry["OutputValue"] for entry in stack.get("Outputs", ())}
    return Deployment(aws, name=name, outputs=outputs, target=target)
