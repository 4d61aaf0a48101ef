"""Sends CloudEvents: in batches, again while that helps, with a result for each event.

    EVENTING_URL=https://... EVENTING_KEY=... python send.py < events.jsonl

Reads one event a line in its JSON format, prints one result a line in the same order, and exits with 1 when
an event was refused. Needs Python 3.11 and nothing else.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from http.client import HTTPException
from typing import Any

# Limits of the endpoint (docs/generated/limits.md); a body of a fourth of its limit is sent sooner.
MAX_BATCH = 100
MAX_BODY_BYTES = 1024 * 1024
# The endpoint answers within 29 s.
TIMEOUT_SECONDS = 35
PATIENCE_SECONDS = 300
# What may go well the next time. 0 stands for no answer at all.
SEND_AGAIN = (0, 429, 500, 502, 503, 504)

Result = dict[str, Any]


def send(events: Sequence[str], *, url: str, key: str) -> Iterator[Result]:
    """Send events, each the text of a CloudEvent in JSON; a result for each, in the same order.

    A result's `status` is "accepted", "duplicate", or the number of a problem (RFC 9457), which is final:
    what could be sent again was, for as long as `PATIENCE_SECONDS`.
    """
    for batch in _batches(events):
        yield from _send_batch(batch, url, key)


def _batches(events: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for event in events:
        more = len(event.encode()) + 1
        if batch and (len(batch) == MAX_BATCH or size + more > MAX_BODY_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += more
    if batch:
        yield batch


def _send_batch(events: list[str], url: str, key: str) -> list[Result]:
    results: list[Result] = [{} for _ in events]
    waiting = list(range(len(events)))
    deadline = time.monotonic() + PATIENCE_SECONDS
    attempt = 0
    while True:
        # Always the same text: an event that is spelled otherwise is another event.
        body = "[" + ",".join(events[number] for number in waiting) + "]"
        answered, retry_after = _post(body, len(waiting), url, key)
        for number, result in zip(waiting, answered, strict=True):
            results[number] = result
        waiting = [number for number in waiting if results[number]["status"] in SEND_AGAIN]
        # Longer each time, and never at the same moment as other senders.
        pause = max(retry_after, min(60, 2**attempt / 2)) * random.uniform(1, 1.5)
        if not waiting or time.monotonic() + pause > deadline:
            return results
        time.sleep(pause)
        attempt += 1


def _post(body: str, count: int, url: str, key: str) -> tuple[list[Result], float]:
    """A result for each event of the body, and the seconds after which to send again."""
    request = urllib.request.Request(
        f"{url}/events",
        data=body.encode(),
        headers={"content-type": "application/cloudevents-batch+json", "x-api-key": key},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            status, headers, text = response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        status, headers, text = error.code, error.headers, error.read()
    except (OSError, HTTPException) as error:
        return [{"status": 0, "title": f"no answer: {error}"}] * count, 0
    answer = _object(text)
    retry_after = headers.get("retry-after", "")
    # A request that was refused as a whole has one problem, which is that of each event.
    results = answer.get("results", [answer | {"status": status}] * count)
    return results, float(retry_after) if retry_after.isdigit() else 0


def _object(text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        return answer
    # Of something on the way that is no part of the endpoint.
    return {"title": "an answer that is no JSON object"}


def main() -> int:
    """Send what comes on standard input; whether any event was refused."""
    events = [line.strip() for line in sys.stdin if line.strip()]
    refused = False
    for result in send(events, url=os.environ["EVENTING_URL"], key=os.environ["EVENTING_KEY"]):
        print(json.dumps(result), flush=True)
        refused |= result["status"] not in ("accepted", "duplicate")
    return int(refused)


if __name__ == "__main__":
    sys.exit(main())
