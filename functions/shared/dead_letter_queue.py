"""Sends dead letters into a dead-letter queue."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from eventing.cause import Cause, Code, aws_cause, cause_of
from eventing.chunks import chunks
from eventing.dead_letter import DeadLetter
from functions.shared.invocation import result_by

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

# Of SQS (SendMessageBatch).
ENTRIES_PER_CALL = 10
BYTES_PER_CALL = 1024 * 1024

_OUT_OF_TIME = Cause(Code.TIMEOUT, "OutOfTime", "the queue did not answer in the time there was")
_UNANSWERED = Cause(Code.UNAVAILABLE, "Unanswered", "the queue's answer leaves it out")


class DeadLetterQueue:
    """One stage's dead-letter queue."""

    def __init__(self, client: SQSClient, *, url: str, workers: ThreadPoolExecutor) -> None:
        self._client = client
        self._url = url
        self._workers = workers

    def send(self, letters: Sequence[DeadLetter], *, deadline: float) -> list[Cause | None]:
        """Send every letter; for each, in their order, None when it is safe, or why it is not.

        Calls go out side by side. One that is not back at `deadline` (of `time.monotonic`) counts as
        failed, though its letters may be in the queue: a letter sent twice is one letter for triage.
        """
        calls = [
            (chunk, self._workers.submit(self._send, chunk))
            for chunk in chunks(
                [letter.text() for letter in letters],
                most=ENTRIES_PER_CALL,
                most_bytes=BYTES_PER_CALL,
                size=lambda text: len(text.encode()),
            )
        ]
        return [
            cause
            for chunk, call in calls
            for cause in result_by(deadline, call, [_OUT_OF_TIME] * len(chunk))
        ]

    def _send(self, texts: Sequence[str]) -> Sequence[Cause | None]:
        try:
            response = self._client.send_message_batch(
                QueueUrl=self._url,
                Entries=[{"Id": str(n), "MessageBody": text} for n, text in enumerate(texts)],
            )
        except Exception as error:
            return [cause_of(error)] * len(texts)
        # What the answer does not name has not been taken.
        fates: list[Cause | None] = [_UNANSWERED] * len(texts)
        for taken in response.get("Successful", ()):
            fates[int(taken["Id"])] = None
        for failed in response.get("Failed", ()):
            fates[int(failed["Id"])] = aws_cause(
                failed["Code"], failed.get("Message", ""), sender_fault=failed["SenderFault"]
            )
        return fates
