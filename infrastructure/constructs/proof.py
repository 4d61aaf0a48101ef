"""The function that proves that each event was published by one region: it reads, and writes metrics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from constructs import Construct

from functions.contract import Metric, Variable
from infrastructure.constructs.alarms import Meaning, Missing, Part
from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.function import Function

if TYPE_CHECKING:
    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.receipts import Receipts
    from infrastructure.constructs.region import Region

# From so much memory on, a function has a whole processor; hashes of a quarter take up half of it at most.
_MEMORY_MB = 1769
# A quarter of a day's receipts are read in one invocation.
_TIMEOUT = cdk.Duration.minutes(15)
_HOUR = cdk.Duration.hours(1)
_USERS = "subscribers may not have got some of yesterday's events, or got some of them twice."


class ProverFunction(Construct):
    """May read receipts, the ledger's index, metrics, and of events what is not in them.

    `alarm` goes off when yesterday's events are not proven, or their proof was not made.
    """

    function: Function
    unproven: cloudwatch.Metric
    twice: cloudwatch.Metric
    failed: cloudwatch.Metric
    alarm: cloudwatch.CompositeAlarm

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        event_store: EventStore,
        receipts: Receipts,
        ledger: Ledger,
    ) -> None:
        super().__init__(scope, id)
        self.function = Function(
            self,
            "Function",
            region=region,
            name="prover",
            description="Proves that each event was published by one region, or is a dead letter",
            memory_size=_MEMORY_MB,
            timeout=_TIMEOUT,
            environment={
                Variable.EVENTS_TABLE: event_store.table_name,
                Variable.RECEIPTS_TABLE: receipts.table_name,
                Variable.LEDGER_TABLE: ledger.table.table_name,
                Variable.REGIONS: json.dumps(region.configuration.regions),
            },
            harm="they notice nothing, but nobody proves that they got all events.",
            # Operators' errors fail a task; an execution that fails is written down.
            refuses=True,
        )
        event_store.grant_look_through(self.function)
        event_store.grant_probe(self.function)
        receipts.grant_find(self.function)
        ledger.grant_find(self.function)
        self.function.add_to_role_policy(
            iam.PolicyStatement(actions=["cloudwatch:GetMetricData"], resources=["*"])
        )
        accept_wildcard(
            self.function.execution_role, "*", "Metrics are no resources that a policy could name."
        )
        self.unproven = _nightly(region, Metric.EVENTS_UNPROVEN)
        self.twice = _nightly(region, Metric.EVENTS_PUBLISHED_TWICE)
        self.failed = _nightly(region, Metric.PROOF_FAILED)
        self._watch(region)

    def _watch(self, region: Region) -> None:
        watched = (
            (
                "Unproven",
                "events-unproven",
                self.unproven,
                "Yesterday's events are not all proven: some have neither a receipt nor a dead letter.",
            ),
            (
                "Twice",
                "events-published-twice",
                self.twice,
                "Two regions have published the same events yesterday.",
            ),
            ("Failed", "proof-failed", self.failed, "A proof came to no end."),
        )
        alarms = [
            region.alarms.alarm(
                self,
                f"{id}Alarm",
                name=name,
                metric=metric,
                above=0,
                # Until the next proof of a day says otherwise.
                missing=Missing.CHANGES_NOTHING,
                meaning=Meaning(
                    what=what, users=_USERS, section="yesterday-unproven", next="prove"
                ),
            )
            for id, name, metric, what in watched
        ]
        self.alarm = region.alarms.composite(
            self,
            "Alarm",
            part=Part.INQUIRY,
            name="yesterday-unproven",
            components=(*alarms, *self.function.alarms),
            meaning=Meaning(
                what="Yesterday is not proven: events have neither a receipt nor a dead letter, two regions "
                "have published the same, or nobody could look.",
                users=_USERS,
                section="yesterday-unproven",
                next="prove",
            ),
        )


def _nightly(region: Region, metric: str) -> cloudwatch.Metric:
    """The best of an hour's proofs, so that an alarm ends with the first one that finds all well."""
    return region.metric(metric, statistic=cloudwatch.Stats.MINIMUM).with_(period=_HOUR)
