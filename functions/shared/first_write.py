"""Recognises S3's answer to a conditional write whose key is taken."""

from __future__ import annotations

from botocore.exceptions import ClientError


def is_taken(error: Exception) -> bool:
    """Tell whether S3 refused a `PutObject` with `If-None-Match: *` because an object has that key.

    The bucket policies refuse writes without that header (SECURITY.md), so nothing is ever overwritten.
    """
    return (
        isinstance(error, ClientError) and error.response["Error"]["Code"] == "PreconditionFailed"
    )
