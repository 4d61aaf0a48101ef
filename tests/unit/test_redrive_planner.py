"""What a plan asks the Events table: whether events are stored already, as cheaply as it can."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from eventing.cause import DependencyDown, cause_of
from functions.shared.clock import Clock
from functions.shared.event_store import EventStore


class Table:
    """Stands for the table, which has each event; it leaves half of a call's keys unprocessed."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, bool]] = []

    def batch_get_item(self, *, RequestItems: Any) -> Any:  # noqa: N803
        ((table, wanted),) = RequestItems.items()
        keys = wanted["Keys"]
        self.asked.append((len(keys), wanted["ConsistentRead"]))
        now, later = keys[: -(-len(keys) // 2)], keys[-(-len(keys) // 2) :]
        found = [{**key, "digest": {"S": f"digest of {key['pk']['S']}"}} for key in now]
        rest = {"UnprocessedKeys": {table: {**wanted, "Keys": later}}} if later else {}
        return {"Responses": {table: found}, **rest}


def store_in(table: Table, workers: ThreadPoolExecutor, clock: Clock) -> EventStore:
    return EventStore(
        cast("Any", table),
        table="events",
        region="r",
        retention_days=90,
        workers=workers,
        clock=clock,
    )


def test_a_forecast_is_read_eventually_consistent_at_half_the_price() -> None:
    table = Table()
    with ThreadPoolExecutor(1) as workers:
        store = store_in(table, workers, Clock())
        keys = [f"acme#{number}" for number in range(150)]
        assert store.present([*keys, *keys[:3]]) == {key: f"digest of {key}" for key in keys}
    assert sum(count == 100 for count, _ in table.asked) == 1
    assert not any(consistent for _, consistent in table.asked)


class Overloaded(Table):
    """Stands for the table when it answers, and leaves every key unprocessed."""

    def batch_get_item(self, *, RequestItems: Any) -> Any:  # noqa: N803
        ((table, wanted),) = RequestItems.items()
        self.asked.append((len(wanted["Keys"]), wanted["ConsistentRead"]))
        return {"Responses": {table: []}, "UnprocessedKeys": {table: wanted}}


class NoWaiting(Clock):
    def sleep(self, seconds: float) -> None:
        pass


@pytest.mark.parametrize("count", [1, 3, 150])
def test_a_table_that_processes_nothing_is_named_and_not_asked_for_ever(count: int) -> None:
    table = Overloaded()
    with ThreadPoolExecutor(1) as workers:
        store = store_in(table, workers, NoWaiting())
        with pytest.raises(DependencyDown, match=r"^table events: THROTTLED: ") as down:
            store.present([f"acme#{number}" for number in range(count)])
    assert cause_of(down.value).resource == "table events"
    assert len(table.asked) <= 10
