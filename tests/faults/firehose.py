"""Firehose in memory: what the functions ask of it, and an assertion error for all else."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from functions.shared.delivery_stream import BYTES_PER_CALL, RECORD_BYTES, RECORDS_PER_CALL
from tests.faults.http import Request, json_body, json_response
from tests.faults.memory import Memory
from tests.faults.vocabulary import LEFT_OUT


def read(memory: Memory, request: AWSPreparedRequest) -> Request:
    """What a request asks for."""
    operation, content = json_body(request)
    assert operation == "PutRecordBatch", operation
    name = content["DeliveryStreamName"]
    records = [b64decode(record["Data"]) for record in content["Records"]]
    assert 1 <= len(records) <= RECORDS_PER_CALL
    assert sum(map(len, records)) <= BYTES_PER_CALL
    assert all(len(record) <= RECORD_BYTES for record in records)

    def act() -> AWSResponse:
        answers: list[dict[str, Any]] = []
        for record in records:
            refused = memory.refuse_entry(name, record.decode())
            if refused is LEFT_OUT:
                answers.append({})
            elif refused:
                answers.append({"ErrorCode": refused.code, "ErrorMessage": "Slow down."})
            else:
                memory.records.setdefault(name, []).append(record)
                answers.append({"RecordId": "0"})
        failed = sum("RecordId" not in answer for answer in answers)
        return json_response({"FailedPutCount": failed, "RequestResponses": answers})

    return Request(operation, name, act)
