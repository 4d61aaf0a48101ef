"""Copies of accepted events in the archive: all of them, each below its publisher, by either way there."""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

from eventing.archive_line import LARGE_EVENTS, read_line
from eventing.publishers.keys import ENTROPY_BYTES, key_value
from functions.contract import Objects
from tests.end_to_end.conftest import (
    PUBLISHER,
    accept,
    archived,
    denied,
    eventually,
    execute,
    in_the_ledger,
    new_event,
)

if TYPE_CHECKING:
    from local.deployment import Deployment

EVENTS, NAMES = 2000, [f"archive-{letter}" for letter in ascii_lowercase[:20]]
# Of requests: single events, small batches, both sides of the limit, and the largest there are.
SIZES = (1, 1, 2, 5, 31, 32, 100)


def post(deployment: Deployment, publisher: str, events: list[dict[str, Any]]) -> list[str]:
    """Call the ingest function as the gateway does for a publisher that has a key; what became of each."""
    request = {
        "resource": "/events",
        "requestContext": {
            "extendedRequestId": uuid.uuid4().hex,
            "identity": {"apiKey": key_value(publisher, bytes(ENTROPY_BYTES)), "apiKeyId": "k"},
        },
        "multiValueHeaders": {"Content-Type": ["application/cloudevents-batch+json"]},
        "body": json.dumps(events),
        "isBase64Encoded": False,
    }
    answer = deployment.client("lambda").invoke(
        FunctionName=deployment.outputs["IngestFunction"], Payload=json.dumps(request)
    )
    body = json.loads(json.loads(answer["Payload"].read())["body"])
    return [str(result["status"]) for result in body["results"]]


def objects(deployment: Deployment) -> dict[str, bytes]:
    """The archive's objects of these publishers, by their keys."""
    s3, bucket = deployment.client("s3"), deployment.outputs["ArchiveBucket"]
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=f"{Objects.EVENTS}archive-"
    )
    keys = [found["Key"] for page in pages for found in page.get("Contents", ())]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def test_every_accepted_event_is_archived_once_below_its_publisher(deployment: Deployment) -> None:
    chance = random.Random(29)
    requests: list[tuple[str, list[dict[str, Any]]]] = []
    while (left := EVENTS - sum(len(events) for _, events in requests)) > 0:
        size = min(left, chance.choice(SIZES))
        requests.append((chance.choice(NAMES), [new_event() for _ in range(size)]))
    with ThreadPoolExecutor(4) as workers:
        answers = list(workers.map(lambda request: post(deployment, *request), requests))
    assert Counter(status for answer in answers for status in answer) == {"accepted": EVENTS}

    expected = {event["id"]: publisher for publisher, events in requests for event in events}
    large = [events for _, events in requests if len(events) >= LARGE_EVENTS]
    found = eventually(
        lambda: objects(deployment),
        lambda those: sum(map(len, (c.splitlines() for c in those.values()))) >= EVENTS,
    )
    copies: Counter[str] = Counter()
    for key, content in found.items():
        for text in content.decode().splitlines():
            line = read_line(text)
            id = json.loads(line.event_text)["id"]
            copies[id] += 1
            day, hour = line.accepted_at[:10], line.accepted_at[11:13]
            assert line.publisher == expected[id]
            assert key.startswith(f"{Objects.EVENTS}{line.publisher}/date={day}/{hour}/")
            assert key.endswith(".jsonl")
    # None is missing, and none is there twice: no request was made again.
    assert copies == dict.fromkeys(expected, 1)
    # The others came through Firehose, which names objects after its stream.
    written = [key for key in found if deployment.outputs["DeliveryStream"] not in key]
    assert len(written) == len(large) > 10
    s3 = deployment.client("s3")
    assert "Contents" not in s3.list_objects_v2(
        Bucket=deployment.outputs["ArchiveBucket"], Prefix=Objects.UNDELIVERED
    )


def test_what_neither_firehose_nor_the_bucket_takes_is_redriven(deployment: Deployment) -> None:
    function = deployment.outputs["IngestFunction"]
    single, direct = new_event(), new_event()
    with denied(deployment, function, "firehose:PutRecordBatch", "*"):
        # The bucket takes it.
        accept(deployment, direct)
        assert direct in archived(deployment, f"{Objects.EVENTS}{PUBLISHER}/")
        with denied(deployment, function, "s3:PutObject", "*"):
            accept(deployment, single)
    assert single not in archived(deployment)
    execute(deployment, stage="ingest")
    (letter,) = in_the_ledger(deployment, single)
    redriven = execute(
        deployment, stage="ingest", action="redrive", filter={"letter_ids": [letter["pk"]]}
    )
    assert json.loads(redriven["output"])["counts"] == {"resolved": 1}

    assert archived(deployment).count(single) == 1
    assert archived(deployment).count(direct) == 1
