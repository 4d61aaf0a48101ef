"""The audit in the ledger's table: who decided what, when and why. It is added to, and never changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import ClientError

from functions.contract import Rows

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class Audit:
    """The audit of this region."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def append(self, entry: Mapping[str, Any], *, now: datetime, name: str | None = None) -> None:
        """Add an entry, one alone of the same moment and `name`. Raises what the SDK raises."""
        # An INSERT never overwrites, and is the only right that the functions have to these rows.
        try:
            self._client.execute_statement(
                Statement=f"""INSERT INTO "{self._table}" VALUE {{'pk':?,'entry':?}}""",
                Parameters=[
                    {"S": f"{Rows.AUDIT}{now.isoformat()}#{name or uuid4()}"},
                    {"S": json.dumps(entry, default=str)},
                ],
            )
        except ClientError as error:
            # The name is this entry's alone: asked a second time, it finds itself.
            if error.response["Error"]["Code"] != "DuplicateItemException":
                raise
