"""The publish function's receipts: of what SNS has taken, once it has, and never in its way."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from eventing.receipts import HASH_BYTES
from tests.faults.memory import REGION
from tests.faults.vocabulary import Call, EntryRefusal, Fault, Killed
from tests.proofs import hashes_in
from tests.unit.invocations import CODES
from tests.unit.stream import ACCEPTED, Stream, record


def missing(output: str) -> int:
    """The sum of `ReceiptsMissing` in what the function has printed."""
    lines = [json.loads(line) for line in output.splitlines()]
    return sum(count for line in lines for count in line.get("ReceiptsMissing", ()))


def of_receipts(fault: Fault, first: float = float("inf")) -> Callable[[Call], Fault | None]:
    """This fault for the first calls that write receipts."""
    return lambda call: fault if call.target == "receipts" and call.number <= first else None


def test_a_hundred_events_have_four_receipts_that_each_cost_one_unit(stream: Stream) -> None:
    stream.deliver(*(record(number) for number in range(100)))

    assert all(stream.published_by_receipt(number) == "orders" for number in range(100))
    assert len(stream.receipts) == 4
    # "Item sizes and formats": the binary value takes three quarters of its Base64.
    assert all(len(json.dumps(item)) < 1024 for item in stream.receipts)
    expires = int((ACCEPTED + timedelta(days=90)).timestamp())
    assert {item["expires_at"]["N"] for item in stream.receipts} == {str(expires)}


def test_what_sns_has_not_taken_has_no_receipt(stream: Stream) -> None:
    stream.aws.fault = lambda call: "denied" if call.target == "payments" else None
    stream.aws.refuse_entry = lambda target, body: (
        EntryRefusal("InvalidParameter", sender_fault=True)
        if target == "orders" and '"id": "1"' in body
        else None
    )
    stream.deliver(
        record(1), record(2), record(3, "payment.captured.v1"), record(4, "unheard.of.v1")
    )

    found = [stream.published_by_receipt(number) for number in (1, 2, 3, 4)]
    assert found == [None, "orders", None, None]
    assert len(stream.letters) == 3


def test_a_receipt_is_not_written_before_sns_has_answered(stream: Stream) -> None:
    stream.deliver(*(record(number) for number in range(30)))

    assert [call.operation for call in stream.aws.calls] == [
        *["PublishBatch"] * 3,
        "BatchExecuteStatement",
    ]


@pytest.mark.parametrize("fault", [*CODES, "done-then-timeout", "500", "unreachable"])
def test_receipts_that_cannot_be_written_are_counted_and_publication_goes_on(
    stream: Stream, capsys: pytest.CaptureFixture[str], fault: Fault
) -> None:
    stream.aws.fault = of_receipts(fault)
    assert stream.deliver(*(record(number) for number in range(30))) == []

    assert sorted(map(int, stream.arrived("orders"))) == list(range(30))
    assert stream.letters == []
    assert missing(capsys.readouterr().out) == 30
    (told,) = [line for line in stream.lines if line["message"] == "receipts missing"]
    assert (told["events"], told["accepted"]) == (30, ["2026-11-24T09:30"])
    assert told["cause"]


def test_receipts_that_hang_are_not_waited_for_beyond_their_time(
    stream: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    stream.aws.fault = of_receipts("hang")
    stream.clock.patience = stream.clock.monotonic() + 0.5
    assert stream.deliver(record(1)) == []
    stream.aws.released.set()

    assert stream.arrived("orders") == ["1"]
    assert missing(capsys.readouterr().out) == 1


@pytest.mark.parametrize("seconds", [22.5, 60])
def test_receipts_are_given_no_time_that_the_answer_needs(stream: Stream, seconds: float) -> None:
    waited: list[float] = []
    asked = stream.clock.result_by

    def result_by(deadline: float, call: Any, otherwise: Any) -> Any:
        waited.append(deadline - began)
        return asked(deadline, call, otherwise)

    began = stream.clock.monotonic()
    stream.clock.result_by = result_by  # type: ignore[method-assign]
    stream.deliver(record(1), seconds=seconds)

    assert waited[-1] <= min(seconds - 1, 4.5)


@pytest.mark.parametrize("fault", ["throttle", "500", "timeout", "unreachable"])
def test_a_write_that_fails_for_a_moment_is_repeated(
    stream: Stream, capsys: pytest.CaptureFixture[str], fault: Fault
) -> None:
    # Both attempts of the SDK.
    stream.aws.fault = of_receipts(fault, first=2)
    stream.deliver(record(1))

    assert stream.published_by_receipt(1) == "orders"
    assert missing(capsys.readouterr().out) == 0


def test_only_the_receipts_that_the_table_refused_are_written_again(
    stream: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    refused: list[str] = []

    def refuse(target: str, key: str) -> EntryRefusal | None:
        if target != "receipts" or "#0\n" not in key:
            return None
        refused.append(key)
        return EntryRefusal("ThrottlingError")

    stream.aws.refuse_entry = refuse
    stream.deliver(*(record(number) for number in range(40)))

    assert len(refused) == 2
    without = [n for n in range(40) if stream.published_by_receipt(n) is None]
    assert 0 < len(without) < 40
    assert missing(capsys.readouterr().out) == len(without)


def test_the_same_batch_again_has_the_same_receipts(
    stream: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = [record(number) for number in range(20)]
    stream.deliver(*batch)
    there = stream.receipts
    stream.deliver(*batch)

    assert stream.receipts == there
    assert missing(capsys.readouterr().out) == 0


def test_killed_between_publishing_and_the_receipt_the_event_is_published_without_proof(
    stream: Stream,
) -> None:
    stream.aws.fault = of_receipts("killed")
    with pytest.raises(Killed):
        stream.deliver(record(1))
    assert stream.arrived("orders") == ["1"]
    assert stream.receipts == []

    # The stream sends it again.
    stream.aws.fault = lambda call: None
    stream.deliver(record(1))
    assert stream.arrived("orders") == ["1", "1"]
    (item,) = stream.receipts
    assert [len(packed) for packed in hashes_in(item).values()] == [HASH_BYTES]


def test_the_receipt_stands_with_the_region_that_the_record_says_took_the_event(
    stream: Stream,
) -> None:
    """Without the filter of its mapping a region publishes what others took: receipts tell."""
    taken = record(1)
    taken["dynamodb"]["NewImage"]["origin_region"] = {"S": "eu-west-1"}

    stream.deliver(taken)

    (item,) = stream.receipts
    assert item["pk"]["S"].startswith("eu-west-1#")
    assert item["region"]["S"] == REGION
