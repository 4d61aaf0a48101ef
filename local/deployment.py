"""The deployed system as its publishers, subscribers and operators see it from outside."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3

from local.cloud import ACCOUNT, ROOT, StepFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from local.cloud import LocalCloud, Outputs

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
REGISTRATION_SECONDS = 60
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
        self._keys: dict[str, str] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """A boto3 client for this region, as root."""
        return self.cloud.client(service, self.region)

    def register(self, *publishers: str) -> None:
        """Register publishers on the standard plan, as operators do; those who are there already stay."""
        states = self.cloud.client("stepfunctions", self.cloud.region)
        primary = self.stacks[f"{self.name}-{self.cloud.region}"]
        arns = [
            states.start_execution(
                stateMachineArn=primary["PublishersStateMachineArn"],
                input=json.dumps(
                    {
                        "action": "register",
                        "name": publisher,
                        "contact": "a sample",
                        "usage_plan": "standard",
                        "reason": "a sample",
                        "started_by": "whoever tries it",
                    }
                ),
            )["executionArn"]
            for publisher in publishers
        ]
        deadline = time.monotonic() + REGISTRATION_SECONDS
        for arn in arns:
            while (found := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
                if time.monotonic() > deadline:
                    break
                time.sleep(0.1)
            if found["status"] != "SUCCEEDED" or json.loads(found["output"])["outcome"] != "done":
                reason = found.get("cause") or found.get("output") or "it takes too long"
                raise StepFailedError("Registering publishers", reason, "Start it again.")

    def api_key(self, publisher: str) -> str:
        """The value of the publisher's newest key; one that nobody knows is registered."""
        with self._lock:
            if publisher not in self._keys:
                if not (values := self._key_values(publisher)):
                    self.register(publisher)
                    values = self._key_values(publisher)
                self._keys[publisher] = values[max(values)]
            return self._keys[publisher]

    def _key_values(self, publisher: str) -> dict[int, str]:
        """The values of a publisher's keys, by their numbers."""
        prefix = f"{self.name}-{publisher}-"
        keys = self.client("apigateway").get_api_keys(
            nameQuery=prefix, includeValues=True, limit=500
        )["items"]
        return {
            int(number): key["value"]
            for key in keys
            if (number := key["name"].removeprefix(prefix)).isdecimal()
        }

    def usage_plan_id(self, publisher: str) -> str:
        """The id of the publisher's usage plan."""
        plans = self.client("apigateway").get_usage_plans(limit=500)["items"]
        name = f"{self.name}-{publisher}"
        return next(str(plan["id"]) for plan in plans if plan["name"] == name)

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
