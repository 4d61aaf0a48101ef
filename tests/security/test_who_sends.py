"""Who sends is who the verified key says, whoever else there is; and the key's value is told nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from eventing.catalogue import Catalogue
from eventing.problem import Kind
from eventing.publishers.doorkeeper import Doorkeeper
from eventing.publishers.keys import ENTROPY_BYTES, MARK, key_value
from eventing.schemas import Schemas
from functions.contract import RegistryRows
from tests.engine.clouds import Inline
from tests.engine.registrar import Registrar
from tests.faults.aws import FakeAws
from tests.faults.direct import DirectClients
from tests.faults.vocabulary import Call, Fault
from tests.unit.publisher import KEY, Publisher, event, new_function
from tests.workflows.asl import ExecutionFailed

SCHEMAS = Schemas(Catalogue.read(Path("catalogue")))
OTHER = "globex-web"
OTHERS_KEY = key_value(OTHER, bytes(ENTROPY_BYTES))
TYPE = "com.example.shop.customer.registered.v1"


@contextmanager
def sending() -> Iterator[Publisher]:
    """The publisher `acme`, which has `KEY`, and the ingest function."""
    aws, log = FakeAws(), StringIO()
    with aws.installed() as clients:
        yield Publisher(aws, new_function(clients, SCHEMAS, Inline(), log), log)


@pytest.fixture
def sender() -> Iterator[Publisher]:
    with sending() as sender:
        yield sender


# Of CloudEvents ("Context attributes"), its registry of extensions, and what might be meant for an identity.
ATTRIBUTES = (
    *("id", "source", "type", "subject", "time", "dataschema", "datacontenttype", "specversion"),
    *("authid", "authtype", "partitionkey", "dataref", "sequence", "traceparent", "tracestate"),
    *("sampledrate", "severitytext", "recordedtime", "expirytime", "correlationid"),
    *("publisher", "publisherid", "apikey", "apikeyid", "key", "sender", "tenant", "user", "pk"),
)
HEADERS = (
    *("x-api-key", "X-API-KEY", "api-key", "authorization", "cookie", "from", "host", "origin"),
    *("publisher", "x-publisher", "x-forwarded-user", "x-forwarded-for", "x-amzn-requestid"),
    *(
        "x-amz-security-token",
        "x-amzn-trace-id",
        "x-amzn-apigateway-api-id",
        "apiKeyId",
        "identity",
    ),
)
Lie = Mapping[str, Any]


def _lies() -> Iterator[Lie]:
    """Requests in which the publisher says in one place that it is another."""
    for said in (OTHER, OTHERS_KEY, f"{OTHER}#1"):
        for header in HEADERS:
            yield {"body": event(), "headers": {header: said}}
        yield {"body": event(), "query": {"publisher": [said], "apiKey": [said]}}
        yield {"body": event(data={"publisher": said, "identity": {"apiKey": said}})}
        for name in ATTRIBUTES:
            structured = {**event(), name: said}
            yield {"body": structured}
            content_type = "application/cloudevents-batch+json"
            yield {"body": [structured], "content_type": content_type}
            # In binary mode all attributes are headers.
            binary = {f"ce-{n}": str(v) for n, v in structured.items() if n != "data"}
            yield {"body": {}, "headers": binary, "content_type": "application/json"}


def test_nothing_that_is_sent_makes_one_publisher_another(sender: Publisher) -> None:
    statuses = []
    for number, lie in enumerate(_lies()):
        sent = json.loads(json.dumps(lie).replace('"id": "1"', f'"id": "{number}"'))
        if "ce-id" in sent.get("headers", {}):
            sent["headers"]["ce-id"] = f"{number}"
        body = sent.pop("body")
        statuses.append(sender.post(body, **sent)["statusCode"])

    # Most of them are events like any other, and no answer is an error of ours.
    assert set(statuses) <= {202, 207, 400, 413, 415, 422}
    assert statuses.count(202) > len(statuses) / 2
    assert {item["publisher"]["S"] for item in sender.stored.values()} == {"acme"}
    assert len(sender.stored) > 50
    assert {copy.publisher for copy in sender.copies} == {"acme"}
    lines = [json.loads(line) for line in sender.log.getvalue().splitlines()]
    assert {line["publisher"] for line in lines} == {"acme"}
    # What the other one sends under the same id is another event.
    stored = len(sender.stored)
    assert sender.post(event(), key=OTHERS_KEY)["statusCode"] == 202
    assert len(sender.stored) == stored + 1


def test_a_dead_letter_is_its_publishers_whatever_was_sent(sender: Publisher) -> None:
    sender.aws.fault = lambda call: "denied" if call.operation == "ExecuteStatement" else None
    for header in HEADERS:
        sent = event(publisherid=OTHER)
        assert sender.post(sent, headers={header: OTHERS_KEY})["statusCode"] == 202

    assert {letter["publisher"] for letter in sender.letters} == {"acme"}


def suspend(sender: Publisher, *names: str) -> None:
    """Let the doorkeeper say that these are suspended."""
    text = Doorkeeper(suspended=frozenset(names)).to_text()
    row = {"pk": {"S": RegistryRows.DOORKEEPER}, "doorkeeper": {"S": text}, "version": {"N": "1"}}
    sender.aws.items("registry")[RegistryRows.DOORKEEPER] = row


def calls_of_requests(publishers: int) -> list[str]:
    """The calls that requests of every kind take, beside a registry of so many publishers."""
    with sending() as sender:
        names = [f"name-a{number}" for number in range(publishers)]
        rows = sender.aws.items("registry")
        for name in names:
            key = f"{RegistryRows.PUBLISHER}{name}"
            rows[key] = {"pk": {"S": key}, "publisher": {"S": json.dumps({"name": name})}}
        suspend(sender, *names[:1000])
        batch, content_type = (
            [event(n) for n in range(10, 13)],
            "application/cloudevents-batch+json",
        )
        answered = [
            sender.post(event(1)),
            sender.post(event(1)),
            sender.post(event(1, data={"another": 1})),
            sender.post(batch, content_type=content_type),
            sender.post("{"),
            sender.post(event(2), query={"validate": ["true"]}),
            sender.post(event(3), key=key_value(names[0], bytes(ENTROPY_BYTES))),
            sender.post("", resource="/me"),
        ]
        assert [one["statusCode"] for one in answered] == [202, 202, 409, 202, 400, 200, 403, 403]
        return sorted(f"{call.operation} {call.target}" for call in sender.aws.calls)


def test_ten_thousand_publishers_cost_a_request_no_call_more() -> None:
    alone = calls_of_requests(1)

    assert alone.count("GetItem registry") == 2  # the doorkeeper, and the row of who asks for it
    assert calls_of_requests(10_000) == alone


def crash(sender: Publisher) -> None:
    def raising(call: Call) -> Fault | None:
        raise RuntimeError("no answer at all")

    sender.aws.fault = raising


def fault(fault: Fault, *operations: str) -> Callable[[Publisher], None]:
    def given(sender: Publisher) -> None:
        sender.aws.fault = lambda call: (
            fault if not operations or call.operation in operations else None
        )

    return given


def shut_out(sender: Publisher) -> None:
    suspend(sender, "acme")


UNREADABLE = KEY[:-1] + "-"


@pytest.mark.parametrize(
    ("given", "request_", "status"),
    [
        (None, {"body": event()}, 202),
        (None, {"body": "{"}, 400),
        (None, {"body": "x" * 5_000_000}, Kind.BODY_TOO_LARGE.status),
        (None, {"body": event(), "key": UNREADABLE}, 403),
        (None, {"body": event(), "query": {"validate": ["true"]}}, 200),
        (None, {"body": event(), "query": {"validate": ["maybe"]}}, 400),
        (None, {"body": "", "resource": "/me"}, 403),
        (shut_out, {"body": event()}, 403),
        (fault("denied", "GetItem"), {"body": event()}, 202),
        (fault("denied", "GetItem"), {"body": "", "resource": "/me"}, 503),
        (fault("throttle", "ExecuteStatement"), {"body": event()}, 202),
        (fault("denied", "PutObject"), {"body": event()}, 202),
        (fault("denied"), {"body": event()}, 503),
        (fault("timeout"), {"body": event()}, 503),
        (crash, {"body": event()}, 503),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_planted_key_is_told_nowhere_by_ingestion(
    sender: Publisher,
    capsys: pytest.CaptureFixture[str],
    given: Callable[[Publisher], None] | None,
    request_: dict[str, Any],
    status: int,
) -> None:
    if given:
        given(sender)
    sent = dict(request_)
    response = sender.post(sent.pop("body"), **sent)

    assert response["statusCode"] == status
    everything = [
        response,
        sender.aws.tables,
        sender.aws.buckets,
        sender.letters,
        sender.log.getvalue(),
        capsys.readouterr(),
    ]
    assert KEY[-43:-1] not in str(everything)
    assert MARK + "Acme" not in str(everything)


LIFE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("register", {"contact": "ops@acme.example", "usage_plan": "standard"}),
    ("suspend", {}),
    ("resume", {}),
    ("throttle", {"limits": {"rate_per_second": 1}}),
    ("rotate", {}),
    ("show", {}),
    ("retire-key", {}),
    ("revoke", {}),
)


@pytest.mark.parametrize("fault", ["denied", "throttle", "500", "done-then-timeout", "unreachable"])
def test_a_planted_key_is_told_nowhere_by_what_changes_publishers(
    fault: Fault, capsys: pytest.CaptureFixture[str]
) -> None:
    aws = FakeAws()
    registrar = Registrar(DirectClients(aws), aws)
    values: set[str] = set()

    def run(action: str, members: dict[str, Any]) -> None:
        # Each operation fails at its first call of an action, and the action is asked for again.
        seen: set[str] = set()

        def first(call: Call) -> Fault | None:
            new = call.operation not in seen
            seen.add(call.operation)
            return fault if new else None

        for faults in (first, lambda call: None):
            registrar.faults = faults
            with suppress(ExecutionFailed):
                registrar.run(action, **members)
            values.update(registrar.values().values())

    for action, members in LIFE:
        run(action, members)

    histories = "\n".join(registrar.outputs)
    mails = [text for mail in aws.told for text in mail]
    everything = str([histories, mails, registrar.log.getvalue(), aws.tables, capsys.readouterr()])
    assert len(values) >= 2
    assert "acme-web" in everything
    for value in values:
        assert value[-43:] not in everything
    assert f"{MARK}AcmeWeb" not in everything
