"""What the local page shows of a deployment, read from its CloudWatch, Step Functions and Lambda."""

from __future__ import annotations

import json
import time
from math import isfinite
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from eventing.alarm_text import AlarmText
from eventing.foreign_text import plain
from local.foreign import json_object
from local.metric_math import NotUnderstoodError, Series, evaluate
from local.widget_html import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from local.deployment import Deployment

Json = Any

MINUTES = range(5, 24 * 60 + 1)
_QUERIES_PER_CALL = 500
_EXECUTIONS = 10
# Of what became of letters, which are fewer, and characters of that.
_FATES, _LETTERS = 10, 300
# What the page shows of an execution's input.
_SHOWN_INPUT = ("action", "stage", "started_by")
_FINISHED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
# What triage does with messages, and how that is said.
_TRIAGED = {
    "recorded": "recorded",
    "known": "known before",
    "junk": "no dead letters",
    "left": "left in the queue",
}


class View:
    """What there is to see of a deployment, read from its CloudWatch and Step Functions."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._finished: dict[str, Json] = {}
        # boto3's clients are made once, and not by two threads at a time.
        self._cloudwatch = deployment.client("cloudwatch")
        self._stepfunctions = deployment.client("stepfunctions")
        self._lambda = deployment.client("lambda")

    def dashboards(self) -> list[Json]:
        """The deployed dashboards with their widgets, as CloudWatch has them."""
        names = [
            entry["DashboardName"]
            for entry in self._cloudwatch.list_dashboards()["DashboardEntries"]
        ]
        found = []
        for name in names:
            body = self._cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]
            title = in_words(name, self._deployment.name, self._deployment.region)
            found.append({"name": name, "title": title, "widgets": _widgets(body)})
        return sorted(found, key=_order)

    def live(self, minutes: int) -> Json:
        """Alarms, executions, and what each widget shows that shows any, for the last `minutes`."""
        now = int(time.time())
        boards = self.dashboards()
        drawn = self._drawn(boards)
        return {
            "now": now,
            "alarms": self.alarms(),
            "executions": list(self._executions()),
            "waiting": next(
                (answer for endpoint, answer in drawn.items() if self._is_ours(endpoint)),
                {"cannot": "No dashboard draws what waits."},
            ),
            "series": {
                board["name"]: self._shown(board["widgets"], drawn, now, minutes)
                for board in boards
            },
        }

    def alarms(self) -> list[Json]:
        """All alarms but those that only mute another."""
        return list(self._alarms())

    def _alarms(self) -> Iterator[Json]:
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        for page in pages:
            for kind in ("CompositeAlarms", "MetricAlarms"):
                for alarm in page.get(kind, ()):
                    name = alarm["AlarmName"]
                    # It is on while all goes as it should: it only mutes another.
                    if name.endswith("-reported"):
                        continue
                    text = AlarmText.read(alarm.get("AlarmDescription", ""))
                    yield {
                        "name": name,
                        "title": in_words(name, self._deployment.name),
                        "arn": alarm["AlarmArn"],
                        "state": alarm["StateValue"],
                        "since": alarm["StateUpdatedTimestamp"].timestamp(),
                        "what": text.what,
                        "users": text.users,
                        "next": f"eventing {text.next}" if text.next else "",
                        "runbook": _link(text.runbook),
                        "composite": kind == "CompositeAlarms",
                    }

    def _executions(self) -> Iterator[Json]:
        listed = self._stepfunctions.list_executions(
            stateMachineArn=self._deployment.outputs["RedriveStateMachineArn"],
            maxResults=_EXECUTIONS,
        )["executions"]
        for execution in listed:
            arn = execution["executionArn"]
            described = self._finished.get(arn) or self._stepfunctions.describe_execution(
                executionArn=arn
            )
            if described["status"] in _FINISHED:
                self._finished[arn] = described
            output = json_object(described.get("output"))
            yield {
                "name": described["name"],
                "status": described["status"],
                "input": {
                    name: plain(value)
                    for name, value in json_object(described.get("input")).items()
                    if name in _SHOWN_INPUT
                },
                "outcome": plain(output.get("outcome") or described.get("error") or ""),
                "letters": _letters(output) if described["status"] in _FINISHED else "under way",
                "started": described["startDate"].timestamp(),
                "stopped": stop.timestamp() if (stop := described.get("stopDate")) else None,
            }

    def _drawn(self, boards: Sequence[Json]) -> dict[str, Json]:
        """What each custom widget's function answers, by its ARN: each is asked once."""
        drawn: dict[str, Json] = {}
        for board in boards:
            for widget in board["widgets"]:
                if widget["type"] == "custom":
                    endpoint = str(widget["properties"].get("endpoint"))
                    if endpoint not in drawn:
                        drawn[endpoint] = self._ask(endpoint, board["name"])
        return drawn

    def _ask(self, endpoint: str, board: str) -> Json:
        """Call a widget's function as CloudWatch does; its HTML, or why there is none."""
        # In CloudWatch whoever looks has to allow each function: what one does is its author's choice.
        if not self._is_ours(endpoint):
            return {"cannot": "This page calls the function of its own deployment only."}
        context = {"dashboardName": board, "locale": "en", "params": {}}
        failed = {"cannot": "The widget's function can't be called, or has failed."}
        try:
            answer = self._lambda.invoke(
                FunctionName=endpoint, Payload=json.dumps({"widgetContext": context})
            )
            content = json.loads(answer["Payload"].read())
        except (BotoCoreError, ClientError, ValueError):
            return failed
        if "FunctionError" in answer or not isinstance(content, str):
            return failed
        return {"html": harmless(content)}

    def _is_ours(self, endpoint: str) -> bool:
        return endpoint.endswith(f":function:{self._deployment.name}-widget")

    def _shown(
        self, widgets: Sequence[Json], drawn: Mapping[str, Json], now: int, minutes: int
    ) -> list[Json]:
        """For each widget its series or HTML, why it has none, or None where none are asked for."""
        results: list[Json] = []
        for widget in widgets:
            if widget["type"] == "custom":
                results.append(drawn[str(widget["properties"].get("endpoint"))])
                continue
            if "metrics" not in widget["properties"]:
                results.append(None)
                continue
            try:
                results.append(self._widget(widget["properties"], now, minutes))
            except NotUnderstoodError as error:
                results.append({"cannot": f"This page does not know {error}."})
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
                # Somebody's own dashboard: CloudWatch says what is wrong with it, this page does not.
                results.append({"cannot": "This page does not understand this widget."})
        return results

    def _widget(self, properties: Json, now: int, minutes: int) -> Json:
        period: int = properties.get("period", 60)
        last = now // period * period
        times = range(last - minutes * 60 // period * period, last + 1, period)
        rows = [
            _Row.read(number, row, properties) for number, row in enumerate(properties["metrics"])
        ]
        metrics = self._metrics([row for row in rows if not row.expression], times)
        drawn = []
        for row in rows:
            if not row.options.get("visible", True):
                continue
            series = evaluate(row.expression, metrics, times) if row.expression else metrics[row.id]
            drawn.append(
                {
                    "label": row.label,
                    "color": row.options.get("color"),
                    "axis": row.options.get("yAxis", "left"),
                    "values": [series.get(moment) for moment in times],
                }
            )
        return {"times": list(times), "series": drawn}

    def _metrics(self, rows: Sequence[_Row], times: range) -> dict[str, Series]:
        queries = [row.query(times.step) for row in rows]
        found: dict[str, Series] = {row.id: {} for row in rows}
        for start in range(0, len(queries), _QUERIES_PER_CALL):
            answer = self._cloudwatch.get_metric_data(
                MetricDataQueries=queries[start : start + _QUERIES_PER_CALL],
                StartTime=times[0],
                EndTime=times[-1] + times.step,
            )
            for result in answer["MetricDataResults"]:
                found[result["Id"]] = {
                    int(moment.timestamp()): value
                    for moment, value in zip(result["Timestamps"], result["Values"], strict=True)
                    if isfinite(value)  # JSON has no other numbers
                }
        return found


class _Row:
    """One entry of a widget's `metrics`: a metric with its dimensions, or an expression."""

    def __init__(self, id: str, names: Sequence[str], options: Json) -> None:
        self.id = id
        self.names = names
        self.options = options
        self.expression: str | None = options.get("expression")
        self.label: str = options.get("label") or (names[1] if names else self.expression)

    @classmethod
    def read(cls, number: int, row: Sequence[Json], properties: Json) -> _Row:
        names = [part for part in row if isinstance(part, str)]
        (options,) = [part for part in row if isinstance(part, dict)] or [{}]
        if any(name.startswith(".") for name in names):
            raise NotUnderstoodError("metrics that leave out what the one above them says")
        options = {"stat": properties.get("stat", "Average"), **options}
        return cls(options.get("id", f"row{number}"), names, options)

    def query(self, period: int) -> Json:
        namespace, name, *dimensions = self.names
        pairs = zip(dimensions[::2], dimensions[1::2], strict=True)
        metric = {
            "Namespace": namespace,
            "MetricName": name,
            "Dimensions": [{"Name": n, "Value": v} for n, v in pairs],
        }
        stat = {"Metric": metric, "Period": period, "Stat": self.options["stat"]}
        return {"Id": self.id, "MetricStat": stat}


def _widgets(body: str) -> list[Json]:
    """The widgets of a dashboard's body, but for those that are none."""
    widgets = json_object(body).get("widgets")
    return [
        widget
        for widget in (widgets if isinstance(widgets, list) else ())
        if isinstance(widget, dict)
        and isinstance(widget.get("properties"), dict)
        and isinstance(widget.get("type"), str)
    ]


def _order(board: Json) -> tuple[bool, str]:
    """What operators look at first comes first."""
    return "-operations-" not in board["name"], board["name"]


def in_words(name: str, deployment: str, region: str = "") -> str:
    """The name of an alarm or a dashboard as a title: `eventing-dead-letters` is `Dead letters`."""
    words = name.removeprefix(f"{deployment}-").removesuffix(f"-{region}").replace("-", " ")
    return plain(words[:1].upper() + words[1:])


def _link(address: str) -> str:
    """The address of a page that may be opened, or nothing."""
    if address.startswith("https://"):
        return address
    return f"/{address}" if address.startswith("docs/") else ""


def _letters(output: Mapping[str, Any]) -> str:
    """What an execution has done with how many letters, by what it put out."""
    counts = output.get("counts") or output.get("junk")
    if isinstance(counts, dict) and counts:
        some = list(counts.items())[:_FATES]
        return plain(", ".join(f"{n} {fate}" for fate, n in some), _LETTERS)
    plan = output.get("plan")
    if isinstance(plan, dict):
        return f"{plain(plan.get('letters', 0))} planned"
    triaged = output.get("triage")
    stages = (
        [one for one in triaged.values() if isinstance(one, dict)]
        if isinstance(triaged, dict)
        else []
    )
    sums = {
        said: sum(n for one in stages if isinstance(n := one.get(kind), int))
        for kind, said in _TRIAGED.items()
    }
    return ", ".join(f"{n} {said}" for said, n in sums.items() if n) or "none"
