"""A dead-letter queue: letters are sent into it, drained from it and counted in it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eventing.cause import Cause, Code, cause_of
from eventing.chunks import chunks
from eventing.dead_letter import DeadLetter
from functions.shared.batch_answers import failures
from functions.shared.clock import Clock
from functions.shared.message_queue import ENTRIES_PER_CALL, MessageQueue, Received
from functions.shared.resources import resource_of

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

# Of SQS (SendMessageBatch).
BYTES_PER_CALL = 1024 * 1024

_OUT_OF_TIME = Cause(Code.TIMEOUT, "OutOfTime", "the queue did not answer in the time there was")
_UNANSWERED = Cause(Code.UNAVAILABLE, "Unanswered", "the queue's answer leaves it out")


class DeadLetterQueue(MessageQueue):
    """One stage's dead-letter queue."""

    def __init__(self, client: SQSClient, *, url: str, workers: Executor, clock: Clock) -> None:
        super().__init__(client, url=url)
        self._workers = workers
        self._clock = clock
        resource = resource_of({"QueueUrl": url})
        self._out_of_time = replace(_OUT_OF_TIME, resource=resource)
        self._unanswered = replace(_UNANSWERED, resource=resource)

    def send(self, letters: Sequence[DeadLetter], *, deadline: float) -> list[Cause | None]:
        """Send every letter; for each, in their order, None when it is safe, or why it is not.

        Calls go out side by side. One that is not back at `deadline` (of the clock's `monotonic`)
        counts as failed, though its letters may be in the queue: a letter sent twice is one letter for
        triage.
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
            for cause in self._clock.result_by(deadline, call, [self._out_of_time] * len(chunk))
        ]

    def show(self, messages: Sequence[Received]) -> None:
        """Let these be received again at once; raises what the SDK raises.

        One that stays hidden all the same is received when its time-out is over.
        """
        for start in range(0, len(messages), ENTRIES_PER_CALL):
            run = messages[start : start + ENTRIES_PER_CALL]
            self._client.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(n), "ReceiptHandle": message.receipt, "VisibilityTimeout": 0}
                    for n, message in enumerate(run)
                ],
            )

    def depth(self) -> tuple[int, int]:
        """About how many messages wait to be received, and how many there are; raises what the SDK raises.

        The others have been received lately, and are not deleted yet.
        """
        attributes: Any = self._client.get_queue_attributes(
            QueueUrl=self._url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        waiting = int(attributes["ApproximateNumberOfMessages"])
        return waiting, waiting + int(attributes["ApproximateNumberOfMessagesNotVisible"])

    def _send(self, texts: Sequence[str]) -> Sequence[Cause | None]:
        try:
            response = self._client.send_message_batch(
                QueueUrl=self._url,
                Entries=[{"Id": str(n), "MessageBody": text} for n, text in enumerate(texts)],
            )
        except Exception as error:
            return [cause_of(error)] * len(texts)
        return failures(response, len(texts), self._unanswered)
