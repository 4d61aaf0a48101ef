"""What a region does about sensitive data: Macie looks, findings are followed up, events are erased."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constructs import Construct

from dashboards.sensitive_data import sensitive_data_rows
from infrastructure.constructs.cases import CasesFunction
from infrastructure.constructs.coverage import Coverage
from infrastructure.constructs.erasure import EraserFunction
from infrastructure.constructs.findings import Findings
from infrastructure.constructs.sensitive_data import SensitiveData
from workflows.erasure import Erasure
from workflows.sensitive_data import SensitiveDataWorkflow

if TYPE_CHECKING:
    from aws_cdk import aws_stepfunctions as sfn

    from dashboards.widgets import Row
    from infrastructure.constructs.archive import Archive
    from infrastructure.constructs.aws_calls import AwsCalls
    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.operations import Operations
    from infrastructure.constructs.publishers import Registry
    from infrastructure.constructs.region import Region
    from infrastructure.constructs.topics import Topics


class SensitiveDataHandling(Construct):
    """Macie and `coverage` are there unless the configuration leaves Macie out; the rest is always."""

    cases: CasesFunction
    workflow: SensitiveDataWorkflow
    findings: Findings
    coverage: Coverage | None
    eraser: EraserFunction
    erasure: Erasure

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
        event_store: EventStore,
        calls: AwsCalls,
    ) -> None:
        super().__init__(scope, id)
        self.cases = CasesFunction(
            self,
            "CasesTask",
            region=region,
            archive=archive,
            topics=topics,
            registry=registry,
            ledger=ledger,
            operations=operations,
        )
        self.workflow = SensitiveDataWorkflow(self, "Workflow", region=region, cases=self.cases)
        self.findings = Findings(
            self,
            "Findings",
            region=region,
            archive=archive,
            cases=self.cases,
            state_machine=self.workflow.state_machine,
        )
        self.coverage = None
        if region.configuration.macie != "off":
            macie = SensitiveData(self, "Macie", region=region, archive=archive.bucket, calls=calls)
            self.coverage = Coverage(
                self,
                "Coverage",
                region=region,
                archive=archive.bucket,
                job_id=macie.job_id,
                operations=operations,
                state_machine=self.workflow.state_machine,
            )

        self.eraser = EraserFunction(
            self,
            "EraserTask",
            region=region,
            event_store=event_store,
            archive=archive,
            ledger=ledger,
            operations=operations,
        )
        archive.keep_quarantined_from_all_but([self.cases.function, self.eraser.function])
        self.erasure = Erasure(self, "Erasure", region=region, eraser=self.eraser)

    def rows(self, region: Region) -> list[Row]:
        """Its part of a dashboard."""
        return sensitive_data_rows(
            region,
            findings=self.findings,
            cases=self.cases,
            executions=self.workflow.log_name,
            coverage=self.coverage,
        )

    @property
    def approvals(self) -> tuple[sfn.StateMachine, ...]:
        """The state machines that wait for answers."""
        return self.erasure.approval, self.workflow.approval

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of the stack that name the state machines."""
        return {
            "SensitiveDataStateMachineArn": self.workflow.state_machine.state_machine_arn,
            "CaseApprovalStateMachineArn": self.workflow.approval.state_machine_arn,
            "ErasureStateMachineArn": self.erasure.state_machine.state_machine_arn,
            "ErasureApprovalStateMachineArn": self.erasure.approval.state_machine_arn,
        }
