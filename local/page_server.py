"""A page that draws the deployed dashboards, for want of a CloudWatch console on a laptop."""

from __future__ import annotations

import json
import threading
import time
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import isfinite
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from eventing.foreign_text import plain
from local.cloud import ROOT
from local.foreign import json_object
from local.metric_math import NotUnderstoodError, Series, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from local.deployment import Deployment
    from local.mailbox import Mailbox

Json = Any

PAGE = ROOT / "local" / "page"
MODULES = ROOT / "node_modules"
# Nothing but these files is served, and the page loads nothing from anywhere else.
FILES: Mapping[str, tuple[Any, str]] = {
    "/": (PAGE / "index.html", "text/html"),
    "/page.css": (PAGE / "page.css", "text/css"),
    "/page.js": (PAGE / "page.js", "text/javascript"),
    "/mailbox.js": (PAGE / "mailbox.js", "text/javascript"),
    "/uplot.css": (MODULES / "uplot" / "dist" / "uPlot.min.css", "text/css"),
    "/uplot.js": (MODULES / "uplot" / "dist" / "uPlot.esm.js", "text/javascript"),
    "/marked.js": (MODULES / "marked" / "lib" / "marked.esm.js", "text/javascript"),
    "/docs/runbook.md": (ROOT / "docs" / "runbook.md", "text/markdown"),
}
MINUTES = range(5, 24 * 60 + 1)
_QUERIES_PER_CALL = 500
_EXECUTIONS = 10
# What the page shows of an execution's input.
_SHOWN_INPUT = ("action", "stage", "started_by")
_FINISHED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


class DashboardPage:
    """Serves the page, with a mailbox if there is one, on a free port of 127.0.0.1 while it is open."""

    def __init__(self, deployment: Deployment, mailbox: Mailbox | None = None) -> None:
        self._view = View(deployment)
        self._mailbox = mailbox

    def __enter__(self) -> Self:
        handler = partial(_Handler, self._view, self._mailbox)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True, name="page").start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where a browser finds the page."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"


class View:
    """What there is to see of a deployment, read from its CloudWatch and Step Functions."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._finished: dict[str, Json] = {}
        # boto3's clients are made once, and not by two threads at a time.
        self._cloudwatch = deployment.client("cloudwatch")
        self._stepfunctions = deployment.client("stepfunctions")

    def dashboards(self) -> list[Json]:
        """The deployed dashboards with their widgets, as CloudWatch has them."""
        names = [
            entry["DashboardName"]
            for entry in self._cloudwatch.list_dashboards()["DashboardEntries"]
        ]
        found = []
        for name in names:
            body = self._cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]
            found.append({"name": name, "widgets": _widgets(body)})
        return sorted(found, key=_order)

    def live(self, minutes: int) -> Json:
        """Alarms, executions, and the series of every widget that has any, for the last `minutes`."""
        now = int(time.time())
        return {
            "now": now,
            "alarms": list(self._alarms()),
            "executions": list(self._executions()),
            "series": {
                board["name"]: self._series(board["widgets"], now, minutes)
                for board in self.dashboards()
            },
        }

    def _alarms(self) -> Iterator[Json]:
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        for page in pages:
            for kind in ("CompositeAlarms", "MetricAlarms"):
                for alarm in page.get(kind, ()):
                    yield {
                        "name": alarm["AlarmName"],
                        "arn": alarm["AlarmArn"],
                        "state": alarm["StateValue"],
                        "reason": alarm.get("StateReason", ""),
                        "since": alarm["StateUpdatedTimestamp"].timestamp(),
                        "description": alarm.get("AlarmDescription", ""),
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
            counts = output.get("counts")
            yield {
                "name": described["name"],
                "status": described["status"],
                "input": {
                    name: plain(value)
                    for name, value in json_object(described.get("input")).items()
                    if name in _SHOWN_INPUT
                },
                "outcome": plain(output.get("outcome") or described.get("error") or ""),
                "counts": counts if isinstance(counts, dict) else None,
                "started": described["startDate"].timestamp(),
                "stopped": stop.timestamp() if (stop := described.get("stopDate")) else None,
            }

    def _series(self, widgets: Sequence[Json], now: int, minutes: int) -> list[Json]:
        """For each widget its series, why it has none, or None where none are asked for."""
        results: list[Json] = []
        for widget in widgets:
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
        if isinstance(widget, dict) and isinstance(widget.get("properties"), dict)
    ]


def _order(board: Json) -> tuple[bool, str]:
    """What operators look at first comes first."""
    return "-operations-" not in board["name"], board["name"]


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, view: View, mailbox: Mailbox | None, *args: Any) -> None:
        self._view = view
        self._mailbox = mailbox
        super().__init__(*args)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if not self._is_from_here():
            self._send(HTTPStatus.FORBIDDEN, "text/plain", b"not from here")
        elif url.path in FILES:
            file, kind = FILES[url.path]
            self._send(HTTPStatus.OK, kind, file.read_bytes())
        elif url.path == "/api/dashboards":
            self._answer(self._view.dashboards)
        elif url.path == "/api/mails":
            self._answer(self._mailbox.newest_first if self._mailbox else list)
        elif url.path == "/api/live":
            text = parse_qs(url.query).get("minutes", ["15"])[0]
            minutes = int(text) if text.isdecimal() and int(text) in MINUTES else 15
            self._answer(lambda: self._view.live(minutes))
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"not here")

    def _is_from_here(self) -> bool:
        """Whether the request came by this server's own name, and not from a page of elsewhere.

        Any other name is some site's that was made to lead here. Browsers say which page asks.
        """
        port = cast("ThreadingHTTPServer", self.server).server_port
        names = {f"127.0.0.1:{port}", f"localhost:{port}"}
        origins = {f"http://{name}" for name in names}
        hosts = self.headers.get_all("host") or []
        return (
            len(hosts) == 1
            and hosts[0] in names
            and set(self.headers.get_all("origin") or []) <= origins
            and self.headers.get("sec-fetch-site", "none") in ("none", "same-origin")
        )

    def _answer(self, get: Any) -> None:
        try:
            body = json.dumps(get()).encode()
        except (BotoCoreError, ClientError) as error:
            # The page says so, and asks again.
            self._send(HTTPStatus.BAD_GATEWAY, "text/plain", str(error).encode())
        else:
            self._send(HTTPStatus.OK, "application/json", body)

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", f"{kind}; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "no-store")
        self.send_header(
            "content-security-policy", "default-src 'self'; img-src data:; base-uri 'none'"
        )
        self.send_header("x-content-type-options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Requests of the page are no news."""
