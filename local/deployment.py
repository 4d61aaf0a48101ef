"""The deployed system as its publishers, subscribers and operators see it from outside."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3

from local.cloud import ACCOUNT, ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from local.cloud import LocalCloud, Outputs

STRUCTURED = "application/cloudevents+json"
CONTEXT: Mapping[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]


class Deployment:
    """One region of what `LocalCloud.deploy` has deployed."""

    def __init__(self, cloud: LocalCloud, stacks: Outputs, *, region: str | None = None) -> None:
        self.cloud = cloud
        self.stacks = stacks
        self.name: str = CONTEXT["deployment"]
        self.region = region or cloud.region
        self.outputs = stacks[f"{self.name}-{self.region}"]
        # API Gateway's own names do not resolve here; the emulator has a path for each API.
        deployed = urlsplit(self.outputs["ApiUrl"])
        api, stage = deployed.netloc.partition(".")[0], deployed.path.strip("/")
        self.api_url = f"{cloud.endpoint_url}/_aws/execute-api/{api}/{stage}"
        self.api_key = cache(self._api_key)

    def client(self, service: str) -> Any:
        """A boto3 client for this region, as root."""
        return self.cloud.client(service, self.region)

    def _api_key(self, publisher: str) -> str:
        key: str = self.client("apigateway").get_api_key(
            apiKey=self.outputs[f"ApiKeyId{pascal_case(publisher)}"], includeValue=True
        )["value"]
        return key

    def post(
        self,
        body: str | bytes,
        *,
        key: str | None,
        content_type: str = STRUCTURED,
        headers: Mapping[str, Sequence[str]] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """POST `body` to the endpoint as a publisher does; `headers` in place of the content type."""
        sent = urllib3.HTTPHeaderDict({} if headers else {"content-type": content_type})
        for name, values in (headers or {}).items():
            for value in values:
                sent.add(name, value)
        if key:
            sent["x-api-key"] = key
        return urllib3.request(
            "POST", f"{self.api_url}/events", body=body, headers=sent, timeout=35, retries=False
        )

    def topic_arn(self, topic: str) -> str:
        """The ARN of a topic of the catalogue."""
        return f"{self.outputs['TopicArnPrefix']}{topic}"

    def subscribe(self, queue: str, topic_arns: Sequence[str], *, raw: bool) -> str:
        """Create an SQS queue, subscribe it to the topics and return its URL."""
        sqs, sns = self.client("sqs"), self.client("sns")
        arn = f"arn:aws:sqs:{self.region}:{ACCOUNT}:{queue}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": list(topic_arns)}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        url: str = sqs.create_queue(QueueName=queue, Attributes={"Policy": policy})["QueueUrl"]
        for topic_arn in topic_arns:
            sns.subscribe(
                TopicArn=topic_arn,
                Protocol="sqs",
                Endpoint=arn,
                Attributes={"RawMessageDelivery": str(raw).lower()},
            )
        return url

    def receive(self, queue_url: str, *, seconds: float = 20) -> list[dict[str, Any]]:
        """Take up to ten messages out of a queue; waits for the first one, at most so long."""
        sqs = self.client("sqs")
        messages: list[dict[str, Any]] = sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=round(min(20, max(1, seconds))),
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return messages

    def take(self, queue_url: str, count: int, *, seconds: float) -> list[dict[str, Any]]:
        """Take messages out of a queue until there are `count` or the time is up."""
        taken: list[dict[str, Any]] = []
        deadline = time.monotonic() + seconds
        while len(taken) < count and (left := deadline - time.monotonic()) > 0:
            taken += self.receive(queue_url, seconds=left)
        return taken

    def depth(self, queue_url: str) -> int:
        """How many messages the queue holds, those included that somebody is working on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.client("sqs").get_queue_attributes(
            QueueUrl=queue_url, AttributeNames=names
        )["Attributes"]
        return sum(int(attributes[name]) for name in names)


def pascal_case(name: str) -> str:
    """A publisher's name as part of the key of an output."""
    return "".join(part.capitalize() for part in name.split("-"))
