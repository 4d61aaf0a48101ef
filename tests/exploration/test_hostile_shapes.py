"""Minutes of random search for a request whose work is out of proportion to its bytes."""

from __future__ import annotations

import os
from random import Random
from time import monotonic

from benchmarks.hostile import LIMIT, PLAIN, as_in_lambda, random_shape, schemas, timed

SECONDS = float(os.environ.get("SEARCH_SECONDS", "300"))
# A tenth is left to what else runs on the machine.
NOISE = 1.1


def test_no_shape_costs_more_than_twice_the_plain_one_byte_for_byte() -> None:
    as_in_lambda()
    known = schemas()
    seed = Random().randrange(2**32)
    random, ends = Random(seed), monotonic() + SECONDS
    plain = min(timed(known, PLAIN).cpu for _ in range(9)) / len(PLAIN)
    while monotonic() < ends:
        name, body = random_shape(random)
        cost = timed(known, body).cpu / len(body)
        if cost > LIMIT * plain:  # look again, at both
            cost = min(timed(known, body).cpu for _ in range(5)) / len(body)
            plain = min(timed(known, PLAIN).cpu for _ in range(5)) / len(PLAIN)
        assert cost <= LIMIT * NOISE * plain, f"seed {seed}: {cost / plain:.2f} x for {name}"
