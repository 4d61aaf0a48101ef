"""Target 10: what a publisher can make its request cost, byte for byte, against a plain one."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from random import Random
from time import process_time
from typing import Any

from benchmarks.measuring import Run, at_most, ratio, rounds, table
from eventing.answer import Accepted, Outcome, Rejected, answer
from eventing.catalogue import Catalogue
from eventing.http_binding import read_http_request
from eventing.ingestion import admit
from eventing.problem import Refused
from eventing.schemas import Schemas

BODY_BYTES = 1024 * 1024
EVENTS = 25
LIMIT = 2.0

_FREE = "com.example.shop.customer.registered.v1"
_ORDER = "com.example.shop.order.placed.v1"
# Room for an event's attributes.
_ATTRIBUTES = 300


def _event(number: int, data: str, *, type: str = _FREE, more: str = "") -> str:
    return (
        f'{{"specversion":"1.0","id":"{number}","source":"https://shop.example.com/checkout",'
        f'"type":"{type}","subject":"order-{number}","time":"2026-11-20T09:16:40.118Z",'
        f'"datacontenttype":"application/json"{more},"data":{data}}}'
    )


def _joined(parts: Iterator[str], size: int) -> str:
    """As many of these parts as make `size` bytes, with commas between them."""
    chosen, total = [], 0
    for part in parts:
        total += len(part.encode()) + 1
        if total > size:
            break
        chosen.append(part)
    return ",".join(chosen)


def _numbered(template: str) -> Iterator[str]:
    return (template.replace("#", str(number)) for number in range(10**9))


def _batch(event: Callable[[int, int], str], *, events: int = EVENTS) -> bytes:
    size = BODY_BYTES // events - _ATTRIBUTES
    return f"[{','.join(event(number, size) for number in range(events))}]".encode()


def _list_of(*parts: str, events: int = EVENTS) -> bytes:
    return _batch(
        lambda number, size: _event(number, f"[{_joined(cycle(parts), size)}]"), events=events
    )


def _object_of(member: str) -> bytes:
    return _batch(lambda number, size: _event(number, f"{{{_joined(_numbered(member), size)}}}"))


def _attributes(member: str) -> bytes:
    return _batch(
        lambda number, size: _event(number, "1", more=f",{_joined(_numbered(member), size)}")
    )


def _orders(line: str) -> bytes:
    def event(number: int, size: int) -> str:
        lines = _joined(cycle([line]), size - 100)
        data = f'{{"order_id":"o-1","customer_id":"c-2","total":38.5,"currency":"EUR","lines":[{lines}]}}'
        return _event(number, data, type=_ORDER)

    return _batch(event)


PLAIN = _orders('{"sku":"bell-brass","quantity":3,"price":38.5}')
_INTEGERS = _list_of("7")
SHAPES: Mapping[str, bytes] = {
    "a plain one with one number spelled 0.10": PLAIN.replace(b"38.5", b"0.10", 1),
    "small integers, one number spelled 0.10": _INTEGERS.replace(b"[7,7,7", b"[0.10", 1),
    "small integers, one minus zero": _INTEGERS.replace(b"[7,7", b"[-0", 1),
    "every number spelled 0.10": _list_of("0.10"),
    "every number beyond a float": _list_of("1e400"),
    "numbers that stay as they are": _list_of("0.5"),
    "escapes": _list_of('"\\u0041\\u00e9\\ud83d\\ude00\\n"'),
    "empty objects": _list_of("{}"),
    "arrays 90 levels deep": _list_of("[" * 90 + "]" * 90),
    "names of a letter or two": _object_of('"#":0'),
    "long names": _object_of(f'"{"n" * 4000}#":0'),
    "just valid: as many attributes as there is room for": _attributes('"a#":"x"'),
    "just invalid: a fault in every attribute": _attributes('"A#":{}'),
    "just invalid: two faults in every line": _orders('{"sku":1,"quantity":0}'),
}
# What a random shape is made of.
_PARTS = (
    *("7", "-0", "0", "-1", "0.5", "0.10", "1e400", "38.5", "12345678901234567", "0.00001"),
    *('""', '"x"', '"\\u0041"', '"\\"\\\\"', '"é"', '"\\ud83d\\ude00"', f'"{"n" * 200}"'),
    *("{}", "[]", "[[]]", "[{}]", '{"a":[]}', "[" * 90 + "]" * 90, '{"a":' * 90 + "1" + "}" * 90),
    *("null", "true", '{"a":1,"b":2}', '{"b":0.10,"a":-0}', '[1,2,3,"x"]'),
)


def random_shape(random: Random) -> tuple[str, bytes]:
    """A body that a hostile publisher might think of, and what is in it."""
    parts = [random.choice(_PARTS) for _ in range(random.choice((1, 1, 2, 3, 8)))]
    events = random.choice((5, 25, 50, 100))
    return f"{events} events of {parts}", _list_of(*parts, events=events)


def schemas() -> Schemas:
    """The event types that are deployed."""
    return Schemas(Catalogue.read(Path(__file__).parents[1] / "catalogue"))


def judge(known: Schemas, body: bytes) -> None:
    """Do ingestion's own work for a batch: read it, admit each event, make its key, answer."""
    outcomes: list[Outcome] = []
    headers = {"Content-Type": ["application/cloudevents-batch+json"]}
    for document in read_http_request(headers, body).documents:
        try:
            event = admit(document, publisher="acme-web", schemas=known).event
            outcomes.append(Accepted(event.id, event.source, event.key("acme-web")))
        except Refused as refused:
            outcomes.append(Rejected(refused.problem, refused.identity))
    answer(outcomes, batched=True, request_id="benchmark")


def timed(known: Schemas, body: bytes) -> Run:
    """One run over `body`; what an "event" of it costs is what a byte costs."""
    began = process_time()
    judge(known, body)
    seconds = process_time() - began
    return Run(seconds, seconds, events=len(body))


def as_in_lambda() -> None:
    """Let the garbage collector wait as it does in the functions."""
    gc.set_threshold(100_000)


def target_10(_: Any) -> Sequence[str]:
    """Judge hostile batches of 1 MiB: CPU per byte against a plain one of the same size."""
    as_in_lambda()
    known = schemas()
    bodies = {"plain": PLAIN, **SHAPES}
    runs = rounds({name: partial(timed, known, body) for name, body in bodies.items()}, 7)
    limits = [at_most(name, ratio(runs[name], runs["plain"]), LIMIT) for name in SHAPES]
    return [table(runs, base="plain"), *limits]
