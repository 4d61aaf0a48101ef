"""The senders of docs/senders, at a server that fails and at the endpoint."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import uuid
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from local.cloud import ROOT
from tests.end_to_end.conftest import PUBLISHER, new_event
from tests.shown import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from local.deployment import Deployment
    from tests.end_to_end.conftest import Subscriber

SENDERS = {
    "python": [sys.executable, str(ROOT / "docs" / "senders" / "send.py")],
    "javascript": ["node", str(ROOT / "docs" / "senders" / "send.mjs")],
}
DEADLINE = 60.0
NO_ANSWER = 0


@pytest.fixture(params=SENDERS)
def sender(request: pytest.FixtureRequest) -> list[str]:
    """The command that runs a sender."""
    return SENDERS[request.param]


def send(
    sender: Sequence[str], events: Sequence[str], *, url: str, key: str = "key"
) -> tuple[list[dict[str, Any]], int]:
    """The results that the sender prints for these events, and its exit status."""
    done = subprocess.run(
        sender,
        input="\n".join(events) + "\n",
        env=terminal({"EVENTING_URL": url, "EVENTING_KEY": key}),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert not done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode


class Endpoint:
    """Answers requests with what was prepared, one after the other, and keeps them with their times."""

    def __init__(self, *answers: tuple[int, Mapping[str, str], Any]) -> None:
        self.answers = list(answers)
        self.bodies: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.times: list[float] = []

    @contextmanager
    def served(self) -> Iterator[str]:
        """Its URL, while it answers."""
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                endpoint.times.append(time.monotonic())
                length = int(self.headers["content-length"])
                endpoint.bodies.append(self.rfile.read(length).decode())
                endpoint.headers.append({k.lower(): v for k, v in self.headers.items()})
                status, headers, body = endpoint.answers.pop(0)
                if status == NO_ANSWER:
                    self.close_connection = True
                    return
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()


def event(number: int = 1) -> str:
    """An event whose spelling a JSON library would change."""
    return f'{{"specversion": "1.0", "id":"{number}", "source":"/s", "type":"t", "data":1.0e2}}'


def results(*statuses: str | int) -> dict[str, Any]:
    """The body of an answer with these results."""
    return {"results": [{"status": status} for status in statuses]}


def statuses(found: Sequence[Mapping[str, Any]]) -> list[str | int]:
    """The statuses of results."""
    return [result["status"] for result in found]


@pytest.mark.parametrize(
    "failure",
    [
        (NO_ANSWER, {}, b""),
        (502, {}, b"<html>a gateway on the way</html>"),
        (500, {}, b"[]"),
    ],
    ids=str,
)
def test_whatever_has_no_answer_of_the_endpoint_is_sent_again_as_it_was(
    sender: list[str], failure: tuple[int, Mapping[str, str], Any]
) -> None:
    endpoint = Endpoint(failure, (202, {}, results("accepted")))
    with endpoint.served() as url:
        found, status = send(sender, [event()], url=url)
    assert (statuses(found), status) == (["accepted"], 0)
    assert endpoint.bodies == [f"[{event()}]"] * 2


@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_as_long_as_it_is_told(sender: list[str], status: int) -> None:
    refusal = {"status": status, "title": "Not now"}
    endpoint = Endpoint((status, {"Retry-After": "1"}, refusal), (202, {}, results("duplicate")))
    with endpoint.served() as url:
        found, code = send(sender, [event()], url=url)
    assert (statuses(found), code) == (["duplicate"], 0)
    # By itself it would wait for 0.75 s at most.
    assert 1 <= endpoint.times[1] - endpoint.times[0] < 10


def test_of_a_batch_only_what_could_not_be_kept_is_sent_again(sender: list[str]) -> None:
    first = results("accepted", 503, 422, "duplicate", 503)
    endpoint = Endpoint(
        (207, {"Retry-After": "1"}, first), (202, {}, results("accepted", "accepted"))
    )
    events = [event(number) for number in range(5)]
    with endpoint.served() as url:
        found, status = send(sender, events, url=url)
    assert statuses(found) == ["accepted", "accepted", 422, "duplicate", "accepted"]
    assert status == 1
    assert endpoint.bodies == [f"[{','.join(events)}]", f"[{events[1]},{events[4]}]"]


@pytest.mark.parametrize("status", [400, 403, 413])
def test_a_request_that_is_refused_as_a_whole_is_not_sent_again(
    sender: list[str], status: int
) -> None:
    endpoint = Endpoint((status, {}, {"status": status, "title": "No"}))
    with endpoint.served() as url:
        found, code = send(sender, [event(1), event(2)], url=url)
    assert (found, code) == ([{"status": status, "title": "No"}] * 2, 1)


def test_it_does_not_wait_for_the_next_month(sender: list[str]) -> None:
    problem = {"status": 429, "title": "Quota used up"}
    endpoint = Endpoint((429, {"Retry-After": "3600"}, problem))
    with endpoint.served() as url:
        found, status = send(sender, [event()], url=url)
    assert (found, status) == ([problem], 1)


def test_many_events_go_in_batches_that_the_endpoint_takes(sender: list[str]) -> None:
    large = event(0).replace("1.0e2", f'"{"é" * 300_000}"')
    events = [event(number) for number in range(1, 251)] + [large] * 2
    sizes = (100, 100, 51, 1)
    endpoint = Endpoint(*((202, {}, results(*["accepted"] * size)) for size in sizes))
    with endpoint.served() as url:
        found, status = send(sender, events, url=url)
    assert (len(found), status) == (len(events), 0)
    assert [len(json.loads(body)) for body in endpoint.bodies] == list(sizes)
    assert all(len(body.encode()) <= 4 * 1024 * 1024 for body in endpoint.bodies)
    for headers in endpoint.headers:
        assert headers["content-type"] == "application/cloudevents-batch+json"
        assert headers["x-api-key"] == "key"


def test_events_arrive_and_what_is_wrong_with_others_is_told(
    sender: list[str], deployment: Deployment, subscriber: Subscriber
) -> None:
    key = deployment.api_key(PUBLISHER)
    first, second = new_event(), new_event()
    unknown = {**new_event(), "type": f"com.example.{uuid.uuid4()}"}
    events = [json.dumps(sent) for sent in (first, unknown, first, second)]
    found, status = send(sender, events, url=deployment.api_url, key=key)
    assert statuses(found) == ["accepted", 422, "duplicate", "accepted"]
    assert found[1]["documentation"] == "docs/generated/problems.md#unknown-type"
    assert status == 1
    for sent in (first, second):
        assert [json.loads(d.body) for d in subscriber.wait_for(sent["id"])] == [sent]


def test_a_publisher_over_its_rate_gets_everything_in(
    sender: list[str], deployment: Deployment
) -> None:
    gateway, plan_id = deployment.client("apigateway"), deployment.usage_plan_id("nordic-crm")
    before = gateway.get_usage_plan(usagePlanId=plan_id)["throttle"]

    def throttle(rate: float, burst: int) -> None:
        values = {"rateLimit": rate, "burstLimit": burst}
        operations = [
            {"op": "replace", "path": f"/throttle/{name}", "value": str(value)}
            for name, value in values.items()
        ]
        gateway.update_usage_plan(usagePlanId=plan_id, patchOperations=operations)

    # Three requests, where one a second is let through.
    events = [json.dumps(new_event()) for _ in range(201)]
    key = deployment.api_key("nordic-crm")
    throttle(1, 1)
    try:
        found, status = send(sender, events, url=deployment.api_url, key=key)
    finally:
        throttle(before["rateLimit"], before["burstLimit"])
    assert (statuses(found), status) == (["accepted"] * len(events), 0)
