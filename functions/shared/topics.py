"""Publishes messages to this deployment's SNS topics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any

from eventing.cause import Cause, Code, cause_of
from eventing.message import Message
from functions.shared.batch_answers import failures
from functions.shared.clock import Clock
from functions.shared.resources import resource_of

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

# Of SNS (PublishBatch).
ENTRIES_PER_CALL = 10

# Seconds before what SNS has not taken is sent again.
_PAUSES = (0.2, 0.6, 1.8)
# Refusals of a whole call that one entry of it may be the reason for.
_BY_ONE_ENTRY = (Code.INVALID, Code.TOO_LARGE)
# Of ListSubscriptionsByTopic, with 100 subscriptions each: 30 a second in an account.
SUBSCRIPTION_PAGES = 10
_BETWEEN_PAGES = 0.1
_NOBODY_SUBSCRIBED = Cause(
    Code.NOT_FOUND,
    "NobodySubscribed",
    "nobody is subscribed, and the catalogue expects subscribers: subscribe them first, or, if it is meant, "
    'give "without_subscribers": true',
)
_UNANSWERED = Cause(Code.UNAVAILABLE, "Unanswered", "SNS's answer leaves it out")


@dataclass(frozen=True)
class Subscribers:
    """The subscriptions of a topic, by protocol and the account that they are of."""

    counts: Mapping[tuple[str, str], int]
    complete: bool
    """False where there are more."""


class Topics:
    """The topics of the catalogue in this region."""

    def __init__(self, client: SNSClient, *, arn_prefix: str, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._arn_prefix = arn_prefix

    def publish(
        self, topic: str, messages: Sequence[Message], *, last_call: float = inf
    ) -> list[Cause | None]:
        """Publish at most 10 messages; for each, None or why SNS has not taken it.

        What SNS certainly has not taken and may take in a moment is sent again, three times at most:
        a call that was throttled, entries that fail in an answer. Any other call that fails is tried
        again by the SDK alone, once: its answer may have been lost, not the call. No call begins
        after `last_call` (of the clock's `monotonic`), the first one excepted.
        """
        found: list[Cause | None] = [None] * len(messages)
        waiting = list(range(len(messages)))
        for pause in (*_PAUSES, None):
            answers, again = self._publish(topic, [messages[n] for n in waiting])
            for number, cause in zip(waiting, answers, strict=True):
                found[number] = cause
            waiting = [n for n in waiting if (cause := found[n]) and cause.retryable]
            if (
                not waiting
                or not again
                or pause is None
                or self._clock.monotonic() + pause > last_call
            ):
                break
            self._clock.pause(pause)
        return found

    def _publish(
        self, topic: str, messages: Sequence[Message]
    ) -> tuple[Sequence[Cause | None], bool]:
        """None or a cause for each after one call, and whether a call for the failed ones is harmless."""
        try:
            return self._call(topic, messages), True
        except Exception as error:
            cause = cause_of(error)
        if cause.code in _BY_ONE_ENTRY and len(messages) > 1:
            halves = messages[: len(messages) // 2], messages[len(messages) // 2 :]
            return [cause for half in halves for cause in self._publish(topic, half)[0]], False
        return [cause] * len(messages), cause.code is Code.THROTTLED

    def _call(self, topic: str, messages: Sequence[Message]) -> Sequence[Cause | None]:
        arn = self._arn_prefix + topic
        response = self._client.publish_batch(
            TopicArn=arn,
            PublishBatchRequestEntries=[
                {
                    "Id": str(number),
                    "Message": message.body,
                    "MessageAttributes": {
                        name: {"DataType": "String", "StringValue": value}
                        for name, value in message.attributes.items()
                    },
                }
                for number, message in enumerate(messages)
            ],
        )
        unanswered = replace(_UNANSWERED, resource=resource_of({"TopicArn": arn}))
        return failures(response, len(messages), unanswered)

    def subscriptions(self, topic: str) -> int | Cause:
        """The number of the topic's confirmed subscriptions, or why it could not be seen."""
        try:
            found = self._client.get_topic_attributes(TopicArn=self._arn_prefix + topic)
        except Exception as error:
            return cause_of(error)
        return int(found["Attributes"]["SubscriptionsConfirmed"])

    def subscribers(self, topic: str) -> Subscribers | Cause:
        """Who is subscribed to the topic, or why it could not be seen; of very many, some."""
        counts = Counter[tuple[str, str]]()
        # Not NextToken=None, which the SDK refuses.
        more: Any = {}
        for page in range(SUBSCRIPTION_PAGES):
            if page:
                self._clock.sleep(_BETWEEN_PAGES)
            found = self._list(self._arn_prefix + topic, more)
            if isinstance(found, Cause):
                return found
            counts.update((one["Protocol"], one["Owner"]) for one in found["Subscriptions"])
            if not found.get("NextToken"):
                return Subscribers(counts, complete=True)
            more = {"NextToken": found["NextToken"]}
        return Subscribers(counts, complete=False)

    def _list(self, arn: str, more: Any) -> Any:
        """A page of subscriptions, or a cause; what is throttled is asked again, three times at most."""
        for pause in (*_PAUSES, None):
            try:
                return self._client.list_subscriptions_by_topic(TopicArn=arn, **more)
            except Exception as error:
                cause = cause_of(error)
            if pause is None or cause.code is not Code.THROTTLED:
                return cause
            self._clock.pause(pause)
        raise AssertionError("the last pause ends it")

    def check(self, topic: str, *, needs_subscribers: bool) -> Cause | None:
        """Look whether the topic is there, without a message: None, or why events can't go to it."""
        found = self.subscriptions(topic)
        if isinstance(found, Cause):
            return found
        if found or not needs_subscribers:
            return None
        called = resource_of({"TopicArn": self._arn_prefix + topic})
        return replace(_NOBODY_SUBSCRIBED, resource=f"confirmed subscription of {called}")
