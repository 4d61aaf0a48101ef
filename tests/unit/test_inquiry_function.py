"""The inquiry function, its AWS calls answered at the SDK's HTTP layer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from eventing.event import event_key
from eventing.publishers.doorkeeper import Doorkeeper
from eventing.publishers.keys import ENTROPY_BYTES, key_value
from eventing.receipts import Taken
from functions.contract import LEDGER_EVENT_INDEX, LETTER_STATE_MEMBERS
from functions.inquiry.handler import THREADS, Handler, make_handler
from functions.shared.clients import Clients
from functions.shared.clock import Clock
from functions.shared.metrics import Metrics
from functions.shared.parts import Parts
from functions.shared.receipts import Receipts
from functions.shared.registry import Registry
from tests.faults.aws import FakeAws
from tests.faults.memory import REGION, Index
from tests.faults.vocabulary import Fault
from tests.unit.invocations import Context

KEY, OTHERS_KEY = (key_value(name, bytes(ENTROPY_BYTES)) for name in ("acme", "rival"))
ACCEPTED = "2026-11-24T09:30:00.000Z"
CANARY_KEY_ID = "key-of-the-canary"


@dataclass
class Desk:
    """Asks the function as API Gateway would."""

    aws: FakeAws
    clients: Clients
    handler: Handler
    log: StringIO

    def get(
        self,
        parameters: Mapping[str, Sequence[str]] | None,
        *,
        key: str | None = KEY,
        key_id: str = "abcdef1234",
    ) -> tuple[int, dict[str, Any]]:
        """Status and body."""
        event = {
            "resource": "/events",
            "multiValueQueryStringParameters": parameters,
            "requestContext": {
                "extendedRequestId": "r1",
                "identity": {"apiKey": key, "apiKeyId": key_id},
            },
        }
        response = self.handler(event, Context(10))
        body = json.loads(response["body"])
        kind = "application/problem+json" if response["statusCode"] >= 400 else "application/json"
        assert response["headers"]["Content-Type"] == kind
        return response["statusCode"], body

    def ask(self, id: str = "1", source: str = "/shop", *, key: str = KEY) -> Any:
        """Status and body of a well-formed question."""
        return self.get({"source": [source], "id": [id]}, key=key)

    def store(self, id: str = "1", source: str = "/shop", **members: str) -> str:
        """Put an event into the table; its key."""
        key = event_key("acme", source, id)
        item = {
            "event": "{}",
            "publisher": "acme",
            "origin_region": REGION,
            "accepted_at": ACCEPTED,
            "digest": "digest",
            **members,
        }
        values = {name: {"S": value} for name, value in item.items()}
        self.aws.items("events")[key] = {"pk": {"S": key}, **values}
        return key

    def publish(self, *keys: str) -> None:
        """Write the receipt of these events."""
        with ThreadPoolExecutor(1) as workers:
            Receipts(
                self.clients.client("dynamodb"),
                table="receipts",
                region=REGION,
                retention_days=90,
                workers=workers,
                clock=Clock(),
                metrics=Metrics(namespace="Eventing", service="shop"),
                logger=Logger(service="shop"),
            ).write(
                [Taken(key, "orders", datetime(2026, 11, 24, 9, 30, tzinfo=UTC)) for key in keys]
            )

    def letter(self, key: str, state: str, number: int = 1) -> None:
        """Put a letter into the ledger."""
        members = {
            "event_key": key,
            "stage": "publish",
            "step": "publish",
            "state": state,
            "code": "THROTTLED",
            "digest": "digest",
            "accepted_at": ACCEPTED,
            "failed_at": ACCEPTED,
            "event": "secret",
        }
        item = {name: {"S": value} for name, value in members.items()}
        self.aws.items("ledger")[f"letter{number}"] = {"pk": {"S": f"letter{number}"}, **item}


@pytest.fixture
def desk() -> Iterator[Desk]:
    """The function with an AWS of its own."""
    index = Index("event_key", "pk", frozenset(LETTER_STATE_MEMBERS))
    aws, log = FakeAws(indexes={LEDGER_EVENT_INDEX: index}), StringIO()
    environment = {
        "EVENTS_TABLE": "events",
        "LEDGER_TABLE": "ledger",
        "RECEIPTS_TABLE": "receipts",
        "REGISTRY_TABLE": "registry",
        "CANARY_KEY_ID": CANARY_KEY_ID,
    }
    with aws.installed() as clients, ThreadPoolExecutor(THREADS) as workers:
        parts = Parts(
            environment,
            threads=THREADS,
            clients=clients,
            workers=workers,
            logger=Logger(service=f"shop-{id(log)}", stream=log),
        )
        yield Desk(aws, clients, make_handler(parts), log)


def test_an_event_that_was_just_accepted(desk: Desk) -> None:
    desk.store()

    assert desk.ask() == (
        200,
        {
            "id": "1",
            "source": "/shop",
            "accepted_at": ACCEPTED,
            "region": REGION,
            "status": "accepted",
        },
    )


def test_a_published_event_among_very_many(desk: Desk) -> None:
    keys = [desk.store(str(number)) for number in range(300)]
    for key in keys:
        desk.publish(key)  # one by one: many receipts, of several pages

    for number in (0, 150, 299):
        status, body = desk.ask(str(number))
        assert (status, body["status"], body["topic"]) == (200, "published", "orders")


def test_what_cannot_be_looked_through_is_not_called_accepted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(200):
        desk.publish(f"acme#{number}")
    desk.store()
    monkeypatch.setattr("functions.shared.event_records.MOST_PAGES", 1)

    status, body = desk.ask()
    assert (status, body["type"]) == (503, "urn:eventing:problem:inquiry-unavailable")


def test_a_dead_letter_of_the_event(desk: Desk) -> None:
    desk.letter(desk.store(), "open")

    status, body = desk.ask()
    assert (status, body["status"], body["code"]) == (200, "dead-lettered", "THROTTLED")
    assert "secret" not in json.dumps(body) + desk.log.getvalue()


def test_anothers_event_and_none_get_the_same_answer_by_the_same_reads(desk: Desk) -> None:
    key = desk.store()
    desk.publish(key)
    desk.letter(key, "resolved")
    desk.ask()  # what is read once in a while is read
    answers, reads = [], []
    for question in ({"key": OTHERS_KEY}, {"id": "2"}, {"source": "/other"}):
        desk.aws.calls.clear()
        answers.append(desk.ask(**question))
        reads.append(sorted((call.operation, call.target) for call in desk.aws.calls))

    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 404
    assert reads[0] == reads[1] == reads[2] == [("GetItem", "events"), ("Query", "ledger")]


@pytest.mark.parametrize(
    ("source", "id"),
    [
        ("/a b", "+"),
        ("urn:x:ä%20ö?q=1&r=2#f", "100% & more = 'all' \"of\" it"),
        ("/日本", "\U0001f600é\u0301"),
        ("//host/;,/?:@&=+$-_.!~*'()", "#?/\\"),
        ("/", "x" * 2000),
    ],
)
def test_all_characters_that_an_event_may_have(desk: Desk, source: str, id: str) -> None:
    desk.publish(desk.store(id, source))

    status, body = desk.ask(id, source)
    assert (status, body["status"], body["source"], body["id"]) == (200, "published", source, id)
    assert desk.ask(id + " ", source)[0] == 404


def test_who_is_suspended_is_told_nothing(desk: Desk) -> None:
    desk.publish(desk.store())
    registry = Registry(desk.clients.client("dynamodb"), table="registry")
    registry.change_doorkeeper(lambda _: Doorkeeper(frozenset({"acme"})))

    status, body = desk.ask()
    assert (status, body["type"]) == (403, "urn:eventing:problem:suspended")


@pytest.mark.parametrize("key", [None, "", "of-nobody"])
def test_a_key_of_no_publisher(desk: Desk, key: str | None) -> None:
    desk.store()

    status, body = desk.get({"source": ["/shop"], "id": ["1"]}, key=key)
    assert (status, body["type"]) == (403, "urn:eventing:problem:no-publisher")


def test_the_canary_is_known_by_the_id_of_its_key(desk: Desk) -> None:
    status, _ = desk.get({"source": ["/c"], "id": ["1"]}, key="c" * 40, key_id=CANARY_KEY_ID)

    assert status == 404


@pytest.mark.parametrize(
    "parameters", [None, {}, {"id": ["1"]}, {"id": ["1"], "source": ["a", "b"]}]
)
def test_a_question_that_names_no_event(desk: Desk, parameters: Any) -> None:
    status, body = desk.get(parameters)

    assert (status, body["type"]) == (400, "urn:eventing:problem:parameter")
    assert "percent-encoded" in body["detail"]


@pytest.mark.parametrize("table", ["events", "ledger", "receipts"])
@pytest.mark.parametrize("fault", ["denied", "timeout", "throttle", "missing"])
def test_a_table_that_does_not_answer(desk: Desk, table: str, fault: Fault) -> None:
    desk.publish(desk.store())
    desk.aws.fault = lambda call: fault if call.target == table else None

    status, body = desk.ask()
    assert (status, body["type"]) == (503, "urn:eventing:problem:inquiry-unavailable")
    assert table not in json.dumps(body)
    line = json.loads(desk.log.getvalue().splitlines()[-1])
    assert (line["message"], line["status"], line["publisher"]) == ("inquiry", 503, "acme")


def test_a_registry_that_does_not_answer_keeps_nobody_from_asking(desk: Desk) -> None:
    desk.store()
    desk.aws.fault = lambda call: "denied" if call.target == "registry" else None

    assert desk.ask()[0] == 200


def test_neither_source_nor_id_reaches_the_log(desk: Desk) -> None:
    desk.store("Ada Lovelace", "/ada")
    desk.ask("Ada Lovelace", "/ada")

    assert "Ada" not in desk.log.getvalue()
    assert "/ada" not in desk.log.getvalue()
