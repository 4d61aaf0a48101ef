"""Target 13: own code costs an event no more with many publishers and event types than with few."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmarks import events
from benchmarks.measuring import Run, at_most, ratio, rounds, table
from benchmarks.running import CONTEXT, Stub, stubbed, timed


def target_13_ingest(sink: str) -> Iterator[str]:
    """Growth: own code with 10 publishers and event types, and with 10,000 and 1,000 of them."""
    from eventing.catalogue import Catalogue, EventType, Rule, Topic
    from eventing.publishers.doorkeeper import Doorkeeper
    from eventing.publishers.keys import ENTROPY_BYTES, key_value
    from functions.ingest.handler import THREADS, make_handler
    from functions.shared.parts import Parts

    letters = "abcdefghij"

    class Known(Stub):
        """Says of a part of the publishers that they are suspended, or may send less."""

        def __init__(self, names: list[str]) -> None:
            suspended = names[len(names) // 2 :: 20]
            limits = dict.fromkeys(names[: len(names) // 20], (90, 1024 * 1024))
            self._said = Doorkeeper(frozenset(suspended), limits=limits).to_text()

        def get_item(self, **_: Any) -> Any:
            return {"Item": {"doorkeeper": {"S": self._said}, "version": {"N": "1"}}}

    def variant(publishers: int, types: int, *, batch: int) -> Callable[[], Run]:
        names = [
            "p" + "".join(letters[int(digit)] for digit in f"{n:05}") for n in range(publishers)
        ]
        kinds = [f"com.example.shop.kind{n}.v1" for n in range(types)]
        catalogue = Catalogue(
            tuple(Topic(f"t{n}", "", (Rule(kind),)) for n, kind in enumerate(kinds)),
            tuple(EventType(kind, "", schema={"type": "object"}) for kind in kinds),
            {},
            "",
        )
        clients = stubbed(Known(names))
        handler = make_handler(Parts(threads=THREADS, clients=clients, catalogue=catalogue))
        # Those of whom nothing is said, each in its turn.
        keys = [
            key_value(name, bytes(ENTROPY_BYTES))
            for name in names[len(names) // 10 : len(names) // 2 : 4]
        ]
        requests = []
        for turn in range(50 if batch == 1 else 2):
            sent = [
                {**events.event(n % 5), "type": kinds[(turn + n) * 7 % types]} for n in range(batch)
            ]
            request = events.request(
                sent if batch > 1 else sent[0],
                content_type=events.BATCHED if batch > 1 else events.STRUCTURED,
            )
            request["requestContext"]["identity"]["apiKey"] = keys[turn * 37 % len(keys)]
            requests.append(request)

        def handle() -> None:
            for request in requests:
                assert handler(request, CONTEXT)["statusCode"] == 202

        return partial(timed, handle, sink, number=batch * len(requests))

    runs = rounds(
        {
            "one event, few": variant(10, 10, batch=1),
            "one event, many": variant(10_000, 1000, batch=1),
            "a batch of 100, few": variant(10, 10, batch=100),
            "a batch of 100, many": variant(10_000, 1000, batch=100),
        },
        61,
    )
    yield table(runs, base="one event, few")
    for what in ("one event", "a batch of 100"):
        grown = ratio(runs[f"{what}, many"], runs[f"{what}, few"], "cpu")
        yield at_most(f"{what}: many against few", grown, 1.1)
