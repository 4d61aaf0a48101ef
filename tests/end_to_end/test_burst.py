"""One publisher's burst beside another publisher, who notices nothing.

`BURST_SECONDS=60` is the load of `make test-long`; it prints what it has measured.
"""

from __future__ import annotations

import json
import os
import statistics
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from infrastructure.packaging import ROOT
from tests.end_to_end.conftest import Subscriber, new_event
from tests.shown import run

if TYPE_CHECKING:
    from pathlib import Path

    from local.deployment import Deployment

SECONDS = float(os.environ.get("BURST_SECONDS", "1"))
BATCH, BATCHED = 100 if SECONDS > 1 else 10, "application/cloudevents-batch+json"
A, A_REQUESTS, A_RATE = "acme-burst", 100, 5
B, B_REQUESTS = "acme-pay", 5


def test_a_burst_of_one_publisher_is_refused_and_nobody_elses_events_are(
    deployment: Deployment, subscriber: Subscriber, tmp_path: Path
) -> None:
    environment = {**deployment.cloud.environment, "PYTHONPATH": str(ROOT)}
    limits = f"--rate-per-second {A_RATE} --burst {A_RATE}"
    run(
        f"eventing publishers register {A} {limits} --contact a --reason tested",
        environment,
        folder=tmp_path,
    )
    keys = {publisher: deployment.api_key(publisher) for publisher in (A, B)}
    answers: dict[str, Counter[int]] = {A: Counter(), B: Counter()}
    took: list[float] = []
    sent: list[str] = []
    lock = threading.Lock()

    def burst() -> None:
        events = [new_event() for _ in range(BATCH)]
        status = deployment.post(json.dumps(events), key=keys[A], content_type=BATCHED).status
        with lock:
            answers[A][status] += 1
            if status == 202:
                sent.append(events[-1]["id"])

    def single() -> None:
        event, began = new_event(), time.monotonic()
        status = deployment.post(json.dumps(event), key=keys[B]).status
        with lock:
            answers[B][status] += 1
            took.append(time.monotonic() - began)
            sent.append(event["id"])

    with ThreadPoolExecutor(16) as bursts, ThreadPoolExecutor(4) as singles:
        began = time.monotonic()
        for number in range(int(SECONDS * A_REQUESTS)):
            time.sleep(max(0.0, began + number / A_REQUESTS - time.monotonic()))
            bursts.submit(burst)
            if number % (A_REQUESTS // B_REQUESTS) == 0:
                singles.submit(single)

    lasted = time.monotonic() - began
    for id in sent:
        subscriber.wait_for(id)
    print(
        f"{A}: {dict(answers[A])}; {B}: {dict(answers[B])}, "
        f"p50 {statistics.median(took) * 1000:.0f} ms, longest {max(took) * 1000:.0f} ms"
    )
    assert set(answers[B]) == {202}
    assert set(answers[A]) == {202, 429}
    assert answers[A][202] <= A_RATE * (lasted + 1)
