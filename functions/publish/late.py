"""Leaves out what another region has published while this one was away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from aws_lambda_powertools import Logger

from eventing.cause import cause_of
from eventing.receipts import Taken
from functions.publish.record import Record
from functions.shared.clock import Clock
from functions.shared.receipt_reader import ReceiptReader

LATE = timedelta(seconds=30)
"""A record that is older is one of a backlog. Nobody adopts an event as young as this."""
# Of a batch that is late anyway: receipts that can't be read hold it up for no longer.
_LOOK_SECONDS = 4.0


class Late:
    """Looks at receipts for records that are late, and for no others: what flows pays nothing for it."""

    def __init__(
        self, receipts: ReceiptReader | None, *, region: str, clock: Clock, logger: Logger
    ) -> None:
        """Without `receipts` there is no other region."""
        self._receipts = receipts
        self._region = region
        self._clock = clock
        self._logger = logger

    def split(self, records: Sequence[Record]) -> tuple[list[Record], list[Record]]:
        """Those to be published, and those that another region has published.

        Where that can't be looked up all are published: twice rather than never.
        """
        if self._receipts is None:
            return list(records), []
        oldest = self._clock.now() - LATE
        late = [one for one in records if one.key and one.accepted_at < oldest]
        if not late:
            return list(records), []
        taken = [
            Taken(one.key, one.topic, one.accepted_at, one.origin or self._region) for one in late
        ]
        try:
            regions = self._receipts.regions(taken, seconds=_LOOK_SECONDS)
        except Exception as error:
            cause = cause_of(error)
            self._logger.warning(
                "receipts unread", records=len(late), cause=cause.code, error=cause.error_class
            )
            return list(records), []
        elsewhere = {
            one.sequence_number
            for one, published in zip(late, regions, strict=True)
            if published - {self._region}
        }
        here: list[Record] = []
        there: list[Record] = []
        for one in records:
            (there if one.sequence_number in elsewhere else here).append(one)
        return here, there
