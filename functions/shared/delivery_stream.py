"""Puts lines into the archive's delivery stream: Firehose gathers them into the archive's objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eventing.cause import Cause, Code, aws_cause, cause_of
from functions.shared.resources import resource_of

if TYPE_CHECKING:
    from types_boto3_firehose import FirehoseClient

# Of Firehose (PutRecordBatch).
RECORDS_PER_CALL = 500
BYTES_PER_CALL = 4 * 1024 * 1024
RECORD_BYTES = 1000 * 1024

_UNANSWERED = Cause(Code.UNAVAILABLE, "Unanswered", "the delivery stream's answer leaves it out")


class DeliveryStream:
    """The archive's delivery stream of this region."""

    def __init__(self, client: FirehoseClient, *, name: str) -> None:
        self._client = client
        self._name = name
        self._unanswered = replace(_UNANSWERED, resource=resource_of({"DeliveryStreamName": name}))

    def put(self, lines: Sequence[bytes]) -> list[Cause | None]:
        """Put each line as a record of its own; for each, in their order, None or why it is not taken.

        They are those of a small request (`is_small`), which is far within what one call may carry. What is
        taken is in the archive when the stream's buffer is written, and twice when the call is made again.
        """
        try:
            response: Any = self._client.put_record_batch(
                DeliveryStreamName=self._name, Records=[{"Data": line} for line in lines]
            )
        except Exception as error:
            return [cause_of(error)] * len(lines)
        if response.get("FailedPutCount") == 0:
            return [None] * len(lines)
        # One for each record, in their order.
        answers = response.get("RequestResponses", [])
        unanswered = [self._unanswered] * (len(lines) - len(answers))
        return [*map(self._failure, answers), *unanswered]

    def _failure(self, answer: dict[str, str]) -> Cause | None:
        if "RecordId" in answer:
            return None
        if code := answer.get("ErrorCode"):
            message = answer.get("ErrorMessage", "")
            return aws_cause(code, message, resource=self._unanswered.resource)
        return self._unanswered
