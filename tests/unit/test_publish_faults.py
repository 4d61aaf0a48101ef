"""Random faults in every call of the publish function: no event is lost, few arrive twice, none astray."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

import pytest

from functions.publish.handler import Handler
from functions.shared.clients import Clients
from tests.faults.aws import FakeAws
from tests.faults.vocabulary import Call, EntryRefusal, Fault, Killed
from tests.unit.stream import Stream, StreamClock, new_function, record

# `make test-long` has more.
RUNS = int(os.environ.get("FAULT_RUNS", "100"))
# As many as the stream mapping has (infrastructure/constructs/publication.py).
RETRIES = 2
FAULTS: tuple[Fault, ...] = (
    "throttle",
    "timeout",
    "denied",
    "500",
    "missing",
    "unreachable",
    "done-then-timeout",
    "killed",
    "done-then-killed",
)
TOPICS: Sequence[tuple[str, str, dict[str, Any]]] = (
    ("orders", "order.placed.v1", {"total": 20}),
    ("orders-priority", "order.placed.v1", {"total": 700}),
    ("payments", "payment.captured.v1", {"risk": "low"}),
    ("customers", "customer.moved.v1", {}),
)


@dataclass
class Mapping:
    """Does what Lambda's event source mapping does with a batch, and remembers what it gave up."""

    new: Callable[[], Handler]
    aws: FakeAws
    handler: Handler
    recorded: list[str] = field(default_factory=list)
    """Ids of what it would have written into the operations bucket."""
    killed: int = 0
    """Records in batches that the function died on."""

    def deliver(self, records: Sequence[dict[str, Any]], attempt: int = 0) -> None:
        while records:
            try:
                wanted = Stream(self.aws, self.handler, StringIO(), StreamClock(self.aws)).deliver(
                    *records, seconds=120
                )
            except Killed:
                self.killed += len(records)
                self.handler = self.new()
                if len(records) > 1 and attempt < RETRIES:
                    half = len(records) // 2
                    self.deliver(records[:half], attempt)
                    records = records[half:]
                    continue
            else:
                numbers = [one["dynamodb"]["SequenceNumber"] for one in records]
                records = records[min(map(numbers.index, wanted), default=len(records)) :]
            if records and attempt == RETRIES:
                self.recorded += [one["eventID"][1:] for one in records]
                return
            attempt += 1


class _Chance:
    """Decides by a seed what happens to each call, and which entries a service refuses."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._rates = {
            s: self._random.choice((0.0, 0.05, 0.3, 0.9)) for s in ("sns", "sqs", "dynamodb")
        }
        self.lost_answers = 0

    def fault(self, call: Call) -> Fault | None:
        if self._random.random() >= self._rates[call.service]:
            return None
        fault = self._random.choice(FAULTS)
        self.lost_answers += fault == "done-then-timeout"
        return fault

    def refuse_entry(self, target: str, _: str) -> EntryRefusal | None:
        service = "sqs" if target.endswith("dlq") else "sns"
        service = "dynamodb" if target == "receipts" else service
        if self._random.random() >= self._rates[service] / 4:
            return None
        return self._random.choice(
            (EntryRefusal("InternalError"), EntryRefusal("InvalidParameter", sender_fault=True))
        )

    def batch(self) -> list[tuple[str, dict[str, Any]]]:
        made = []
        for number in range(self._random.choice((1, 5, 40, 100))):
            topic, type, data = self._random.choice(TOPICS)
            made.append((topic, record(number, type, **data)))
        return made


@pytest.mark.parametrize(
    "seeds", [range(start, start + 50) for start in range(0, RUNS, 50)], ids=str
)
def test_no_event_is_lost_and_no_more_are_doubled_than_could_not_be_known(
    seeds: range,
) -> None:
    aws, outcomes = FakeAws(), Counter[str]()
    with aws.installed() as clients:
        # Clients are costly to make; all runs share them.
        for seed in seeds:
            aws.forget()
            outcomes += _run(aws, clients, seed)
    # The faults have really happened, and so has all else.
    assert all(
        outcomes[what]
        for what in ("arrived", "letters", "recorded", "doubled", "proven", "unproven")
    ), outcomes


def _run(aws: FakeAws, clients: Clients, seed: int) -> Counter[str]:
    chance, log = _Chance(seed), StringIO()
    aws.fault, aws.refuse_entry = chance.fault, chance.refuse_entry
    batch, clock = chance.batch(), StreamClock(aws)
    topics = {one["eventID"][1:]: topic for topic, one in batch}
    # Calls that were under way when the function died come to their end before the count is made.
    with ThreadPoolExecutor(8) as workers:

        def new() -> Handler:
            return new_function(clients, workers, log, clock)

        mapping = Mapping(new, aws, new())
        mapping.deliver([one for _, one in batch])
    stream = Stream(aws, mapping.handler, log, clock)
    letters = {letter["event"]["id"] for letter in stream.letters}
    copies = Counter(
        (topic, id) for topic in {topic for topic, _, _ in TOPICS} for id in stream.arrived(topic)
    )
    for id, topic in topics.items():
        assert copies[topic, id] or id in letters or id in mapping.recorded, (seed, id)
    assert all(topics[id] == topic for topic, id in copies), seed
    proofs = {id: proof for id in topics if (proof := stream.published_by_receipt(int(id)))}
    assert all(copies[proof, id] for id, proof in proofs.items()), seed
    doubled = sum(copies.values()) - len(copies)
    # A call that was given up as late may come to its end all the same.
    late = sum(line.get("cause") == "TIMEOUT" for line in stream.lines)
    assert doubled <= 10 * chance.lost_answers + mapping.killed + late, seed
    return Counter(
        arrived=len(copies),
        letters=len(letters),
        recorded=len(mapping.recorded),
        doubled=doubled,
        proven=len(proofs),
        unproven=len(copies) - len(proofs),
    )
