"""Firehose: records are gathered into objects, and calls have a largest size."""

from __future__ import annotations

import base64
import logging
import threading
import time
from collections import defaultdict
from typing import Any

from ministack.core.responses import get_account_id, get_region, new_uuid, request_scope
from ministack.services import cloudwatch, firehose

from .patching import Json

logger = logging.getLogger("shims")

# AWS waits for as long as the stream's configuration says, and a minute at least. Nobody wants to wait that
# long in front of a laptop.
BUFFER_SECONDS = 1.0
# Of PutRecordBatch.
CALL_BYTES = 4 * 1024 * 1024


def delivery_streams_gather_records() -> None:
    """AWS gathers the records of a partition into one object, and refuses a call of more than 4 MiB.

    The emulator writes an object for each record, whatever a call brings.
    """
    stock_batch = firehose._put_record_batch

    def put_batch(content: Json) -> Any:
        sizes = [len(base64.b64decode(one.get("Data", ""))) for one in content.get("Records", ())]
        if sum(sizes) > CALL_BYTES:
            return firehose._invalid("Records size exceeds 4 MB limit")
        return stock_batch(content)

    buffer = _Buffer()
    firehose._deliver_records_to_s3 = buffer.gather
    firehose._HANDLERS["PutRecordBatch"] = put_batch
    threading.Thread(target=buffer.run, daemon=True, name="firehose").start()


class _Buffer:
    """The records of all streams that are in no object yet."""

    def __init__(self) -> None:
        self._deliver_one = firehose._deliver_records_to_s3
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str, str], list[tuple[Json, Json, bytes, float]]] = {}

    def gather(self, stream: Json, destination: Json, records: list[tuple[str, bytes]]) -> None:
        scope = get_account_id(), get_region(), stream["name"]
        with self._lock:
            waiting = self._waiting.setdefault(scope, [])
            waiting += [(stream, destination, data, time.time()) for _, data in records]
        destination["records"].clear()  # the emulator's own list, which only grows

    def run(self) -> None:
        while True:
            time.sleep(BUFFER_SECONDS)
            with self._lock:
                taken, self._waiting = self._waiting, {}
            for (account, region, name), records in taken.items():
                try:
                    with request_scope(account, region):
                        self._write(name, records)
                except Exception:
                    logger.exception("delivery stream %s", name)

    def _write(self, name: str, records: list[tuple[Json, Json, bytes, float]]) -> None:
        objects: dict[tuple[str, str, str], bytes] = defaultdict(bytes)
        for stream, destination, data, _ in records:
            try:
                objects[_place(destination["config"], data)] += data
            except firehose._DeliveryError:
                # Into an object of its own below the error prefix, which says why.
                self._deliver_one(stream, destination, [("", data)])
        for (bucket, prefix, extension), data in objects.items():
            key = (
                f"{prefix}{name}-1-{time.strftime('%Y-%m-%d-%H-%M-%S', time.gmtime())}-{new_uuid()}"
            )
            firehose._put_s3_object(bucket, f"{key}{extension}", data)
        measures = {
            "IncomingRecords": (len(records), "Count"),
            "DeliveryToS3.DataFreshness": (time.time() - records[0][3], "Seconds"),
        }
        for metric, (value, unit) in measures.items():
            dimensions = {"DeliveryStreamName": name}
            cloudwatch.record_metric("AWS/Firehose", metric, value, unit, dimensions)


def _place(configuration: Json, data: bytes) -> tuple[str, str, str]:
    """The bucket of a record's object, and what its key begins and ends with."""
    partitioned = configuration.get("DynamicPartitioningConfiguration", {}).get("Enabled")
    keys = firehose._metadata_extraction_keys(configuration, data) if partitioned else None
    prefix = firehose._evaluate_prefix(configuration.get("Prefix", ""), time.gmtime(), keys)
    bucket = firehose._s3_bucket_from_arn(configuration["BucketARN"])
    return bucket, prefix, configuration.get("FileExtension", "")
