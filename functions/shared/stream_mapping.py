"""The stream mapping: what hands the events of the Events table's stream to publication."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_lambda import LambdaClient

# Of Lambda's states, those in which records are read, or will be in a moment.
_READING = ("Creating", "Enabling", "Enabled", "Updating")


class StreamMapping:
    """A mapping, by its id, and the table whose stream it is there to read."""

    def __init__(
        self, *, lambdas: LambdaClient, dynamodb: DynamoDBClient, mapping: str, table: str
    ) -> None:
        self._lambdas = lambdas
        self._dynamodb = dynamodb
        self._mapping = mapping
        self._table = table

    def unread(self) -> str | None:
        """Why nobody reads the table's stream; None when it is read. Raises what the SDK raises."""
        try:
            mapping = self._lambdas.get_event_source_mapping(UUID=self._mapping)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return "there is no mapping"
            raise
        table = self._dynamodb.describe_table(TableName=self._table)["Table"]
        if mapping["EventSourceArn"] != table.get("LatestStreamArn"):
            return "the mapping reads another stream"
        if mapping["State"] not in _READING:
            return f"the mapping is {mapping['State']}"
        return None
