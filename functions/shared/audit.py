"""The audit in the ledger's table: who decided what, when and why. It is added to, and never changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from functions.contract import Rows

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class Audit:
    """The audit of this region."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def append(self, entry: Mapping[str, Any], *, now: datetime) -> None:
        """Add an entry. Raises what the SDK raises."""
        # The name is this entry's alone: asked a second time by the SDK, it finds itself.
        self._client.put_item(
            TableName=self._table,
            Item={
                "pk": {"S": f"{Rows.AUDIT}{now.isoformat()}#{uuid4()}"},
                "entry": {"S": json.dumps(entry, default=str)},
            },
        )
