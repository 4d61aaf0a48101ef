"""The regional stack: the walk of an event in one region, in its order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from dashboards.delivery import DeliveryDashboard
from dashboards.operations import OperationsDashboard
from dashboards.publishers import PublishersDashboard
from dashboards.redrive import RedriveDashboard
from infrastructure.constructs.archive import Archive
from infrastructure.constructs.counter import Counter
from infrastructure.constructs.dead_letters import DeadLetterQueue
from infrastructure.constructs.event_store import EventStore
from infrastructure.constructs.health import DeadLetterHandling, Health
from infrastructure.constructs.ingestion import Ingestion
from infrastructure.constructs.ledger import Ledger
from infrastructure.constructs.operations import Operations
from infrastructure.constructs.publication import Publication
from infrastructure.constructs.redrive import RedriveFunction
from infrastructure.constructs.sensitive_data import SensitiveData
from infrastructure.constructs.topics import Topics
from infrastructure.constructs.triage import TriageFunction
from workflows.redrive import Redrive

if TYPE_CHECKING:
    from constructs import Construct

    from infrastructure.configuration import Configuration


class RegionalStack(cdk.Stack):
    """Everything but the Events table, for the events that this region takes."""

    def __init__(self, scope: Construct, *, configuration: Configuration, region: str) -> None:
        super().__init__(
            scope,
            configuration.name(region),
            env=cdk.Environment(region=region),
            description=f"{configuration.deployment}: ingestion and publication in {region}",
        )
        operations = Operations(self, "Operations", configuration=configuration)
        event_store = EventStore(self, "EventStore", configuration=configuration)
        archive = Archive(
            self, "Archive", configuration=configuration, access_logs=operations.bucket
        )
        topics = Topics(
            self, "Topics", configuration=configuration, alarm_action=operations.alarm_action
        )
        ingest_dead_letters = DeadLetterQueue(
            self,
            "IngestDeadLetters",
            configuration=configuration,
            stage="ingest",
            alarm_action=operations.alarm_action,
        )
        publish_dead_letters = DeadLetterQueue(
            self,
            "PublishDeadLetters",
            configuration=configuration,
            stage="publish",
            alarm_action=operations.alarm_action,
        )
        ingestion = Ingestion(
            self,
            "Ingestion",
            configuration=configuration,
            event_store=event_store,
            archive=archive,
            dead_letters=ingest_dead_letters,
            alarm_action=operations.alarm_action,
        )
        publication = Publication(
            self,
            "Publication",
            configuration=configuration,
            region=region,
            event_store=event_store,
            topics=topics,
            dead_letters=publish_dead_letters,
            invocation_records=operations.bucket,
            alarm_action=operations.alarm_action,
        )
        dead_letters = (ingest_dead_letters, publish_dead_letters)
        ledger = Ledger(self, "Ledger", configuration=configuration)
        redrive_task = RedriveFunction(
            self,
            "RedriveTask",
            configuration=configuration,
            ledger=ledger,
            operations=operations,
            event_store=event_store,
            archive=archive,
            topics=topics,
        )
        triage_task = TriageFunction(
            self,
            "TriageTask",
            configuration=configuration,
            ledger=ledger,
            operations=operations,
            ingest_dead_letters=ingest_dead_letters,
            publish_dead_letters=publish_dead_letters,
        )
        redrive = Redrive(
            self,
            "Redrive",
            configuration=configuration,
            redrive=redrive_task,
            triage=triage_task,
            dead_letters=dead_letters,
        )
        counter = Counter(
            self,
            "Counter",
            configuration=configuration,
            ledger=ledger,
            ingest_dead_letters=ingest_dead_letters,
            publish_dead_letters=publish_dead_letters,
            state_machine=redrive.state_machine,
            alarm_action=operations.alarm_action,
        )
        handling = DeadLetterHandling(
            self,
            "DeadLetterHandling",
            configuration=configuration,
            alarms=(
                *triage_task.function.alarms,
                *redrive_task.function.alarms,
                *counter.function.alarms,
                *ledger.alarms,
            ),
            alarm_action=operations.alarm_action,
        )
        told: list[cloudwatch.IAlarm] = [
            ingestion.unavailable,
            ingestion.alarm,
            ingestion.surge,
            publication.alarm,
            topics.alarm,
            counter.unaccounted,
            *(one for queue in dead_letters for one in (queue.alarm, queue.old)),
            handling.alarm,
            counter.failed,
            counter.long,
        ]
        health = Health(
            self,
            "Health",
            configuration=configuration,
            alarms=told,
            alarm_action=operations.alarm_action,
        )
        # Beside the health: a finding is off by itself within minutes, and nothing is well by that.
        sensitive_data = None
        if configuration.macie != "off":
            sensitive_data = SensitiveData(
                self,
                "SensitiveData",
                configuration=configuration,
                archive=archive.bucket,
                ops_topic=operations.topic,
            )
            told.append(sensitive_data.alarm)
        OperationsDashboard(
            self,
            "OperationsDashboard",
            configuration=configuration,
            health=health,
            told=told,
            behind=(
                *ingestion.alarms,
                *publication.alarms,
                *topics.alarms,
                *(one for q in dead_letters for one in (q.arrived, q.waits, q.is_open)),
                *handling.alarms,
            ),
            ingestion=ingestion,
            event_store=event_store,
            publication=publication,
            dead_letters=dead_letters,
            triage=triage_task,
            redrive=redrive_task,
            counter=counter,
            ledger=ledger,
            sensitive_data=sensitive_data,
        )
        DeliveryDashboard(
            self,
            "DeliveryDashboard",
            configuration=configuration,
            publication=publication,
            topics=topics,
        )
        RedriveDashboard(
            self,
            "RedriveDashboard",
            configuration=configuration,
            dead_letters=dead_letters,
            triage=triage_task,
            redrive=redrive_task,
            state_machine=redrive.state_machine,
            state_machine_log=redrive.log_name,
            counter=counter,
        )
        PublishersDashboard(
            self, "PublishersDashboard", configuration=configuration, ingestion=ingestion
        )

        self._output("ApiUrl", ingestion.api.url)
        self._output("EventsTable", event_store.table.table_name)
        self._output("ArchiveBucket", archive.bucket.bucket_name)
        self._output("OperationsBucket", operations.bucket.bucket_name)
        self._output("IngestDlqUrl", ingest_dead_letters.queue.queue_url)
        self._output("PublishDlqUrl", publish_dead_letters.queue.queue_url)
        self._output("LedgerTable", ledger.table.table_name)
        self._output("OpsTopicArn", operations.topic.topic_arn)
        self._output("TopicArnPrefix", topics.arn_prefix)
        self._output("RedriveStateMachineArn", redrive.state_machine.state_machine_arn)
        self._output("IngestFunction", ingestion.function.function_name)
        self._output("PublishFunction", publication.function.function_name)
        for publisher in configuration.publishers:
            key, plan = ingestion.api_keys[publisher.name], ingestion.usage_plans[publisher.name]
            self._output(f"ApiKeyId{publisher.pascal_case}", key.key_id)
            self._output(f"UsagePlanId{publisher.pascal_case}", plan.usage_plan_id)

    def _output(self, key: str, value: str) -> None:
        cdk.CfnOutput(self, key, value=value)
