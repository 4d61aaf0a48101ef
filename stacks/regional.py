"""The regional stack: the walk of an event in one region, in its order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk

from dashboards.delivery import DeliveryDashboard
from dashboards.operations import OperationsDashboard
from dashboards.publishers import PublishersDashboard
from dashboards.redrive import RedriveDashboard
from infrastructure.constructs.archive import Archive
from infrastructure.constructs.aws_calls import AwsCalls
from infrastructure.constructs.canary import Canary
from infrastructure.constructs.counter import Counter
from infrastructure.constructs.custom_domain import CustomDomain
from infrastructure.constructs.dead_letters import DeadLetterQueue
from infrastructure.constructs.event_store import EventStore, lookup_permissions
from infrastructure.constructs.health import Attention, DeadLetterHandling, Health
from infrastructure.constructs.ingestion import Ingestion
from infrastructure.constructs.inquiry import Inquiry
from infrastructure.constructs.ledger import Ledger
from infrastructure.constructs.notifier import Notifier
from infrastructure.constructs.operations import Operations
from infrastructure.constructs.policies import Policies
from infrastructure.constructs.publication import Publication
from infrastructure.constructs.publishers import PublishersFunction, Registry, registry_permissions
from infrastructure.constructs.receipts import Receipts
from infrastructure.constructs.redrive import RedriveFunction
from infrastructure.constructs.region import Region
from infrastructure.constructs.sensitive_data import macie_permissions
from infrastructure.constructs.topics import Topics
from infrastructure.constructs.triage import TriageFunction
from infrastructure.constructs.verifier import Verifier
from infrastructure.constructs.widget import WidgetFunction
from stacks.regions import RegionsHandling
from stacks.sensitive_data import SensitiveDataHandling
from workflows.approval import Approval
from workflows.publishers import Publishers
from workflows.redrive import Redrive

if TYPE_CHECKING:
    from datetime import datetime

    from constructs import Construct

    from infrastructure.configuration import Configuration


class RegionalStack(cdk.Stack):
    """Everything but the Events table, for the events that this region takes; deployed `at` that time."""

    def __init__(
        self,
        scope: Construct,
        *,
        configuration: Configuration,
        region_name: str,
        account: str | None,
        at: datetime,
    ) -> None:
        super().__init__(
            scope,
            configuration.name(region_name),
            env=cdk.Environment(account=account, region=region_name),
            description=f"{configuration.deployment}: ingestion and publication in {region_name}",
        )
        operations = Operations(self, "Operations", configuration=configuration)
        region = Region(configuration, region_name, ops_topic=operations.topic)
        notifier = Notifier(self, "Notifier", region=region, operations=operations)
        calls = AwsCalls(
            self,
            "AwsCalls",
            configuration=configuration,
            permissions=[
                *lookup_permissions(self, configuration),
                *registry_permissions(self, configuration),
                *macie_permissions(self),
            ],
            at=at,
        )
        event_store = EventStore(self, "EventStore", region=region, calls=calls)
        archive = Archive(self, "Archive", region=region, access_logs=operations.bucket)
        topics = Topics(self, "Topics", region=region)
        dead_letters = ingest_dead_letters, publish_dead_letters = (
            DeadLetterQueue(self, "IngestDeadLetters", region=region, stage="ingest"),
            DeadLetterQueue(self, "PublishDeadLetters", region=region, stage="publish"),
        )
        ingestion = Ingestion(
            self,
            "Ingestion",
            region=region,
            event_store=event_store,
            archive=archive,
            dead_letters=ingest_dead_letters,
        )
        receipts = Receipts(self, "Receipts", region=region)
        publication = Publication(
            self,
            "Publication",
            region=region,
            event_store=event_store,
            topics=topics,
            dead_letters=publish_dead_letters,
            invocation_records=operations.bucket,
            receipts=receipts,
        )
        registry = Registry(self, "Registry", region=region, calls=calls, api=ingestion.api)
        registry.grant_look_up(ingestion.function)
        ledger = Ledger(self, "Ledger", region=region)
        redrive_task = RedriveFunction(
            self,
            "RedriveTask",
            region=region,
            ledger=ledger,
            dead_letters=dead_letters,
            operations=operations,
            event_store=event_store,
            archive=archive,
            topics=topics,
            receipts=receipts,
            registry=registry,
        )
        triage_task = TriageFunction(
            self,
            "TriageTask",
            region=region,
            ledger=ledger,
            operations=operations,
            dead_letters=dead_letters,
        )
        approval = Approval(
            self, "Approval", region=region, name="approval", function=redrive_task.function
        )
        redrive = Redrive(
            self,
            "Redrive",
            region=region,
            redrive=redrive_task,
            triage=triage_task,
            approval=approval,
            dead_letters=dead_letters,
        )
        inquiry = Inquiry(
            self,
            "Inquiry",
            region=region,
            ingestion=ingestion,
            event_store=event_store,
            ledger=ledger,
            receipts=receipts,
            registry=registry,
        )
        sensitive_data = SensitiveDataHandling(
            self,
            "SensitiveDataHandling",
            region=region,
            archive=archive,
            topics=topics,
            registry=registry,
            ledger=ledger,
            operations=operations,
            event_store=event_store,
            calls=calls,
        )
        regions = RegionsHandling(
            self,
            "RegionsHandling",
            region=region,
            event_store=event_store,
            receipts=receipts,
            ledger=ledger,
            operations=operations,
        )
        publishers_task = PublishersFunction(
            self,
            "PublishersTask",
            region=region,
            registry=registry,
            ledger=ledger,
            operations=operations,
        )
        publishers = Publishers(self, "Publishers", region=region, publishers=publishers_task)
        policies = Policies(
            self,
            "Policies",
            region=region,
            event_store=event_store,
            receipts=receipts,
            ledger=ledger,
            operations=operations,
            topics=topics,
            redrive=redrive.state_machine,
            approvals=(approval.state_machine, *sensitive_data.approvals),
            sensitive_data=sensitive_data.workflow.state_machine,
            publishers=publishers.state_machine,
            regions=regions.state_machines,
            erasure=sensitive_data.erasure.state_machine,
        )
        counter = Counter(
            self,
            "Counter",
            region=region,
            ledger=ledger,
            dead_letters=dead_letters,
            event_store=event_store,
            publication=publication,
            topics=topics,
            archive=archive,
            state_machine=redrive.state_machine,
        )
        widget = WidgetFunction(self, "Widget", region=region, ledger=ledger)
        DeadLetterHandling(
            self,
            "DeadLetterHandling",
            region=region,
            functions=[t.function for t in (triage_task, redrive_task, counter, regions.adoption)],
            ledger=ledger,
        )
        Attention(self, "Attention", region=region, dead_letters=dead_letters)
        canary = None
        if ingestion.canary_key:
            canary = Canary(
                self,
                "Canary",
                region=region,
                key=ingestion.canary_key,
                ingestion=ingestion,
                publication=publication,
                topics=topics,
                dead_letters=dead_letters,
            )
        OperationsDashboard(
            self,
            "OperationsDashboard",
            region=region,
            canary=canary,
            health=Health(self, "Health", region=region, notifier=notifier),
            ingestion=ingestion,
            event_store=event_store,
            archive=archive,
            publication=publication,
            inquiry=inquiry,
            adopter=regions.adoption.function,
            prover=regions.proof.prover,
            dead_letters=dead_letters,
            triage=triage_task,
            redrive=redrive_task,
            counter=counter,
            notifier=notifier,
            ledger=ledger,
            sensitive_data=sensitive_data.rows(region),
            widget=widget,
        )
        DeliveryDashboard(
            self, "DeliveryDashboard", region=region, publication=publication, topics=topics
        )
        RedriveDashboard(
            self,
            "RedriveDashboard",
            region=region,
            dead_letters=dead_letters,
            triage=triage_task,
            redrive=redrive_task,
            state_machine=redrive.state_machine,
            state_machine_log=redrive.log_name,
            counter=counter,
            widget=widget,
        )
        PublishersDashboard(
            self,
            "PublishersDashboard",
            region=region,
            ingestion=ingestion,
            registry=registry,
            publishers=publishers_task,
            eraser=sensitive_data.eraser,
        )

        outputs = {
            "EventsTable": event_store.table.table_name,
            "IngestDlqUrl": ingest_dead_letters.queue.queue_url,
            "PublishDlqUrl": publish_dead_letters.queue.queue_url,
            "LedgerTable": ledger.table.table_name,
            "ReceiptsTable": receipts.table_name,
            **operations.outputs,
            "TopicArnPrefix": topics.arn_prefix,
            **redrive.outputs,
            "PublishersStateMachineArn": publishers.state_machine.state_machine_arn,
            **regions.outputs,
            "RegistryTable": registry.table_name,
            **sensitive_data.outputs,
            **policies.outputs,
            **ingestion.outputs,
            **CustomDomain(self, "Domain", region=region, api=ingestion.api, canary=canary).outputs,
            **archive.outputs,
            "Regions": str(len(configuration.regions)),
            "PublishFunction": publication.function.function_name,
        }
        if canary and ingestion.canary_key:
            verifier = Verifier(
                self,
                "Verifier",
                region=region,
                operations=operations,
                event_store=event_store,
                archive=archive,
                topics=topics,
                key=ingestion.canary_key,
                publish_dead_letters=publish_dead_letters,
                functions=(
                    *(ingestion.function, publication.function, triage_task.function),
                    *(redrive_task.function, counter.function, widget.function),
                    *(notifier.function, inquiry.function, canary.function, *regions.functions),
                ),
            )
            outputs |= {**canary.outputs, "VerifierPolicyArn": verifier.policy.managed_policy_arn}
        for key, value in outputs.items():
            cdk.CfnOutput(self, key, value=value)
