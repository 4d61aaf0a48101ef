"""The function that draws the dashboards' widget: which dead letters wait, why, and what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from constructs import Construct

from functions.contract import Variable
from infrastructure.constructs.function import Function

if TYPE_CHECKING:
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.region import Region


class WidgetFunction(Construct):
    """May read the summary of the ledger. Who looks at a dashboard invokes it, by a right of their own."""

    function: Function

    def __init__(self, scope: Construct, id: str, *, region: Region, ledger: Ledger) -> None:
        super().__init__(scope, id)
        self.function = Function(
            self,
            "Function",
            region=region,
            name="widget",
            description="Draws the dead letters that wait, on dashboards",
            memory_size=512,
            timeout=cdk.Duration.seconds(10),
            environment={
                Variable.LEDGER_TABLE: ledger.table.table_name,
                Variable.COMMAND_OPTIONS: region.command_options,
            },
            # Whoever looks sees that it fails, and nobody else waits for it.
            harm=None,
        )
        ledger.grant_read_summary(self.function)
