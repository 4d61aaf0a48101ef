"""The fingerprint of a dependency's failure: one cause, whoever noticed it and by whichever call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from eventing.cause import Cause, Code
from eventing.dead_letter import DeadLetter, Stage, Step, read_dead_letter
from eventing.message import Message
from functions.shared.archive import Archive
from functions.shared.clock import Clock
from functions.shared.event_store import EventItem, EventStore, NotStored
from functions.shared.topics import Topics
from tests.faults.aws import FakeAws
from tests.faults.memory import TOPIC_PREFIX
from tests.faults.vocabulary import LEFT_OUT, Call, EntryRefusal, Fault
from tests.unit.examples import event_text

BY_PUBLISH = Cause(
    Code.ACCESS_DENIED,
    "AuthorizationError",
    "User: arn:aws:sts::123456789012:assumed-role/eventing-publish/eventing-publish is not authorized "
    "to perform: SNS:Publish on resource: arn:aws:sns:us-east-1:123456789012:eventing-topic-orders",
    "topic eventing-topic-orders",
)


def letter(cause: Cause, step: Step = "publish", topic: str | None = "orders") -> DeadLetter:
    stage: Stage = "ingest" if step in ("store", "archive") else "publish"
    now = "2026-11-24T09:30:00.000Z"
    return DeadLetter(stage, step, "acme", event_text(), now, cause, now, topic)


@pytest.mark.parametrize(
    ("members", "same"),
    [
        ({"message": BY_PUBLISH.message.replace("eventing-publish", "eventing-redrive")}, True),
        ({"message": BY_PUBLISH.message.replace("SNS:Publish", "SNS:GetTopicAttributes")}, True),
        ({"error_class": "AuthorizationErrorException"}, True),
        ({"error_class": "AccessDeniedException", "message": ""}, True),
        ({"error_class": "KMSAccessDenied"}, False),
        ({"error_class": "ExpiredToken"}, False),
        ({"resource": "topic eventing-topic-payments"}, False),
        ({"resource": "table eventing-topic-orders"}, False),
        ({"code": Code.NOT_FOUND}, False),
    ],
)
def test_a_denial_is_told_by_code_family_and_resource(members: Any, same: bool) -> None:
    other = letter(replace(BY_PUBLISH, **members))
    assert (other.fingerprint == letter(BY_PUBLISH).fingerprint) == same


@pytest.mark.parametrize(
    ("code", "one", "other"),
    [
        (Code.THROTTLED, "ProvisionedThroughputExceededException", "ThrottlingError"),
        (Code.TIMEOUT, "ReadTimeoutError", "OutOfTime"),
        (Code.UNAVAILABLE, "InternalServerError", "EndpointConnectionError"),
        (Code.NOT_FOUND, "ResourceNotFoundException", "ResourceNotFound"),
    ],
)
def test_so_is_every_other_cause_of_a_dependency(code: Code, one: str, other: str) -> None:
    fingerprints = {
        letter(Cause(code, name, f"{name} it was", "table eventing-events"), step, None).fingerprint
        for name in (one, other)
        for step in ("store", "archive")
    }
    assert len(fingerprints) == 1


def test_a_routed_event_that_then_is_denied_has_the_cause_of_its_topic() -> None:
    assert letter(BY_PUBLISH, "route", None).fingerprint == letter(BY_PUBLISH).fingerprint


@pytest.mark.parametrize("code", [Code.INVALID, Code.TOO_LARGE, Code.CONFLICT, Code.UNKNOWN])
def test_the_events_own_causes_are_told_by_class_and_message(code: Code) -> None:
    cause = replace(BY_PUBLISH, code=code)
    assert letter(cause).fingerprint == letter(replace(cause, resource=None)).fingerprint
    assert letter(cause).fingerprint != letter(replace(cause, message="another")).fingerprint
    assert letter(cause).fingerprint != letter(replace(cause, error_class="Another")).fingerprint


def test_a_letter_carries_the_resource() -> None:
    read = read_dead_letter(letter(BY_PUBLISH).text())
    assert read.cause == BY_PUBLISH
    assert read.fingerprint == letter(BY_PUBLISH).fingerprint
    without = replace(BY_PUBLISH, resource=None)
    assert read_dead_letter(letter(without).text()).cause == without


# What the adapters say


@dataclass
class Cloud:
    """The adapters that letters' causes come from, before one AWS."""

    aws: FakeAws
    store: EventStore
    archive: Archive
    topics: Topics

    def stored(self, count: int) -> set[Cause]:
        items = [EventItem(f"acme#{n}", "acme", "{}", "t", NOW, "d") for n in range(count)]
        results = self.store.put(items, deadline=Clock().monotonic() + 30)
        return {result.cause for result in results if isinstance(result, NotStored)}

    def published(self, count: int) -> set[Cause]:
        failures = self.topics.publish("orders", [Message("{}", {})] * count)
        return {cause for cause in failures if cause}

    def archived(self, count: int) -> set[Cause]:
        cause = self.archive.put([b"{}"] * count, publisher="acme", accepted_at=NOW, name="n")
        return {cause} if cause else set()


NOW = "2026-11-24T09:30:00.000Z"


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    class NoWaiting(Clock):
        def sleep(self, seconds: float) -> None:
            pass

    aws, clock = FakeAws(), NoWaiting()
    with aws.installed() as clients, ThreadPoolExecutor(4) as workers:
        yield Cloud(
            aws,
            EventStore(
                clients.client("dynamodb"),
                table="shop-events",
                region="eu-north-1",
                retention_days=90,
                workers=workers,
                clock=clock,
            ),
            Archive(clients.client("s3"), bucket="shop-archive"),
            Topics(clients.client("sns"), arn_prefix=TOPIC_PREFIX, clock=clock),
        )


CALLS: list[tuple[Callable[[Cloud, int], set[Cause]], str]] = [
    (Cloud.stored, "table shop-events"),
    (Cloud.archived, "bucket shop-archive"),
    (Cloud.published, "topic shop-topic-orders"),
]


@pytest.mark.parametrize(("call", "resource"), CALLS)
@pytest.mark.parametrize(
    "fault", ["denied", "missing", "throttle", "500", "timeout", "unreachable"]
)
def test_each_call_names_its_resource(
    cloud: Cloud, call: Callable[[Cloud, int], set[Cause]], resource: str, fault: Fault
) -> None:
    cloud.aws.fault = lambda _: fault
    causes = call(cloud, 1) | call(cloud, 3)
    assert causes
    assert {cause.resource for cause in causes} == {resource}
    # PutItem and PartiQL INSERT, one event and many, have one fingerprint.
    assert len({letter(cause).fingerprint for cause in causes}) == 1


@pytest.mark.parametrize(
    ("call", "resource", "refused"),
    [
        (*CALLS[0], EntryRefusal("AccessDenied")),
        (*CALLS[0], EntryRefusal("ThrottlingError")),
        (*CALLS[2], EntryRefusal("AuthorizationError")),
        (*CALLS[2], EntryRefusal("Throttled")),
        (*CALLS[2], LEFT_OUT),
    ],
)
def test_so_does_each_entry_of_a_batch(
    cloud: Cloud,
    call: Callable[[Cloud, int], set[Cause]],
    resource: str,
    refused: EntryRefusal,
) -> None:
    cloud.aws.refuse_entry = lambda *_: refused
    causes = call(cloud, 3)
    assert {cause.resource for cause in causes} == {resource}


def test_a_look_up_of_events_that_are_there_names_the_table_as_well(cloud: Cloud) -> None:
    assert cloud.stored(3) == set()

    def denied(call: Call) -> Fault | None:
        return "denied" if call.operation == "BatchGetItem" else None

    cloud.aws.fault = denied
    causes: Sequence[Cause] = sorted(cloud.stored(3), key=str)
    assert [(cause.code, cause.resource) for cause in causes] == [
        (Code.ACCESS_DENIED, "table shop-events")
    ]
