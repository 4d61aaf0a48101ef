"""IAM: which permissions a call needs, and what its conditions see."""

from __future__ import annotations

from typing import Any

from ministack import app
from ministack.core import iam_actions


def batches_need_the_single_action() -> None:
    """On AWS `SendMessageBatch` needs `sqs:SendMessage`, `PublishBatch` needs `sns:Publish`, etc.

    The emulator asks for actions by the names of the batch operations, which are none.
    """
    stock = iam_actions.extract_iam_action

    def extract(service: str, *request: Any) -> str | None:
        action = stock(service, *request)
        return action.removesuffix("Batch") if action and service in ("sqs", "sns") else action

    iam_actions.extract_iam_action = extract


def loopback_counts_as_secure_transport() -> None:
    """On AWS every call is TLS, so `aws:SecureTransport` is true.

    The emulator speaks HTTP on the loopback interface, and with IAM enforced our own TLS-only
    policies (buckets, queues, topics, the CDK's bootstrap bucket) would refuse every call.
    """
    stock = app.pin_request_origin

    def pin(source_ip: str, secure_transport: bool) -> None:
        stock(source_ip, secure_transport or source_ip in ("127.0.0.1", "::1"))

    app.pin_request_origin = pin
