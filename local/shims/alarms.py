"""CloudWatch: when alarms change, and what their changes cause."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, eventbridge
from ministack.services import lambda_svc as lambdas
from ministack.services.cloudformation import provisioners as cloudformation

from .patching import Json

if TYPE_CHECKING:
    from collections.abc import Callable

SUPPRESSION = (
    "ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod",
)  # fmt: skip


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


def alarms_invoke_functions() -> None:
    """AWS invokes the functions among an alarm's actions, asynchronously, with `alarmData`.

    The emulator sends to topics, and passes over functions. One of ours writes alarms as mails. Of a
    composite one AWS's documentation shows no description there, so there is none here.
    """
    stock = cloudwatch._dispatch_alarm_actions
    lists = {
        "ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions",
    }  # fmt: skip

    def dispatch(alarm: Json, old: str, new: str, reason: str) -> None:
        stock(alarm, old, new, reason)
        for action in alarm.get(lists[new]) or [] if alarm.get("ActionsEnabled", True) else []:
            if ":lambda:" not in action:
                continue
            function, _config, _name = lambdas._get_func_record_for_ref(action)
            if function:
                lambdas.invoke_async_with_retry(function, _alarm_event(alarm, old, new, reason))

    cloudwatch._dispatch_alarm_actions = dispatch


def _alarm_event(alarm: Json, old: str, new: str, reason: str) -> Json:
    changed = time.gmtime(alarm.get("StateUpdatedTimestamp", time.time()))
    timestamp = time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", changed)
    configuration = _alarm_configuration(alarm)
    if "AlarmRule" in alarm:
        del configuration["description"]
    state = {"value": new, "reason": reason, "timestamp": timestamp}
    if data := alarm.get("StateReasonData"):
        state["reasonData"] = data
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm["AlarmArn"],
        "accountId": get_account_id(),
        "time": timestamp,
        "region": get_region(),
        "alarmData": {
            "alarmName": alarm["AlarmName"],
            "state": state,
            "previousState": {"value": old},
            "configuration": configuration,
        },
    }


def composite_alarms_from_cloudformation() -> None:
    """AWS creates `AWS::CloudWatch::CompositeAlarm` from a template.

    The emulator has composite alarms, but refuses the whole template for this type. Only composites
    notify operators here.
    """
    parameters = (
        "AlarmRule", "AlarmDescription", "ActionsEnabled", "AlarmActions", "OKActions",
        "InsufficientDataActions", "Tags", *SUPPRESSION,
    )  # fmt: skip

    def put(name: str, properties: Json) -> tuple[str, Json]:
        request = {key: properties[key] for key in parameters if key in properties}
        status, _, body = cloudwatch._put_composite_alarm(
            {}, {"AlarmName": name, **request}, False, True
        )
        if status != 200:
            raise ValueError(body.decode())
        return name, {"Arn": cloudwatch._composite_alarms[name]["AlarmArn"]}

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


def _keeping_suppressor(stock: Callable[..., Any]) -> Callable[..., Any]:
    def put(params: Json, data: Json, is_cbor: bool, is_json: bool = False) -> Any:
        answer = stock(params, data, is_cbor, is_json)
        # SDKs send CBOR or JSON; the parameters of a query are left out.
        if answer[0] == 200 and (is_cbor or is_json):
            alarm = cloudwatch._composite_alarms[data["AlarmName"]]
            alarm.update({key: data[key] for key in SUPPRESSION if key in data})
        return answer

    return put


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
    ends; then it acts, if the composite is still in ALARM. The emulator forgets the suppressor, and acts
    at once. Triage's message is to take the place of the alarm's.
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

    cloudwatch._put_composite_alarm = _keeping_suppressor(cloudwatch._put_composite_alarm)
    cloudwatch._dispatch_alarm_actions, cloudwatch._evaluate_all_alarms = dispatch, evaluate
