"""Targets 4 to 7: a process that has run for a while. Runs in one, with a built package on its path.

python -m benchmarks.warm TARGET FUNCTION SINK
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from benchmarks import events
from benchmarks.environment import control
from benchmarks.growth import target_13_ingest
from benchmarks.latencies import SERVICES
from benchmarks.measuring import Run, at_least, at_most, ratio, rounds, table, typical
from benchmarks.running import CONTEXT, InLine, stubbed, timed

_ARN_PREFIX = "arn:aws:sns:eu-north-1:123456789012:shop-topic-"
_AT_ONCE: dict[str, float] = {}


def target_4_publish(sink: str) -> Iterator[str]:
    """Publish 1,000 records on 5 topics: against one publish per record, and PublishBatch in sequence."""
    from benchmarks.baselines.calls import PublishBatches, PublishEach
    from functions.publish.handler import THREADS, handle, make_handler
    from functions.shared.parts import Parts

    bare = make_handler(Parts(threads=THREADS, receipts=_no_receipts()))
    each, batches = PublishEach(_ARN_PREFIX), PublishBatches(_ARN_PREFIX)
    records = events.records(1000)

    def publish() -> None:
        assert handle({"Records": records}, CONTEXT) == {"batchItemFailures": []}

    def publish_alone() -> None:
        assert bare({"Records": records}, CONTEXT) == {"batchItemFailures": []}

    variants: dict[str, Callable[[], object]] = {
        "one publish per record": lambda: each(records),
        "PublishBatch in sequence": lambda: batches(records),
        "publish function": publish,
    }
    runners = {name: partial(timed, call, sink, number=1000) for name, call in variants.items()}
    rounds(runners, 1)
    for title, delays in (("answers at once", _AT_ONCE), ("10 ms a call", {"*": 0.010})):
        control(sink, {"delays": delays})
        runs = rounds(runners, 4)
        yield f"  {title}"
        yield table(runs, base="one publish per record")
    ours, per_record = runs["publish function"], runs["one publish per record"]
    in_sequence = runs["PublishBatch in sequence"]
    yield at_least("faster than one publish per record", ratio(per_record, ours), 30)
    yield at_least("faster than PublishBatch in sequence", ratio(in_sequence, ours), 3)
    yield at_most("calls per event", ours[0].calls_per_event, 0.14, "")
    yield at_most("CPU per event", ratio(ours, per_record, "cpu"), 0.30)
    yield "  10 ms a call, with receipts and without them"
    pair = {
        "with receipts": runners["publish function"],
        "without": partial(timed, publish_alone, sink, number=1000),
    }
    rounds(pair, 1)
    runs = rounds(pair, 21)
    yield table(runs, base="without")
    yield at_most("wall time of receipts", ratio(runs["with receipts"], runs["without"]), 1.10)
    control(sink, {"delays": {"*": 0.010}, "refuse_every": {"PublishBatch": 100}})
    yield "  10 ms a call, one entry in a hundred refused: none is lost, the refused are dead letters"
    runs = rounds({"publish function": runners["publish function"]}, 4)
    yield table(runs, base="publish function")


def target_5_ingest(sink: str) -> Iterator[str]:
    """Ingest a batch of 100: against put and put for each event."""
    from benchmarks.baselines.calls import PutAndPut
    from functions.ingest.handler import handle

    obvious = PutAndPut()

    def request() -> dict[str, Any]:
        batch = [events.event(n % 5) for n in range(100)]
        return events.request(batch, content_type=events.BATCHED)

    def ingest(request: dict[str, Any]) -> None:
        assert handle(request, CONTEXT)["statusCode"] == 202

    def variant(call: Callable[[dict[str, Any]], None]) -> Run:
        content = request()
        return timed(lambda: call(content), sink, number=100)

    runners = {
        "put and put": lambda: variant(obvious),
        "ingest function": lambda: variant(ingest),
    }
    rounds(runners, 2)
    for title, delays in (("answers at once", _AT_ONCE), ("assumed latencies", SERVICES)):
        control(sink, {"delays": delays})
        runs = rounds(runners, 6)
        yield f"  {title}"
        yield table(runs, base="put and put")
    ours, base = runs["ingest function"], runs["put and put"]
    yield at_most("calls for the batch", 100 * ours[0].calls_per_event, 5, "")
    yield at_least("faster than put and put", ratio(base, ours), 50)
    yield at_most("CPU per event", ratio(ours, base, "cpu"), 0.10)


def target_6_ingest(sink: str) -> Iterator[str]:
    """Ingest one event: against the two calls in sequence."""
    from benchmarks.baselines.calls import PutAndPut
    from functions.ingest.handler import handle

    obvious = PutAndPut()

    def ingest() -> None:
        assert handle(events.request(events.event()), CONTEXT)["statusCode"] == 202

    runners = {
        "two calls in sequence": lambda: timed(
            lambda: obvious(events.request(events.event())), sink, number=1, repeat=10
        ),
        "ingest function": lambda: timed(ingest, sink, number=1, repeat=10),
    }
    rounds(runners, 2)
    for title, delays in (("answers at once", _AT_ONCE), ("assumed latencies", SERVICES)):
        control(sink, {"delays": delays})
        runs = rounds(runners, 21)
        yield f"  {title} (ten events a run)"
        yield table(runs, base="two calls in sequence")
    ours, base = runs["ingest function"], runs["two calls in sequence"]
    yield at_most("wall time", ratio(ours, base), 0.92)
    yield at_most("CPU", ratio(ours, base, "cpu"), 1.2)


def _no_receipts() -> Any:
    from functions.shared.receipts import Receipts

    class NoReceipts(Receipts):
        """Receipts that are never written."""

        def __init__(self) -> None:
            pass

        def begin(self, *_: Any, **__: Any) -> Any:
            return None

        def settle(self, writing: Any) -> None:
            assert writing is None

    return NoReceipts()


def target_7_ingest(sink: str) -> Iterator[str]:
    """Own code, calls stubbed (Logger and metrics included)."""
    from functions.ingest.handler import THREADS, make_handler
    from functions.shared.parts import Parts

    ours = make_handler(Parts(threads=THREADS, clients=stubbed()))
    in_line = make_handler(Parts(threads=THREADS, clients=stubbed(), workers=InLine()))
    without = {name: value for name, value in os.environ.items() if name != "DELIVERY_STREAM"}
    objects = make_handler(Parts(without, threads=THREADS, clients=stubbed()))
    one = events.request(events.event())
    batch = events.request([events.event(n % 5) for n in range(100)], content_type=events.BATCHED)
    single, as_object, same_in_line, batched = (
        "one event, 50 times",
        "the same, archived as an object",
        "the same, in one thread",
        "a batch of 100, twice",
    )

    def variant(handle: Any, request: Any, number: int, repeat: int) -> Callable[[], Run]:
        return partial(timed, lambda: handle(request, CONTEXT), sink, number=number, repeat=repeat)

    runs = rounds(
        {
            single: variant(ours, one, 1, 50),
            as_object: variant(objects, one, 1, 50),
            same_in_line: variant(in_line, one, 1, 50),
            batched: variant(ours, batch, 100, 2),
        },
        61,
    )
    yield table(runs, base=single)
    yield at_most("one invocation", typical(runs[single]) * 1e6, 100, "us of CPU")
    stream = ratio(runs[single], runs[as_object], "cpu")
    yield at_most("through Firehose against an object of its own", stream, 1.05)
    yield at_most(
        "without handing its two calls over", typical(runs[same_in_line]) * 1e6, 100, "us"
    )
    yield at_most("an event of a batch", typical(runs[batched]) * 1e6, 20, "us of CPU")


def target_7_publish(sink: str) -> Iterator[str]:
    """Own code, calls stubbed: 1,000 records grouped, and routing by 10 and by 1,000 topics."""
    from eventing.catalogue import Catalogue, EventType, Rule, Topic
    from eventing.routing import Router
    from functions.publish.handler import THREADS, make_handler, make_publish
    from functions.shared.parts import Parts

    parts = Parts(threads=THREADS, clients=stubbed())
    handler, publish = make_handler(parts), make_publish(parts)
    records = events.records(1000)

    def group() -> list[Any]:
        return list(publish.chunks_of([publish.prepare(record) for record in records]))

    def handle() -> None:
        handler({"Records": records}, CONTEXT)

    def router(topics: int) -> Callable[[], object]:
        types = [f"com.example.shop.kind{n}.*" for n in range(topics)]
        catalogue = Catalogue(
            tuple(Topic(f"t{n}", "", (Rule(type),)) for n, type in enumerate(types)),
            tuple(EventType(type, "") for type in types),
            {},
            "",
        )
        route = Router(catalogue).route
        chosen = [f"com.example.shop.kind{n % topics}.happened{n}.v1" for n in range(1000)]
        return lambda: [route(type, {}) for type in chosen]

    runs = rounds(
        {
            "records read, routed, grouped": partial(timed, group, sink, number=1000),
            "the whole publish function": partial(timed, handle, sink, number=1000),
            "routing by 10 topics": partial(timed, router(10), sink, number=1000),
            "routing by 1,000 topics": partial(timed, router(1000), sink, number=1000),
        },
        61,
    )
    yield table(runs, base="routing by 10 topics")
    yield at_most("a record", typical(runs["records read, routed, grouped"]) * 1e6, 10, "us of CPU")
    flat = ratio(runs["routing by 1,000 topics"], runs["routing by 10 topics"])
    yield at_most("routing by 1,000 topics against 10", flat, 1.5)


MEASUREMENTS: Mapping[tuple[int, str], Callable[[str], Iterator[str]]] = {
    (4, "publish"): target_4_publish,
    (5, "ingest"): target_5_ingest,
    (6, "ingest"): target_6_ingest,
    (7, "ingest"): target_7_ingest,
    (7, "publish"): target_7_publish,
    (13, "ingest"): target_13_ingest,
}
"""By target and by the function whose package they run."""


def main() -> None:
    """Run one measurement; what the function itself prints goes nowhere."""
    target, function, sink = sys.argv[1:]
    results = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in MEASUREMENTS[int(target), function](sink):
        results.write(f"{line}\n")


if __name__ == "__main__":
    main()
