"""Start the emulator with what it leaves out of AWS put back.

MiniStack behaves like AWS nearly everywhere. Each function below restores one behaviour that this
project relies on, says which, and why we need it; nothing else about the emulator is changed. They
patch private names, so exactly one version is accepted.

This runs in the emulator's own environment (`.local/emulator/bin/python local/shims.py`) and
imports nothing of this project. With `--while-stdin-is-open` it ends with whoever holds the other
end.
"""

# ruff: noqa: E402
# The emulator's version is checked before anything of it is imported.

from __future__ import annotations

import asyncio
import contextvars
import functools
import importlib.metadata
import json
import logging
import os
import signal
import sys
import threading
import time
import uuid
from types import FunctionType
from typing import TYPE_CHECKING, Any

VERSION = "1.5.33"
INSTALLED = importlib.metadata.version("ministack")
if INSTALLED != VERSION:
    sys.exit(
        f"local/shims.py patches MiniStack {VERSION}, but {INSTALLED} is installed."
        " Run `make setup`, or go through every shim before you change the version."
    )

from ministack import app
from ministack.core import iam_actions, lambda_runtime
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import apigateway_v1 as gateway
from ministack.services import cloudwatch, dynamodb, eventbridge, sns, sqs, stepfunctions
from ministack.services import lambda_svc as lambdas
from ministack.services.cloudformation import _stacks as stacks
from ministack.services.cloudformation import provisioners as cloudformation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

logger = logging.getLogger("shims")
Json = dict[str, Any]

# How soon a change in a queue's depth is a metric, and an alarm is looked at. AWS takes a minute
# for each; nobody wants to wait that long in front of a laptop.
TICK_SECONDS = 1.0
# An unchanged depth is repeated this often, so that every one-minute period has a data point.
REPEAT_SECONDS = 20.0


def rebound(function: FunctionType, **names: Any) -> FunctionType:
    """A copy of `function` that sees `names` in place of those globals of its module."""
    return FunctionType(
        function.__code__,
        {**function.__globals__, **names},
        function.__name__,
        function.__defaults__,
    )


def _replace_once(script: str, old: str, new: str) -> str:
    if script.count(old) != 1:
        raise RuntimeError(f"the emulator's script has not exactly one {old!r}")
    return script.replace(old, new)


# API Gateway


def proxy_event_names_the_api_key() -> None:
    """AWS puts the caller's key into `requestContext.identity` (`apiKey`, `apiKeyId`).

    The ingest function knows a publisher by the id of its key.
    """
    stock = gateway._build_lambda_event_v1

    @functools.wraps(stock)
    def build(*args: Any, **kwargs: Any) -> Json:
        event = stock(*args, **kwargs)
        key = gateway._resolve_api_key(gateway._api_key_from_request(event["headers"])) or {}
        event["requestContext"]["identity"].update(apiKey=key.get("value"), apiKeyId=key.get("id"))
        return event

    gateway._build_lambda_event_v1 = build


def integration_failure_is_a_gateway_response() -> None:
    """AWS answers for a function that fails, is throttled or talks nonsense: a gateway response.

    The emulator passes the error's message on, with 502 or 429. The contract turns all of them into
    a 503 that tells nothing.
    """
    stock_shape, stock_invoke = gateway._lambda_proxy_response, gateway._invoke_lambda_proxy_v1

    class FailedError(Exception):
        pass

    def shape(result: Json) -> Any:
        response, error = stock_shape(result)
        if error or result.get("error") or not isinstance((response or {}).get("statusCode"), int):
            raise FailedError
        return response, None

    @functools.wraps(stock_invoke)
    async def invoke(*args: Any, **kwargs: Any) -> Any:
        try:
            return await stock_invoke(*args, **kwargs)
        except FailedError:
            return gateway._gw_error("INTEGRATION_FAILURE", "Internal server error")

    gateway._lambda_proxy_response, gateway._invoke_lambda_proxy_v1 = shape, invoke


def disabled_api_key_is_refused() -> None:
    """AWS answers 403 to a key that `update-api-key` has disabled.

    The emulator stores the patch's value, the string "false", and takes it for true. Revoking a
    publisher's key is an operator's command in the README.
    """
    stock = gateway._update_api_key

    def update(key_id: str, data: Json) -> Any:
        answer = stock(key_id, data)
        key = gateway._api_keys.get(key_id)
        if key:
            key["enabled"] = str(key["enabled"]).lower() == "true"
            answer = gateway._v1_response(key)
        return answer

    gateway._update_api_key = update


# DynamoDB


def _apply_global_table_settings(name: str, properties: Json) -> None:
    declared = {replica["Region"]: replica for replica in properties.get("Replicas", [])}
    present = set(dynamodb._replica_group(dynamodb._tables[name])) or {get_region()}
    changes = [{"Create": {"RegionName": region}} for region in sorted(set(declared) - present)]
    changes += [{"Delete": {"RegionName": region}} for region in sorted(present - set(declared))]
    for change in changes:
        cloudformation._ddb_update_call({"TableName": name, "ReplicaUpdates": [change]})
    if ttl := properties.get("TimeToLiveSpecification"):
        dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": ttl})
    for region, replica in declared.items():
        if recovery := replica.get("PointInTimeRecoverySpecification"):
            request = {"TableName": name, "PointInTimeRecoverySpecification": recovery}
            with request_scope(get_account_id(), region):
                dynamodb._update_continuous_backups(request)


def global_table_settings_from_cloudformation() -> None:
    """AWS applies `Replicas`, TTL and point-in-time recovery of `AWS::DynamoDB::GlobalTable`.

    The emulator drops them. Replicas are what a second region is made of, and operators look at the
    other two.
    """

    handlers = cloudformation._RESOURCE_HANDLERS["AWS::DynamoDB::GlobalTable"]
    stock = dict(handlers)

    def create(logical_id: str, properties: Json, stack: str) -> Any:
        created = stock["create"](logical_id, properties, stack)
        _apply_global_table_settings(created[0], properties)
        return created[0], cloudformation._ddb_attrs(dynamodb._tables[created[0]])

    def update(name: str, old: Json, new: Json, stack: str) -> Any:
        updated = stock["update"](name, old, new, stack)
        _apply_global_table_settings(updated[0], new)
        return updated

    def delete(name: str, properties: Json) -> None:
        table = dynamodb._tables.get(name)
        for region in dynamodb._replica_group(table) if table else ():
            if region != get_region():
                with request_scope(get_account_id(), region):
                    stock["delete"](name, properties)
        stock["delete"](name, properties)

    handlers.update(create=create, update=update, delete=delete)


def partiql_insert_is_a_write_like_any_other() -> None:
    """AWS streams and replicates what PartiQL `INSERT` writes, for who may `PartiQLInsert` there.

    The emulator does neither, and asks for `BatchExecuteStatement` on `*`, which is no IAM action.
    Batches of events are stored by it. (`ExecuteTransaction`, unused here, stays as it is.)
    """
    stock_insert = dynamodb._partiql_insert

    def insert(table: Json, parsed: Json) -> Any:
        answer = stock_insert(table, parsed)
        if answer[0] == 200:
            item = parsed["item"].get("M") if set(parsed["item"]) == {"M"} else parsed["item"]
            dynamodb._emit_stream_event(table["TableName"], "INSERT", None, item)
        return answer

    dynamodb._execute_statement = rebound(dynamodb._execute_statement, _partiql_insert=insert)

    stock_checks = iam_actions.dynamodb_transaction_checks
    statements = ("dynamodb:ExecuteStatement", "dynamodb:BatchExecuteStatement")

    def checks(action: str, body: bytes, region: str, account: str) -> list[tuple[str, str]]:
        if action not in statements:
            return stock_checks(action, body, region, account)
        request = json.loads(body)
        found = []
        for statement in request.get("Statements", [request]):
            try:
                parsed = dynamodb._parse_partiql(
                    statement["Statement"], statement.get("Parameters", [])
                )
            except (KeyError, ValueError):
                continue  # the handler says what is wrong with it
            table = iam_actions._dynamodb_table_arn(parsed["table"], region, account)
            found.append((f"dynamodb:PartiQL{parsed['op'].capitalize()}", table))
        return found

    iam_actions.dynamodb_transaction_checks = checks


# Lambda


def stream_mapping_retries_and_gives_up() -> None:
    """AWS's error handling of a stream's event source mapping.

    Partial batch responses, MaximumRetryAttempts, MaximumRecordAgeInSeconds,
    BisectBatchOnFunctionError and the on-failure destination, S3 included. The emulator loses the
    records of a partial response and otherwise retries the whole batch for ever. What the publish
    function cannot do anything about must be retried, and end up in the operations bucket.

    A batch is worked on beside the poller, one at a time for each mapping, so that a retry holds up
    its own shard only.
    """
    working: set[str] = set()
    stock_poll, stock_mappings = lambdas._poll_dynamodb_streams, lambdas._iter_all_esms

    def poll() -> bool:
        mapping: Json = {}

        def idle_mappings() -> Iterator[tuple[str, str, Json]]:
            nonlocal mapping
            for account, region, mapping in stock_mappings():
                if mapping["UUID"] not in working:
                    yield account, region, mapping

        def hand_over(_function: Json, event: Json) -> Json:
            mine = mapping
            working.add(mine["UUID"])

            def work() -> None:
                try:
                    _deliver(mine, event["Records"], attempt=0)
                except Exception:
                    logger.exception("stream mapping %s", mine["UUID"])
                finally:
                    working.discard(mine["UUID"])
                    lambdas.esm_wake.set()

            context = contextvars.copy_context()
            threading.Thread(target=context.run, args=(work,), daemon=True).start()
            return {"body": None}

        return rebound(stock_poll, _iter_all_esms=idle_mappings, _execute_function=hand_over)()

    lambdas._poll_dynamodb_streams = poll


def _deliver(mapping: Json, records: list[Json], attempt: int) -> None:
    """Invoke the mapping's function with `records` until they are through or given up."""
    retries = int(mapping.get("MaximumRetryAttempts", -1))
    max_age = int(mapping.get("MaximumRecordAgeInSeconds", -1))
    while mapping["UUID"] in lambdas._esms:
        # Looked up each time: it may have been updated since the last attempt.
        function, _ = lambdas._get_func_record_for_qualifier(
            mapping["FunctionName"], mapping.get("Qualifier")
        )
        if 0 <= max_age < time.time() - records[0]["dynamodb"]["ApproximateCreationDateTime"]:
            return _give_up(mapping, function, records, attempt, "RecordAgeExceeded", {})
        result = lambdas._execute_function(function, {"Records": records})
        records, whole = _not_done(mapping, records, result)
        if not records:
            return None
        if 0 <= retries <= attempt:
            return _give_up(
                mapping, function, records, attempt + 1, "RetryAttemptsExhausted", result
            )
        if whole and len(records) > 1 and mapping.get("BisectBatchOnFunctionError"):
            # "Splitting batches doesn't consume the retry quota."
            half = len(records) // 2
            _deliver(mapping, records[:half], attempt)
            records = records[half:]
            continue
        time.sleep(min(0.1 * 2**attempt, 2.0))
        attempt += 1
    return None


def _not_done(mapping: Json, records: list[Json], result: Json) -> tuple[list[Json], bool]:
    """The records to invoke the function with again, and whether the invocation failed as a whole.

    AWS goes on from the lowest failed sequence number; an identifier that is empty or not of this
    batch makes the whole batch a failure.
    """
    if result.get("error"):
        return records, True
    body = result.get("body")
    if isinstance(body, (str, bytes)):
        try:
            body = json.loads(body)
        except ValueError:
            body = None
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []):
        return [], False
    failures = (body.get("batchItemFailures") if isinstance(body, dict) else None) or []
    reported = {failure.get("itemIdentifier") for failure in failures}
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    if not reported:
        return [], False
    if not reported <= set(numbers):
        return records, True
    return records[min(map(numbers.index, reported)) :], False


def _give_up(
    mapping: Json,
    function: Json,
    records: list[Json],
    invocations: int,
    condition: str,
    result: Json,
) -> None:
    """Send the invocation record to the mapping's on-failure destination.

    S3 gets metadata and the whole batch, under `aws/lambda/{mapping}/{shard}/{time}-{uuid}`,
    written with the function's own role as AWS does, so that a missing permission shows. SQS and
    SNS get the metadata only; the emulator does that.
    """
    destination = (
        (mapping.get("DestinationConfig") or {}).get("OnFailure", {}).get("Destination", "")
    )
    logger.warning("stream mapping gives up on %d records (%s)", len(records), condition)
    if not destination.startswith("arn:aws:s3:::"):
        lambdas._send_ddb_stream_failure_record(
            mapping, function, records, mapping["EventSourceArn"], result, condition
        )
        return
    import boto3  # 0.3 s, needed in this one case

    now, shard = time.gmtime(), "shardId-00000000000000000000-00000000"
    config = function.get("config") or function
    arrivals = [
        record["dynamodb"]["ApproximateCreationDateTime"] for record in (records[0], records[-1])
    ]
    first, last = (
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(arrival)) for arrival in arrivals
    )
    invocation_record = {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": config["FunctionArn"],
            "condition": condition,
            "approximateInvokeCount": invocations,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": config.get("Version", "$LATEST"),
            "functionError": "Unhandled" if result.get("error") else None,
        },
        "version": "1.0",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", now),
        "DDBStreamBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": records[0]["dynamodb"]["SequenceNumber"],
            "endSequenceNumber": records[-1]["dynamodb"]["SequenceNumber"],
            "approximateArrivalOfFirstRecord": first,
            "approximateArrivalOfLastRecord": last,
            "batchSize": len(records),
            "streamArn": mapping["EventSourceArn"],
        },
        "payload": json.dumps({"Records": records}),
    }
    at = time.strftime("%Y-%m-%dT%H.%M.%S", now)
    role = lambda_runtime.execution_credentials(config)
    boto3.client(
        "s3",
        region_name=get_region(),
        aws_access_key_id=role["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=role["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=role["AWS_SESSION_TOKEN"] or None,
    ).put_object(
        Bucket=destination.removeprefix("arn:aws:s3:::"),
        Key=f"aws/lambda/{mapping['UUID']}/{shard}/{at}-{uuid.uuid4()}",
        Body=json.dumps(invocation_record).encode(),
    )


# The SDK calls that custom resources of our templates make.
CUSTOM_RESOURCE_CALLS = ("DescribeTable",)


def javascript_sdk_lists_its_exports() -> None:
    """On Lambda the JavaScript SDK is there, and the CDK's AwsCustomResource searches its exports.

    The emulator stands in for the SDK with modules that answer to any name and list none, and with
    clients that have no configuration. By such a resource a regional stack finds the stream of the
    table's replica there.
    """
    names = json.dumps(["Client", *(f"{call}Command" for call in CUSTOM_RESOURCE_CALLS)])
    get = """        get(_, prop) {
          if (typeof prop !== "string") return undefined;
          if (prop.endsWith("Client")) return GenericClient;
"""
    listing = f"""        ownKeys: () => {names},
        getOwnPropertyDescriptor: () => ({{ enumerable: true, configurable: true }}),
"""
    client = "class GenericClient {\n      constructor(_cfg) {}"
    configured = "class GenericClient {\n      constructor(config) { this.config = %s; }"
    config = "{ apiVersion: config.apiVersion, region: async () => process.env.AWS_REGION }"
    script = lambda_runtime._NODEJS_WORKER_SCRIPT
    script = _replace_once(script, get, listing + get)
    script = _replace_once(script, client, configured % config)
    lambda_runtime._NODEJS_WORKER_SCRIPT = script


class Raised(str):
    """The message of an exception that a function raised, with its class's name."""

    error_type: str


def raised_exception_keeps_its_name() -> None:
    """AWS reports a raised exception's class name as `errorType`.

    The emulator calls each `Runtime.HandlerError`, so that Retry and Catch by name never match.
    """
    plain, named = '"error": str(e), "trace"', '"error": str(e), "type": type(e).__name__, "trace"'
    if plain not in lambda_runtime._PYTHON_WORKER_SCRIPT:
        raise RuntimeError("the emulator's worker script has changed")
    lambda_runtime._PYTHON_WORKER_SCRIPT = lambda_runtime._PYTHON_WORKER_SCRIPT.replace(
        plain, named
    )
    stock_invoke, stock_execute = lambda_runtime.Worker.invoke, lambdas._execute_function_warm

    def invoke(*args: Any, **kwargs: Any) -> Json:
        result = stock_invoke(*args, **kwargs)
        if "type" in result:
            result["error"] = Raised(result["error"])
            result["error"].error_type = result["type"]
        return result

    def execute(*args: Any, **kwargs: Any) -> Json:
        result = stock_execute(*args, **kwargs)
        body = result.get("body")
        if isinstance(body, dict) and isinstance(body.get("errorMessage"), Raised):
            body["errorType"] = body["errorMessage"].error_type
        return result

    lambda_runtime.Worker.invoke = invoke
    lambdas._execute_function_warm = execute


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


# CloudWatch


def alarm_evaluation() -> None:
    """AWS looks at an alarm's own dimensions, at each of its periods, and at missing data.

    The emulator takes data points of any dimensions (queue A's sets off queue B's alarm), ignores
    "M out of N", and leaves an alarm alone when there is no data, so that one on something that no
    longer happens never returns to OK. Every dead-letter alarm depends on all three.
    """

    def evaluate(alarm: Json) -> None:
        state, reason = _alarm_state(alarm)
        previous = alarm["StateValue"]
        if state is None or state == previous:
            return
        alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
        cloudwatch._record_history(alarm["AlarmName"], previous, state, reason)
        cloudwatch._dispatch_alarm_actions(alarm, previous, state, reason)
        cloudwatch._evaluate_parent_alarms(alarm)

    cloudwatch._evaluate_alarm = evaluate


def _alarm_state(alarm: Json) -> tuple[str | None, str]:
    """The state that the alarm's data points call for (None: that which it has), and why."""
    dimensions = {d["Name"]: d["Value"] for d in alarm.get("Dimensions") or []}
    key = (alarm.get("Namespace"), alarm.get("MetricName"), cloudwatch._dims_key(dimensions))
    points = list(cloudwatch._metrics.get(key) or [])
    period, periods = int(alarm.get("Period", 60)), int(alarm.get("EvaluationPeriods", 1))
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
    now, values = time.time(), []
    for age in range(periods):
        end = now - age * period
        recent = [p for p in points if end - period < p["Timestamp"] <= end]
        if recent:
            values.append(cloudwatch._stat_value(cloudwatch._calc_stats(recent), statistic, recent))
    threshold, operator = alarm.get("Threshold", 0), alarm.get("ComparisonOperator", "")
    breaches = {
        "GreaterThanOrEqualToThreshold": lambda value: value >= threshold,
        "GreaterThanThreshold": lambda value: value > threshold,
        "LessThanThreshold": lambda value: value < threshold,
        "LessThanOrEqualToThreshold": lambda value: value <= threshold,
    }[operator]
    breaching = sum(map(breaches, values))
    missing, treatment = periods - len(values), alarm.get("TreatMissingData") or "missing"
    if treatment == "breaching":
        breaching += missing
    needed = int(alarm.get("DatapointsToAlarm") or periods)
    if breaching >= needed:
        return "ALARM", f"Threshold Crossed: {statistic} {values} {operator} {threshold}"
    if missing == periods and treatment == "ignore":
        return None, ""
    if missing == periods and treatment == "missing":
        return "INSUFFICIENT_DATA", "Insufficient Data: no data points were received"
    return "OK", f"Threshold not crossed: {statistic} {values}, {missing} missing"


def alarm_changes_are_events() -> None:
    """AWS sends "CloudWatch Alarm State Change" to EventBridge at every change of an alarm's state.

    The emulator never does. Workflows start by it.
    """
    stock = cloudwatch._record_history
    states: dict[str, Json] = {}

    def record(
        name: str, old: str, new: str, reason: str, kind: str = "MetricAlarm", data: Any = None
    ) -> None:
        stock(name, old, new, reason, kind, data)
        alarm = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name)
        if alarm is None or old == new:
            return
        timestamp = time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime())
        state = {"value": new, "reason": reason, "timestamp": timestamp}
        if data is not None:
            state["reasonData"] = json.dumps(data)
        previous = states.get(alarm["AlarmArn"], {"timestamp": timestamp})
        states[alarm["AlarmArn"]] = state
        detail = {
            "alarmName": name,
            "configuration": _alarm_configuration(alarm),
            "previousState": {**previous, "value": old},
            "state": state,
        }
        entry = {
            "Source": "aws.cloudwatch",
            "DetailType": "CloudWatch Alarm State Change",
            "Detail": json.dumps(detail),
            "Resources": [alarm["AlarmArn"]],
        }
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)

    cloudwatch._record_history = record


def _alarm_configuration(alarm: Json) -> Json:
    description = {"description": alarm.get("AlarmDescription") or ""}
    if "AlarmRule" in alarm:
        return {**description, "alarmRule": alarm["AlarmRule"]}
    metric = {
        "namespace": alarm.get("Namespace"),
        "name": alarm.get("MetricName"),
        "dimensions": {d["Name"]: d["Value"] for d in alarm.get("Dimensions") or []},
    }
    statistic = {"metric": metric, "period": alarm.get("Period"), "stat": alarm.get("Statistic")}
    return {**description, "metrics": [{"id": "m1", "metricStat": statistic, "returnData": True}]}


def composite_alarms_from_cloudformation() -> None:
    """AWS creates `AWS::CloudWatch::CompositeAlarm` from a template.

    The emulator has composite alarms, but refuses the whole template for this type. Only composites
    notify operators here.
    """
    parameters = (
        "AlarmRule", "AlarmDescription", "ActionsEnabled", "AlarmActions", "OKActions",
        "InsufficientDataActions", "Tags",
    )  # fmt: skip
    suppression = (
        "ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod",
    )  # fmt: skip

    def put(name: str, properties: Json) -> tuple[str, Json]:
        request = {key: properties[key] for key in parameters if key in properties}
        status, _, body = cloudwatch._put_composite_alarm(
            {}, {"AlarmName": name, **request}, False, True
        )
        if status != 200:
            raise ValueError(body.decode())
        alarm = cloudwatch._composite_alarms[name]
        alarm.update({key: properties[key] for key in suppression if key in properties})
        return name, {"Arn": alarm["AlarmArn"]}

    def name_of(logical_id: str, properties: Json, stack: str) -> str:
        return properties.get("AlarmName") or cloudformation._physical_name(
            stack, logical_id, max_len=255
        )

    def create(logical_id: str, properties: Json, stack: str) -> tuple[str, Json]:
        return put(name_of(logical_id, properties, stack), properties)

    def update(name: str, _old: Json, new: Json, _stack: str) -> tuple[str, Json]:
        return put(name, new)

    def delete(name: str, _properties: Json) -> None:
        cloudwatch._delete_alarms({}, {"AlarmNames": [name]}, False, True)

    cloudformation._RESOURCE_HANDLERS["AWS::CloudWatch::CompositeAlarm"] = {
        "create": create, "update": update, "delete": delete,
    }  # fmt: skip


def _suppressed(alarm: Json) -> bool:
    name = str(alarm["ActionsSuppressor"]).rsplit(":", 1)[-1]
    suppressor = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name) or {}
    return suppressor.get("StateValue") == "ALARM"


def _due(alarm: Json, due: float | None) -> float | None:
    """When the held actions of a composite are performed, given when they were to be until now."""
    if _suppressed(alarm):
        return None
    if due is None:
        return time.time() + int(alarm.get("ActionsSuppressorExtensionPeriod", 0))
    return due


def suppressed_actions_wait() -> None:
    """AWS holds back a composite alarm's actions while its ActionsSuppressor is in ALARM.

    It waits for the suppressor when the composite goes off, and for an extension when the suppressor
    ends; then it acts, if the composite is still in ALARM. The emulator acts at once. Triage's message
    is to take the place of the alarm's.
    """
    stock_dispatch, stock_evaluate = (
        cloudwatch._dispatch_alarm_actions, cloudwatch._evaluate_all_alarms,
    )  # fmt: skip
    # What is held back, by alarm, and when it is due; never, as long as it is suppressed.
    held: dict[str, tuple[str, str, float | None]] = {}

    def dispatch(alarm: Json, old: str, new: str, reason: str) -> None:
        if not alarm.get("ActionsSuppressor"):
            stock_dispatch(alarm, old, new, reason)
        elif new == "ALARM":
            due = time.time() + int(alarm.get("ActionsSuppressorWaitPeriod", 0))
            held[alarm["AlarmArn"]] = (old, reason, due)
        else:
            held.pop(alarm["AlarmArn"], None)
            if not _suppressed(alarm):
                stock_dispatch(alarm, old, new, reason)

    def evaluate() -> None:
        stock_evaluate()
        for alarm in list(cloudwatch._composite_alarms.values()):
            if alarm["AlarmArn"] not in held:
                continue
            old, reason, due = held[alarm["AlarmArn"]]
            due = _due(alarm, due)
            held[alarm["AlarmArn"]] = (old, reason, due)
            if due is not None and due <= time.time():
                del held[alarm["AlarmArn"]]
                stock_dispatch(alarm, old, "ALARM", reason)

    cloudwatch._dispatch_alarm_actions, cloudwatch._evaluate_all_alarms = dispatch, evaluate


def queue_metrics_and_alarm_clock() -> None:
    """AWS measures every queue's depth, and evaluates alarms whether or not data comes in.

    The emulator has no `AWS/SQS` metrics and looks at alarms only when somebody puts a metric.
    The depth alarms of the dead-letter queues are the backstop, and an alarm has to end by itself.
    """
    recorded: dict[tuple[str, str], tuple[float, float]] = {}

    def measure(queue: Json) -> None:
        now, messages = time.time(), list(queue["messages"])
        visible = sum(message["visible_at"] <= now for message in messages)
        delayed = sum(m["visible_at"] > now and not m["receive_count"] for m in messages)
        depths = {
            "ApproximateNumberOfMessagesVisible": visible,
            "ApproximateNumberOfMessagesDelayed": delayed,
            "ApproximateNumberOfMessagesNotVisible": len(messages) - visible - delayed,
        }
        arn = queue["attributes"]["QueueArn"]
        for metric, depth in depths.items():
            value, at = recorded.get((arn, metric), (None, 0.0))
            if depth != value or now - at > REPEAT_SECONDS:
                recorded[arn, metric] = (depth, now)
                dimensions = {"QueueName": arn.rsplit(":", 1)[1]}
                cloudwatch.record_metric("AWS/SQS", metric, depth, "Count", dimensions)

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


# What services measure of themselves


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


# Step Functions


def succeed_state_has_an_output() -> None:
    """AWS evaluates a Succeed state's `Output` (JSONata). The emulator passes its input on."""
    stock = stepfunctions._apply_output_path

    def apply(state: Json, data: Any, context: Json | None = None) -> Any:
        if state.get("Type") == "Succeed" and "Output" in state:
            return stepfunctions._apply_jsonata_output(state, data, context)
        return stock(state, data, context)

    stepfunctions._apply_output_path = apply


# IAM


def batches_need_the_single_action() -> None:
    """On AWS `SendMessageBatch` needs `sqs:SendMessage`, `PublishBatch` needs `sns:Publish`, etc.

    The emulator asks for actions by the names of the batch operations, which are none.
    """
    stock = iam_actions.extract_iam_action

    def extract(service: str, *request: Any) -> str | None:
        action = stock(service, *request)
        return action.removesuffix("Batch") if action and service in ("sqs", "sns") else action

    iam_actions.extract_iam_action = extract


def loopback_counts_as_secure_transport() -> None:
    """On AWS every call is TLS, so `aws:SecureTransport` is true.

    The emulator speaks HTTP on the loopback interface, and with IAM enforced our own TLS-only
    policies (buckets, queues, topics, the CDK's bootstrap bucket) would refuse every call.
    """
    stock = app.pin_request_origin

    def pin(source_ip: str, secure_transport: bool) -> None:
        stock(source_ip, secure_transport or source_ip in ("127.0.0.1", "::1"))

    app.pin_request_origin = pin


def conditions_see_keys_and_attributes() -> None:
    """AWS tells a policy's conditions which partition keys and attributes a request is about.

    The emulator has no `dynamodb:LeadingKeys`, and of a BatchGetItem no attributes. Roles are limited
    to some rows of the ledger, and to some attributes of the events.
    """
    stock = iam_actions.dynamodb_service_context

    def context(body: bytes) -> Json:
        request = json.loads(body or b"{}")
        tables: Json = request.get("RequestItems", {})
        reads = [wanted for wanted in tables.values() if isinstance(wanted, dict)]
        found: Json = stock(json.dumps(reads[0]).encode() if reads else body)
        if keys := list(_leading_keys(request)):
            found["dynamodb:LeadingKeys"] = keys
        return found

    iam_actions.dynamodb_service_context = context


def _leading_keys(request: Json) -> Iterator[str]:
    """The values of partition keys that a request names; the tables here have one named `pk`."""
    named = [request.get("Key"), request.get("Item")]
    for wanted in request.get("RequestItems", {}).values():
        named += wanted.get("Keys", ()) if isinstance(wanted, dict) else ()
    for statement in request.get("Statements", [request] if "Statement" in request else []):
        try:
            parsed = dynamodb._parse_partiql(
                statement["Statement"], statement.get("Parameters", [])
            )
        except (KeyError, ValueError):
            continue  # the handler says what is wrong with it
        item = parsed.get("item") or {}
        named.append(item["M"] if set(item) == {"M"} else item)
        named += [{name: value} for name, op, value in parsed["conditions"] if op == "="]
    for item in named:
        if item and (key := item.get("pk")):
            yield from key.values()


def conditions_see_if_none_match() -> None:
    """AWS tells a policy's conditions of a PutObject's `If-None-Match`; the emulator does not.

    Our buckets refuse every write without it.
    """
    stock = iam_actions.s3_service_context

    def context(action: str, query: Json, path: str = "", headers: Json | None = None) -> Json:
        found: Json = stock(action, query, path, headers)
        condition = (headers or {}).get("if-none-match")
        if action == "s3:PutObject" and condition:
            found["s3:if-none-match"] = condition
        return found

    iam_actions.s3_service_context = context


# Not a difference, but the longest wait in a deployment


def stack_status_waits_for_a_change() -> None:
    """AWS answers DescribeStacks at once; here the answer waits, briefly, for the stack to settle.

    The CDK CLI asks every five seconds, and our stacks take two.
    """
    stock = app.SERVICE_HANDLERS["cloudformation"]

    def busy() -> bool:
        statuses = [stack.get("StackStatus", "") for stack in stacks.values()]
        return any(status.endswith("_IN_PROGRESS") for status in statuses)

    async def handle(
        method: str, path: str, headers: Json, body: bytes, query_params: Json
    ) -> tuple[int, Json, bytes]:
        if b"Action=DescribeStacks&" in body:
            deadline = time.monotonic() + 4
            while busy() and time.monotonic() < deadline:
                await asyncio.sleep(0.05)
        return await stock(method, path, headers, body, query_params)

    app.SERVICE_HANDLERS["cloudformation"] = handle


SHIMS: tuple[Callable[[], None], ...] = (
    proxy_event_names_the_api_key,
    integration_failure_is_a_gateway_response,
    disabled_api_key_is_refused,
    global_table_settings_from_cloudformation,
    partiql_insert_is_a_write_like_any_other,
    stream_mapping_retries_and_gives_up,
    javascript_sdk_lists_its_exports,
    raised_exception_keeps_its_name,
    embedded_metrics_in_logs_become_metrics,
    alarm_evaluation,
    alarm_changes_are_events,
    composite_alarms_from_cloudformation,
    suppressed_actions_wait,
    queue_metrics_and_alarm_clock,
    services_measure_themselves,
    succeed_state_has_an_output,
    batches_need_the_single_action,
    loopback_counts_as_secure_transport,
    conditions_see_keys_and_attributes,
    conditions_see_if_none_match,
    stack_status_waits_for_a_change,
)


def end_with_stdin() -> None:
    """Stop when the other end of stdin is closed, which it is also when its holder is killed."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)  # a deployment in progress makes the emulator ignore SIGTERM
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    for shim in SHIMS:
        shim()
    if "--while-stdin-is-open" in sys.argv:
        sys.argv.remove("--while-stdin-is-open")
        end_with_stdin()
    app.main()
