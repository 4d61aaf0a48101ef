"""Adapters for what operators get: objects in the operations bucket, messages on the ops topic."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from eventing.mail import Mail, Sender
from functions.contract import Objects
from functions.shared.first_write import is_taken

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_sns import SNSClient


def run_key(execution: str, name: str) -> str:
    """The key of an object of an execution, in the operations bucket."""
    return f"{Objects.RUNS}{execution}/{name}"


class OperationsBucket:
    """The operations bucket of this region. Its methods raise what the SDK raises.

    Nothing in it is ever overwritten: a task that is tried again finds what it wrote before.
    """

    def __init__(self, client: S3Client, *, bucket: str) -> None:
        self._client = client
        self.name = bucket

    def put(self, key: str, text: str) -> bool:
        """Write a JSON text; False when there is an object under the key already, which stays."""
        try:
            self._client.put_object(
                Bucket=self.name,
                Key=key,
                Body=text.encode(),
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except Exception as error:
            if is_taken(error):
                return False
            raise
        return True

    def add(self, key: str, text: str) -> str:
        """Write a JSON text under the key or, when another text is there, beside it; return its key.

        Beside `x.json` are `x-2.json`, `x-3.json` and so on.
        """
        path, number = PurePosixPath(key), 1
        while not self.put(key, text) and self.get(key) != text.encode():
            number += 1
            key = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
        return key

    def get(self, key: str) -> bytes:
        """Read an object."""
        return self._client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def find(self, key: str) -> bytes | None:
        """Read an object; None where there is none."""
        try:
            return self.get(key)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            return None

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin like this."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=prefix
        )
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def uri(self, key: str) -> str:
        """The address at which an operator finds the object."""
        return f"s3://{self.name}/{key}"


class OpsTopic:
    """The topic that operators are subscribed to."""

    def __init__(self, client: SNSClient, *, arn: str, sender: Sender) -> None:
        self._client = client
        self._arn = arn
        self._sender = sender

    def tell(self, mail: Mail) -> None:
        """Send a mail, over HTTPS in the form of a chat; raises what the SDK raises."""
        texts = {"default": self._sender.text(mail), "https": self._sender.chat(mail)}
        self._client.publish(
            TopicArn=self._arn,
            Subject=self._sender.subject(mail),
            Message=json.dumps(texts),
            MessageStructure="json",
        )
