"""Answers of SQS, SNS and DynamoDB to a batch, entry by entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eventing.cause import Cause, aws_cause


def failures(response: Mapping[str, Any], count: int, unanswered: Cause) -> list[Cause | None]:
    """For each of `count` entries, whose ids are their numbers, None or why it has not been taken.

    What the answer does not name has not been taken: `unanswered`, which names what was called.
    """
    found: list[Cause | None] = [unanswered] * count
    for taken in response.get("Successful", ()):
        found[int(taken["Id"])] = None
    for failed in response.get("Failed", ()):
        found[int(failed["Id"])] = aws_cause(
            failed["Code"],
            failed.get("Message", ""),
            sender_fault=failed["SenderFault"],
            resource=unanswered.resource,
        )
    return found


def statement_cause(error: Mapping[str, Any], resource: str | None) -> Cause:
    """The cause of a PartiQL statement's error; `resource` is its table."""
    return aws_cause(error.get("Code", ""), error.get("Message", ""), resource=resource)
