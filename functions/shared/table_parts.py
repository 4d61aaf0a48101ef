"""The parts that keep a DynamoDB table: the events, the ledger and the registry of publishers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from functions.contract import Variable
from functions.shared.base_parts import BaseParts

# A part's own imports are in its property: no function loads what it does not use.
if TYPE_CHECKING:
    from functions.shared.allowances import Allowances
    from functions.shared.audit import Audit
    from functions.shared.doorkeeper import DoorkeeperReader
    from functions.shared.doorkeeper_row import DoorkeeperRow
    from functions.shared.erased_letters import ErasedLetters
    from functions.shared.event_records import EventRecords
    from functions.shared.event_scan import EventScan
    from functions.shared.event_store import EventStore
    from functions.shared.incidents import Incidents
    from functions.shared.letters import Letters
    from functions.shared.locks import Locks
    from functions.shared.new_letters import NewLetters
    from functions.shared.receipt_reader import ReceiptReader
    from functions.shared.registry import Registry
    from functions.shared.summary_row import SummaryRow
    from functions.shared.table_walk import TableWalk
    from functions.shared.tombstones import Tombstones
    from functions.shared.turns import Turns


class TableParts(BaseParts):
    """The adapters of the tables, each made when it is asked for first."""

    @cached_property
    def event_store(self) -> EventStore:
        from functions.shared.event_store import EventStore

        return EventStore(
            self.clients.client("dynamodb"),
            table=self.environment[Variable.EVENTS_TABLE],
            region=self.clients.region,
            retention_days=self.event_retention_days,
            workers=self.workers,
            clock=self.clock,
        )

    @cached_property
    def tombstones(self) -> Tombstones:
        from functions.shared.tombstones import Tombstones

        dynamodb = self.clients.client("dynamodb")
        return Tombstones(dynamodb, table=self.environment[Variable.EVENTS_TABLE])

    @cached_property
    def event_records(self) -> EventRecords:
        from functions.shared.event_records import EventRecords

        return EventRecords(
            self.clients.client("dynamodb"),
            events=self.environment[Variable.EVENTS_TABLE],
            ledger=self.environment[Variable.LEDGER_TABLE],
            receipts=self.environment[Variable.RECEIPTS_TABLE],
        )

    @cached_property
    def event_scan(self) -> EventScan:
        from functions.shared.event_scan import EventScan

        table = self.environment[Variable.EVENTS_TABLE]
        return EventScan(self.clients.client("dynamodb"), table=table, clock=self.clock)

    @cached_property
    def table_walk(self) -> TableWalk:
        from functions.shared.table_walk import TableWalk

        return TableWalk(self.event_scan, workers=self.workers, clock=self.clock)

    @cached_property
    def receipt_reader(self) -> ReceiptReader:
        from functions.shared.receipt_reader import ReceiptReader

        table = self.environment[Variable.RECEIPTS_TABLE]
        return ReceiptReader(self.clients.client("dynamodb"), table=table, workers=self.workers)

    @cached_property
    def doorkeeper(self) -> DoorkeeperReader:
        from functions.shared.doorkeeper import DoorkeeperReader

        return DoorkeeperReader(self.doorkeeper_row, workers=self.workers, clock=self.clock)

    @cached_property
    def doorkeeper_row(self) -> DoorkeeperRow:
        from functions.shared.doorkeeper_row import DoorkeeperRow

        return DoorkeeperRow(self.clients.client("dynamodb"), table=self.registry_table)

    @cached_property
    def letters(self) -> Letters:
        from functions.shared.letters import Letters

        return Letters(
            self.clients.client("dynamodb"),
            table=self.environment[Variable.LEDGER_TABLE],
            workers=self.workers,
            clock=self.clock,
            shards=self.shards,
        )

    @cached_property
    def erased_letters(self) -> ErasedLetters:
        from functions.shared.erased_letters import ErasedLetters

        return ErasedLetters(
            self.clients.client("dynamodb"),
            table=self.environment[Variable.LEDGER_TABLE],
            workers=self.workers,
            shards=self.shards,
        )

    @cached_property
    def new_letters(self) -> NewLetters:
        from functions.shared.new_letters import NewLetters

        return NewLetters(
            self.clients.client("dynamodb"),
            table=self.environment[Variable.LEDGER_TABLE],
            clock=self.clock,
            shards=self.shards,
        )

    @cached_property
    def locks(self) -> Locks:
        from functions.shared.locks import Locks

        return Locks(self.clients.client("dynamodb"), table=self.environment[Variable.LEDGER_TABLE])

    @cached_property
    def registry(self) -> Registry:
        from functions.shared.registry import Registry

        return Registry(self.clients.client("dynamodb"), table=self.registry_table)

    @cached_property
    def registry_locks(self) -> Locks:
        from functions.shared.locks import Locks

        return Locks(self.clients.client("dynamodb"), table=self.registry_table)

    @cached_property
    def turns(self) -> Turns:
        from functions.shared.turns import Turns

        dynamodb, limited = self.clients.client("dynamodb"), self.control_plane_limited
        return Turns(dynamodb, table=self.registry_table, clock=self.clock, limited=limited)

    @cached_property
    def incidents(self) -> Incidents:
        from functions.shared.incidents import Incidents

        table = self.environment[Variable.LEDGER_TABLE]
        return Incidents(self.clients.client("dynamodb"), table=table)

    @cached_property
    def summary_row(self) -> SummaryRow:
        from functions.shared.summary_row import SummaryRow

        table = self.environment[Variable.LEDGER_TABLE]
        return SummaryRow(self.clients.client("dynamodb"), table=table)

    @cached_property
    def audit(self) -> Audit:
        from functions.shared.audit import Audit

        return Audit(self.clients.client("dynamodb"), table=self.environment[Variable.LEDGER_TABLE])

    @cached_property
    def allowances(self) -> Allowances:
        from functions.shared.allowances import Allowances

        table = self.environment[Variable.LEDGER_TABLE]
        return Allowances(self.clients.client("dynamodb"), table=table)
