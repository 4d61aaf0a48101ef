"""Random faults in every call of the ingest function: no accepted event is lost, none stored twice."""

from __future__ import annotations

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from eventing.catalogue import Catalogue
from eventing.dead_letter import read_dead_letter
from eventing.event import event_digest, event_key
from eventing.json_text import parse
from eventing.schemas import Schemas
from functions.ingest.handler import Handler
from functions.ingest.ingest import Ingest
from functions.shared.archive import Archive
from functions.shared.dead_letter_queue import DeadLetterQueue
from functions.shared.event_store import EventStore
from functions.shared.metrics import Metrics
from tests.unit.fake_aws import QUEUE_URL, REGION, Call, FakeAws, Killed
from tests.unit.test_ingest import KEY_ID, Publisher, event

RUNS = 1000
SCHEMAS = Schemas(Catalogue.read(Path("catalogue")))
FAULTS = (
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
    """Decides by a seed what befalls each call, and which entries of a batch a service refuses."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._rates = {
            service: self._random.choice((0.0, 0.1, 0.4, 0.9))
            for service in ("dynamodb", "s3", "sqs")
        }

    def fault(self, call: Call) -> str | None:
        if self._random.random() >= self._rates[call.service]:
            return None
        return self._random.choice(FAULTS)

    def refuse_entry(self, target: str, _: str) -> tuple[str, bool] | None:
        service = "sqs" if target.endswith("dlq") else "dynamodb"
        if self._random.random() >= self._rates[service] / 4:
            return None
        return self._random.choice((("InternalError", False), ("ThrottlingError", False)))

    def requests(self) -> list[list[dict[str, Any]]]:
        """What a publisher sends: single events and batches, some ids repeated, some with other data."""
        return [
            [
                event(self._random.randrange(8), data={"name": self._random.choice("AAAB")})
                for _ in range(self._random.choice((1, 1, 2, 5, 30)))
            ]
            for _ in range(self._random.randrange(1, 4))
        ]


@pytest.mark.parametrize(
    "seeds", [range(start, start + 100) for start in range(0, RUNS, 100)], ids=str
)
def test_no_accepted_event_is_lost_and_none_is_stored_twice(
    seeds: range, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "shop")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Eventing")
    outcomes: Counter[Any] = Counter()
    # Clients are costly to make; all runs share them, and each has an AWS of its own behind them.
    shared = FakeAws()
    with shared.installed() as clients, ThreadPoolExecutor(20) as workers:
        log = StringIO()
        handler = Handler(
            ingest=Ingest(
                schemas=SCHEMAS,
                store=EventStore(
                    clients.client("dynamodb"),
                    table="events",
                    region=REGION,
                    retention_days=90,
                    workers=workers,
                ),
                archive=Archive(clients.client("s3"), bucket="archive"),
                queue=DeadLetterQueue(
                    clients.client("sqs"), url=QUEUE_URL + "ingest-dlq", workers=workers
                ),
                workers=workers,
            ),
            publishers={KEY_ID: "acme"},
            logger=Logger(service=f"shop-{id(log)}", stream=log),
            metrics=Metrics(),
        )
        for seed in seeds:
            shared.forget()
            outcomes += _run(shared, handler, log, seed)
    # The faults have really happened, and so has all else.
    assert all(outcomes[status] for status in ("accepted", "duplicate", 409, 503, "died")), outcomes


def _run(aws: FakeAws, handler: Handler, log: StringIO, seed: int) -> Counter[Any]:
    chance = _Chance(seed)
    aws.fault, aws.refuse_entry = chance.fault, chance.refuse_entry
    publisher = Publisher(aws, handler, log)
    outcomes: Counter[Any] = Counter()
    accepted: list[dict[str, Any]] = []
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
    archived = [json.loads(line) for c in publisher.archived.values() for line in c.splitlines()]
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
