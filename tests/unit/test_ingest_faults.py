"""Random faults in every call of the ingest function: no accepted event is lost, none stored twice."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from eventing.catalogue import Catalogue
from eventing.dead_letter import read_dead_letter
from eventing.event import event_digest, event_key
from eventing.json_text import parse
from eventing.schemas import Schemas
from functions.shared.clients import Clients
from tests.faults.aws import FakeAws
from tests.faults.vocabulary import Call, EntryRefusal, Fault, Killed
from tests.unit.publisher import Publisher, event, new_function

# `make test-long` has more.
RUNS = int(os.environ.get("FAULT_RUNS", "400"))
SCHEMAS = Schemas(Catalogue.read(Path("catalogue")))
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


class _Chance:
    """Decides by a seed what happens to each call, and which entries of a batch a service refuses."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._rates = {
            service: self._random.choice((0.0, 0.1, 0.4, 0.9))
            for service in ("dynamodb", "firehose", "s3", "sqs")
        }

    def fault(self, call: Call) -> Fault | None:
        if self._random.random() >= self._rates[call.service]:
            return None
        return self._random.choice(FAULTS)

    def refuse_entry(self, target: str, _: str) -> EntryRefusal | None:
        service = {"archive": "firehose", "ingest-dlq": "sqs"}.get(target, "dynamodb")
        if self._random.random() >= self._rates[service] / 4:
            return None
        return self._random.choice((EntryRefusal("InternalError"), EntryRefusal("ThrottlingError")))

    def requests(self) -> list[list[dict[str, Any]]]:
        """What a publisher sends: single events and batches, some ids repeated, some with other data."""
        return [
            [
                event(self._random.randrange(8), data={"name": self._random.choice("AAAB")})
                for _ in range(self._random.choice((1, 1, 2, 5, 40)))
            ]
            for _ in range(self._random.randrange(1, 4))
        ]


@pytest.mark.parametrize(
    "seeds", [range(start, start + 100) for start in range(0, RUNS, 100)], ids=str
)
def test_no_accepted_event_is_lost_and_none_is_stored_twice(
    seeds: range,
) -> None:
    aws, outcomes = FakeAws(), Counter[Any]()
    with aws.installed() as clients:
        # Clients are costly to make; all runs share them.
        for seed in seeds:
            aws.forget()
            outcomes += _run(aws, clients, seed)
    # The faults have really happened, and so has all else.
    assert all(outcomes[status] for status in ("accepted", "duplicate", 409, 503, "died")), outcomes


def _run(aws: FakeAws, clients: Clients, seed: int) -> Counter[Any]:
    chance, log = _Chance(seed), StringIO()
    aws.fault, aws.refuse_entry = chance.fault, chance.refuse_entry
    outcomes: Counter[Any] = Counter()
    accepted: list[dict[str, Any]] = []
    # Calls that were under way when the function died come to their end before the count is made.
    with ThreadPoolExecutor(20) as workers:
        publisher = Publisher(aws, new_function(clients, SCHEMAS, workers, log), log)
        for events in chance.requests():
            for _ in range(3):
                try:
                    response = publisher.post(events, content_type="application/json")
                except Killed:
                    outcomes["died"] += 1
                    continue
                results = response["body"]["results"]
                for sent, result in zip(events, results, strict=True):
                    outcomes[result["status"]] += 1
                    if result["status"] in ("accepted", "duplicate"):
                        accepted.append(sent)
                if response["statusCode"] == 202:
                    break
    _check(publisher, accepted, seed)
    return outcomes


def _check(publisher: Publisher, accepted: list[dict[str, Any]], seed: int) -> None:
    letters = [read_dead_letter(json.dumps(letter)) for letter in publisher.letters]
    waiting = {
        step: [json.loads(letter.event) for letter in letters if letter.step == step]
        for step in ("store", "archive")
    }
    archived = [json.loads(copy.event_text) for copy in publisher.copies]
    for sent in accepted:
        # Of two events that were accepted under one identity, while the first could not be stored,
        # one waits as a letter: a redrive will find the conflict and park it.
        item = publisher.stored.get(event_key("acme", "/crm", sent["id"]))
        digest = event_digest(parse(json.dumps(sent)).exact)
        stored = item is not None and item["digest"]["S"] == digest
        assert stored or sent in waiting["store"], f"seed {seed}: {sent} is lost"
        assert sent in archived + waiting["archive"], f"seed {seed}: {sent} is not archived"
    # What is stored was written once, by the first insert that found its key free.
    inserts = publisher.aws.inserted
    assert all(count == 1 for count in inserts.values()), f"seed {seed}: stored twice"
    assert inserts.keys() == publisher.stored.keys()
