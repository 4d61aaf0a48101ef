"""Findings of Macie: the rule that starts a state machine for each, and what watches both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infrastructure.constructs.alarms import Meaning, Missing, Part
from infrastructure.constructs.bucket import removal_policy
from infrastructure.constructs.checks import accept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_stepfunctions as sfn

    from infrastructure.constructs.archive import Archive
    from infrastructure.constructs.cases import CasesFunction
    from infrastructure.constructs.region import Region

MACIE = "aws.macie"
# Nobody but AWS may send as `aws.` something.
SIMULATED = "local.macie"
_MINUTE = cdk.Duration.minutes(1)
_USERS = "a publisher sends what it should not, and subscribers may have got it."


class Findings(Construct):
    """The rule that starts the state machine for each finding, and what watches both.

    `alarm` goes off when a finding was not followed up: nothing started for it, or that failed. What could
    not be started waits in the queue. `found` is only shown: each case sends a message of its own.
    """

    queue: sqs.Queue
    matched: cloudwatch.Metric
    failures: Mapping[str, cloudwatch.Metric]
    waiting: cloudwatch.Metric
    found: cloudwatch.Alarm
    alarm: cloudwatch.CompositeAlarm

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        archive: Archive,
        cases: CasesFunction,
        state_machine: sfn.StateMachine,
    ) -> None:
        super().__init__(scope, id)
        self.queue = self._queue(region)
        self.matched = self._start(region, archive, state_machine)
        self.found = self._watch_findings(region)
        self.alarm = self._watch_failures(region, state_machine, cases.function.alarms)

    def _queue(self, region: Region) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            "Queue",
            queue_name=region.configuration.name("findings-dlq"),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(region.configuration.retention.queued_letters),
            removal_policy=removal_policy(region.configuration),
        )
        accept(queue, "SQS3", "This is the dead-letter queue of a rule.")
        return queue

    def _start(
        self, region: Region, archive: Archive, state_machine: sfn.StateMachine
    ) -> cloudwatch.Metric:
        """Start an execution for each finding; return the metric that counts them."""
        configuration = region.configuration
        name = configuration.name("sensitive-data")
        events.Rule(
            self,
            "Findings",
            rule_name=name,
            description="Follows up sensitive data that Macie found in the archive",
            event_pattern=events.EventPattern(
                source=[MACIE, SIMULATED] if configuration.laptop else [MACIE],
                detail_type=["Macie Finding"],
                detail={
                    # The other category is about the bucket's settings.
                    "category": ["CLASSIFICATION"],
                    "resourcesAffected": {"s3Bucket": {"name": [archive.bucket.bucket_name]}},
                },
            ),
            targets=[
                targets.SfnStateMachine(
                    state_machine,
                    input=events.RuleTargetInput.from_object(
                        {"finding": events.EventField.from_path("$.detail")}
                    ),
                    dead_letter_queue=self.queue,
                    retry_attempts=185,
                    max_event_age=cdk.Duration.hours(24),
                )
            ],
        )
        return cloudwatch.Metric(
            namespace="AWS/Events",
            metric_name="MatchedEvents",
            dimensions_map={"RuleName": name},
            statistic=cloudwatch.Stats.SUM,
            period=_MINUTE,
        )

    def _watch_findings(self, region: Region) -> cloudwatch.Alarm:
        alarm = region.alarms.alarm(
            self,
            "Found",
            name="sensitive-data",
            metric=self.matched,
            above=0,
            # EventBridge counts only when something matches.
            missing=Missing.IS_FINE,
            meaning=Meaning(
                what="Macie found sensitive data in the archive; a message of its own has the case.",
                users=_USERS,
                next="findings list",
                section="sensitive-data",
            ),
        )
        # No matter of health: it is off by itself within minutes, and nothing is well by that.
        region.alarms.show(alarm, part=Part.SENSITIVE_DATA)
        return alarm

    def _watch_failures(
        self, region: Region, machine: sfn.StateMachine, of_function: Sequence[cloudwatch.Alarm]
    ) -> cloudwatch.CompositeAlarm:
        self.failures = {
            "failed": machine.metric_failed(period=_MINUTE),
            "timed-out": machine.metric_timed_out(period=_MINUTE),
        }
        self.waiting = self.queue.metric_approximate_number_of_messages_visible(
            period=_MINUTE, statistic=cloudwatch.Stats.MAXIMUM
        )
        watched = {
            **{
                f"execution-{how}": (metric, f"An execution that followed a finding has {how}.")
                for how, metric in self.failures.items()
            },
            "finding-not-started": (
                self.waiting,
                "For a finding of sensitive data no execution could be started: it waits in the queue.",
            ),
        }
        alarms = [
            region.alarms.alarm(
                self,
                name.title().replace("-", ""),
                name=f"sensitive-data-{name}",
                metric=metric,
                above=0,
                # Counted only when there are some.
                missing=Missing.IS_FINE,
                meaning=Meaning(what=what, users=_USERS, section="sensitive-data-failed"),
            )
            for name, (metric, what) in watched.items()
        ]
        return region.alarms.composite(
            self,
            "Alarm",
            part=Part.SENSITIVE_DATA,
            name="sensitive-data-failed",
            components=(*alarms, *of_function),
            meaning=Meaning(
                what="A finding of sensitive data was not followed up: nothing was started for it, or that "
                "failed.",
                users=_USERS,
                next="findings list",
                section="sensitive-data-failed",
            ),
        )
