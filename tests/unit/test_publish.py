"""The publish function, its AWS calls answered at the SDK's HTTP layer."""

from __future__ import annotations

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, Literal

import pytest

from functions.shared.clock import Clock
from tests.faults.vocabulary import LEFT_OUT, Call, EntryRefusal, Fault, Killed
from tests.unit.invocations import CODES, LOGGERS_OWN
from tests.unit.stream import Stream, record

EVENT = '{"id": "0", "type": "com.example.shop.order.placed.v1", "source": "/a"}'


def test_each_event_goes_to_the_first_topic_that_takes_it(stream: Stream) -> None:
    wanted = stream.deliver(
        record(1, total=20),
        record(2, total=700),
        record(3, "payment.failed.v1"),
        record(4, "payment.captured.v1", risk="low"),
        record(5, "payment.captured.v1", risk="high"),
        record(6, "customer.moved.v1"),
    )

    assert wanted == []
    assert stream.arrived("orders") == ["1"]
    assert stream.arrived("orders-priority") == ["2"]
    assert stream.arrived("payments-failed") == ["3", "5"]
    assert stream.arrived("payments") == ["4"]
    assert stream.arrived("customers") == ["6"]
    assert stream.letters == []


def test_the_message_is_the_event_and_its_attributes(stream: Stream) -> None:
    sent = record(1)
    event = json.loads(sent["dynamodb"]["NewImage"]["event"]["S"]) | {"subject": "order 1"}
    sent["dynamodb"]["NewImage"]["event"]["S"] = json.dumps(event)
    stream.deliver(sent)

    (entry,) = stream.aws.topics["orders"]
    assert entry["Message"] == json.dumps(event)
    assert entry["Attributes"] == {
        "type": "com.example.shop.order.placed.v1",
        "source": "/shop",
        "publisher": "acme",
        "subject": "order 1",
    }


def test_a_hundred_events_of_a_topic_take_ten_calls_and_one_for_their_receipts(
    stream: Stream,
) -> None:
    stream.deliver(*(record(number) for number in range(100)))

    assert stream.aws.count() == 11
    assert stream.aws.count("BatchExecuteStatement") == 1
    assert sorted(map(int, stream.arrived("orders"))) == list(range(100))


Trouble = Literal["too large", "refused", "throttle once"]
FAULTS: list[tuple[Fault | Trouble, str | None]] = [
    *CODES.items(),
    # More than the topic takes in one message.
    ("too large", "TOO_LARGE"),
    ("refused", "INVALID"),
    ("throttle once", None),
]


@pytest.mark.parametrize("everywhere", [False, True], ids=["one topic", "all topics"])
@pytest.mark.parametrize(("fault", "code"), FAULTS)
def test_the_fates_of_events_by_the_fault_of_their_topic(
    stream: Stream,
    fault: Fault | Trouble,
    code: str | None,
    everywhere: bool,
) -> None:
    """The table of docs/publication.md, at the SDK's HTTP layer."""
    orders = [record(n) for n in range(12)]
    payments = [record(n, "payment.captured.v1", risk="low") for n in range(12, 24)]
    failing = range(24) if everywhere else range(12)

    def sick(target: str) -> bool:
        return target == "orders" or (everywhere and target == "payments")

    if fault == "too large":
        stream.aws.topic_bytes = 2000
        orders[3] = record(3, padding="x" * 2000)
        failing = range(3, 4)
        if everywhere:
            payments[1] = record(13, "payment.captured.v1", padding="x" * 2000)
            failing = range(3, 14, 10)
    elif fault == "refused":
        failing = range(3, 14, 10) if everywhere else range(3, 4)
        stream.aws.refuse_entry = lambda target, body: (
            EntryRefusal("InvalidParameter", sender_fault=True)
            if sick(target) and json.loads(body)["id"] in ("3", "13")
            else None
        )
    elif fault == "throttle once":
        failing = range(0)
        stream.aws.fault = lambda call: (
            "throttle" if sick(call.target) and call.number == 1 else None
        )
    else:
        stream.aws.fault = lambda call: fault if sick(call.target) else None

    assert stream.deliver(*orders, *payments) == []

    assert {int(letter["event"]["id"]) for letter in stream.letters} == set(failing)
    assert {letter["cause"]["code"] for letter in stream.letters} == {code} - {None}
    assert len(stream.letters) == len(failing)
    copies = Counter(map(int, stream.arrived("orders") + stream.arrived("payments")))
    # An answer that is lost twice, of the SDK's two attempts, leaves two copies beside the letter.
    expected = {n: 1 for n in range(24) if n not in failing}
    lost = dict.fromkeys(failing, 2) if fault == "done-then-timeout" else {}
    assert copies == expected | lost
    assert not set(map(int, stream.arrived("payments"))) - set(range(12, 24))


def test_a_dead_letter_says_what_failed_where_and_why(stream: Stream) -> None:
    stream.aws.fault = lambda call: "denied" if call.target == "orders" else None
    stream.deliver(record(1))

    (letter,) = stream.letters
    assert {name: letter[name] for name in ("stage", "step", "topic", "publisher")} == {
        "stage": "publish",
        "step": "publish",
        "topic": "orders",
        "publisher": "acme",
    }
    assert letter["cause"]["class"] == "AuthorizationError"
    assert letter["accepted_at"] == "2026-11-24T09:30:00.000Z"


def test_entries_that_sns_itself_fails_on_are_sent_again_and_no_others(stream: Stream) -> None:
    failures = iter([EntryRefusal("InternalError")] * 2)
    stream.aws.refuse_entry = lambda target, body: (
        next(failures, None) if target == "orders" and '"id": "3"' in body else None
    )
    stream.deliver(*(record(number) for number in range(10)))

    assert stream.letters == []
    assert sorted(map(int, stream.arrived("orders"))) == list(range(10))
    assert stream.aws.count("PublishBatch") == 3
    # Pauses of 0.2 and 0.6 s, half of each left to chance.
    assert 0.4 <= stream.aws.slept <= 0.8


def test_a_topic_throttled_for_a_moment_leaves_no_dead_letter(stream: Stream) -> None:
    stream.aws.fault = lambda call: (
        "throttle" if call.service == "sns" and call.number <= 3 else None
    )
    stream.deliver(record(1))

    assert stream.letters == []
    assert stream.arrived("orders") == ["1"]


def test_an_entry_that_the_answer_leaves_out_is_not_taken_for_published(stream: Stream) -> None:
    stream.aws.refuse_entry = lambda target, body: (
        LEFT_OUT if target == "orders" and '"id": "1"' in body else None
    )
    stream.deliver(record(1), record(2))

    (letter,) = stream.letters
    assert (letter["event"]["id"], letter["cause"]["code"]) == ("1", "UNAVAILABLE")
    assert stream.arrived("orders") == ["2"]


def test_a_topic_that_hangs_does_not_hold_up_the_first_calls_of_others(stream: Stream) -> None:
    def fault(call: Call) -> Fault | None:
        return "hang" if call.target == "orders" else None

    stream.aws.fault = fault
    records = [*(record(n) for n in range(80)), record(80, "customer.moved.v1")]
    with ThreadPoolExecutor(1) as other:
        delivering = other.submit(stream.deliver, *records)
        deadline = monotonic() + 10
        while not stream.arrived("customers"):
            assert monotonic() < deadline
        assert not delivering.done()
        stream.aws.released.set()
        assert delivering.result() == []
    assert len(stream.letters) == 80


def test_what_has_no_route_is_a_dead_letter_of_step_route(stream: Stream) -> None:
    stream.deliver(record(1, "unheard.of.v1"), record(2))

    assert stream.arrived("orders") == ["2"]
    (letter,) = stream.letters
    assert (letter["step"], letter["cause"]["code"]) == ("route", "NO_ROUTE")
    assert "topic" not in letter


@pytest.mark.parametrize("total", ["many", [700], {"amount": 700}, True, None])
def test_no_data_makes_a_dead_letter_of_a_condition(stream: Stream, total: Any) -> None:
    stream.deliver(record(1, "order.placed.v2", total=total))

    assert stream.arrived("orders") == ["1"]
    assert stream.letters == []


@pytest.mark.parametrize(
    "image",
    [
        {},
        {
            "publisher": {"S": "acme"},
            "event": {"S": "{"},
            "accepted_at": {"S": "2026-11-24T09:30:00Z"},
        },
        *(
            {
                "publisher": {"S": "acme"},
                "event": {"S": event},
                "accepted_at": {"S": "2026-11-24T09:30:00Z"},
            }
            for event in (
                "[]",
                "17",
                "{}",
                "[" * 20_000 + "]" * 20_000,
                '{"type": {}, "source": "/a"}',
                '{"type": 1, "source": "/a"}',
                '{"type": "com.example.shop.order.placed.v1", "source": 7}',
                '{"type": "com.example.shop.order.placed.v1", "source": "\\ud800"}',
            )
        ),
        *(
            {"publisher": {"S": "acme"}, "event": {"S": EVENT}, "accepted_at": {"S": accepted_at}}
            for accepted_at in ("yesterday", "2026-11-24T09:30:00")
        ),
    ],
    ids=repr,
)
def test_an_item_that_holds_no_event_is_kept_whole(stream: Stream, image: dict[str, Any]) -> None:
    damaged = record(0)
    damaged["dynamodb"]["NewImage"] = image
    wanted = stream.deliver(damaged, record(1))

    assert wanted == []
    assert stream.arrived("orders") == ["1"]
    (letter,) = stream.letters
    assert letter["cause"]["code"] == "INVALID"
    assert letter["event"] == {"item": image}


def test_what_can_be_neither_sent_nor_dead_lettered_is_wanted_again(stream: Stream) -> None:
    stream.aws.fault = lambda call: "denied" if call.target in ("orders", "publish-dlq") else None
    wanted = stream.deliver(record(1), record(2, "customer.moved.v1"), record(3))

    assert wanted == ["s1", "s3"]
    assert stream.arrived("customers") == ["2"]
    # Until then it was tried for as long as there was time: to within a longest pause (8 s) of the
    # last moment at which a round may begin (39 s), less what the calls themselves took.
    assert 15 < stream.aws.slept < 39
    (*unsettled, batch) = stream.lines
    assert [(line["message"], line["cause"], line["cause_of_queue"]) for line in unsettled] == [
        ("unsettled", "ACCESS_DENIED", "ACCESS_DENIED")
    ] * 2
    assert (batch["unsettled"], batch["settled_before"]) == (2, 0)
    assert batch["rounds"] > 5

    stream.aws.fault = lambda call: None
    # Lambda goes on from the lowest number that was reported.
    assert stream.deliver(record(1), record(2, "customer.moved.v1"), record(3)) == []
    assert stream.arrived("orders") == ["1", "3"]
    assert stream.arrived("customers") == ["2"]
    assert stream.lines[-1]["settled_before"] == 1


def test_an_outage_that_ends_in_time_is_ridden_out_without_doubles(stream: Stream) -> None:
    def fault(call: Call) -> Fault | None:
        return "denied" if call.target != "customers" and stream.aws.slept < 15 else None

    stream.aws.fault = fault
    assert stream.deliver(record(1), record(2, "customer.moved.v1"), record(3)) == []

    assert stream.arrived("orders") == ["1", "3"]
    assert stream.arrived("customers") == ["2"]
    assert stream.letters == []


def test_one_letter_that_the_queue_refuses_is_the_only_one_wanted_again(stream: Stream) -> None:
    stream.aws.fault = lambda call: "denied" if call.target == "orders" else None
    stream.aws.refuse_entry = lambda target, body: (
        EntryRefusal("InternalError")
        if target == "publish-dlq" and '"id":"2"' in body.replace(" ", "")
        else None
    )
    assert stream.deliver(*(record(number) for number in range(4))) == ["s2"]
    assert sorted(letter["event"]["id"] for letter in stream.letters) == ["0", "1", "3"]


def test_a_letter_that_the_answer_leaves_out_is_not_taken_for_safe(stream: Stream) -> None:
    stream.aws.fault = lambda call: "denied" if call.target == "orders" else None
    stream.aws.refuse_entry = lambda target, body: LEFT_OUT if target == "publish-dlq" else None
    assert stream.deliver(record(1), record(2)) == ["s1", "s2"]


def test_a_call_that_has_not_begun_in_time_never_does() -> None:
    hold = threading.Event()
    done: list[str] = []
    with ThreadPoolExecutor(1) as workers:
        workers.submit(hold.wait, 10)
        call = workers.submit(done.append, "late")
        assert Clock().result_by(0.0, call, None) is None
        hold.set()
    assert done == []


def test_what_is_settled_of_a_batch_is_remembered_until_all_of_it_is(stream: Stream) -> None:
    stream.aws.fault = lambda call: "denied" if call.target in ("orders", "publish-dlq") else None
    batch = [record(1, "customer.moved.v1"), record(2), record(3, "customer.moved.v1")]
    assert stream.deliver(*batch) == ["s2"]
    assert stream.deliver(*batch[1:]) == ["s2"]
    stream.aws.fault = lambda call: None
    assert stream.deliver(*batch[1:]) == []
    assert stream.arrived("customers") == ["1", "3"]

    # A stream that is read from its start again is published again.
    assert stream.deliver(*batch) == []
    assert stream.arrived("customers") == ["1", "3", "1", "3"]
    assert stream.arrived("orders") == ["2", "2"]


@pytest.mark.parametrize("seconds", [0.5, 10, 21])
def test_what_there_is_no_time_for_is_handed_back_and_not_cut_off(
    stream: Stream, seconds: float
) -> None:
    batch = [record(number) for number in range(30)]
    assert stream.deliver(*batch, seconds=seconds) == [f"s{number}" for number in range(30)]
    assert stream.aws.count() == 0
    assert stream.lines[0]["cause"] == "TIMEOUT"


def test_a_call_that_is_not_back_in_time_is_handed_back_and_those_behind_it_never_go_out(
    stream: Stream,
) -> None:
    stream.clock.patience = stream.clock.monotonic() + 1
    stream.aws.fault = lambda call: "hang"
    batch = [record(number) for number in range(100)]
    assert len(stream.deliver(*batch, seconds=22.5)) == 100
    assert stream.aws.count() == 8
    stream.aws.released.set()


def test_killed_between_publishing_and_answering_a_batch_is_doubled_and_nothing_else(
    stream: Stream,
) -> None:
    stream.deliver(record(0), record(1, "customer.moved.v1"))
    stream.aws.fault = lambda call: "done-then-killed" if call.target == "customers" else None
    batch = [record(2), record(3, "customer.moved.v1")]
    with pytest.raises(Killed):
        stream.deliver(*batch)
    stream.aws.fault = lambda call: None
    assert stream.deliver(*batch) == []

    assert stream.arrived("orders") == ["0", "2", "2"]
    assert stream.arrived("customers") == ["1", "3", "3"]


def test_metrics_count_by_topic_by_cause_and_by_the_minute_of_acceptance(
    stream: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    stream.aws.fault = lambda call: "denied" if call.target == "payments" else None
    stream.deliver(record(1), record(2), record(3, "payment.captured.v1", name="Lovelace"))

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = {
        (metric["Name"], *(line[d] for d in dimensions if d != "service")): line[metric["Name"]]
        for line in lines
        for directive in line["_aws"]["CloudWatchMetrics"]
        for dimensions in directive["Dimensions"]
        for metric in directive["Metrics"]
    }
    lags = [found.pop(("PublishLag",)), found.pop(("PublishLag", "orders"))]
    assert all(len(values) == 2 and min(values) > 0 for values in lags)
    assert found == {
        ("EventsPublished",): [2.0],
        ("EventsPublished", "orders"): [2.0],
        ("EventsSettled",): [3.0],
        ("DeadLettered", "publish"): [1.0],
        ("DeadLettered", "publish", "ACCESS_DENIED"): [1.0],
        ("DeadLettered", "publish", "system"): [1.0],
    }
    (settled,) = [line for line in lines if "EventsSettled" in line]
    assert settled["_aws"]["Timestamp"] == 1795512600000  # 2026-11-24T09:30Z
    letter, batch = stream.lines
    assert (letter["message"], letter["cause"], letter["topic"]) == (
        "dead letter",
        "ACCESS_DENIED",
        "payments",
    )
    assert 0 < batch.pop("milliseconds") < 60_000
    assert {name: value for name, value in batch.items() if name not in LOGGERS_OWN} == {
        "message": "batch", "records": 3, "published": {"orders": 2}, "dead_lettered": 1,
        "unsettled": 0, "settled_before": 0, "rounds": 1,
    }  # fmt: skip
    assert "Lovelace" not in stream.log.getvalue()


def test_a_thousand_events_of_five_topics_take_a_hundred_calls(stream: Stream) -> None:
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("order.placed.v1", {"total": 20}),
        ("order.placed.v1", {"total": 700}),
        ("payment.failed.v1", {"risk": "low"}),
        ("payment.captured.v1", {"risk": "low"}),
        ("customer.moved.v1", {"name": "Ada"}),
    ]
    batch = [record(n, kinds[n % 5][0], **kinds[n % 5][1]) for n in range(1000)]
    assert stream.deliver(*batch) == []

    assert stream.aws.count("PublishBatch") == 100
    assert stream.aws.count() == 101
    assert len(stream.aws.topics) == 5
