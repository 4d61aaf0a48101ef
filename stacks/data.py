"""The data stack: the one thing that all regions share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk

from infrastructure.constructs.budget import Budget
from infrastructure.constructs.event_store import GlobalEventStore
from infrastructure.constructs.publishers import GlobalRegistry
from infrastructure.constructs.receipts import GlobalReceipts

if TYPE_CHECKING:
    from constructs import Construct

    from infrastructure.configuration import Configuration


class DataStack(cdk.Stack):
    """The Events table, the receipts and the registry, with their replicas, and the budget of all regions."""

    def __init__(
        self, scope: Construct, *, configuration: Configuration, account: str | None
    ) -> None:
        super().__init__(
            scope,
            configuration.name("data"),
            env=cdk.Environment(account=account, region=configuration.primary_region),
            description=f"{configuration.deployment}: the events, in all regions",
        )
        GlobalEventStore(self, "EventStore", configuration=configuration)
        GlobalReceipts(self, "Receipts", configuration=configuration)
        GlobalRegistry(self, "Registry", configuration=configuration)
        if configuration.monthly_budget_usd:
            Budget(self, "Budget", configuration=configuration)
