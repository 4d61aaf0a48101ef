"""Coverage: no finding may mean that nobody looked, so every hour somebody sees whether Macie does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from functions.contract import Metric, Objects, Variable
from infrastructure.constructs.alarms import Meaning, Missing, Part
from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.function import Function

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_stepfunctions as sfn

    from infrastructure.constructs.operations import Operations
    from infrastructure.constructs.region import Region

_HOUR = cdk.Duration.hours(1)
# The job runs each day; half a day more is for the run itself.
UNEXAMINED = cdk.Duration.hours(36)
_USERS = "none: sensitive data that a publisher sends goes unnoticed."


class Coverage(Construct):
    """The function, the rule that calls it every hour, and an alarm for each thing that can be amiss."""

    function: Function
    states: Mapping[str, cloudwatch.Metric]
    """Of Macie: 1 while it is so, else 0."""
    unexamined: cloudwatch.Metric
    unseen: cloudwatch.Metric

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        archive: s3.IBucket,
        job_id: str,
        operations: Operations,
        state_machine: sfn.IStateMachine,
    ) -> None:
        super().__init__(scope, id)
        self.function = Function(
            self,
            "Function",
            region=region,
            name="coverage",
            description="Sees whether Macie looks at the archive, and whether findings were taken up",
            memory_size=512,
            timeout=cdk.Duration.seconds(60),
            environment={
                Variable.MACIE_JOB_ID: job_id,
                Variable.ARCHIVE_BUCKET: archive.bucket_name,
                Variable.OPERATIONS_BUCKET: operations.bucket.bucket_name,
                Variable.STATE_MACHINE_ARN: state_machine.state_machine_arn,
            },
            # Its silence sets off an alarm.
            harm=None,
        )
        self._grant_ask_macie()
        operations.grant_list(self.function, Objects.FINDINGS)
        self.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["states:StartExecution"], resources=[state_machine.state_machine_arn]
            )
        )
        events.Rule(
            self,
            "EveryHour",
            rule_name=region.configuration.name("coverage"),
            description="Sees whether Macie looks at the archive",
            schedule=events.Schedule.rate(_HOUR),
            targets=[targets.LambdaFunction(self.function)],
        )
        self._watch(region)

    def _grant_ask_macie(self) -> None:
        jobs = cdk.Stack.of(self).format_arn(
            service="macie2", resource="classification-job", resource_name="*"
        )
        for actions, resource, why in (
            (
                ["macie2:DescribeClassificationJob"],
                jobs,
                "Macie gives a job its id when it makes it.",
            ),
            (
                ["macie2:GetMacieSession", "macie2:ListFindings"],
                "*",
                "The session and findings are no resources that a policy could name.",
            ),
        ):
            self.function.add_to_role_policy(
                iam.PolicyStatement(actions=actions, resources=[resource])
            )
            accept_wildcard(self.function.execution_role, resource, why)

    def _watch(self, region: Region) -> None:
        off = self._alarm(
            region,
            "Off",
            name="macie-off",
            metric=Metric.MACIE_OFF,
            what="Macie is off or paused in this account and region: nobody looks for sensitive data; or, "
            "if the state is INSUFFICIENT_DATA, nobody has seen for hours whether it is.",
            missing=Missing.IS_UNKNOWN,
        )
        off.add_insufficient_data_action(region.alarms.action)
        self._alarm(
            region,
            "JobStopped",
            name="macie-job-stopped",
            metric=Metric.MACIE_JOB_STOPPED,
            what="Macie's daily job on the archive was paused or cancelled, or is gone.",
        )
        self._alarm(
            region,
            "RunErrors",
            name="macie-run-errors",
            metric=Metric.MACIE_RUN_ERRORS,
            what="Macie's last run could not process all that it should.",
        )
        self._alarm(
            region,
            "RunOverdue",
            name="macie-run-overdue",
            metric=Metric.ARCHIVE_UNEXAMINED,
            above=UNEXAMINED.to_seconds(),
            what="No run of Macie's daily job is known to have been completed for "
            f"{UNEXAMINED.to_hours():.0f} hours: no findings may mean that nobody looked.",
        )
        self._alarm(
            region,
            "FindingsUnseen",
            name="findings-unseen",
            metric=Metric.FINDINGS_UNSEEN,
            what="Macie has findings that nobody took up within an hour; they are taken up now.",
        )
        self.states = {
            "off": _hourly(region, Metric.MACIE_OFF),
            "job stopped": _hourly(region, Metric.MACIE_JOB_STOPPED),
            "run with errors": _hourly(region, Metric.MACIE_RUN_ERRORS),
        }
        self.unexamined = _hourly(region, Metric.ARCHIVE_UNEXAMINED)
        self.unseen = _hourly(region, Metric.FINDINGS_UNSEEN)

    def _alarm(
        self,
        region: Region,
        id: str,
        *,
        name: str,
        metric: str,
        what: str,
        above: float = 0,
        missing: Missing = Missing.CHANGES_NOTHING,
    ) -> cloudwatch.Alarm:
        alarm = region.alarms.alarm(
            self,
            id,
            name=name,
            metric=_hourly(region, metric),
            above=above,
            missing=missing,
            meaning=Meaning(what=what, users=_USERS, section=name),
        )
        region.alarms.notify(alarm, part=Part.SENSITIVE_DATA)
        return alarm


def _hourly(region: Region, metric: str) -> cloudwatch.Metric:
    """The best of an hour's looks, so that an alarm ends with the first that finds all well."""
    return region.metric(metric, statistic=cloudwatch.Stats.MINIMUM).with_(period=_HOUR)
