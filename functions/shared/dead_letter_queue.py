"""Sends dead letters into a dead-letter queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eventing.cause import Cause, aws_cause, cause_of
from eventing.chunks import chunks
from eventing.dead_letter import DeadLetter

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

# Of SQS (SendMessageBatch).
ENTRIES_PER_CALL = 10
BYTES_PER_CALL = 1024 * 1024


class DeadLetterQueue:
    """One stage's dead-letter queue."""

    def __init__(self, client: SQSClient, *, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, letters: Sequence[DeadLetter]) -> list[Cause | None]:
        """Send every letter; for each, in their order, None when it is safe, or why it is not."""
        fates: list[Cause | None] = [None] * len(letters)
        numbered = list(enumerate(letter.text() for letter in letters))
        for chunk in chunks(
            numbered,
            most=ENTRIES_PER_CALL,
            most_bytes=BYTES_PER_CALL,
            size=lambda entry: len(entry[1].encode()),
        ):
            try:
                response = self._client.send_message_batch(
                    QueueUrl=self._url,
                    Entries=[{"Id": str(number), "MessageBody": text} for number, text in chunk],
                )
            except Exception as error:
                cause = cause_of(error)
                for number, _ in chunk:
                    fates[number] = cause
                continue
            for failed in response.get("Failed", ()):
                fates[int(failed["Id"])] = aws_cause(
                    failed["Code"], failed.get("Message", ""), sender_fault=failed["SenderFault"]
                )
        return fates
