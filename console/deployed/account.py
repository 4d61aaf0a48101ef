"""What a deployment needs of its account, and what is there of it: quotas, Macie, mails, functions, roles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from console.deployed.aws import error_code
from eventing.archive_line import ArchiveLine, read_line
from eventing.verification.account import Mail, Running

if TYPE_CHECKING:
    from console.deployed.aws import Aws

_THREADS = 8
_DENIED = ("AccessDenied", "AccessDeniedException")
# What SNS says in place of an ARN.
_PENDING = ("PendingConfirmation", "pending confirmation")


class Account:
    """The account in one region, as who verifies may look at it. Its methods raise what the SDK raises."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def concurrency(self) -> int:
        """Lambda's quota of concurrent executions."""
        found: Any = self._aws.client("lambda").get_account_settings()
        return int(found["AccountLimit"]["ConcurrentExecutions"])

    def usage_plans(self) -> int:
        """How many usage plans of API Gateway there are."""
        pages = self._aws.client("apigateway").get_paginator("get_usage_plans").paginate()
        return sum(len(page.get("items", ())) for page in pages)

    def macie(self) -> str | None:
        """The status of Macie's session; None when Macie is off."""
        try:
            return str(self._aws.client("macie2").get_macie_session()["status"])
        except ClientError as error:
            # So it answers while it is off (API reference, GetMacieSession), whatever the caller may do.
            if error_code(error) not in _DENIED:
                raise
            return None

    def mails(self, topic_arn: str) -> list[Mail]:
        """The subscriptions of a topic."""
        pages = (
            self._aws.client("sns")
            .get_paginator("list_subscriptions_by_topic")
            .paginate(TopicArn=topic_arn)
        )
        return [
            Mail(one["Endpoint"], one["SubscriptionArn"] not in _PENDING)
            for page in pages
            for one in page["Subscriptions"]
        ]

    def queues(self, prefix: str) -> list[str]:
        """The names of the queues that begin like this."""
        pages = (
            self._aws.client("sqs").get_paginator("list_queues").paginate(QueueNamePrefix=prefix)
        )
        return [url.rpartition("/")[2] for page in pages for url in page.get("QueueUrls", ())]

    def dashboards(self, prefix: str) -> set[str]:
        """The names of the dashboards that begin like this."""
        pages = (
            self._aws.client("cloudwatch")
            .get_paginator("list_dashboards")
            .paginate(DashboardNamePrefix=prefix)
        )
        return {one["DashboardName"] for page in pages for one in page["DashboardEntries"]}

    def functions(self, names: Sequence[str]) -> list[tuple[Running, str]]:
        """How these functions are, each with the ARN of its role, in their order."""
        with ThreadPoolExecutor(_THREADS) as workers:
            return list(workers.map(self._function, names))

    def reads_stream(self, function: str) -> bool:
        """Whether a function has an event source mapping that is on."""
        pages = (
            self._aws.client("lambda")
            .get_paginator("list_event_source_mappings")
            .paginate(FunctionName=function)
        )
        states = [one["State"] for page in pages for one in page["EventSourceMappings"]]
        return any(state in ("Enabled", "Enabling", "Updating", "Creating") for state in states)

    def allowed(self, role_arn: str, actions: Sequence[str], resource: str) -> set[str]:
        """Those of the actions that a role's own policies allow on a resource, as IAM's simulator answers.

        It looks at no policy of the resource, and knows nothing of conditions on the request.
        """
        pages = (
            self._aws.client("iam")
            .get_paginator("simulate_principal_policy")
            .paginate(PolicySourceArn=role_arn, ActionNames=list(actions), ResourceArns=[resource])
        )
        return {
            one["EvalActionName"]
            for page in pages
            for one in page["EvaluationResults"]
            if one["EvalDecision"] == "allowed"
        }

    def key(self, id: str) -> str:
        """The API key with this id."""
        found: Any = self._aws.client("apigateway").get_api_key(apiKey=id, includeValue=True)
        return str(found["value"])

    def is_stored(self, table: str, key: str) -> bool:
        """Whether an event is in the Events table."""
        found: Any = self._aws.client("dynamodb").get_item(
            TableName=table,
            Key={"pk": {"S": key}},
            ConsistentRead=True,
            ProjectionExpression="pk, digest",
        )
        return "Item" in found

    def archived(self, bucket: str, prefix: str, since: datetime) -> Iterator[ArchiveLine]:
        """The lines of the objects below a prefix that were written since then, the latest first."""
        s3 = self._aws.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        found = [
            (one["LastModified"], one["Key"])
            for page in pages
            for one in page.get("Contents", ())
            if one["LastModified"] >= since
        ]
        for _, key in sorted(found, reverse=True):
            body: Any = s3.get_object(Bucket=bucket, Key=key)["Body"]
            # Of many events and requests, one object may have 128 MiB.
            yield from (read_line(line.decode()) for line in body.iter_lines())

    def _function(self, name: str) -> tuple[Running, str]:
        found: Any = self._aws.client("lambda").get_function(FunctionName=name)
        configuration, reserved = found["Configuration"], found.get("Concurrency", {})
        running = Running(
            name=name,
            state=configuration.get("State"),
            last_update=configuration.get("LastUpdateStatus"),
            reserved=reserved.get("ReservedConcurrentExecutions"),
        )
        return running, str(configuration["Role"])
