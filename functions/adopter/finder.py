"""Finds the events of a lost region that have no receipt, and puts them into the ledger, page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from eventing.adoption.letter import letter_of
from eventing.adoption.request import AdoptionRequest
from eventing.json_text import parse_if_json
from eventing.message import makes_message
from eventing.redrive.forecast import Forecaster
from eventing.redrive.ledger import new_row
from functions.shared.clock import Clock
from functions.shared.event_scan import EventScan, StoredEvent
from functions.shared.new_letters import STATEMENTS_PER_CALL, NewLetter, NewLetters
from functions.shared.published import Published
from functions.shared.receipt_reader import ReceiptReader
from functions.shared.table_walk import Position, TableWalk


class Finder:
    """Reads the table, and adopts what was not published."""

    def __init__(
        self,
        *,
        scan: EventScan,
        walk: TableWalk,
        receipts: ReceiptReader,
        letters: NewLetters,
        forecaster: Forecaster,
        open_days: int,
        clock: Clock,
    ) -> None:
        self._scan = scan
        self._walk = walk
        self._receipts = receipts
        self._letters = letters
        self._forecaster = forecaster
        self._open_days = open_days
        self._clock = clock

    def page(
        self,
        request: AdoptionRequest,
        position: Position,
        *,
        last_sign: str,
        ends: float,
        announce: Callable[[], None],
    ) -> Position:
        """Read on until `ends` (of the clock's `monotonic`); the position then.

        What was found is in the ledger before the position says that it was read: a page that dies is done
        again from where it began, and finds its letters there. `announce` is called before letters are put
        there. `last_sign` is when the region published last, as far as is known. Raises what the SDK raises.
        """
        published = Published(self._receipts, region=request.region)

        def see(events: Sequence[StoredEvent]) -> Counter[str]:
            there = [one for one in events if not one.erased]
            unproven = [one for one in there if one not in published]
            counts = Counter(
                erased=len(events) - len(there),
                published=len(there) - len(unproven),
                doubtful=sum(one.accepted_at >= last_sign for one in unproven),
            )
            if unproven:
                announce()
            return counts + self._adopt(request, unproven)

        return self._walk.page(
            position,
            region=request.region,
            start=request.start,
            end=request.end,
            ends=ends,
            see=see,
        )

    def _adopt(self, request: AdoptionRequest, events: Sequence[StoredEvent]) -> Counter[str]:
        """Put these into the ledger; what became of them."""
        counts: Counter[str] = Counter()
        for at in range(0, len(events), STATEMENTS_PER_CALL):
            some = events[at : at + STATEMENTS_PER_CALL]
            texts = self._scan.texts([one.key for one in some])
            letters = list(self._letters_of(request, some, texts))
            new = self._letters.insert(letters) if letters else 0
            counts += Counter(
                adopted=new,
                on_record=len(letters) - new,
                expired=len(some) - len(texts),
                unreadable=len(texts) - len(letters),
            )
        return counts

    def _letters_of(
        self, request: AdoptionRequest, events: Sequence[StoredEvent], texts: Mapping[str, str]
    ) -> Iterator[NewLetter]:
        now = self._clock.now()
        for event in events:
            if event.key not in texts:
                continue
            document = parse_if_json(texts[event.key])
            if document is None or not makes_message(document.value):
                continue  # nothing that ingestion has written
            letter = letter_of(
                document,
                publisher=event.publisher,
                accepted_at=event.accepted_at,
                region=request.region,
                now=now,
            )
            forecast = self._forecaster.forecast(letter, document)
            routed = replace(letter, topic=forecast.topic).carrying(document)
            row = new_row(
                routed,
                verdict=forecast.verdict,
                target=forecast.topic,
                judged_by=self._forecaster.version,
                now=now,
                days=self._open_days,
            )
            yield NewLetter(routed, row, request.region)
