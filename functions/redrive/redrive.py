"""Takes dead letters up again: each at the step where it failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from eventing.cause import Cause, Code, cause_of
from eventing.dead_letter import DeadLetter, NoDeadLetter, Stage, read_dead_letter
from eventing.event import event_digest, event_key, timestamp
from eventing.json_text import parse
from eventing.message import Message, message_attributes
from eventing.routing import ConditionFailed, NoRoute, Router
from functions.shared.archive import Archive
from functions.shared.clients import CALL_SECONDS
from functions.shared.dead_letter_queue import DeadLetterQueue
from functions.shared.event_store import EventItem, EventStore, NotStored
from functions.shared.topics import Topics

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

# Even a long poll can come back empty from a queue that is not.
_POLL_SECONDS = 1
_EMPTY_ANSWERS = 3
_PAGE_SECONDS = 45


@dataclass(frozen=True)
class Page:
    """What one page of a redrive did; `drained` when no letter from before the run is left."""

    received: int
    redriven: int
    failed: int
    drained: bool
    stored: Mapping[datetime, int]
    """Events stored, by the minute in which they were accepted."""


class Redrive:
    """Works through a dead-letter queue, one page a call."""

    def __init__(
        self,
        *,
        client: SQSClient,
        urls: Mapping[Stage, str],
        store: EventStore,
        archive: Archive,
        topics: Topics,
        router: Router,
        workers: ThreadPoolExecutor,
    ) -> None:
        self._client = client
        self._urls = urls
        self._store = store
        self._archive = archive
        self._topics = topics
        self._router = router
        self._workers = workers

    def __call__(self, stage: Stage, *, started_at: datetime) -> Page:
        """Take up letters that failed before `started_at`, until none is left or the page's time is up.

        A letter that fails again is sent anew, with its new cause, before it is deleted. What is
        younger, or no dead letter at all, goes back into the queue.
        """
        url = self._urls[stage]
        queue = DeadLetterQueue(self._client, url=url, workers=self._workers)
        ends = monotonic() + _PAGE_SECONDS
        put_back: list[str] = []
        stored: Counter[datetime] = Counter()
        received = redriven = failed = empty = 0
        while empty < _EMPTY_ANSWERS and monotonic() < ends:
            messages = self._client.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=_POLL_SECONDS
            ).get("Messages", [])
            empty = 0 if messages else empty + 1
            for message in messages:
                handle = message["ReceiptHandle"]
                try:
                    letter = read_dead_letter(message["Body"])
                except NoDeadLetter:
                    put_back.append(handle)
                    continue
                if datetime.fromisoformat(letter.failed_at) >= started_at:
                    put_back.append(handle)
                    continue
                received += 1
                cause = self._take_up(letter)
                if cause is None:
                    redriven += 1
                    if letter.step == "store":
                        accepted_at = datetime.fromisoformat(letter.accepted_at)
                        stored[accepted_at.replace(second=0, microsecond=0)] += 1
                else:
                    failed += 1
                    again = letter.failed_again(cause, timestamp(datetime.now(UTC)))
                    if any(queue.send([again], deadline=monotonic() + CALL_SECONDS)):
                        put_back.append(handle)
                        continue
                self._client.delete_message(QueueUrl=url, ReceiptHandle=handle)
        for handle in put_back:
            self._client.change_message_visibility(
                QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0
            )
        return Page(received, redriven, failed, empty >= _EMPTY_ANSWERS, stored)

    def _take_up(self, letter: DeadLetter) -> Cause | None:
        """Make the step that failed; None when it is made."""
        document = parse(letter.event)
        value = document.value
        try:
            key = event_key(letter.publisher, value["source"], value["id"])
            match letter.step:
                case "store":
                    digest = event_digest(document.exact)
                    item = EventItem(
                        key,
                        letter.publisher,
                        letter.event,
                        value["type"],
                        letter.accepted_at,
                        digest,
                    )
                    return self._store_event(item)
                case "archive":
                    return self._archive.put(
                        [letter.event],
                        publisher=letter.publisher,
                        accepted_at=letter.accepted_at,
                        request_id=letter.key,
                    )
                case _:
                    return self._publish(letter, value)
        except KeyError:
            return Cause(Code.INVALID, "KeyError", "the letter holds no event")

    def _store_event(self, item: EventItem) -> Cause | None:
        (result,) = self._store.put([item], deadline=monotonic() + CALL_SECONDS)
        if isinstance(result, NotStored):
            return result.cause
        if result.digest != item.digest:
            return Cause(
                Code.CONFLICT, "Conflict", "another event has this publisher, source and id"
            )
        return None

    def _publish(self, letter: DeadLetter, value: Mapping[str, Any]) -> Cause | None:
        try:
            topic = letter.topic or self._router.route(value["type"], value)
        except (NoRoute, ConditionFailed) as error:
            return cause_of(error)
        attributes = message_attributes(
            type=value["type"],
            source=value["source"],
            publisher=letter.publisher,
            subject=value.get("subject"),
        )
        attributes["redrive_episode"] = str(letter.episode + 1)
        return self._topics.publish(topic, [Message(letter.event, attributes)])[0]
