"""Names of the resources that AWS calls are made for, taken from what a call was given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eventing.cause import RESOURCE

if TYPE_CHECKING:
    from botocore.client import BaseClient

_TABLE = re.compile(r'"([^"]+)"')


def resource_of(params: Mapping[str, Any]) -> str | None:
    """The resource of a call with these parameters, as `table NAME`; None where it has none."""
    if table := params.get("TableName"):
        return f"table {table}"
    if requests := params.get("RequestItems"):
        return f"table {next(iter(requests))}"
    statements = params.get("Statements", [params] if "Statement" in params else ())
    if statements:
        found = _TABLE.search(statements[0]["Statement"])
        return f"table {found[1]}" if found else None
    if bucket := params.get("Bucket"):
        return f"bucket {bucket}"
    if topic := params.get("TopicArn"):
        return f"topic {topic.rpartition(':')[2]}"
    if queue := params.get("QueueUrl"):
        return f"queue {queue.rpartition('/')[2]}"
    if stream := params.get("DeliveryStreamName"):
        return f"delivery stream {stream}"
    if "MetricDataQueries" in params:
        return "metrics of CloudWatch"
    return None


def name_resources(client: BaseClient) -> None:
    """Let every error of this client's calls name the resource, for `cause_of`."""
    events = client.meta.events
    events.register("before-parameter-build", _note)
    events.register("after-call", _name_in_answer)
    events.register("after-call-error", _name_in_error)


def _note(params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
    context[RESOURCE] = resource_of(params)


def _name_in_answer(parsed: dict[str, Any], context: Mapping[str, Any], **_: Any) -> None:
    if "Error" in parsed:
        parsed.setdefault("ResponseMetadata", {})[RESOURCE] = context.get(RESOURCE)


def _name_in_error(exception: Exception, context: Mapping[str, Any], **_: Any) -> None:
    vars(exception)[RESOURCE] = context.get(RESOURCE)
