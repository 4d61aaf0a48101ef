"""What publishers can ask: where they stand, and what would become of their events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest

from eventing.answer import MAX_ANSWER_BYTES
from eventing.catalogue import Catalogue, EventType, Quota, UsagePlan
from eventing.publishers.doorkeeper import Doorkeeper
from eventing.publishers.keys import ENTROPY_BYTES, key_value
from eventing.publishers.registry import Key, Publisher
from eventing.publishers.standing import standing
from eventing.schemas import Schemas
from functions.ingest.handler import THREADS
from tests.faults.aws import FakeAws
from tests.faults.vocabulary import Fault
from tests.unit.invocations import CODES
from tests.unit.publisher import KEY, event, new_function
from tests.unit.publisher import Publisher as Sender

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ACME = Publisher(
    name="acme",
    contact="ops@acme.example",
    usage_plan="standard",
    limits=UsagePlan(50, 100, Quota(1_000, "DAY"), 10, 2_000),
    changed_by="dana",
    changed_at="2026-03-01T12:00:00.000Z",
    reason="a reason for operators",
    registered_at="2026-03-01T12:00:00.000Z",
    keys=(
        Key(number=1, created_at="2026-03-01T12:00:00.000Z", state="retired"),
        Key(
            number=2,
            created_at="2026-10-27T12:00:00.000Z",
            expires_at="2026-12-01T00:00:00.000Z",
            ids={"eu-north-1": "abcdef1234"},
        ),
        Key(number=3, created_at="2026-11-27T11:00:00.000Z"),
    ),
)
TYPES = (
    EventType("com.example.shop.order.placed.v1", "An order", schema={"type": "object"}),
    EventType("com.example.shop.customer.*", "Customers"),
)
CATALOGUE = Catalogue((), TYPES, {}, "")


def test_a_publisher_sees_what_it_may_send_and_by_which_keys() -> None:
    assert standing(ACME, CATALOGUE, NOW) == {
        "name": "acme",
        "status": "active",
        "usage_plan": "standard",
        "limits": {
            "rate_per_second": 50,
            "burst": 100,
            "quota": {"limit": 1000, "period": "DAY"},
            "max_events": 10,
            "max_body_bytes": 2000,
        },
        "throttled": False,
        "types": [
            {
                "type": "com.example.shop.order.placed.v1",
                "description": "An order",
                "schema": {"type": "object"},
            },
            {"type": "com.example.shop.customer.*", "description": "Customers", "schema": None},
        ],
        "keys": [
            {
                "number": 2,
                "created_at": "2026-10-27T12:00:00.000Z",
                "age_days": 31,
                "expires_at": "2026-12-01T00:00:00.000Z",
            },
            {
                "number": 3,
                "created_at": "2026-11-27T11:00:00.000Z",
                "age_days": 0,
                "expires_at": None,
            },
        ],
    }


def test_a_throttle_is_what_counts() -> None:
    told = standing(replace(ACME, throttle=UsagePlan(1, 2, None, 5, 1000)), CATALOGUE, NOW)

    assert told["throttled"] is True
    assert told["limits"] == {
        "rate_per_second": 1,
        "burst": 2,
        "quota": None,
        "max_events": 5,
        "max_body_bytes": 1000,
    }


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        (None, [0, 1]),
        (("*",), [0, 1]),
        ((), []),
        (("com.example.shop.order.*",), [0]),
        (("com.example.shop.customer.moved.v1",), [1]),
        (("com.example.shop.order.placed.v2",), []),
    ],
)
def test_types_are_those_that_it_may_send(
    allowed: tuple[str, ...] | None, expected: list[int]
) -> None:
    told = standing(replace(ACME, types=allowed), CATALOGUE, NOW)

    assert [one["type"] for one in told["types"]] == [TYPES[number].type for number in expected]


def test_schemas_that_no_answer_holds_are_left_out() -> None:
    large = EventType("a.b", "Large", schema={"const": "x" * MAX_ANSWER_BYTES})
    told = standing(ACME, Catalogue((), (large, *TYPES), {}, ""), NOW)

    assert [one["type"] for one in told["types"]] == ["a.b", *(one.type for one in TYPES)]
    assert not any("schema" in one for one in told["types"])
    assert len(json.dumps(told)) < MAX_ANSWER_BYTES


@pytest.fixture
def sender(schemas: Schemas) -> Iterator[Sender]:
    aws, log = FakeAws(), StringIO()
    with aws.installed() as clients, ThreadPoolExecutor(THREADS) as workers:
        yield Sender(aws, new_function(clients, schemas, workers, log), log)


def register(sender: Sender, publisher: Publisher) -> None:
    key = f"publisher#{publisher.name}"
    row = {"pk": {"S": key}, "publisher": {"S": publisher.to_text()}, "version": {"N": "1"}}
    sender.aws.items("registry")[key] = row


def me(sender: Sender, **request: Any) -> dict[str, Any]:
    return sender.post("", resource="/me", **request)


def test_who_asks_is_told_of_itself_and_of_nobody_else(
    sender: Sender, capsys: pytest.CaptureFixture[str]
) -> None:
    register(sender, ACME)
    register(sender, replace(ACME, name="globex", contact="b@globex.example"))
    response = me(sender, query={"name": ["globex"]}, headers={"publisher": "globex"})

    assert response["statusCode"] == 200
    assert response["headers"]["Content-Type"] == "application/json"
    assert response["body"]["name"] == "acme"
    assert [key["number"] for key in response["body"]["keys"]] == [2, 3]
    # Who else there is, what operators note and what API Gateway calls the keys stays with them.
    for hidden in ("globex", "dana", "a reason", "abcdef1234", KEY):
        assert hidden not in json.dumps(response)
    assert sender.aws.count() == sender.aws.count("GetItem") == 1
    assert capsys.readouterr().out == ""
    line = json.loads(sender.log.getvalue())
    assert (line["message"], line["publisher"], line["status"]) == ("standing", "acme", 200)


def test_who_is_not_in_the_registry_is_told_so(sender: Sender) -> None:
    for key in (key_value("nobody", bytes(ENTROPY_BYTES)), None):
        response = me(sender, key=key)
        assert response["statusCode"] == 403
        assert response["body"]["type"] == "urn:eventing:problem:no-publisher"


@pytest.mark.parametrize("fault", CODES)
def test_a_registry_that_fails_is_told_as_such(sender: Sender, fault: Fault) -> None:
    register(sender, ACME)
    sender.aws.fault = lambda call: fault
    response = me(sender)

    assert response["statusCode"] == 503
    assert response["body"]["type"] == "urn:eventing:problem:registry-unavailable"
    assert int(response["headers"]["Retry-After"]) > 0
    assert json.loads(sender.log.getvalue())["cause"] == CODES[fault]


TRIAL = {"validate": ["true"]}


def test_a_trial_says_what_would_become_of_each_event_and_keeps_nothing(
    sender: Sender, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = [event(1), event(2, source=""), event(3, type="com.example.unheard.of")]
    response = sender.post(sent, content_type="application/json", query=TRIAL)

    assert response["statusCode"] == 207
    assert response["body"]["results"][0] == {
        "id": "1",
        "source": "/crm",
        "status": "valid",
        "topic": "customers",
    }
    assert [result["status"] for result in response["body"]["results"][1:]] == [400, 422]
    assert (sender.stored, sender.copies, sender.letters) == ({}, [], [])
    # The doorkeeper is asked as ever; nothing else is.
    assert sender.aws.count() == sender.aws.count("GetItem") == 1
    # No metric either: what is not taken in is neither accepted nor rejected.
    assert capsys.readouterr().out == ""
    line = json.loads(sender.log.getvalue())
    assert (line["message"], line["events"], line["status"]) == ("trial", 3, 207)
    # It was not seen before: the trial has left nothing.
    assert sender.post(event(1))["body"]["status"] == "accepted"


@pytest.mark.parametrize(
    "sent",
    [
        event(),
        event(source=""),
        event(type="com.example.unheard.of"),
        event(type="com.example.shop.order.placed.v1", data={"order_id": 7}),
        "{",
        [],
        [event(n) for n in range(101)],
        event(subject="x" * 9000),
    ],
)
def test_a_trial_judges_like_ingestion(sender: Sender, sent: Any) -> None:
    tried = sender.post(sent, content_type="application/json", query=TRIAL)
    posted = sender.post(sent, content_type="application/json")

    if posted["statusCode"] == 202:
        assert tried["statusCode"] in (200, 202)
    else:
        assert tried["body"] | {"request_id": ""} == posted["body"] | {"request_id": ""}


def test_a_trial_obeys_the_doorkeeper(sender: Sender) -> None:
    row = {
        "pk": {"S": "doorkeeper"},
        "doorkeeper": {"S": Doorkeeper(frozenset({"acme"})).to_text()},
        "version": {"N": "1"},
    }
    sender.aws.items("registry")["doorkeeper"] = row

    assert sender.post(event(), query=TRIAL)["statusCode"] == 403


def test_an_event_that_no_topic_takes_would_be_a_dead_letter(schemas: Schemas) -> None:
    aws, log = FakeAws(), StringIO()
    nowhere = Catalogue((), (), {}, "")
    with aws.installed() as clients, ThreadPoolExecutor(THREADS) as workers:
        function = new_function(clients, schemas, workers, log, catalogue=nowhere)
        response = Sender(aws, function, log).post(event(), query=TRIAL)

    assert (response["statusCode"], response["body"]["topic"]) == (200, None)


@pytest.mark.parametrize("values", [["yes"], ["True"], [""], ["true", "false"], ["true", "1"]])
def test_what_may_be_meant_as_a_trial_is_not_taken_in(sender: Sender, values: list[str]) -> None:
    response = sender.post(event(), query={"validate": values})

    assert response["statusCode"] == 400
    assert response["body"]["type"] == "urn:eventing:problem:parameter"
    assert sender.aws.calls == []


@pytest.mark.parametrize("query", [None, {}, {"validate": ["false"]}, {"trace": ["1"]}])
def test_all_else_is_taken_in(sender: Sender, query: dict[str, list[str]] | None) -> None:
    assert sender.post(event(), query=query)["body"]["status"] == "accepted"
