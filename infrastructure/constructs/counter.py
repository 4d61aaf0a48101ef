"""The counter: every minute, what only the whole tells; and triage where a queue is not empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from constructs import Construct

from functions.contract import DLQ_URLS, Metric, Variable
from infrastructure.constructs.alarms import DEAD_LETTERS_WAIT, Meaning, Missing, Part
from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.function import Function, every_minute

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_stepfunctions as sfn

    from infrastructure.constructs.archive import Archive
    from infrastructure.constructs.dead_letters import DeadLetterQueue
    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.publication import Publication
    from infrastructure.constructs.region import Region
    from infrastructure.constructs.topics import Topics

# An execution that has worked for longer is stuck: a page takes a minute, and a run paces itself.
LONG_RUN = cdk.Duration.hours(2)
# Conservation looks at events that were accepted so many minutes ago: later ones are still on their way,
# and the alarm has long gone off for earlier ones.
_CONSERVATION_MINUTES = (180, 10)


class Counter(Construct):
    """The function, and the rule that calls it. `state_machine` is the one that it starts for a triage.

    Its alarms: `unaccounted` for events that were stored and have gone nowhere, `failed` and `long` for
    executions of the state machine. Those of the function itself are not among them.
    """

    function: Function
    unaccounted: cloudwatch.Alarm
    failed: cloudwatch.Alarm
    long: cloudwatch.Alarm

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        ledger: Ledger,
        dead_letters: Sequence[DeadLetterQueue],
        event_store: EventStore,
        publication: Publication,
        topics: Topics,
        archive: Archive,
        state_machine: sfn.StateMachine,
    ) -> None:
        super().__init__(scope, id)
        self.function = Function(
            self,
            "Function",
            region=region,
            name="counter",
            description="Counts what is open, unaccounted for, unread or stuck, and starts triage",
            memory_size=512,
            # Over before the next one begins.
            timeout=cdk.Duration.seconds(50),
            environment={
                **{DLQ_URLS[queue.stage]: queue.queue.queue_url for queue in dead_letters},
                Variable.LEDGER_TABLE: ledger.table.table_name,
                Variable.EVENTS_TABLE: event_store.table_name,
                Variable.PUBLISH_MAPPING: publication.mapping,
                Variable.TOPIC_ARN_PREFIX: topics.arn_prefix,
                **({Variable.ARCHIVE_BUCKET: archive.bucket.bucket_name} if archive.stream else {}),
                Variable.STATE_MACHINE_ARN: state_machine.state_machine_arn,
                Variable.CONSERVATION_FROM_MINUTES: str(_CONSERVATION_MINUTES[0]),
                Variable.CONSERVATION_UNTIL_MINUTES: str(_CONSERVATION_MINUTES[1]),
            },
            harm="they notice nothing, but operators don't see what the counter counts.",
        )
        for queue in dead_letters:
            queue.grant_measure(self.function)
        ledger.grant_count(self.function)
        event_store.grant_probe(self.function)
        publication.grant_see_mapping(self.function)
        if archive.stream:
            archive.stream.grant_count_undelivered(self.function)
        self._allow(
            state_machine.state_machine_arn, "states:StartExecution", "states:ListExecutions"
        )
        executions = cdk.Stack.of(self).format_arn(
            service="states",
            resource="execution",
            resource_name=f"{region.configuration.name('redrive')}:*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        self._allow(executions, "states:DescribeExecution", "states:GetExecutionHistory")
        accept_wildcard(
            self.function.execution_role, executions, "Executions of the one state machine."
        )
        self._allow("*", "cloudwatch:GetMetricData")
        accept_wildcard(
            self.function.execution_role, "*", "Metrics are no resources that a policy could name."
        )
        every_minute(
            self,
            region=region,
            function=self.function,
            name="counter",
            description="Counts open dead letters",
        )
        self._watch(region)

    def _watch(self, region: Region) -> None:
        maximum = cloudwatch.Stats.MAXIMUM
        self.events_unaccounted = region.metric(Metric.EVENTS_UNACCOUNTED, statistic=maximum)
        self.runs_failed = region.metric(Metric.REDRIVE_RUNS_FAILED, statistic=maximum)
        self.succeeded = region.metric(Metric.REDRIVE_SUCCEEDED)
        self.failed_again = region.metric(Metric.REDRIVE_FAILED)
        self.summary_unwritten = region.metric(Metric.SUMMARY_UNWRITTEN)
        self.run_seconds = region.metric(Metric.REDRIVE_RUN_SECONDS, statistic=maximum)
        self.unaccounted = region.alarms.alarm(
            self,
            "Unaccounted",
            name="events-unaccounted",
            metric=self.events_unaccounted,
            above=0,
            minutes=3,
            # A silent counter sends a message as well: nobody else would notice a loss.
            missing=Missing.IS_UNKNOWN,
            meaning=Meaning(
                what="Events are unaccounted for: accepted and stored, they have neither been published "
                "nor become dead letters within ten minutes; or, if the state is INSUFFICIENT_DATA, "
                "nobody counts them.",
                users="subscribers don't get these events.",
                section="events-unaccounted-for",
            ),
        )
        self.unaccounted.add_insufficient_data_action(region.alarms.action)
        region.alarms.notify(self.unaccounted, part=Part.CONSERVATION)
        self.failed = region.alarms.alarm(
            self,
            "RunFailed",
            name="redrive-failed",
            metric=self.runs_failed,
            above=0,
            missing=Missing.CHANGES_NOTHING,
            meaning=Meaning(
                what="An execution of triage or redrive failed or timed out: its input is not to blame.",
                users=DEAD_LETTERS_WAIT,
                next="audit --since 1d",
                section="redrive-failed",
            ),
        )
        self.long = region.alarms.alarm(
            self,
            "RunLong",
            name="redrive-long",
            metric=self.run_seconds,
            above=LONG_RUN.to_seconds(),
            minutes=3,
            missing=Missing.CHANGES_NOTHING,
            meaning=Meaning(
                what=f"An execution of triage or redrive has worked for more than {LONG_RUN.to_hours():.0f} "
                "hours: time that it waited for approval is not counted.",
                users=DEAD_LETTERS_WAIT,
                section="redrive-runs-long",
            ),
        )
        for one in (self.failed, self.long):
            region.alarms.notify(one, part=Part.RUNS)

    def _allow(self, resource: str, *actions: str) -> None:
        self.function.add_to_role_policy(
            iam.PolicyStatement(actions=list(actions), resources=[resource])
        )
