"""Publishers as data: the registry, and the function that makes API Gateway agree with it in all regions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import custom_resources
from constructs import Construct

from functions.contract import Metric, RegistryRows, Variable
from infrastructure.constructs.alarms import Meaning, Missing, Part
from infrastructure.constructs.aws_calls import Permission
from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.function import Function
from infrastructure.constructs.states import states_arn
from infrastructure.constructs.tables import global_table, grant_rows, table_arn, throttles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_apigateway as apigateway

    from infrastructure.configuration import Configuration
    from infrastructure.constructs.aws_calls import AwsCalls
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.operations import Operations
    from infrastructure.constructs.region import Region

# A task begins no call after 20 s, and one call may last six.
_TIMEOUT = cdk.Duration.seconds(60)
# A look that fails is repeated for some hours.
_HOURS_BETWEEN_LOOKS = 30


def registry_name(configuration: Configuration) -> str:
    """The same in every region, so that a regional stack needs no reference into another region."""
    return configuration.name("registry")


class GlobalRegistry(Construct):
    """The registry, with its replicas."""

    def __init__(self, scope: Construct, id: str, *, configuration: Configuration) -> None:
        super().__init__(scope, id)
        global_table(self, "Table", name=registry_name(configuration), configuration=configuration)


def registry_permissions(scope: Construct, configuration: Configuration) -> list[Permission]:
    """The permissions that a `Registry` in this stack needs at deployment."""
    region = cdk.Stack.of(scope).region
    return [
        Permission(
            actions=("dynamodb:PutItem", "dynamodb:DeleteItem"),
            resource=table_arn(scope, registry_name(configuration)),
            conditions={
                "ForAllValues:StringEquals": {
                    "dynamodb:LeadingKeys": f"{RegistryRows.REGION}{region}"
                }
            },
        )
    ]


class Registry(Construct):
    """The registry as a region sees it; it says there which API publishers send to in this region."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        calls: AwsCalls,
        api: apigateway.RestApi,
    ) -> None:
        super().__init__(scope, id)
        self.table_name = registry_name(region.configuration)
        self.table_arn = table_arn(self, self.table_name)
        key = {"pk": {"S": f"{RegistryRows.REGION}{region.name}"}}
        item = {
            **key,
            "api_id": {"S": api.rest_api_id},
            "stage": {"S": api.deployment_stage.stage_name},
        }
        tell = custom_resources.AwsSdkCall(
            service="dynamodb",
            action="putItem",
            parameters={"TableName": self.table_name, "Item": item},
            physical_resource_id=custom_resources.PhysicalResourceId.of(f"api-of-{region.name}"),
        )
        forget = custom_resources.AwsSdkCall(
            service="dynamodb",
            action="deleteItem",
            parameters={"TableName": self.table_name, "Key": key},
        )
        calls.call(self, "Api", on_create=tell, on_update=tell, on_delete=forget)
        self.alarms = throttles(
            self,
            alarms=region.alarms,
            table=self.table_name,
            what="registry",
            users="none: ingestion goes by what it knows; changes to publishers take longer.",
        )

    def grant_change(self, function: Function) -> None:
        """Let it read all of the registry, and change publishers, the doorkeeper, locks and turns."""
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["dynamodb:GetItem", "dynamodb:Scan"], resources=[self.table_arn]
            )
        )
        self._grant(
            function,
            "dynamodb:UpdateItem",
            rows=[
                f"{RegistryRows.PUBLISHER}*",
                RegistryRows.DOORKEEPER,
                f"{RegistryRows.LOCK}*",
                f"{RegistryRows.TURNS}*",
            ],
        )

    def grant_look_up(self, function: Function) -> None:
        """Let it read the doorkeeper, and publishers one at a time by their names."""
        rows = [RegistryRows.DOORKEEPER, f"{RegistryRows.PUBLISHER}*"]
        self._grant(function, "dynamodb:GetItem", rows=rows)

    def grant_doorkeeper(self, function: Function) -> None:
        """Let it read the doorkeeper, and no other row."""
        self._grant(function, "dynamodb:GetItem", rows=[RegistryRows.DOORKEEPER])

    def _grant(self, function: Function, *actions: str, rows: Sequence[str]) -> None:
        grant_rows(function, *actions, table=self.table_arn, rows=rows)


class PublishersFunction(Construct):
    """May change this deployment's usage plans and API keys in all of its regions, and read their values.

    `alarm` goes off when publishers can't be changed. `keys_overdue` is there where keys are looked at each
    day, which is in the primary region, with an alarm on it.
    """

    function: Function
    alarm: cloudwatch.CompositeAlarm
    keys_overdue: cloudwatch.Metric | None

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        registry: Registry,
        ledger: Ledger,
        operations: Operations,
    ) -> None:
        super().__init__(scope, id)
        configuration = region.configuration
        self.function = Function(
            self,
            "Function",
            region=region,
            name="publishers",
            description="Changes publishers: the registry first, then API Gateway in all regions",
            memory_size=512,
            timeout=_TIMEOUT,
            environment={
                Variable.REGISTRY_TABLE: registry.table_name,
                Variable.REGIONS: json.dumps(configuration.regions),
                Variable.LEDGER_TABLE: ledger.table.table_name,
                Variable.LONGEST_KEPT_DAYS: str(configuration.retention.longest),
                # The emulator's API Gateway takes any number of calls.
                Variable.CONTROL_PLANE_LIMITED: str(not configuration.laptop).lower(),
                **region.mail_environment,
            },
            harm="publishers are not changed as was asked for; who sends notices nothing.",
            # Operators see the executions that they start fail, and are told of them.
            refuses=True,
        )
        registry.grant_change(self.function)
        ledger.grant_audit(self.function)
        operations.grant_notify(self.function)
        # By its name: the state machine itself calls this function.
        machine = states_arn(self, "stateMachine", configuration.name("publishers"))
        self.function.add_environment(Variable.STATE_MACHINE_ARN, machine)
        self.function.add_to_role_policy(
            iam.PolicyStatement(actions=["states:StartExecution"], resources=[machine])
        )
        self._grant_control_plane(configuration)
        self.alarm = region.alarms.composite(
            self,
            "Alarm",
            part=Part.PUBLISHERS,
            name="publishers-impaired",
            components=(*self.function.alarms, *registry.alarms),
            meaning=Meaning(
                what="Publishers can't be changed as they should: the function that does it is not run or "
                "takes too long, or the registry turns requests away.",
                users="none: who may send sends.",
                section="publishers-impaired",
            ),
        )
        self.keys_overdue = None
        if region.name == configuration.primary_region:
            self.keys_overdue = self._watch_keys(region)

    def _watch_keys(self, region: Region) -> cloudwatch.Metric:
        overdue = region.metric(Metric.KEYS_OVERDUE, statistic=cloudwatch.Stats.MAXIMUM)
        hourly = overdue.with_(period=cdk.Duration.hours(1))
        alarm = region.alarms.alarm(
            self,
            "KeysOverdue",
            name="publisher-keys-overdue",
            metric=hourly,
            above=0,
            # Of its periods, which are hours: one day's look, and time for the next.
            minutes=1,
            of=_HOURS_BETWEEN_LOOKS,
            # Before the first look there is none. Later, that nobody looks sends a message as well.
            missing=Missing.IS_UNKNOWN,
            meaning=Meaning(
                what="Keys of publishers work beyond their date: what retires them has failed; or, if the "
                "state is INSUFFICIENT_DATA, nobody has looked at keys for more than a day.",
                users="none: who sends with a key that should be gone is let in.",
                next="publishers list",
                section="publisher-keys-overdue",
            ),
        )
        alarm.add_insufficient_data_action(region.alarms.action)
        region.alarms.notify(alarm, part=Part.PUBLISHERS)
        return hourly

    def _grant_control_plane(self, configuration: Configuration) -> None:
        """Let it change plans and keys of this deployment, as far as IAM can tell them.

        By the tag that each is made with. Lists can't be narrowed, nor can the value of a key be told from
        the rest of it: whoever may list keys may read the values of all in the account.
        """
        tag = configuration.deployment
        made = {"StringEquals": {"aws:RequestTag/deployment": tag}}
        theirs = {"StringEquals": {"aws:ResourceTag/deployment": tag}}
        for actions, paths, conditions in (
            (["apigateway:GET"], ("/usageplans", "/apikeys"), None),
            (["apigateway:GET"], ("/apikeys/*", "/usageplans/*/keys"), theirs),
            (["apigateway:POST"], ("/usageplans", "/apikeys"), made),
            # API Gateway asks for this beside, to make something with a tag.
            (["apigateway:PUT", "apigateway:POST"], ("/tags/*",), made),
            (["apigateway:POST"], ("/usageplans/*/keys",), theirs),
            (["apigateway:PATCH", "apigateway:DELETE"], ("/usageplans/*", "/apikeys/*"), theirs),
        ):
            resources = [
                self._control_plane(region, path)
                for region in configuration.regions
                for path in paths
            ]
            self.function.add_to_role_policy(
                iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions)
            )
            for resource in resources:
                if "*" in resource:
                    accept_wildcard(
                        self.function.execution_role,
                        resource,
                        "API Gateway chooses the ids; the tag tells those of this deployment.",
                    )

    def _control_plane(self, region: str, path: str) -> str:
        return f"arn:{cdk.Stack.of(self).partition}:apigateway:{region}::{path}"
