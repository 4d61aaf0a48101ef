"""Whatever arrives at a topic or a state machine: the run, its page and the list of arrivals go on."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from local.demo import Arrival, arrivals
from local.deployment import Deployment
from local.page_server import DashboardPage
from tests.end_to_end.conftest import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.lab import Lab

PREFIX = "arn:aws:sns:us-east-1:000000000000:shop-topic-"
ESCAPE = "\x1b[2J"
HOSTILE = {
    "no JSON": "hello",
    "nothing": " ",
    "null": "null",
    "a list": "[1]",
    "a text": '"id"',
    "a number": "1e999",
    "no number": "NaN",
    "a number with 5,000 digits": "9" * 5000,
    "deep": "[" * 100_000,
    "an event without an id": '{"type": "a"}',
    "an id that is no text": '{"id": {"a": 1}, "type": "b"}',
    "a type that is no text": '{"id": "1", "type": null}',
    "commands for the terminal": json.dumps({"id": f"{ESCAPE}\r\n1", "type": "a\u202e\u2028b"}),
    "half a character": '{"id": "\\ud800", "type": "a"}',
    "much": json.dumps({"id": "x" * 200_000, "type": "a"}),
}


def notification(message: str) -> str:
    return json.dumps({"TopicArn": f"{PREFIX}orders", "Message": message})


@pytest.mark.parametrize("kind", HOSTILE)
def test_whatever_a_message_is_it_is_one_line_of_the_list(kind: str) -> None:
    for body in (notification(HOSTILE[kind]), HOSTILE[kind]):
        line = str(Arrival.read(body, topic_prefix=PREFIX, at=0.0))

        assert line.isprintable()
        assert line.replace("…", "").isascii()  # the ellipsis is ours: text was cut
        assert len(line) < 2000


@pytest.mark.parametrize(
    "body", ['{"TopicArn": 1, "Message": {"a": 1}}', '{"Message": null}', "{}"]
)
def test_what_is_no_notification_is_listed_as_well(body: str) -> None:
    assert "no event:" in str(Arrival.read(body, topic_prefix=PREFIX, at=0.0))


def test_an_event_is_listed_as_it_was() -> None:
    body = notification('{"id": "order-1", "type": "com.example.order"}')
    arrival = Arrival.read(body, topic_prefix=PREFIX, at=1.0)

    assert arrival == Arrival("order-1", "com.example.order", "orders", 1.0)
    assert str(arrival) == "orders               com.example.order  order-1"


def test_the_list_of_arrivals_goes_on_after_each(system: Deployment) -> None:
    sns = system.client("sns")
    topic = sns.create_topic(Name=system.topic_arn("orders").rpartition(":")[2])["TopicArn"]
    watcher = system.subscribe("hostile-watcher", [topic], raw=False)
    last = '{"id": "last", "type": "t"}'
    # SNS takes no empty message, and none above 256 KiB.
    sent = [message for message in HOSTILE.values() if message.strip()]
    for message in [*sent, last]:
        sns.publish(TopicArn=topic, Message=message)

    seen = []
    for arrival in arrivals(system, watcher, seconds=30):
        seen.append(str(arrival))
        if arrival.id == "last":
            break
    assert len(seen) == len(sent) + 1


INPUTS = ("null", "[]", '"text"', "1", '{"action": null}', '{"action": {"a": [1]}, "counts": 5}',
          json.dumps({"started_by": f"{ESCAPE}{'x' * 1000}"}), '{"outcome": ["a"], "counts": "b"}',
          '{"outcome": null, "counts": {"a": null}}')  # fmt: skip


@pytest.fixture(scope="module")
def page(system: Deployment, lab: Lab) -> Iterator[DashboardPage]:
    """The page of a system in which all that is hostile has happened."""
    states, cloudwatch = lab.client("stepfunctions"), lab.client("cloudwatch")
    for text in INPUTS:
        arn = states.start_execution(
            stateMachineArn=system.outputs["RedriveStateMachineArn"], input=text
        )["executionArn"]
        eventually(
            lambda arn=arn: states.describe_execution(executionArn=arn)["status"],  # type: ignore[misc]
            lambda status: status == "SUCCEEDED",
        )
    properties: list[Any] = [
        None,
        {"metrics": 1},
        {"metrics": [[]]},
        {"metrics": [[{"expression": "m1 / 0"}]], "period": 0},
        {"metrics": [["A", "B", "odd"]]},
        {"metrics": [[{"expression": ["x"]}]]},
        {"metrics": [["A", "B", {"stat": "p999999"}]]},
    ]
    widgets = [{"type": "metric", "properties": one} for one in properties]
    another = f"arn:aws:lambda:us-east-1:000000000000:function:{system.name}-counter"
    widgets_of_functions = [
        {"type": "custom", "properties": {"endpoint": endpoint}} for endpoint in (another, 1, None)
    ]
    number = {"type": "metric", "properties": {"metrics": [["Odd", "N"]], "stat": "Sum"}}
    bodies = {
        "odd": json.dumps({"widgets": [*widgets, 1, None]}),
        "text": '{"widgets": "x"}',
        "numbers": json.dumps({"widgets": [number]}),
        "functions": json.dumps(
            {"widgets": [*widgets_of_functions, {"type": 1, "properties": {}}]}
        ),
    }
    for name, body in bodies.items():
        cloudwatch.put_dashboard(DashboardName=name, DashboardBody=body)
    directive = {"Namespace": "Odd", "Dimensions": [[]], "Metrics": [{"Name": "N"}]}
    entry = {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
        "N": float("nan"),
    }
    lab.invoke(lab.function(f"print({json.dumps(entry)!r})"))
    with DashboardPage(system) as served:
        yield served


def ask(page: DashboardPage, path: str) -> Any:
    """What the page gets from its server; strict about JSON, as browsers are."""
    answer = urllib3.request("GET", f"{page.url}{path}", timeout=20, retries=False)
    assert answer.status == 200, answer.data

    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    return json.loads(answer.data, parse_constant=refuse)


def test_the_page_shows_executions_whatever_their_input_is(page: DashboardPage) -> None:
    executions = ask(page, "api/live")["executions"]

    assert len(executions) == len(INPUTS)
    for execution in executions:
        assert all(
            isinstance(value, str) and value.isprintable() and len(value) < 1000
            for value in execution["input"].values()
        )
        assert isinstance(execution["outcome"], str)
        assert execution["letters"].isprintable()
        assert len(execution["letters"]) < 1000


def test_the_page_shows_dashboards_whatever_is_in_them(page: DashboardPage) -> None:
    boards = {board["name"]: board["widgets"] for board in ask(page, "api/dashboards")}
    series = ask(page, "api/live")["series"]

    assert len(boards["odd"]) == len(series["odd"]) == 6
    assert all("cannot" in one or one["series"] == [] for one in series["odd"][:4])
    assert boards["text"] == []


def test_the_page_calls_no_function_but_its_own(page: DashboardPage) -> None:
    live = ask(page, "api/live")

    cannot = "This page calls the function of its own deployment only."
    assert live["series"]["functions"] == [{"cannot": cannot}] * 3
    assert live["waiting"] == {"cannot": "No dashboard draws what waits."}


def test_a_value_that_is_no_number_of_json_is_no_value(page: DashboardPage) -> None:
    (drawn,) = ask(page, "api/live")["series"]["numbers"]

    assert drawn["series"][0]["label"] == "N"
    assert set(drawn["series"][0]["values"]) == {None}
