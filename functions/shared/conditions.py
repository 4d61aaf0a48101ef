"""Writes of DynamoDB that have a condition."""

from __future__ import annotations

from collections.abc import Callable

from botocore.exceptions import ClientError


def written_if_held(write: Callable[[], object]) -> bool:
    """Make one write; False when its condition does not hold. Raises whatever else the SDK raises."""
    try:
        write()
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return False
        raise
    return True
