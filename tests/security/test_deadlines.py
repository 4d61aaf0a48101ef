"""Whatever is slow, what keeps events safe gets its turn: deadlines count from the invocation's start."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from aws_lambda_powertools import Logger

from eventing.catalogue import Catalogue
from eventing.event import Event
from eventing.redrive.pace import PAGE_SECONDS
from eventing.schemas import SchemaCheck, Schemas
from functions.contract import LEDGER_INDEX, LEDGER_INDEX_MEMBERS
from functions.counter.handler import make_handler as make_counter
from functions.ingest.handler import make_handler as make_ingest
from functions.publish.handler import make_handler as make_publish
from functions.shared.clients import CALL_SECONDS
from functions.shared.clock import Clock
from functions.shared.parts import Parts
from tests.faults.aws import FakeAws
from tests.faults.memory import QUEUE_URL, Index
from tests.faults.vocabulary import Call, Fault
from tests.unit import publisher, stream
from tests.unit.invocations import Context

if TYPE_CHECKING:
    from tests.engine.process import TaskCall
    from tests.engine.world import World

T = TypeVar("T")
CATALOGUE = Catalogue.read(Path("catalogue"))


class CountedClock(Clock):
    """Stands still unless a test says otherwise, and notes what calls are waited for until when."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.deadlines: list[float] = []
        self.patience: float | None = None

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds

    def result_by(self, deadline: float, call: Future[T], otherwise: T) -> T:
        self.deadlines.append(deadline)
        try:
            return call.result(self.patience)
        except TimeoutError:
            self.passed = max(self.passed, deadline)
            return otherwise


class SlowSchemas(Schemas):
    """Takes its time for each event."""

    def __init__(self, clock: CountedClock, seconds: float) -> None:
        super().__init__(CATALOGUE)
        self._clock = clock
        self._seconds = seconds

    def check(self, event: Event) -> SchemaCheck:
        self._clock.sleep(self._seconds)
        return super().check(event)


@pytest.fixture
def workers() -> Iterator[Executor]:
    with ThreadPoolExecutor(16) as workers:
        yield workers


@pytest.mark.parametrize("seconds", [0, 9, 12])
@pytest.mark.parametrize("events", [1, 30])
def test_the_dead_letter_queue_gets_its_turn_however_long_judging_took(
    seconds: float, events: int, workers: Executor
) -> None:
    aws, clock = FakeAws(), CountedClock()
    aws.fault = lambda call: "denied" if call.service != "sqs" else None
    with aws.installed() as clients:
        handler = make_ingest(
            Parts(
                publisher.ENVIRONMENT,
                threads=15,
                clients=clients,
                workers=workers,
                clock=clock,
                schemas=SlowSchemas(clock, seconds / events),
                logger=Logger(service="deadlines", stream=StringIO()),
            )
        )
        sender = publisher.Publisher(aws, handler, StringIO())
        batch = [publisher.event(n) for n in range(events)]
        answer = sender.post(batch, content_type="application/cloudevents-batch+json", seconds=20)
    assert answer["statusCode"] == 202
    assert {letter["event"]["id"] for letter in sender.letters} == {e["id"] for e in batch}
    assert clock.passed == pytest.approx(seconds)
    assert max(clock.deadlines) <= 20
    # From the deadline of store and archive there is time for a call to the queue.
    assert max(clock.deadlines) - min(clock.deadlines) >= CALL_SECONDS


def test_letters_of_a_batch_are_sent_in_time_however_long_topics_took(workers: Executor) -> None:
    aws, clock = FakeAws(), CountedClock()

    def fault(call: Call) -> Fault | None:
        if call.service != "sns":
            return None
        clock.sleep(15)
        return "denied"

    aws.fault = fault
    with aws.installed() as clients:
        handler = make_publish(
            Parts(
                stream.ENVIRONMENT,
                threads=8,
                clients=clients,
                workers=workers,
                clock=clock,
                catalogue=CATALOGUE,
                logger=Logger(service="deadlines", stream=StringIO()),
            )
        )
        function = stream.Stream(aws, handler, StringIO(), stream.StreamClock(aws))
        assert function.deliver(stream.record(1), seconds=60) == []
    assert len(function.letters) == 1
    assert max(clock.deadlines) <= 60


@pytest.mark.parametrize(
    ("slow", "late"),
    [
        ("GetQueueAttributes", {"ingest", "publish"}),
        ("Query", {"ingest", "publish"}),
        ("GetMetricData", {"conservation", "delivery"}),
        ("ListExecutions", {"runs"}),
        ("GetEventSourceMapping", {"stream"}),
    ],
)
def test_no_look_of_the_counter_takes_the_time_of_the_others(
    slow: str, late: set[str], workers: Executor
) -> None:
    with (
        slow_counter(slow, workers) as (count, clock, log),
        pytest.raises(TimeoutError, match="longer"),
    ):
        count()
    assert clock.deadlines[-1] <= 50
    found = next(line["found"] for line in log() if line["message"] == "count")
    assert len(found) == 6
    assert {name for name, of in found.items() if "error" in of} == late


def test_a_summary_that_is_not_written_in_time_fails_no_count(workers: Executor) -> None:
    with slow_counter("UpdateItem", workers) as (count, clock, log):
        assert count().keys() == {"ingest", "publish", "stream", "conservation", "delivery", "runs"}
    assert clock.deadlines[-1] <= 50
    assert [line["level"] for line in log() if line["message"] == "count"] == ["INFO"]


@contextmanager
def slow_counter(
    slow: str, workers: Executor
) -> Iterator[tuple[Callable[[], Any], CountedClock, Callable[[], list[Any]]]]:
    """A counter of whose calls those of one operation hang until the context ends; its clock and its log."""
    aws = FakeAws(
        indexes={LEDGER_INDEX: Index("shard", "failed_at", frozenset(LEDGER_INDEX_MEMBERS))}
    )
    clock = CountedClock()
    clock.patience = 0.5
    aws.fault = lambda call: "hang" if call.operation == slow else None
    log = StringIO()
    with aws.installed() as clients:
        handler = make_counter(
            Parts(
                COUNTER_ENVIRONMENT,
                threads=16,
                clients=clients,
                workers=workers,
                clock=clock,
                logger=Logger(service=f"slow-{slow}", stream=log),
            )
        )
        try:
            yield (
                lambda: handler({}, Context(50)),
                clock,
                lambda: [json.loads(line) for line in log.getvalue().splitlines()],
            )
        finally:
            aws.released.set()


def test_a_page_ends_in_time_however_long_its_plan_took_to_read(world: World) -> None:
    world.record(*(world.letter(f"e{n}") for n in range(200)))
    began: list[float] = []
    calls: list[float] = []

    def look(call: TaskCall) -> None:
        if call.task != "page":
            return
        if call.operation == "GetObject":
            began.append(world.clock.passed)
            world.clock.passed += 30
        calls.append(world.clock.passed)

    world.run(
        {"action": "redrive", "rate_per_second": 2, "canary": 1}
        | {"reason": "the topic is back", "started_by": "ada"},
        faults=look,
    )
    assert world.states() == {"resolved": 200}
    assert len(began) > 2
    for start, end in zip(began, [*began[1:], None], strict=True):
        last = max(moment for moment in calls if end is None or moment < end)
        assert last - start <= PAGE_SECONDS + 2


COUNTER_ENVIRONMENT: dict[str, Any] = {
    "LEDGER_TABLE": "ledger",
    "EVENTS_TABLE": "events",
    "PUBLISH_MAPPING": "6f1d4c3a-0000-4000-8000-000000000000",
    "INGEST_DLQ_URL": QUEUE_URL + "ingest-dlq",
    "PUBLISH_DLQ_URL": QUEUE_URL + "publish-dlq",
    "TOPIC_ARN_PREFIX": "arn:aws:sns:eu-north-1:123456789012:shop-topic-",
    "STATE_MACHINE_ARN": "arn:aws:states:eu-north-1:123456789012:stateMachine:redrive",
    "CONSERVATION_FROM_MINUTES": "180",
    "CONSERVATION_UNTIL_MINUTES": "10",
    "POWERTOOLS_SERVICE_NAME": "shop",
    "POWERTOOLS_METRICS_NAMESPACE": "Eventing",
}
