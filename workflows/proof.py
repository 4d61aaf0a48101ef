"""Wires the state machine of `proof.asl.json`, which proves what was published, to its function."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infrastructure.constructs.proof import ProverFunction
from workflows.definition import state_machine, tell_of_end

if TYPE_CHECKING:
    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.receipts import Receipts
    from infrastructure.constructs.region import Region

DEFINITION = Path(__file__).with_suffix(".asl.json")
# UTC. Yesterday's last events have long been published by then, or become letters.
_AT = events.Schedule.cron(hour="1", minute="30")


class Proof(Construct):
    """The state machine with its function, which it may call; it writes its log and its trace.

    Each night it proves yesterday by counts; operators start it as well. An execution that comes to another
    end than its report is written down.
    """

    prover: ProverFunction
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
    ) -> None:
        super().__init__(scope, id)
        self.prover = ProverFunction(
            self,
            "Prover",
            region=region,
            event_store=event_store,
            receipts=receipts,
            ledger=ledger,
        )
        configuration = region.configuration
        self.state_machine = state_machine(
            self,
            configuration=configuration,
            what="proof",
            definition=DEFINITION,
            functions={"ProverFunction": self.prover.function.function_arn},
        )
        tell_of_end(
            self,
            "Ended",
            machine=self.state_machine,
            name=configuration.name("proof-ended"),
            description="Notes that a proof did not come to its end",
            function=self.prover.function,
            task="ended",
        )
        # Without a window it is yesterday's.
        nightly = {"action": "count", "started_by": "schedule"}
        events.Rule(
            self,
            "EveryNight",
            rule_name=configuration.name("proof"),
            description="Proves yesterday's events",
            schedule=_AT,
            targets=[
                targets.SfnStateMachine(
                    self.state_machine, input=events.RuleTargetInput.from_object(nightly)
                )
            ],
        )
