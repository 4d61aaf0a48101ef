"""What a region does so that exactly one publishes: it adopts what a lost one left, and proves the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constructs import Construct

from workflows.adoption import Adoption
from workflows.proof import Proof

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_stepfunctions as sfn

    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.function import Function
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.operations import Operations
    from infrastructure.constructs.receipts import Receipts
    from infrastructure.constructs.region import Region


class RegionsHandling(Construct):
    """Adoption and proof; a deployment of one region has both as well."""

    adoption: Adoption
    proof: Proof
    functions: Sequence[Function]
    state_machines: Sequence[sfn.StateMachine]
    outputs: Mapping[str, str]
    """The outputs of the stack that name the state machines."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        event_store: EventStore,
        receipts: Receipts,
        ledger: Ledger,
        operations: Operations,
    ) -> None:
        super().__init__(scope, id)
        self.adoption = adoption = Adoption(
            self,
            "Adoption",
            region=region,
            event_store=event_store,
            receipts=receipts,
            ledger=ledger,
            operations=operations,
        )
        self.proof = proof = Proof(
            self,
            "Proof",
            region=region,
            event_store=event_store,
            receipts=receipts,
            ledger=ledger,
        )
        self.functions = adoption.function, proof.prover.function
        self.state_machines = adoption.state_machine, proof.state_machine
        self.outputs = {
            "AdoptionStateMachineArn": adoption.state_machine.state_machine_arn,
            "ProofStateMachineArn": proof.state_machine.state_machine_arn,
        }
