"""The notifier: alarms and the end of all alarms reach operators as mails of one form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
import jsii
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from constructs import Construct

from functions.contract import Notice
from infrastructure.constructs.alarms import Meaning, Missing, Part
from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.function import Function

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infrastructure.constructs.operations import Operations
    from infrastructure.constructs.region import Region

# Lambda tries again a minute later. What is not told by then is sent to operators as it is.
_RETRIES, _AGE = 1, cdk.Duration.minutes(3)


class Notifier(Construct):
    """The function, which is made before all alarms that tell operators of something.

    Nothing is quiet because it fails. What it could not tell, Lambda sends to the ops topic as it is, with
    the function's own rights; `alarm` tells that it fails by CloudWatch's, and not through the function.
    """

    function: Function
    alarm: cloudwatch.CompositeAlarm

    def __init__(
        self, scope: Construct, id: str, *, region: Region, operations: Operations
    ) -> None:
        super().__init__(scope, id)
        users = (
            "they notice nothing, but operators read of alarms late, and without their diagnosis."
        )
        self.function = Function(
            self,
            "Function",
            region=region,
            name="notifier",
            description="Writes alarms as mails to operators",
            memory_size=512,
            timeout=cdk.Duration.seconds(30),
            environment=region.mail_environment,
            harm=users,
        )
        operations.grant_notify(self.function)
        self.function.add_to_role_policy(
            iam.PolicyStatement(actions=["cloudwatch:DescribeAlarms"], resources=["*"])
        )
        accept_wildcard(
            self.function.execution_role,
            "*",
            "Composite alarms can't be read with a narrower right.",
        )
        self.function.configure_async_invoke(
            retry_attempts=_RETRIES,
            max_event_age=_AGE,
            on_failure=destinations.SnsDestination(operations.topic),
        )
        self.undelivered = self.function.metric(
            "DestinationDeliveryFailures",
            period=cdk.Duration.minutes(1),
            statistic=cloudwatch.Stats.SUM,
        )
        region.alarms.tell_by(_Action(self.function, self._let_alarms_in(region)))
        undelivered = region.alarms.alarm(
            self,
            "Undelivered",
            name="notifier-undelivered",
            metric=self.undelivered,
            above=0,
            # Lambda counts only when there are any.
            missing=Missing.IS_FINE,
            meaning=Meaning(
                what="An alarm has not reached operators: the notifier failed, and what it "
                "was to tell could not be sent to the ops topic as it is, either.",
                users=users,
                section="notifier-function",
            ),
        )
        self.alarm = region.alarms.composite(
            self,
            "Alarm",
            part=Part.HANDLING,
            name="notifier-impaired",
            components=(*self.function.alarms, undelivered),
            meaning=Meaning(
                what="Alarms reach you late or without their diagnosis: the notifier fails, or is not "
                "run. This message comes without it.",
                users=users,
                section="notifier-function",
            ),
            action=actions.SnsAction(region.ops_topic),
        )

    def target(
        self, notice: str, members: Mapping[str, str], *, is_news_for: cdk.Duration
    ) -> targets.LambdaFunction:
        """The target of a rule whose events are told as such a notice, with these members."""
        return targets.LambdaFunction(
            self.function,
            event=events.RuleTargetInput.from_object({Notice.KIND: notice, **members}),
            retry_attempts=185,
            max_event_age=is_news_for,
        )

    def _let_alarms_in(self, region: Region) -> lambda_.CfnPermission:
        stack = cdk.Stack.of(self)
        return lambda_.CfnPermission(
            self,
            "Alarms",
            action="lambda:InvokeFunction",
            function_name=self.function.function_name,
            principal="lambda.alarms.cloudwatch.amazonaws.com",
            source_account=stack.account,
            source_arn=stack.format_arn(
                service="cloudwatch",
                resource="alarm",
                resource_name=region.configuration.name("*"),
                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            ),
        )


@jsii.implements(cloudwatch.IAlarmAction)
class _Action:
    """Invokes a function; the CDK's own class makes a permission for each alarm, of which there is room
    for few in a function's policy."""

    def __init__(self, function: lambda_.IFunction, permission: lambda_.CfnPermission) -> None:
        self._function = function
        self._permission = permission

    def bind(self, _scope: Construct, alarm: cloudwatch.IAlarm) -> cloudwatch.AlarmActionConfig:
        # An alarm that goes off before CloudWatch may invoke the function is not told.
        alarm.node.add_dependency(self._permission)
        return cloudwatch.AlarmActionConfig(alarm_action_arn=self._function.function_arn)
