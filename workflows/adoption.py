"""Wires the state machine of `adoption.asl.json`, which adopts a lost region, to its function."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infrastructure.constructs.adoption import AdopterFunction
from workflows.definition import state_machine

if TYPE_CHECKING:
    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.function import Function
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.operations import Operations
    from infrastructure.constructs.receipts import Receipts
    from infrastructure.constructs.region import Region

DEFINITION = Path(__file__).with_suffix(".asl.json")


class Adoption(Construct):
    """The state machine with its function, which it may call; it writes its log and its trace.

    Operators start it.
    """

    function: Function
    state_machine: sfn.StateMachine

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
        self.function = AdopterFunction(
            self,
            "Adopter",
            region=region,
            event_store=event_store,
            receipts=receipts,
            ledger=ledger,
            operations=operations,
        ).function
        self.state_machine = state_machine(
            self,
            configuration=region.configuration,
            what="adoption",
            definition=DEFINITION,
            functions={"AdopterFunction": self.function.function_arn},
        )
