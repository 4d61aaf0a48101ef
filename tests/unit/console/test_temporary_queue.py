"""A temporary queue leaves nothing behind, whatever happens to it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from console.deployed.temporary_queue import TemporaryQueue

TOPIC = "arn:aws:sns:eu-north-1:123456789012:eventing-topic-canary"
NAME = "eventing-verify-1"
ARN = f"arn:aws:sqs:eu-north-1:123456789012:{NAME}"
OTHER = {"Endpoint": f"{ARN}-other", "SubscriptionArn": f"{TOPIC}:other"}


class Aws:
    """SQS and SNS in memory, as far as the queue calls them; each call may be made to fail."""

    def __init__(self) -> None:
        self.queues: dict[str, str] = {}
        self.subscriptions = [OTHER]
        self.before: Callable[[str], None] = lambda call: None
        self.after: Callable[[str], None] = lambda call: None

    @staticmethod
    def faulty(method: Callable[..., Any]) -> Callable[..., Any]:
        """The method, which what is to happen before or after it may keep from its end."""

        def call(self: Aws, **request: Any) -> Any:
            self.before(method.__name__)
            answer = method(self, **request)
            self.after(method.__name__)
            return answer

        return call

    @faulty
    def create_queue(self, **request: Any) -> Any:
        assert TOPIC in request["Attributes"]["Policy"]
        name = request["QueueName"]
        self.queues[name] = f"https://sqs/{name}"
        return {"QueueUrl": self.queues[name]}

    @faulty
    def subscribe(self, **request: Any) -> Any:
        assert request["TopicArn"] == TOPIC
        self.subscriptions.append(
            {"Endpoint": request["Endpoint"], "SubscriptionArn": f"{TOPIC}:mine"}
        )
        return {}

    @faulty
    def unsubscribe(self, **request: Any) -> Any:
        gone = request["SubscriptionArn"]
        self.subscriptions = [s for s in self.subscriptions if s["SubscriptionArn"] != gone]
        return {}

    @faulty
    def get_queue_url(self, **request: Any) -> Any:
        if request["QueueName"] not in self.queues:
            raise refused("QueueDoesNotExist")
        return {"QueueUrl": self.queues[request["QueueName"]]}

    @faulty
    def delete_queue(self, **request: Any) -> Any:
        gone = request["QueueUrl"]
        self.queues = {name: url for name, url in self.queues.items() if url != gone}
        return {}

    def get_paginator(self, name: str) -> Any:
        assert name == "list_subscriptions_by_topic"
        return self

    def paginate(self, **_: Any) -> Any:
        return [{"Subscriptions": list(self.subscriptions)}]


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Call")


@pytest.fixture
def aws() -> Aws:
    return Aws()


def queue(aws: Any) -> TemporaryQueue:
    return TemporaryQueue(aws, aws, name=NAME, topic_arn=TOPIC)


def is_clean(aws: Aws) -> bool:
    return not aws.queues and aws.subscriptions == [OTHER]


def test_it_is_there_while_it_is_needed(aws: Aws) -> None:
    with queue(aws) as made:
        assert made.arn == ARN
        assert list(aws.queues) == [NAME]
        assert [s["Endpoint"] for s in aws.subscriptions] == [OTHER["Endpoint"], ARN]

    assert is_clean(aws)


@pytest.mark.parametrize("call", ["create_queue", "subscribe"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, refused("AccessDenied")], ids=str)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_whatever_goes_wrong_while_it_is_made(
    aws: Aws, call: str, error: BaseException, moment: str
) -> None:
    def fail(name: str) -> None:
        if name == call:
            raise error

    if moment == "before":
        aws.before = fail
    else:
        aws.after = fail
    with pytest.raises((KeyboardInterrupt, ClientError)), queue(aws):
        pass

    assert is_clean(aws)


def test_an_interrupt_while_it_is_removed_changes_nothing(aws: Aws) -> None:
    def interrupt(name: str) -> None:
        if name == "unsubscribe":
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGINT)
    aws.before = interrupt
    with pytest.raises(KeyboardInterrupt), queue(aws):
        raise KeyboardInterrupt

    assert is_clean(aws)
    assert signal.getsignal(signal.SIGINT) is before


def test_one_that_can_not_be_removed_is_told(aws: Aws) -> None:
    def deny(name: str) -> None:
        if name == "delete_queue":
            raise refused("AccessDenied")

    aws.before = deny
    with pytest.raises(ClientError, match="AccessDenied"), queue(aws):
        pass
