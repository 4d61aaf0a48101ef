"""A page of another origin, in a real browser, tries the emulator and the page with the dashboards."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from local.page_server import DashboardPage
from tests.browser.chromium import chromium
from tests.security.running.attack import CREATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.deployment import Deployment
    from tests.end_to_end.lab import Api, Lab

# Everything that a page can do without being asked first (no preflight), and what it can't.
SCRIPT = """async ({emulator, dashboards, api, key, body}) => {
    const credential = "test/20260101/us-east-1/lambda/aws4_request";
    const signed = `?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${credential}&X-Amz-Signature=0`;
    const create = `${emulator}/2015-03-31/functions`;
    const text = {method: "POST", body, headers: {"content-type": "text/plain"}};
    const read = (url, options) => fetch(url, options).then(
        async (answer) => `${answer.status} ${answer.type} ${(await answer.text()).length}`,
        (error) => error.name);
    const submit = (url) => new Promise((resolve) => {
        const frame = document.createElement("iframe");
        frame.name = `frame${Math.random()}`;
        const form = document.createElement("form");
        Object.assign(form, {method: "POST", action: url, target: frame.name, enctype: "text/plain"});
        const input = document.createElement("input");
        Object.assign(input, {name: body.slice(0, -2) + ', "x": "', value: '"}'});
        form.append(input);
        document.body.append(frame, form);
        frame.onload = () => resolve("loaded");
        setTimeout(() => resolve("nothing"), 3000);
        form.submit();
    });
    const picture = (url) => new Promise((resolve) => {
        const image = new Image();
        image.onload = image.onerror = (event) => resolve(event.type);
        image.src = url;
    });
    const socket = (url) => new Promise((resolve) => {
        const socket = new WebSocket(url);
        socket.onopen = () => resolve("open");
        socket.onerror = () => resolve("error");
    });
    const found = {
        "text/plain POST": await read(create + signed, text),
        "text/plain POST, blind": await read(create + signed, {...text, mode: "no-cors"}),
        "without credentials": await read(create, text),
        "with a header": await read(create, {method: "POST", body, headers: {authorization:
            `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=0`}}),
        "health": await read(`${emulator}/_ministack/health`),
        "the publishers' API": await read(api, {method: "POST", body: "{}", headers: {"x-api-key": key}}),
        "dashboards": await read(`${dashboards}api/dashboards`),
        "live": await read(`${dashboards}api/live`),
        "live, by the other name": await read(`${dashboards.replace("127.0.0.1", "localhost")}api/live`),
        "page": await read(dashboards),
        "picture": await picture(create + signed),
        "socket": await socket(api.replace("http", "ws")),
        "beacon": String(navigator.sendBeacon(create + signed, body)),
    };
    await submit(create + signed);
    await new Promise((resolve) => setTimeout(resolve, 500));
    return found;
}"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = b"<!doctype html><title>shop</title><p>Look at these offers"
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def site() -> Iterator[str]:
    """Somebody's web site, on a port of its own."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def invocations(lab: Lab, api: Api) -> float:
    """How often the API's function was invoked in the last hour."""
    now = time.time()
    points = lab.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Invocations",
        Dimensions=[{"Name": "FunctionName", "Value": api.function}],
        StartTime=now - 3600,
        EndTime=now + 60,
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


def port(url: str) -> int | None:
    return urlsplit(url).port


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_page_of_another_origin_gets_nothing_and_nothing_happens(
    lab: Lab, api: Api, system: Deployment, name: str
) -> None:
    before = invocations(lab, api)
    with chromium() as browser, site() as url, DashboardPage(system) as served:
        page = browser.new_page()
        answers: dict[int | None, set[int]] = {}
        page.on(
            "response",
            lambda answer: answers.setdefault(port(answer.url), set()).add(answer.status),
        )
        page.goto(url.replace("127.0.0.1", name))
        found = page.evaluate(
            SCRIPT,
            {
                "emulator": lab.cloud.endpoint_url,
                "dashboards": served.url,
                "api": api.url,
                "key": api.key,
                "body": CREATE.body.decode(),
            },
        )
        # The page itself is looked at as ever.
        assert browser.new_page().goto(served.url).status == 200  # type: ignore[union-attr]
    nothing = "TypeError"
    assert {what: seen for what, seen in found.items() if seen != nothing} == {
        # Sent, but neither taken nor shown.
        "text/plain POST, blind": "0 opaque 0",
        "picture": "error",
        "socket": "error",
        "beacon": "true",
    }
    assert answers[port(lab.cloud.endpoint_url)] == {403}
    functions = lab.client("lambda").list_functions()["Functions"]
    assert "attack" not in [function["FunctionName"] for function in functions]
    assert invocations(lab, api) == before
