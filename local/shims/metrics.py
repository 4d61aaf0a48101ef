"""CloudWatch: metrics that services and functions make."""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import Any

from ministack.core.responses import get_account_id, request_scope
from ministack.services import apigateway_v1 as gateway
from ministack.services import cloudwatch, sns, sqs, stepfunctions
from ministack.services import lambda_svc as lambdas

from .patching import Json

logger = logging.getLogger("shims")

# How soon a change in a queue's depth is a metric, and an alarm is looked at. AWS takes a minute
# for each; nobody wants to wait that long in front of a laptop.
TICK_SECONDS = 1.0


# An unchanged depth is repeated this often, so that every one-minute period has a data point.
REPEAT_SECONDS = 20.0


def embedded_metrics_in_logs_become_metrics() -> None:
    """AWS turns EMF lines of a function's log into metrics, at the time that the line states.

    The emulator ignores them. All metrics of the functions leave them this way.
    """
    stock = lambdas._execute_function_dispatch

    def dispatch(*args: Any, **kwargs: Any) -> Json:
        result = stock(*args, **kwargs)
        for line in (result.get("log") or "").splitlines():
            if '"_aws"' in line and line.startswith("{"):
                try:
                    _record_embedded_metrics(json.loads(line))
                except (ValueError, KeyError, TypeError):
                    logger.warning("not in the embedded metric format: %s", line)
        return result

    lambdas._execute_function_dispatch = dispatch


def _record_embedded_metrics(line: Json) -> None:
    timestamp = line["_aws"]["Timestamp"] / 1000
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"] or [[]]:
            dimensions = {name: line[name] for name in names}
            for metric in directive["Metrics"]:
                value = line[metric["Name"]]
                values = value if isinstance(value, list) else [value]
                cloudwatch._store_datum(
                    directive["Namespace"], metric["Name"], dimensions, timestamp,
                    metric.get("Unit", "None"), None, values, None, None,
                )  # fmt: skip


def queue_metrics_and_alarm_clock() -> None:
    """AWS measures every queue's depth and age, and evaluates alarms whether or not data comes in.

    The emulator has no `AWS/SQS` metrics and looks at alarms only when somebody puts a metric.
    The age alarms of the dead-letter queues are the backstop, and an alarm has to end by itself.
    """
    recorded: dict[tuple[str, str], tuple[float, float]] = {}

    def measure(queue: Json) -> None:
        now, messages = time.time(), list(queue["messages"])
        visible = sum(message["visible_at"] <= now for message in messages)
        delayed = sum(m["visible_at"] > now and not m["receive_count"] for m in messages)
        measures = {
            "ApproximateNumberOfMessagesVisible": visible,
            "ApproximateNumberOfMessagesDelayed": delayed,
            "ApproximateNumberOfMessagesNotVisible": len(messages) - visible - delayed,
        }
        # SQS leaves out what was received three times (CloudWatch metrics for SQS).
        sent = [message["sent_at"] for message in messages if message["receive_count"] < 3]
        measures["ApproximateAgeOfOldestMessage"] = int(now - min(sent, default=now))
        arn = queue["attributes"]["QueueArn"]
        for metric, measured in measures.items():
            value, at = recorded.get((arn, metric), (None, 0.0))
            if measured != value or now - at > REPEAT_SECONDS:
                recorded[arn, metric] = (measured, now)
                dimensions = {"QueueName": arn.rsplit(":", 1)[1]}
                unit = "Seconds" if "Age" in metric else "Count"
                cloudwatch.record_metric("AWS/SQS", metric, measured, unit, dimensions)

    def tick() -> None:
        for (account, region, _url), queue in list(sqs._queues._data.items()):
            with request_scope(account, region):
                measure(queue)
        for account, region in {(scope[0], scope[1]) for scope in list(cloudwatch._alarms._data)}:
            with request_scope(account, region):
                cloudwatch._evaluate_all_alarms()

    def run() -> None:
        while True:
            time.sleep(TICK_SECONDS)
            try:
                tick()
            except Exception:
                logger.exception("queue metrics and alarms")

    threading.Thread(target=run, daemon=True, name="cloudwatch").start()


def services_measure_themselves() -> None:
    """AWS counts requests of an API, invocations, deliveries of topics and executions as metrics.

    The emulator counts invocations through Lambda's own API, and nothing else. Dashboards draw these
    metrics and alarms watch them.
    """
    record = cloudwatch.record_metric
    stock_dispatch = lambdas._execute_function_dispatch
    stock_emit = lambdas._emit_lambda_metrics
    stock_request = gateway._handle_execute_in_scope
    stock_deliver = sns._deliver_to_sqs
    stock_status = stepfunctions._emit_execution_status_event

    def dispatch(function: Json, config: Json, event: Json, *args: Any) -> Json:
        began = time.time()
        result = stock_dispatch(function, config, event, *args)
        name = {"FunctionName": config["FunctionName"]}
        record("AWS/Lambda", "Invocations", 1, "Count", name)
        record("AWS/Lambda", "Errors", int(bool(result.get("error"))), "Count", name)
        record("AWS/Lambda", "Throttles", 0, "Count", name)
        record("AWS/Lambda", "Duration", (time.time() - began) * 1000, "Milliseconds", name)
        records = event.get("Records") if isinstance(event, dict) else None
        if records and records[0].get("eventSource") == "aws:dynamodb":
            age = began - records[0]["dynamodb"]["ApproximateCreationDateTime"]
            record("AWS/Lambda", "IteratorAge", max(0.0, age * 1000), "Milliseconds", name)
        return result

    def emit(name: str, *, throttle: bool, **_measured_above: Any) -> None:
        if throttle:  # never gets to the dispatch
            stock_emit(name, 0.0, False, True)

    async def request(api_id: str, stage: str, *args: Any) -> Any:
        began = time.time()
        response = await stock_request(api_id, stage, *args)
        api = gateway._rest_apis.get(api_id) or {}
        names = {"ApiName": api.get("name", api_id), "Stage": stage}
        status = int(response[0])
        record("AWS/ApiGateway", "Count", 1, "Count", names)
        record("AWS/ApiGateway", "4XXError", int(400 <= status < 500), "Count", names)
        record("AWS/ApiGateway", "5XXError", int(status >= 500), "Count", names)
        record("AWS/ApiGateway", "Latency", (time.time() - began) * 1000, "Milliseconds", names)
        return response

    def deliver(endpoint: str, *args: Any, topic_arn: str = "", **kwargs: Any) -> None:
        there = sqs._queue_by_arn(endpoint) and sqs.queue_policy_allows(
            endpoint, "sns.amazonaws.com", topic_arn, get_account_id()
        )
        outcome = "Delivered" if there else "Failed"
        name = {"TopicName": topic_arn.rpartition(":")[2]}
        record("AWS/SNS", f"NumberOfNotifications{outcome}", 1, "Count", name)
        stock_deliver(endpoint, *args, topic_arn=topic_arn, **kwargs)

    def status(execution: Json) -> None:
        metric = {
            "RUNNING": "ExecutionsStarted", "SUCCEEDED": "ExecutionsSucceeded",
            "FAILED": "ExecutionsFailed", "ABORTED": "ExecutionsAborted",
            "TIMED_OUT": "ExecutionsTimedOut",
        }[execution["status"]]  # fmt: skip
        name = {"StateMachineArn": execution["stateMachineArn"]}
        record("AWS/States", metric, 1, "Count", name)
        stock_status(execution)

    lambdas._execute_function_dispatch = dispatch
    lambdas._emit_lambda_metrics = emit
    gateway._handle_execute_in_scope = request
    sns._deliver_to_sqs = deliver
    stepfunctions._emit_execution_status_event = status


def topics_count_their_messages() -> None:
    """AWS counts what is published to a topic, and what subscriptions do not get for their filters.

    The emulator counts neither, and of deliveries none. Whether anybody hears a topic is told by these.
    """
    record = cloudwatch.record_metric
    stock_fanout = sns._fanout

    def fanout(
        topic_arn: str, id: str, message: str, subject: str, structure: str = "",
        attributes: Json | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        name = {"TopicName": topic_arn.rpartition(":")[2]}
        record("AWS/SNS", "NumberOfMessagesPublished", 1, "Count", name)
        topic = sns._topic_by_arn_any_scope(topic_arn) or {"subscriptions": ()}
        for subscription in topic["subscriptions"]:
            if not subscription.get("confirmed"):
                continue
            if not sns._matches_filter_policy(subscription, attributes or {}, message):
                record("AWS/SNS", "NumberOfNotificationsFilteredOut", 1, "Count", name)
            elif subscription["protocol"] != "sqs":  # which tells by itself
                record("AWS/SNS", "NumberOfNotificationsDelivered", 1, "Count", name)
        stock_fanout(topic_arn, id, message, subject, structure, attributes, **kwargs)

    sns._fanout = fanout
