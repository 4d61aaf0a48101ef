"""A backlog of a region that is back: what another region has published is settled, and not sent."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest

from eventing.receipts import Taken, receipts
from eventing.timestamps import timestamp
from functions.publish.handler import THREADS
from tests.faults.aws import FakeAws
from tests.faults.memory import REGION
from tests.faults.vocabulary import Call, Fault
from tests.unit.stream import ACCEPTED, Stream, StreamClock, new_function, record

PEER = "eu-west-1"


@pytest.fixture
def stream() -> Iterator[Stream]:
    """The publish function in a deployment of two regions."""
    aws, log = FakeAws(), StringIO()
    clock = StreamClock(aws)
    with aws.installed() as clients, ThreadPoolExecutor(THREADS) as workers:
        handler = new_function(clients, workers, log, clock, regions=(REGION, PEER))
        yield Stream(aws, handler, log, clock)


def published(stream: Stream, *numbers: int, by: str = PEER) -> None:
    """A region has published these events, which this one took."""
    taken = [Taken(f"acme#{number}", "orders", ACCEPTED, REGION) for number in numbers]
    for one in receipts(taken, region=by):
        stream.aws.items("receipts")[f"{one.partition}\n{one.sort}"] = {
            "pk": {"S": one.partition},
            "sk": {"S": one.sort},
            "region": {"S": by},
            "published_at": {"S": timestamp(ACCEPTED)},
            "topics": {"M": {"orders": {"B": _base64(one.hashes["orders"])}}},
        }


def _base64(packed: bytes) -> str:
    return b64encode(packed).decode()


def looks(stream: Stream) -> int:
    return sum(call.operation == "Query" for call in stream.aws.calls)


def of_looks(fault: Fault) -> Callable[[Call], Fault | None]:
    return lambda call: fault if call.operation == "Query" else None


def test_what_another_region_has_published_is_settled_and_not_sent(
    stream: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    published(stream, 2, 4)

    assert stream.deliver(*(record(number) for number in range(6))) == []

    assert sorted(stream.arrived("orders")) == ["0", "1", "3", "5"]
    (batch,) = [line for line in stream.lines if line["message"] == "batch"]
    assert (batch["published_elsewhere"], batch["published"]) == (2, {"orders": 4})
    assert '"EventsSettled":[6]' in capsys.readouterr().out.replace(" ", "").replace(".0", "")


def test_what_it_has_published_itself_is_sent_again_as_ever(stream: Stream) -> None:
    published(stream, 1, by=REGION)

    stream.deliver(record(1))

    assert stream.arrived("orders") == ["1"]


def test_what_is_not_late_costs_no_look(stream: Stream) -> None:
    young: Any = record(1)
    young["dynamodb"]["NewImage"]["accepted_at"]["S"] = timestamp(
        datetime.now(UTC) - timedelta(seconds=5)
    )

    stream.deliver(young)

    assert stream.arrived("orders") == ["1"]
    assert looks(stream) == 0


def test_a_late_batch_of_a_minute_is_looked_up_in_four_reads(stream: Stream) -> None:
    stream.deliver(*(record(number) for number in range(100)))

    assert looks(stream) == 4


@pytest.mark.parametrize("fault", ["denied", "throttle", "timeout", "missing"])
def test_where_receipts_can_t_be_read_all_are_published_and_the_log_says_so(
    stream: Stream, fault: Fault
) -> None:
    published(stream, 1)
    stream.aws.fault = of_looks(fault)

    assert stream.deliver(record(1), record(2)) == []

    assert sorted(stream.arrived("orders")) == ["1", "2"]
    assert [line["records"] for line in stream.lines if line["message"] == "receipts unread"] == [2]
