"""Permissions that must be missing, and a few that must be there: the functions' roles, asked one by one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from eventing.verification.check import Check, failed, names, ok

Resource = Literal[
    "events",
    "receipts",
    "ledger",
    "archive",
    "delivery-stream",
    "operations",
    "tokens",
    "ingest-dlq",
    "publish-dlq",
    "topic",
]
"""What of a deployment an action is asked for."""

# An event and a receipt are written once, and never scanned, changed or deleted; nobody reads the archive.
_NOBODY: Mapping[Resource, Sequence[str]] = {
    "events": (
        "dynamodb:DeleteItem",
        "dynamodb:DeleteTable",
        "dynamodb:PartiQLDelete",
        "dynamodb:PartiQLUpdate",
        "dynamodb:PutItem",
        "dynamodb:Scan",
        "dynamodb:UpdateItem",
        "dynamodb:UpdateTable",
    ),
    "receipts": (
        "dynamodb:DeleteItem",
        "dynamodb:DeleteTable",
        "dynamodb:PartiQLDelete",
        "dynamodb:PartiQLUpdate",
        "dynamodb:PutItem",
        "dynamodb:Scan",
        "dynamodb:UpdateItem",
    ),
    "archive": ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:PutBucketPolicy"),
    "delivery-stream": ("firehose:DeleteDeliveryStream", "firehose:UpdateDestination"),
    "ledger": ("dynamodb:DeleteTable", "dynamodb:Scan"),
    "operations": ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutBucketPolicy"),
    # Those of tasks that wait for an approval.
    "tokens": ("s3:GetObject",),
    "ingest-dlq": ("sqs:PurgeQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes"),
    "publish-dlq": ("sqs:PurgeQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes"),
    "topic": ("sns:DeleteTopic", "sns:SetTopicAttributes", "sns:Subscribe"),
}
# What some functions do, and no other.
_ONLY: Mapping[tuple[Resource, str], Sequence[str]] = {
    ("events", "dynamodb:PartiQLInsert"): ("ingest", "redrive"),
    ("archive", "s3:PutObject"): ("ingest", "redrive"),
    ("delivery-stream", "firehose:PutRecordBatch"): ("ingest",),
    ("topic", "sns:Publish"): ("publish", "redrive"),
    ("ingest-dlq", "sqs:SendMessage"): ("ingest", "redrive"),
    ("publish-dlq", "sqs:SendMessage"): ("publish", "redrive"),
    ("ingest-dlq", "sqs:DeleteMessage"): ("triage",),
    ("publish-dlq", "sqs:DeleteMessage"): ("triage",),
}


@dataclass(frozen=True)
class Asked:
    """An action of a function on a resource, and whether it is to be allowed."""

    function: str
    action: str
    resource: Resource
    allowed: bool


def asked(functions: Sequence[str], resources: Collection[Resource]) -> list[Asked]:
    """All that these functions are asked for, by their names in the code (`ingest`), on these resources."""
    found = [
        Asked(function, action, resource, allowed=False)
        for function in functions
        for resource, actions in _NOBODY.items()
        if resource in resources
        for action in actions
    ]
    return found + [
        Asked(function, action, resource, allowed=function in those)
        for function in functions
        for (resource, action), those in _ONLY.items()
        if resource in resources
    ]


def judge(answers: Sequence[tuple[Asked, bool]]) -> Check:
    """Judge what IAM has answered: each of what was asked, and whether it is allowed."""
    name = "permissions"
    much = [_told(one) for one, allowed in answers if allowed and not one.allowed]
    little = [_told(one) for one, allowed in answers if one.allowed and not allowed]
    faults = [f"too many: {names(much)}"] if much else []
    faults += [f"too few: {names(little)}"] if little else []
    if faults:
        return failed(
            name,
            "; ".join(faults),
            fix="somebody has changed a role by hand: take that back (drift detection of the stack shows it)",
        )
    missing = sum(not one.allowed for one, _ in answers)
    return ok(name, f"{missing} that must be missing are, {len(answers) - missing} are there")


def _told(one: Asked) -> str:
    return f"{one.function} {one.action} on {one.resource}"
