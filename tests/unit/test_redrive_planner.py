"""What a plan asks the Events table: whether events are stored already, as cheaply as it can."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

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


def test_a_forecast_is_read_eventually_consistent_at_half_the_price() -> None:
    table = Table()
    with ThreadPoolExecutor(1) as workers:
        store = EventStore(
            cast("Any", table),
            table="events",
            region="r",
            retention_days=90,
            workers=workers,
            clock=Clock(),
        )
        keys = [f"acme#{number}" for number in range(150)]
        assert store.present([*keys, *keys[:3]]) == {key: f"digest of {key}" for key in keys}
    assert sum(count == 100 for count, _ in table.asked) == 1
    assert not any(consistent for _, consistent in table.asked)
