"""The price of taking letters up, by the calls that this makes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from eventing.prices import PRICES, units
from eventing.redrive.actions import ActionRules
from eventing.redrive.ledger import Row
from eventing.redrive.pace import PAGE_SECONDS
from eventing.redrive.steps import CALLS, STEPS, WRITE_BYTES, Dependency

# Of the redrive function. From so much memory on, a function has a whole processor: with half of one, a plan
# of, or a report on, several 100,000 letters is not done in time. A plan has all its letters in memory.
MEMORY_MB = 1769
_READ_BYTES = 4096
_RECORD_BYTES = 1024  # of what the ledger holds beside the event
# A change of state moves a letter in one index, by a delete and a put, and changes it in the other.
_INDEX_WRITES = 3
_INDEX_READS = 2  # for the plan, and to see that it still holds
_TRANSITIONS = 20  # of a run that needs one page


def price(rows: Sequence[Row], action: ActionRules, *, seconds: float) -> float:
    """Dollars that taking up these letters costs, in the region itself and without its replicas.

    An archive letter counts as an object of its own, though those of an hour share one.
    """
    records = [row.size + _RECORD_BYTES for row in rows]
    # A letter whose step is made is claimed first, then what became of it is recorded.
    changes = 2 if action.makes_steps else 1
    writes = sum(changes * (units(size, WRITE_BYTES) + _INDEX_WRITES) for size in records)
    # Letters are read consistently; the index is not, at half the price.
    reads: float = sum(units(size, _READ_BYTES) for size in records)
    reads += _INDEX_READS * units(_RECORD_BYTES * len(rows), _READ_BYTES) / 2
    dollars = writes * PRICES["write"] + reads * PRICES["read"]
    dollars += seconds * MEMORY_MB / 1024 * PRICES["gb_second"]
    dollars += (_TRANSITIONS + 2 * seconds / PAGE_SECONDS) * PRICES["transition"]
    return round(dollars + (_price_of_steps(rows) if action.makes_steps else 0.0), 4)


def _price_of_steps(rows: Sequence[Row]) -> float:
    sizes: dict[Dependency, list[int]] = defaultdict(list)
    for row in rows:
        sizes[STEPS[row.step].dependency].append(row.size)
    return sum(CALLS[dependency](some) for dependency, some in sizes.items())
