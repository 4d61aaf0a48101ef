"""`make soak`: a steady load while faults come and go, then everything redriven, then the reckoning.

The exit code is 0 if nothing is lost, every double has a reason and the alarm on conservation was on only
where events are unaccounted for.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from eventing.conservation import unaccounted
from functions.contract import Metric
from local.cloud import LocalCloud
from local.deployment import Deployment
from tests.soak.reckoning import reckon
from tests.soak.system import PUBLISHER, Soak, names
from tests.soak.weather import spells

RECEIVERS = 3
# A letter whose deletion failed is received again after the queue's five minutes.
REDRIVE_SECONDS = 600
SETTLE_SECONDS = 60
CONTEXT = {
    "laptop": "true",
    # All redrives of a soak count together.
    "approval_above": json.dumps({"redrive": 1_000_000, "discard": 1_000_000}),
}


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


@contextmanager
def soaking(deployment: Deployment, seed: int) -> Iterator[Soak]:
    """A soak with the proxy in the way of all functions, subscribers that read and somebody at the alarm."""
    soak, ended = Soak(deployment, seed=seed), threading.Event()
    deployment.register(PUBLISHER)
    with soak.proxy.serving():
        for function in names(deployment):
            soak.proxy.put_in_the_way(function)
        queue, alarm = soak.subscribe(), f"{deployment.name}-events-unaccounted"
        threads = [
            threading.Thread(target=soak.receive, args=(queue, ended), daemon=True)
            for _ in range(RECEIVERS)
        ]
        threads.append(threading.Thread(target=soak.watch, args=(alarm, ended), daemon=True))
        for thread in threads:
            thread.start()
        try:
            with soak.proxy.failing(
                soak.sickness.fault,
                refuse_entry=soak.sickness.refuse_entry,
                unheard=soak.sickness.unheard,
            ):
                yield soak
        finally:
            ended.set()
            for thread in threads:
                thread.join(10)


def main() -> int:
    """Soak, and tell what came of it."""
    parser = argparse.ArgumentParser(prog="make soak ARGS=", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=20, help="events a second")
    asked = parser.parse_args()
    seconds = asked.minutes * 60
    weather = list(spells(asked.seed, seconds))
    say(
        f"soak: seed {asked.seed}, {asked.minutes:g} minutes, {asked.rate:g} events a second, "
        f"{len(weather)} spells of faults"
    )
    with (
        LocalCloud() as cloud,
        soaking(Deployment(cloud, cloud.deploy(CONTEXT)), asked.seed) as soak,
    ):
        began = time.monotonic()
        soak.load(weather, seconds=seconds, rate=asked.rate)
        loaded = time.monotonic() - began
        say(
            f"load: {len(soak.journal.accepted)} events accepted in {loaded:.0f} s; "
            f"answers {dict(soak.answers)}"
        )
        say(f"faults: {dict(sorted(soak.sickness.counts.items()))}")
        waiting = soak.redrive_all(seconds=REDRIVE_SECONDS, say=say)
        soak.settle(seconds=SETTLE_SECONDS)
        found = reckon(soak.journal)
        stored, archived = soak.kept()
        missing = unaccounted(
            soak.by_minute(Metric.EVENTS_STORED), soak.by_minute(Metric.EVENTS_SETTLED)
        )
    faults = {
        "still waiting": waiting,
        "lost": found.lost,
        "not stored": sorted(soak.journal.accepted - stored),
        "not archived": sorted(soak.journal.accepted - archived),
        "delivered, never accepted": found.strange,
        "doubled for no known reason": sorted(found.unexplained),
        "alarm on, and nothing unaccounted for": not missing and soak.alarms["ALARM"],
        "unaccounted for": missing,
    }
    say(
        f"delivered: {len(soak.journal.arrived)}, lost: {len(found.lost)}, "
        f"doubled: {sum(found.doubled.values())}"
    )
    for reason, count in sorted(found.doubled.items()):
        say(f"  {count}: {reason}")
    say(f"alarm on events unaccounted for: {dict(soak.alarms)}")
    bad = {name: value for name, value in faults.items() if value}
    for name, value in bad.items():
        say(f"FAULT {name}: {value}")
    for id, story in found.unexplained.items():
        say("\n  ".join((id, *story)))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
