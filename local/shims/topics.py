"""SNS: what it refuses to carry, and what its notifications over HTTP say of themselves."""

from __future__ import annotations

import urllib.request
from contextvars import ContextVar
from typing import Any

from ministack.services import sns

from .patching import Json

_topic: ContextVar[str] = ContextVar("topic", default="")


def attributes_hold_only_what_sns_carries() -> None:
    """SNS refuses characters above U+FFFF in message attributes, and the whole call that holds one.

    The emulator delivers them.
    """

    def refusing(stock: Any, attributes: Any) -> Any:
        def call(params: Json) -> Any:
            for name, attribute in attributes(params):
                if max(attribute.get("StringValue") or "", default="") > "\uffff":
                    reason = (
                        f"Invalid parameter: the value of attribute {name} holds what is no XML 1.0"
                    )
                    return sns._error("InvalidParameter", reason, 400)
            return stock(params)

        return call

    sns._publish = refusing(
        sns._publish, lambda params: sns._parse_message_attributes(params).items()
    )
    sns._publish_batch = refusing(
        sns._publish_batch,
        lambda params: (
            attribute
            for entry in sns._parse_batch_entries(params)
            for attribute in entry["message_attributes"].items()
        ),
    )


class _TopicHeader(urllib.request.BaseHandler):
    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        if topic := _topic.get():
            request.add_unredirected_header("x-amz-sns-topic-arn", topic)
        return request

    https_request = http_request


def http_notifications_name_their_topic() -> None:
    """On AWS each request to an HTTP endpoint has its topic's ARN in `x-amz-sns-topic-arn`.

    The emulator leaves the header out, by which subscribers tell their topics' messages from others.
    """
    stock_fanout, stock_deliver = sns._fanout, sns._deliver_to_http
    stock_confirm = sns._send_subscription_confirmation

    def fanout(topic_arn: str, *args: Any, **kwargs: Any) -> Any:
        token = _topic.set(topic_arn)
        try:
            return stock_fanout(topic_arn, *args, **kwargs)
        finally:
            _topic.reset(token)

    def deliver(*args: Any) -> Any:
        topic_arn = _topic.get()  # the delivery itself runs in another thread

        async def run() -> None:
            _topic.set(topic_arn)
            await stock_deliver(*args)

        return run()

    async def confirm(topic_arn: str, subscription: Json) -> None:
        _topic.set(topic_arn)
        await stock_confirm(topic_arn, subscription)

    sns._fanout, sns._deliver_to_http = fanout, deliver
    sns._send_subscription_confirmation = confirm
    urllib.request.install_opener(urllib.request.build_opener(_TopicHeader()))
