"""The ingest function, its AWS calls answered at the SDK's HTTP layer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest

from eventing.catalogue import Catalogue
from eventing.dead_letter import read_dead_letter
from eventing.event import Event, event_key
from eventing.publishers.keys import ENTROPY_BYTES, key_value
from eventing.schemas import Schemas
from functions.ingest.handler import THREADS
from tests.faults.aws import FakeAws
from tests.faults.memory import REGION
from tests.faults.vocabulary import Call, EntryRefusal, Fault, Killed
from tests.unit.invocations import CODES, LOGGERS_OWN
from tests.unit.publisher import CANARY_KEY_ID, KEY, Publisher, event, new_function

# The ways into the archive.
ARCHIVING = ("PutRecordBatch", "PutObject")


@pytest.fixture
def publisher(schemas: Schemas) -> Iterator[Publisher]:
    aws, log = FakeAws(), StringIO()
    with aws.installed() as clients, ThreadPoolExecutor(THREADS) as workers:
        yield Publisher(aws, new_function(clients, schemas, workers, log), log)


def test_an_event_is_stored_and_archived(publisher: Publisher) -> None:
    response = publisher.post(event(subject="customer 7"))

    assert response["statusCode"] == 202
    assert response["headers"]["Content-Type"] == "application/json"
    assert response["headers"]["X-Request-Id"] == "r1"
    accepted_at = response["body"]["accepted_at"]
    assert response["body"] == {
        "id": "1",
        "source": "/crm",
        "status": "accepted",
        "accepted_at": accepted_at,
    }
    (item,) = publisher.stored.values()
    assert json.loads(item["event"]["S"]) == event(subject="customer 7")
    assert {name: item[name] for name in ("publisher", "type", "origin_region", "accepted_at")} == {
        "publisher": {"S": "acme"},
        "type": {"S": "com.example.shop.customer.registered.v1"},
        "origin_region": {"S": REGION},
        "accepted_at": {"S": accepted_at},
    }
    assert item["pk"]["S"].startswith("acme#")
    (record,) = publisher.streamed
    # Firehose puts nothing between two records.
    assert record.endswith(b"\n")
    assert publisher.copies == [("acme", accepted_at, item["event"]["S"])]
    assert publisher.archived == {}
    assert publisher.letters == []


def test_the_same_event_again_is_a_duplicate(publisher: Publisher) -> None:
    first = publisher.post(event())["body"]
    again = publisher.post(event())

    assert (again["statusCode"], again["body"]["status"]) == (202, "duplicate")
    assert again["body"]["accepted_at"] == first["accepted_at"]
    assert len(publisher.stored) == 1


def test_another_event_under_the_same_id_is_a_conflict(publisher: Publisher) -> None:
    publisher.post(event())
    response = publisher.post(event(data={"name": "Grace"}))

    assert response["statusCode"] == 409
    assert response["headers"]["Content-Type"] == "application/problem+json"
    assert response["body"]["type"] == "urn:eventing:problem:conflict"
    (item,) = publisher.stored.values()
    assert json.loads(item["event"]["S"])["data"] == {"name": "Ada"}


def test_what_a_timed_out_attempt_stored_is_accepted(publisher: Publisher) -> None:
    publisher.aws.fault = lambda call: (
        "done-then-timeout" if call.operation == "ExecuteStatement" and call.number == 1 else None
    )
    response = publisher.post(event())

    assert (response["statusCode"], response["body"]["status"]) == (202, "accepted")
    assert publisher.aws.count("ExecuteStatement") == 2
    assert len(publisher.stored) == 1
    assert publisher.letters == []


@pytest.mark.parametrize(("fault", "code"), CODES.items())
def test_a_store_that_fails_leaves_a_dead_letter(
    publisher: Publisher, fault: Fault, code: str
) -> None:
    publisher.aws.fault = lambda call: fault if call.operation == "ExecuteStatement" else None
    response = publisher.post(event())

    if fault == "done-then-timeout":
        # The second attempt finds what the first one stored.
        assert response["body"]["status"] == "accepted"
        assert publisher.letters == [] or publisher.letters[0]["cause"]["code"] == code
        return
    assert (response["statusCode"], response["body"]["status"]) == (202, "accepted")
    (letter,) = publisher.letters
    assert (letter["stage"], letter["step"], letter["cause"]["code"]) == ("ingest", "store", code)
    assert letter["event"] == event()
    assert letter["accepted_at"] == response["body"]["accepted_at"]
    assert read_dead_letter(json.dumps(letter)).publisher == "acme"


@pytest.mark.parametrize(("fault", "code"), CODES.items())
def test_an_archive_that_fails_leaves_the_event_stored_and_a_dead_letter(
    publisher: Publisher, fault: Fault, code: str
) -> None:
    publisher.aws.fault = lambda call: fault if call.operation in ARCHIVING else None
    response = publisher.post(event())

    assert (response["statusCode"], response["body"]["status"]) == (202, "accepted")
    assert len(publisher.stored) == 1
    (letter,) = publisher.letters
    assert (letter["stage"], letter["step"], letter["cause"]["code"]) == ("ingest", "archive", code)
    assert letter["event"] == event()


@pytest.mark.parametrize("fault", CODES)
def test_without_store_and_queue_the_publisher_keeps_the_event(
    publisher: Publisher, fault: Fault
) -> None:
    publisher.aws.fault = lambda call: (
        fault
        if call.operation == "SendMessageBatch"
        else "denied"
        if call.service == "dynamodb"
        else None
    )
    response = publisher.post(event())

    if fault == "done-then-timeout":
        assert len(publisher.letters) == 2
    assert response["statusCode"] == 503
    assert int(response["headers"]["Retry-After"]) > 0
    assert publisher.stored == {}

    publisher.aws.fault = lambda call: None
    assert publisher.post(event())["body"]["status"] == "accepted"
    assert len(publisher.stored) == 1


@pytest.mark.parametrize("operation", ["ExecuteStatement", "PutRecordBatch", "SendMessageBatch"])
@pytest.mark.parametrize("fault", ["killed", "done-then-killed"])
def test_a_process_that_dies_at_a_call_loses_nothing_of_what_is_sent_again(
    publisher: Publisher, operation: str, fault: Fault
) -> None:
    def fails_at(call: Call) -> Fault | None:
        if call.operation == operation:
            return fault
        # For the queue to be called, the store has to fail.
        fails = operation == "SendMessageBatch" and call.operation == "ExecuteStatement"
        return "denied" if fails else None

    publisher.aws.fault = fails_at
    with pytest.raises(Killed):
        publisher.post(event())

    # API Gateway answers 503 in its place, and the publisher sends the event again.
    publisher.aws.fault = lambda call: None
    assert publisher.post(event())["body"]["status"] in ("accepted", "duplicate")
    (item,) = publisher.stored.values()
    assert publisher.aws.inserted == {item["pk"]["S"]: 1}
    assert publisher.copies


@pytest.mark.parametrize("operation", ["ExecuteStatement", "PutRecordBatch"])
def test_a_call_that_hangs_leaves_the_queue_its_turn(publisher: Publisher, operation: str) -> None:
    publisher.aws.fault = lambda call: "hang" if call.operation == operation else None
    try:
        response = publisher.post(event(), seconds=8.5)
    finally:
        publisher.aws.released.set()

    assert (response["statusCode"], response["body"]["status"]) == (202, "accepted")
    (letter,) = publisher.letters
    assert letter["cause"]["code"] == "TIMEOUT"
    assert letter["step"] == ("store" if operation == "ExecuteStatement" else "archive")


def batch(*numbers: int) -> list[dict[str, Any]]:
    return [event(number) for number in numbers]


def post_batch(publisher: Publisher, events: list[dict[str, Any]]) -> dict[str, Any]:
    return publisher.post(events, content_type="application/cloudevents-batch+json")


def statuses(response: dict[str, Any]) -> list[Any]:
    return [result["status"] for result in response["body"]["results"]]


def test_a_hundred_new_events_take_five_calls(publisher: Publisher) -> None:
    # Asked once for all requests of some seconds.
    assert publisher.post("{")["statusCode"] == 400
    publisher.aws.calls.clear()
    response = post_batch(publisher, batch(*range(100)))

    assert response["statusCode"] == 202
    assert [result["id"] for result in response["body"]["results"]] == [str(n) for n in range(100)]
    assert set(statuses(response)) == {"accepted"}
    assert (len(publisher.aws.calls), publisher.aws.count("BatchExecuteStatement")) == (5, 4)
    assert len(publisher.stored) == 100
    (content,) = publisher.archived.values()
    archived = [json.loads(line)["event"]["id"] for line in content.splitlines()]
    assert archived == [str(n) for n in range(100)]


def test_duplicates_and_conflicts_in_a_batch_take_a_look_up(publisher: Publisher) -> None:
    first = post_batch(publisher, batch(*range(10)))
    accepted_at = first["body"]["results"][0]["accepted_at"]
    publisher.aws.calls.clear()
    response = post_batch(publisher, [*batch(8), event(9, data={}), *batch(10, 11, 7, 6, 5)])

    assert response["statusCode"] == 207
    assert response["headers"]["Content-Type"] == "application/json"
    assert statuses(response) == [
        "duplicate",
        409,
        "accepted",
        "accepted",
        "duplicate",
        "duplicate",
        "duplicate",
    ]
    assert response["body"]["results"][0]["accepted_at"] == accepted_at
    assert response["body"]["results"][1]["id"] == "9"
    # The fake leaves half of the keys unprocessed, twice.
    assert publisher.aws.count("BatchExecuteStatement") == 1
    assert publisher.aws.count("BatchGetItem") == 2
    assert len(publisher.stored) == 12


def test_each_event_of_a_batch_is_judged_for_itself(publisher: Publisher) -> None:
    response = post_batch(
        publisher,
        [
            *batch(1),
            event(2, source=""),
            event(3, type="com.example.unheard.of"),
            *batch(1),
            event(1, data={"name": "Grace"}),
            *batch(4),
        ],
    )

    assert response["statusCode"] == 207
    assert statuses(response) == ["accepted", 400, 422, "duplicate", 409, "accepted"]
    assert response["body"]["results"][1]["errors"][0]["pointer"] == "/source"
    assert len(publisher.stored) == 2


def test_the_event_that_holds_the_key_is_archived_wherever_it_stands(publisher: Publisher) -> None:
    publisher.aws.fault = lambda call: "killed" if call.operation == "PutRecordBatch" else None
    with pytest.raises(Killed):
        publisher.post(event(1))
    publisher.aws.fault = lambda call: "denied" if call.operation in ARCHIVING else None
    response = post_batch(publisher, [event(1, data={}), event(1)])

    assert statuses(response) == [409, "duplicate"]
    (letter,) = publisher.letters
    assert (letter["step"], letter["event"]) == ("archive", event(1))


def test_a_batch_of_one_status_has_that_status(publisher: Publisher) -> None:
    publisher.post(event(1))
    assert post_batch(publisher, batch(1, 2))["statusCode"] == 202
    refused = post_batch(publisher, [event(3, id=""), event(4, source="a b")])
    assert refused["statusCode"] == 400
    assert refused["headers"]["Content-Type"] == "application/problem+json"
    assert statuses(refused) == [400, 400]
    assert post_batch(publisher, [event(1, data={}), event(2, data={})])["statusCode"] == 409
    assert post_batch(publisher, [])["body"] == {"results": []}
    assert post_batch(publisher, [])["statusCode"] == 202


def test_one_partiql_call_that_fails_is_the_fate_of_its_events_alone(publisher: Publisher) -> None:
    publisher.aws.fault = lambda call: (
        "denied" if call.operation == "BatchExecuteStatement" and call.number == 2 else None
    )
    response = post_batch(publisher, batch(*range(100)))

    assert set(statuses(response)) == {"accepted"}
    assert len(publisher.stored) == 75
    left = {letter["event"]["id"] for letter in publisher.letters}
    assert len(publisher.letters) == len(left) == 25
    assert left | {json.loads(i["event"]["S"])["id"] for i in publisher.stored.values()} == {
        str(number) for number in range(100)
    }


def test_one_statement_that_fails_is_the_fate_of_its_event_alone(publisher: Publisher) -> None:
    key = publisher_key(3)
    publisher.aws.refuse_entry = lambda target, entry: (
        EntryRefusal("ThrottlingError") if entry == key else None
    )
    response = post_batch(publisher, batch(*range(5)))

    assert set(statuses(response)) == {"accepted"}
    (letter,) = publisher.letters
    assert (letter["event"]["id"], letter["cause"]["code"]) == ("3", "THROTTLED")


def test_a_batch_whose_letters_partly_fail_says_which_to_send_again(publisher: Publisher) -> None:
    publisher.aws.fault = lambda call: "denied" if call.service == "dynamodb" else None
    publisher.aws.refuse_entry = lambda target, body: (
        EntryRefusal("InternalError") if target == "ingest-dlq" and '"id":"2"' in body else None
    )
    response = post_batch(publisher, [*batch(1, 2, 3), *batch(2)])

    assert response["statusCode"] == 207
    assert statuses(response) == ["accepted", 503, "accepted", 503]
    assert "Retry-After" in response["headers"]


def test_what_a_timed_out_batch_stored_is_accepted(publisher: Publisher) -> None:
    publisher.aws.fault = lambda call: (
        "done-then-timeout"
        if call.operation == "BatchExecuteStatement" and call.number == 1
        else None
    )
    response = post_batch(publisher, batch(1, 2, 3))

    assert set(statuses(response)) == {"accepted"}
    assert publisher.letters == []
    assert len(publisher.stored) == 3


def publisher_key(number: int) -> str:
    return event_key("acme", "/crm", str(number))


def test_a_crash_is_a_503_that_names_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Crashing(Schemas):
        def check(self, event: Event) -> Any:
            raise RuntimeError("secret data of the event")

    aws, log = FakeAws(), StringIO()
    with aws.installed() as clients, ThreadPoolExecutor(1) as workers:
        crashing = Crashing(Catalogue((), (), {}, ""))
        publisher = Publisher(aws, new_function(clients, crashing, workers, log), log)
        response = publisher.post(event())

    assert response["statusCode"] == 503
    assert "secret" not in json.dumps(response)
    line = json.loads(publisher.log.getvalue())
    assert line["error"] == "RuntimeError"
    # Where it was raised, the innermost last; its text may quote the event.
    assert line["at"][-1].endswith(" check")
    told = publisher.log.getvalue() + capsys.readouterr().out
    assert "secret" not in told
    assert KEY not in told


def test_the_id_to_quote_is_one_that_no_client_can_choose(publisher: Publisher) -> None:
    response = publisher.post("{", request_id="chosen")

    assert response["body"]["request_id"] == response["headers"]["X-Request-Id"] == "r1"
    assert json.loads(publisher.log.getvalue())["request_id"] == "r1"


def test_a_request_id_of_the_publishers_choice_overwrites_no_copy(publisher: Publisher) -> None:
    publisher.aws.fault = lambda call: "denied" if call.service == "firehose" else None
    for number in range(3):
        assert publisher.post(event(number), request_id="chosen")["statusCode"] == 202

    contents = [json.loads(content)["event"]["id"] for content in publisher.archived.values()]
    assert sorted(contents) == ["0", "1", "2"]


def test_the_publisher_is_who_the_value_of_the_key_names_and_the_value_goes_nowhere(
    publisher: Publisher,
) -> None:
    value = key_value("nordic-crm", bytes(ENTROPY_BYTES))

    # Whatever the body says.
    response = publisher.post(event(data={"publisher": "acme"}), key_id="new", key=value)

    assert response["statusCode"] == 202
    (stored,) = publisher.stored.values()
    assert stored["publisher"] == {"S": "nordic-crm"}
    (copy,) = publisher.copies
    assert copy.publisher == "nordic-crm"
    everything = [response, publisher.stored, publisher.streamed, publisher.log.getvalue()]
    assert value not in str(everything)


def test_a_key_of_no_publisher_is_refused(publisher: Publisher) -> None:
    for key in ("Another1Key2OfNobody3", None):
        response = publisher.post(event(), key=key)
        assert response["statusCode"] == 403
    assert publisher.aws.calls == []


def test_who_sends_is_who_the_verified_key_says_whatever_else_is_sent(publisher: Publisher) -> None:
    other = key_value("globex-web", bytes(ENTROPY_BYTES))
    publisher.post(
        event(publisherid="globex-web"),
        headers={"x-api-key": other, "ce-publisher": "globex-web", "publisher": "globex-web"},
    )
    refused = publisher.post(event(2, publisher="globex-web"))

    assert [item["publisher"]["S"] for item in publisher.stored.values()] == ["acme"]
    assert (refused["statusCode"], len(publisher.stored)) == (400, 1)


@pytest.mark.parametrize("name", ["a", "globex-web", "x2-y3-z"])
def test_a_key_is_of_the_publisher_that_it_names(publisher: Publisher, name: str) -> None:
    publisher.post(event(), key=key_value(name, b"\xff" * ENTROPY_BYTES))

    assert [item["publisher"]["S"] for item in publisher.stored.values()] == [name]


def test_the_canarys_key_is_known_by_its_id_and_sends_nothing_but_its_events(
    publisher: Publisher,
) -> None:
    for key in ("madeByApiGateway4711", None, KEY):
        refused = publisher.post(event(), key=key, key_id=CANARY_KEY_ID)
        assert (refused["statusCode"], publisher.stored) == (422, {})
    lines = [json.loads(line) for line in publisher.log.getvalue().splitlines()]
    assert {line["publisher"] for line in lines if line["message"] == "request"} == {"canary"}


@pytest.mark.parametrize("outcome", ["accepted", "refused", "lost"])
def test_no_key_is_told_or_kept_by_anything(
    publisher: Publisher, outcome: str, capsys: pytest.CaptureFixture[str]
) -> None:
    publisher.aws.fault = lambda call: (
        "denied" if outcome == "lost" and call.service != "s3" else None
    )
    sent = "{" if outcome == "refused" else event()
    response = publisher.post(sent)

    held = (publisher.stored, publisher.copies, publisher.letters, response)
    assert KEY not in f"{held}{publisher.log.getvalue()}{capsys.readouterr()}"


def test_metrics_and_log_tell_counts_and_never_data_or_key(
    publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    publisher.aws.fault = lambda call: "denied" if call.operation in ARCHIVING else None
    publisher.post(event(data={"name": "Ada Lovelace"}))

    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    values = {
        (metric["Name"], tuple(sorted(dimensions))): line[metric["Name"]]
        for line in metrics
        for directive in line["_aws"]["CloudWatchMetrics"]
        for dimensions in directive["Dimensions"]
        for metric in directive["Metrics"]
    }
    assert values == {
        ("EventsAccepted", ("service",)): [1.0],
        ("EventsStored", ("service",)): [1.0],
        ("DeadLettered", ("service", "stage")): [1.0],
        ("DeadLettered", ("cause", "service", "stage")): [1.0],
        ("DeadLettered", ("fault", "service", "stage")): [1.0],
    }
    assert all(line["service"] == "shop" for line in metrics)
    log = json.loads(publisher.log.getvalue())
    assert log.pop("milliseconds").keys() == {
        "judge", "store", "archive_after_store", "dead_letters",
    }  # fmt: skip
    usage = log.pop("usage")
    assert 0 < usage.pop("seconds") < 60
    assert usage == {
        "requests": 1, "objects": 1, "stream_steps": 1, "stream_bytes": 197, "write_units": 1,
        "publish_calls": 1, "receipt_units": 1.0, "batches": 1,
    }  # fmt: skip
    assert {name: value for name, value in log.items() if name not in LOGGERS_OWN} == {
        "message": "request", "request_id": "r1", "bytes": 136, "publisher": "acme",
        "status": 202, "events": 1, "accepted": 1, "duplicate": 0, "rejected": 0, "stored": 1,
        "dead_lettered": 1, "schema_warnings": 0, "problems": [],
        "causes": ["archive ACCESS_DENIED"], "stream_refused": "ACCESS_DENIED",
    }  # fmt: skip
    text = publisher.log.getvalue() + json.dumps(metrics)
    assert "Lovelace" not in text
    assert KEY not in text


def test_one_event_takes_two_calls_and_the_doorkeeper_one_now_and_then(
    publisher: Publisher,
) -> None:
    for number in range(3):
        publisher.post(event(number))

    assert Counter(call.operation for call in publisher.aws.calls) == {
        "GetItem": 1,
        "ExecuteStatement": 3,
        "PutRecordBatch": 3,
    }
