"""Adoption finds a few events among very many: in little memory, at the price and in the time that it said.

With ADOPT_EVENTS=1000000 the plan's time is held against it as well. DynamoDB is a stub below the SDK: its
pages are of 1 MB, and it makes them as they are asked for. Time is that of the processor, the stub's own left
out: what a function with one processor needs.
"""

from __future__ import annotations

import json
import os
import resource
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from eventing.prices import PRICES
from eventing.receipts import event_hash, partitions_of
from eventing.timestamps import minute_of, timestamp
from functions.adopter.handler import make_handler
from functions.contract import Variable
from functions.shared.clock import Clock
from functions.shared.parts import Parts
from tests.engine.clouds import Wire
from tests.engine.letters import CATALOGUE, event
from tests.faults.http import body, json_response

EVENTS = int(os.environ.get("ADOPT_EVENTS", "20000"))
LONG = EVENTS >= 1_000_000
HOME, LOST = "eu-north-1", "eu-west-1"
START = datetime(2026, 11, 27, 12, tzinfo=UTC)
MINUTES = max(10, EVENTS // 1000)
# Each so many has no receipt.
UNPROVEN = EVENTS // 100
ITEM_BYTES = 1050
PAGE_ITEMS = 1024 * 1024 // ITEM_BYTES
# Has no factor in common with the number of events: in the table they are in no order of time.
_STEP = 7919


def key(number: int) -> str:
    return f"acme#{sha256(b'%d' % number).hexdigest()[:43]}"


def accepted(number: int) -> datetime:
    return START + timedelta(milliseconds=number * MINUTES * 60_000 // EVENTS)


def proven(number: int) -> bool:
    return number % UNPROVEN != 0


@cache
def receipts_of(minute: datetime) -> dict[str, bytes]:
    """By partition, the hashes of the events of a minute that have a receipt."""
    position = int((minute - START).total_seconds()) // 60
    first, last = position * EVENTS // MINUTES, (position + 1) * EVENTS // MINUTES
    packed: dict[str, bytes] = dict.fromkeys(partitions_of(minute, region=LOST), b"")
    for number in range(first - 1, last + 1):
        if 0 <= number < EVENTS and minute_of(accepted(number)) == minute and proven(number):
            hashed = event_hash(key(number))
            packed[f"{LOST}#{minute:%Y-%m-%dT%H:%M}#{hashed[0] >> 6}"] += hashed
    return packed


class Stub:
    """DynamoDB as far as adoption asks it; it counts what that costs."""

    def __init__(self) -> None:
        self.units = 0.0
        self.seconds = 0.0
        self.letters: set[str] = set()
        self.pages = 0
        self._operations: Mapping[str, Callable[[Any], Any]] = {
            "BatchExecuteStatement": self.batch_execute_statement,
            "BatchGetItem": self.batch_get_item,
            "DescribeTable": self.describe_table,
            "Query": self.query,
            "Scan": self.scan,
            "UpdateItem": self.update_item,
        }

    def send(self, request: AWSPreparedRequest, *, event_name: str) -> AWSResponse:
        began = time.process_time()
        operation = event_name.rpartition(".")[2]
        answer = self._operations[operation](json.loads(body(request)))
        response = json_response(answer)
        self.seconds += time.process_time() - began
        return response

    def describe_table(self, _: Any) -> Any:
        return {"Table": {"TableSizeBytes": EVENTS * ITEM_BYTES, "ItemCount": EVENTS}}

    def scan(self, asked: Any) -> Any:
        segments, segment = asked["TotalSegments"], asked["Segment"]
        own = range(segment, EVENTS, segments)
        start = int(asked.get("ExclusiveStartKey", {}).get("pk", {}).get("S", "0"))
        page = own[start : start + PAGE_ITEMS]
        self.pages += 1
        units = -(-len(page) * ITEM_BYTES // 4096) / 2
        self.units += units
        answer: dict[str, Any] = {
            "Items": list(map(_item, page)),
            "Count": len(page),
            "ScannedCount": len(page),
            "ConsumedCapacity": {"CapacityUnits": units},
        }
        if start + PAGE_ITEMS < len(own):
            answer["LastEvaluatedKey"] = {"pk": {"S": str(start + PAGE_ITEMS)}}
        return answer

    def query(self, asked: Any) -> Any:
        partition = asked["ExpressionAttributeValues"][":pk"]["S"]
        minute = datetime.fromisoformat(f"{partition.split('#')[1]}:00+00:00")
        packed = receipts_of(minute).get(partition, b"")
        # Of 25 events each, which a batch of 100 makes.
        runs = [packed[at : at + 400] for at in range(0, len(packed), 400)]
        return {"Items": [_receipt(run) for run in runs], "Count": len(runs)}

    def batch_get_item(self, asked: Any) -> Any:
        ((table, wanted),) = asked["RequestItems"].items()
        texts = [{"pk": one["pk"], "event": {"S": event("x")}} for one in wanted["Keys"]]
        return {"Responses": {table: texts}, "UnprocessedKeys": {}}

    def batch_execute_statement(self, asked: Any) -> Any:
        self.letters.update(one["Parameters"][0]["S"] for one in asked["Statements"])
        return {"Responses": [{} for _ in asked["Statements"]]}

    def update_item(self, _: Any) -> Any:
        return {}


def _item(position: int) -> dict[str, Any]:
    number = position * _STEP % EVENTS
    return {
        "pk": {"S": key(number)},
        "publisher": {"S": "acme"},
        "origin_region": {"S": LOST},
        "accepted_at": {"S": timestamp(accepted(number))},
        "digest": {"S": "d" * 43},
    }


def _receipt(packed: bytes) -> dict[str, Any]:
    return {
        "region": {"S": LOST},
        "published_at": {"S": timestamp(START)},
        "topics": {"M": {"orders": {"B": b64encode(packed).decode()}}},
    }


class _Inert(Clock):
    """Has not begun to wait: no page is over before its segments are."""

    def now(self) -> datetime:
        return START + timedelta(days=2)

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def stub() -> tuple[Stub, Any]:
    """The stub, and the adopter with it."""
    stub, wire = Stub(), Wire()
    wire.session.set_credentials("test", "test")
    wire.session.set_config_variable("region", HOME)
    wire.send = stub.send
    variables = {
        Variable.EVENTS_TABLE: "events",
        Variable.RECEIPTS_TABLE: "receipts",
        Variable.LEDGER_TABLE: "ledger",
        Variable.OPEN_LETTER_DAYS: "180",
        Variable.REGIONS: json.dumps([HOME, LOST]),
        Variable.DEPLOYMENT: "shop",
        Variable.COMMAND_OPTIONS: "",
        Variable.RUNBOOK: "",
        Variable.DASHBOARD: "",
        Variable.OPS_TOPIC_ARN: f"arn:aws:sns:{HOME}:123456789012:ops",
    }
    parts = Parts(
        variables,
        threads=1,
        clients=wire.clients,
        clock=_Inert(),
        logger=Logger(service="shop", stream=StringIO()),
        catalogue=CATALOGUE,
        code_digest="code",
    )
    return stub, make_handler(parts)


def test_memory_price_and_time_are_as_the_plan_says(stub: tuple[Stub, Any]) -> None:
    cloud, adopter = stub
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 10**9)
    end = START + timedelta(minutes=MINUTES)
    task = {
        "execution": "adopt-1",
        "started_at": timestamp(START + timedelta(days=2)),
        "request": {
            "action": "adopt",
            "region": LOST,
            "from": timestamp(START),
            "to": timestamp(end),
            "reason": "it is down",
            "started_by": "ada",
        },
    }
    begun = adopter({**task, "task": "begin"}, context)
    assert begun["wait"] == 0
    before, began = _peak_bytes(), time.process_time() - cloud.seconds

    task |= {"request": begun["request"], "plan": begun["plan"], "task": "find"}
    found = adopter(task, context)

    seconds = time.process_time() - cloud.seconds - began
    assert found["done"]
    counts = found["position"]["counts"]
    missing = -(-EVENTS // UNPROVEN)
    assert counts["read"] == counts["found"] == EVENTS
    assert counts["adopted"] == missing
    assert counts["published"] == EVENTS - missing
    # A page of 1 MB at a time, and the hashes: not the events.
    assert _peak_bytes() - before < 200 * 1024**2
    assert len(json.dumps(found["position"])) < 4096
    dollars = counts["half_units"] / 2 * PRICES["read"]
    assert counts["half_units"] / 2 == cloud.units
    assert dollars == pytest.approx(EVENTS * ITEM_BYTES / 8192 * PRICES["read"], rel=0.2)
    print(
        f"{EVENTS:,} events: {seconds:.1f} s, {EVENTS / seconds:,.0f} a second, ${dollars:.4f}",
        begun["plan"],
    )
    if LONG:
        assert dollars == pytest.approx(begun["plan"]["dollars"], rel=0.2)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
