"""Lambda: event source mappings of DynamoDB streams."""

from __future__ import annotations

import contextvars
import json
import logging
import threading
import time
import uuid
from typing import TYPE_CHECKING

from ministack.core import lambda_runtime
from ministack.core.responses import get_region
from ministack.services import lambda_svc as lambdas

from .patching import Json, rebound

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger("shims")


def stream_mapping_retries_and_gives_up() -> None:
    """AWS's error handling of a stream's event source mapping.

    Partial batch responses, MaximumRetryAttempts, MaximumRecordAgeInSeconds,
    BisectBatchOnFunctionError and the on-failure destination, S3 included. The emulator loses the
    records of a partial response and otherwise retries the whole batch for ever. What the publish
    function cannot do anything about must be retried, and end up in the operations bucket.

    A batch is worked on beside the poller, one at a time for each mapping, so that a retry holds up
    its own shard only.
    """
    working: set[str] = set()
    stock_poll, stock_mappings = lambdas._poll_dynamodb_streams, lambdas._iter_all_esms

    def poll() -> bool:
        mapping: Json = {}

        def idle_mappings() -> Iterator[tuple[str, str, Json]]:
            nonlocal mapping
            for account, region, mapping in stock_mappings():
                if mapping["UUID"] not in working:
                    yield account, region, mapping

        def hand_over(_function: Json, event: Json) -> Json:
            mine = mapping
            working.add(mine["UUID"])

            def work() -> None:
                try:
                    _deliver(mine, event["Records"], attempt=0)
                except Exception:
                    logger.exception("stream mapping %s", mine["UUID"])
                finally:
                    working.discard(mine["UUID"])
                    lambdas.esm_wake.set()

            context = contextvars.copy_context()
            threading.Thread(target=context.run, args=(work,), daemon=True).start()
            return {"body": None}

        return rebound(stock_poll, _iter_all_esms=idle_mappings, _execute_function=hand_over)()

    lambdas._poll_dynamodb_streams = poll


def _deliver(mapping: Json, records: list[Json], attempt: int) -> None:
    """Invoke the mapping's function with `records` until they are through or given up."""
    retries = int(mapping.get("MaximumRetryAttempts", -1))
    max_age = int(mapping.get("MaximumRecordAgeInSeconds", -1))
    while mapping["UUID"] in lambdas._esms:
        # Looked up each time: it may have been updated since the last attempt.
        function, _ = lambdas._get_func_record_for_qualifier(
            mapping["FunctionName"], mapping.get("Qualifier")
        )
        if 0 <= max_age < time.time() - records[0]["dynamodb"]["ApproximateCreationDateTime"]:
            return _give_up(mapping, function, records, attempt, "RecordAgeExceeded", {})
        result = lambdas._execute_function(function, {"Records": records})
        records, whole = _not_done(mapping, records, result)
        if not records:
            return None
        if 0 <= retries <= attempt:
            return _give_up(
                mapping, function, records, attempt + 1, "RetryAttemptsExhausted", result
            )
        if whole and len(records) > 1 and mapping.get("BisectBatchOnFunctionError"):
            # "Splitting batches doesn't consume the retry quota."
            half = len(records) // 2
            _deliver(mapping, records[:half], attempt)
            records = records[half:]
            continue
        time.sleep(min(0.1 * 2**attempt, 2.0))
        attempt += 1
    return None


def _not_done(mapping: Json, records: list[Json], result: Json) -> tuple[list[Json], bool]:
    """The records to invoke the function with again, and whether the invocation failed as a whole.

    AWS goes on from the lowest failed sequence number; an identifier that is empty or not of this
    batch makes the whole batch a failure.
    """
    if result.get("error"):
        return records, True
    body = result.get("body")
    if isinstance(body, (str, bytes)):
        try:
            body = json.loads(body)
        except ValueError:
            body = None
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []):
        return [], False
    failures = (body.get("batchItemFailures") if isinstance(body, dict) else None) or []
    reported = {failure.get("itemIdentifier") for failure in failures}
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    if not reported:
        return [], False
    if not reported <= set(numbers):
        return records, True
    return records[min(map(numbers.index, reported)) :], False


def _give_up(
    mapping: Json,
    function: Json,
    records: list[Json],
    invocations: int,
    condition: str,
    result: Json,
) -> None:
    """Send the invocation record to the mapping's on-failure destination.

    S3 gets metadata and the whole batch, under `aws/lambda/{mapping}/{shard}/{time}-{uuid}`,
    written with the function's own role as AWS does, so that a missing permission shows. SQS and
    SNS get the metadata only; the emulator does that.
    """
    destination = (
        (mapping.get("DestinationConfig") or {}).get("OnFailure", {}).get("Destination", "")
    )
    logger.warning("stream mapping gives up on %d records (%s)", len(records), condition)
    if not destination.startswith("arn:aws:s3:::"):
        lambdas._send_ddb_stream_failure_record(
            mapping, function, records, mapping["EventSourceArn"], result, condition
        )
        return
    import boto3  # 0.3 s, needed in this one case

    now, shard = time.gmtime(), "shardId-00000000000000000000-00000000"
    config = function.get("config") or function
    arrivals = [
        record["dynamodb"]["ApproximateCreationDateTime"] for record in (records[0], records[-1])
    ]
    first, last = (
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(arrival)) for arrival in arrivals
    )
    invocation_record = {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": config["FunctionArn"],
            "condition": condition,
            "approximateInvokeCount": invocations,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": config.get("Version", "$LATEST"),
            "functionError": "Unhandled" if result.get("error") else None,
        },
        "version": "1.0",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", now),
        "DDBStreamBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": records[0]["dynamodb"]["SequenceNumber"],
            "endSequenceNumber": records[-1]["dynamodb"]["SequenceNumber"],
            "approximateArrivalOfFirstRecord": first,
            "approximateArrivalOfLastRecord": last,
            "batchSize": len(records),
            "streamArn": mapping["EventSourceArn"],
        },
        "payload": json.dumps({"Records": records}),
    }
    at = time.strftime("%Y-%m-%dT%H.%M.%S", now)
    role = lambda_runtime.execution_credentials(config)
    boto3.client(
        "s3",
        region_name=get_region(),
        aws_access_key_id=role["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=role["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=role["AWS_SESSION_TOKEN"] or None,
    ).put_object(
        Bucket=destination.removeprefix("arn:aws:s3:::"),
        Key=f"aws/lambda/{mapping['UUID']}/{shard}/{at}-{uuid.uuid4()}",
        Body=json.dumps(invocation_record).encode(),
    )
