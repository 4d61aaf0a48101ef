"""Every row of the HTTP contract, through the deployed system."""

from __future__ import annotations

import gzip
import json
import os
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import urllib3

from eventing.event import MAX_EVENT_BYTES
from eventing.limits import MAX_BATCH, MAX_BODY_BYTES
from tests.end_to_end.conftest import (
    PUBLISHER,
    Subscriber,
    accept,
    archived,
    denied,
    eventually,
    in_the_ledger,
    items,
    new_event,
    new_layer,
)
from tests.events.corpus import Case, exact, invalid, valid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.deployment import Deployment

BATCH = "application/cloudevents-batch+json"
FREE = "com.example.shop.customer.registered.v1"
# That twenty clients send, each all of them; `make test-long` makes it five hundred.
CLIENTS_EVENTS = int(os.environ.get("CLIENTS_EVENTS", "100"))


class Answer:
    """A response, its body read."""

    def __init__(self, response: Any) -> None:
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers
        self.body: Any = json.loads(response.data)

    @property
    def results(self) -> list[Any]:
        return [result["status"] for result in self.body["results"]]


def post(deployment: Deployment, body: Any, content_type: str = "", **options: Any) -> Answer:
    """Send a request, and check what holds for every answer."""
    content = body if isinstance(body, (str, bytes)) else json.dumps(body)
    if content_type:
        options["content_type"] = content_type
    options.setdefault("key", deployment.api_key(PUBLISHER))
    answer = Answer(deployment.post(content, **options))
    problem = answer.status >= 400
    expected = "application/problem+json" if problem else "application/json"
    assert answer.headers["content-type"] == expected
    if problem:
        assert answer.body["status"] == answer.status
        assert answer.body["type"].startswith("urn:eventing:problem:")
        assert answer.body["title"]
    text = json.dumps(answer.body)
    for secret in ("arn:aws", "Traceback", deployment.outputs["EventsTable"], "dlq"):
        assert secret not in text
    return answer


def event(**members: Any) -> dict[str, Any]:
    """An event that nobody has sent before, of a type without a schema."""
    return {**new_event(FREE), "data": {"name": "Ada"}, **members}


def test_an_event_is_accepted_then_a_duplicate_then_a_conflict(deployment: Deployment) -> None:
    sent = event()
    first = post(deployment, sent)
    assert (first.status, first.body["status"]) == (202, "accepted")
    assert (first.body["id"], first.body["source"]) == (sent["id"], sent["source"])
    assert first.headers["x-request-id"]

    again = post(deployment, dict(reversed(sent.items())))
    assert (again.status, again.body["status"]) == (202, "duplicate")
    assert again.body["accepted_at"] == first.body["accepted_at"]

    other = post(deployment, {**sent, "data": {"name": "Grace"}})
    assert other.status == 409
    assert other.body["id"] == sent["id"]


def test_the_gateway_tells_anybody_that_it_answers_and_nothing_else(deployment: Deployment) -> None:
    answer = urllib3.request("GET", f"{deployment.api_url}/health", timeout=5, retries=False)

    assert (answer.status, json.loads(answer.data)) == (200, {"status": "ok"})
    for method in ("POST", "PUT", "DELETE"):
        url = f"{deployment.api_url}/health"
        assert urllib3.request(method, url, timeout=5, retries=False).status in (403, 404, 405)


def test_the_same_event_in_another_mode_is_a_duplicate(deployment: Deployment) -> None:
    sent = event(vip=True)
    first = post(deployment, sent)
    headers = {
        f"ce-{name}": ["true" if name == "vip" else quote(value)]
        for name, value in sent.items()
        if name not in ("data", "datacontenttype")
    }
    headers["content-type"] = ["application/json; charset=utf-8"]
    again = post(deployment, json.dumps(sent["data"]), headers=headers)
    assert (first.body["status"], again.body["status"]) == ("accepted", "duplicate")
    other = post(deployment, json.dumps({"name": "Grace"}), headers=headers)
    assert other.status == 409


def test_two_publishers_may_use_the_same_id(deployment: Deployment) -> None:
    sent = event()
    for publisher in ("acme-web", "nordic-crm"):
        answer = post(deployment, sent, key=deployment.api_key(publisher))
        assert answer.body["status"] == "accepted"


ATTRIBUTES = {
    "ce-specversion": ["1.0"],
    "ce-source": ["/shop"],
    "ce-type": [FREE],
    "content-type": ["text/plain"],
}

REFUSED: list[tuple[str, int, Any, str, str | None]] = [
    # what, status, body, content type, pointer of a fault
    ("not JSON", 400, "{", "", None),
    ("empty", 400, "", "", None),
    ("not UTF-8", 400, b'{"id": "\xff"}', "", None),
    ("no object", 400, "17", "", ""),
    ("NUL in an attribute", 400, event(id="a\x00"), "", "/id"),
    ("a lone surrogate", 400, '{"specversion": "1.0", "id": "\\ud800"}', "", None),
    ("a repeated name", 400, '{"specversion": "1.0", "specversion": "1.0"}', "", None),
    ("1,000 levels", 400, event()["id"].join(["[" * 1000, "]" * 1000]), "", None),
    ("no CloudEvent", 400, {"hello": "world"}, "", "/specversion"),
    ("wrong attribute", 400, event(time="yesterday"), "", "/time"),
    ("an object as an attribute", 400, event(extension={}), "", "/extension"),
    ("an object as a batch", 400, event(), BATCH, ""),
    ("wrong content type", 415, event(), "application/xml", None),
    ("a form", 415, event(), "application/x-www-form-urlencoded", None),
    ("another event format", 415, event(), "application/cloudevents+avro", None),
    ("wrong charset", 415, event(), "application/cloudevents+json; charset=utf-16", None),
    ("unknown type", 422, event(type="com.example.unheard.of"), "", None),
    (
        "data that breaks its schema",
        422,
        new_event(order_id="1", total=-1, currency="euro"),
        "",
        "/data/total",
    ),
    (
        "data that is missing",
        422,
        {k: v for k, v in new_event().items() if k != "data"},
        "",
        "/data",
    ),
    ("101 events", 413, [event() for _ in range(MAX_BATCH + 1)], BATCH, None),
    ("attributes over their limit", 413, event(source="/" + "a" * 8192), "", None),
    ("a body over its limit", 413, " " * (MAX_BODY_BYTES + 1), "", None),
]


@pytest.mark.parametrize(
    ("what", "status", "body", "content_type", "pointer"),
    REFUSED,
    ids=[what for what, *_ in REFUSED],
)
def test_what_is_refused_is_told_why(
    deployment: Deployment,
    what: str,
    status: int,
    body: Any,
    content_type: str,
    pointer: str | None,
) -> None:
    answer = post(deployment, body, content_type)
    assert answer.status == status, answer.body
    assert answer.body["request_id"]
    if pointer is not None:
        assert pointer in [error["pointer"] for error in answer.body["errors"]]


def test_a_compressed_body_is_refused(deployment: Deployment) -> None:
    body = gzip.compress(json.dumps(event()).encode())
    headers = {"content-type": ["application/json"], "content-encoding": ["gzip"]}
    assert post(deployment, body, headers=headers).status == 415


def test_a_refusal_never_quotes_data(deployment: Deployment) -> None:
    sent = new_event(order_id="1", total="lovelace", currency="lovelace", lines=["lovelace"])
    answer = post(deployment, sent)
    assert answer.status == 422
    assert len(answer.body["errors"]) == 3
    assert "lovelace" not in json.dumps(answer.body)


def _of_size(size: int, filling: str) -> str:
    """An event of exactly this many bytes in its compact form."""
    sent = event(data="")
    empty = len(json.dumps(sent, ensure_ascii=False, separators=(",", ":")).encode())
    count, rest = divmod(size - empty, len(filling.encode()))
    sent["data"] = filling * count + "." * rest
    # As it is sent, with escapes and white space, it is larger: that does not count.
    return json.dumps(sent)


@pytest.mark.parametrize("filling", ["a", "é", "😀"])
@pytest.mark.parametrize(("size", "status"), [(-1, 202), (0, 202), (1, 413)])
def test_the_size_limit_counts_the_compact_form(
    deployment: Deployment, subscriber: Subscriber, filling: str, size: int, status: int
) -> None:
    body = _of_size(MAX_EVENT_BYTES + size, filling)
    answer = post(deployment, body)
    assert answer.status == status
    if status == 202:
        (delivery,) = subscriber.wait_for(answer.body["id"])
        assert json.loads(delivery.body) == json.loads(body)


def test_numbers_reach_the_subscriber_as_they_are_spelled(
    deployment: Deployment, subscriber: Subscriber
) -> None:
    id = str(uuid.uuid4())
    data = '{"a":1.10,"b":1e400,"c":0.10000000000000000001,"d":123456789012345678901234567890}'
    post(
        deployment,
        f'{{"specversion":"1.0","id":"{id}","source":"/s","type":"{FREE}","data":{data}}}',
    )
    (delivery,) = subscriber.wait_for(id)
    assert data in delivery.body


@pytest.mark.parametrize(
    "identity",
    [
        {"id": "a#b", "source": "/c"},
        {"id": "b", "source": "/c#a"},
        {"id": "i" * 2000, "source": "/" + "s" * 2000},
        {"id": "ä€😀", "source": "/größe"},
    ],
    ids=lambda identity: identity["id"][:4],
)
def test_identities_of_any_kind_are_stored_and_stay_distinct(
    deployment: Deployment, identity: dict[str, str]
) -> None:
    run = uuid.uuid4().hex
    near = [
        {**identity, "id": identity["id"] + run},
        {**identity, "id": identity["id"] + run + "#"},
        {"id": run, "source": identity["source"] + identity["id"].replace("#", "%23")[:100]},
    ]
    for one in near:
        assert post(deployment, event(**one)).body["status"] == "accepted", one
    for one in near:
        assert post(deployment, event(**one)).body["status"] == "duplicate", one


def test_a_batch_has_a_result_for_each_event_in_order(
    deployment: Deployment, subscriber: Subscriber
) -> None:
    known, good = event(), [event() for _ in range(3)]
    accept(deployment, known)
    batch = [good[0], event(source=""), known, {**known, "data": {}}, good[1], good[1], good[2]]
    answer = post(deployment, batch, BATCH)

    assert answer.status == 207
    assert answer.results == [
        "accepted", 400, "duplicate", 409, "accepted", "duplicate", "accepted",
    ]  # fmt: skip
    assert answer.body["results"][1]["errors"][0]["pointer"] == "/source"
    for sent in good:
        assert [json.loads(d.body) for d in subscriber.wait_for(sent["id"])] == [sent]


def test_a_batch_of_a_hundred_arrives(deployment: Deployment, subscriber: Subscriber) -> None:
    batch = [event() for _ in range(MAX_BATCH)]
    answer = post(deployment, batch, "application/json")
    assert answer.status == 202
    assert set(answer.results) == {"accepted"}
    for sent in batch:
        (delivery,) = subscriber.wait_for(sent["id"])
        assert json.loads(delivery.body) == sent
    assert set(post(deployment, batch, BATCH).results) == {"duplicate"}


def test_without_store_and_queue_the_answer_is_503_and_later_the_event_is_accepted(
    deployment: Deployment,
) -> None:
    sent, ingest = event(), deployment.outputs["IngestFunction"]
    with ExitStack() as broken:
        broken.enter_context(denied(deployment, ingest, "dynamodb:*", "*"))
        broken.enter_context(denied(deployment, ingest, "sqs:*", "*"))
        answer = eventually(lambda: post(deployment, sent), lambda a: a.status != 202)
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
        batch = post(deployment, [sent, event(id="")], BATCH)
        assert (batch.status, batch.results) == (207, [503, 400])
    answer = eventually(lambda: post(deployment, sent), lambda a: a.status == 202)
    assert answer.body["status"] == "accepted"


def test_a_function_that_is_throttled_is_a_503_of_the_contract(deployment: Deployment) -> None:
    client, name = deployment.client("lambda"), deployment.outputs["IngestFunction"]
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        answer = eventually(lambda: post(deployment, event()), lambda a: a.status != 202)
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
    finally:
        client.delete_function_concurrency(FunctionName=name)
    eventually(lambda: post(deployment, event()), lambda a: a.status == 202)


def test_a_function_that_crashes_is_a_503_of_the_contract(deployment: Deployment) -> None:
    client, name = deployment.client("lambda"), deployment.outputs["IngestFunction"]
    handler = client.get_function_configuration(FunctionName=name)["Handler"]
    client.update_function_configuration(FunctionName=name, Handler=f"{handler}_that_is_not_there")
    try:
        answer = eventually(lambda: post(deployment, event()), lambda a: a.status != 202)
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
    finally:
        client.update_function_configuration(FunctionName=name, Handler=handler)
    eventually(lambda: post(deployment, event()), lambda a: a.status == 202)


def test_a_function_that_runs_out_of_time_is_a_503_of_the_contract(deployment: Deployment) -> None:
    client, name = deployment.client("lambda"), deployment.outputs["IngestFunction"]
    before = client.get_function_configuration(FunctionName=name)
    # Our own code stops in time, whatever hangs.
    version = new_layer(
        deployment, "hang", "def handle(*_):\n    import time\n    time.sleep(30)\n"
    )
    client.update_function_configuration(
        FunctionName=name, Handler="hang.handle", Layers=[version], Timeout=1
    )
    try:
        answer = eventually(lambda: post(deployment, event()), lambda a: a.status != 202)
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
    finally:
        client.update_function_configuration(
            FunctionName=name, Handler=before["Handler"], Layers=[], Timeout=before["Timeout"]
        )
    eventually(lambda: post(deployment, event()), lambda a: a.status == 202)


def test_over_its_quota_a_publisher_is_answered_429(deployment: Deployment) -> None:
    gateway, plan = deployment.client("apigateway"), deployment.usage_plan_id("nordic-crm")
    before = gateway.get_usage_plan(usagePlanId=plan).get("quota")
    key = deployment.api_key("nordic-crm")
    gateway.update_usage_plan(
        usagePlanId=plan,
        patchOperations=[
            {"op": "replace", "path": "/quota/limit", "value": "1"},
            {"op": "replace", "path": "/quota/period", "value": "DAY"},
        ],
    )
    try:
        answer = eventually(lambda: post(deployment, event(), key=key), lambda a: a.status != 202)
        assert answer.status == 429
        assert int(answer.headers["retry-after"]) > 0
    finally:
        operations = (
            [
                {"op": "replace", "path": f"/quota/{name}", "value": str(before[name])}
                for name in ("limit", "period")
            ]
            if before
            else [{"op": "remove", "path": "/quota"}]
        )
        gateway.update_usage_plan(usagePlanId=plan, patchOperations=operations)
    eventually(lambda: post(deployment, event(), key=key), lambda a: a.status == 202)


def _can_be_sent(case: Case) -> bool:
    """Whether these headers survive client and server as they are: the function sees the others too.

    API Gateway takes a body without a content type for JSON before the function can refuse it.
    """
    names = [name.lower() for name in case.headers]
    return (
        len(set(names)) == len(names)
        and "content-type" in names
        and all(
            len(values) == 1 and values[0].isascii() and values[0].isprintable()
            for values in case.headers.values()
        )
    )


@pytest.mark.parametrize(
    "case", [c for c in valid() if _can_be_sent(c)], ids=lambda case: case.name
)
def test_valid_events_of_the_corpus_reach_a_subscriber_unchanged(
    deployment: Deployment, corpus_subscriber: Subscriber, case: Case
) -> None:
    answer = post(deployment, case.body, headers=case.headers)
    assert answer.status == 202, answer.body
    for text in case.published:
        (delivery,) = corpus_subscriber.wait_for(json.loads(text)["id"], json.loads(text)["source"])
        assert delivery.topic == "customers"
        assert exact(delivery.body) == exact(text)


@pytest.mark.parametrize(
    "case", [c for c in invalid() if _can_be_sent(c)], ids=lambda case: case.name
)
def test_invalid_events_of_the_corpus_are_refused(deployment: Deployment, case: Case) -> None:
    answer = post(deployment, case.body, headers=case.headers)
    assert answer.status == case.status, answer.body


def test_twenty_clients_that_send_the_same_events_store_each_once(deployment: Deployment) -> None:
    events = [event() for _ in range(CLIENTS_EVENTS)]
    size = CLIENTS_EVENTS // 10
    batches = [events[start : start + size] for start in range(0, len(events), size)]
    outcomes: dict[str, list[Any]] = {event["id"]: [] for event in events}

    def send_all(client: int) -> None:
        # Each starts elsewhere, so that they meet at different events.
        start = client % len(batches)
        for batch in batches[start:] + batches[:start]:
            # Sent again while it is refused for now, as a publisher would.
            for _ in range(20):
                results = post(deployment, batch, BATCH).body["results"]
                for result in results:
                    outcomes[result["id"]].append(result["status"])
                if all(result["status"] != 503 for result in results):
                    break

    with ThreadPoolExecutor(20) as clients:
        list(clients.map(send_all, range(20)))
    for found in outcomes.values():
        assert set(found) <= {"accepted", "duplicate", 503}
        assert sum(status != 503 for status in found) >= 20
    # The table takes one; only what it did not answer in time is accepted as a dead letter as well.
    again = [e for e in events if outcomes[e["id"]].count("accepted") > 1]
    assert len(in_the_ledger(deployment, *again)) == len(again)
    assert all("accepted" in found or 503 in found for found in outcomes.values())
    stored = Counter(json.loads(item["event"]["S"])["id"] for item in items(deployment))
    assert {stored[e["id"]] for e in events if e not in again} == {1}
    eventually(
        lambda: {event["id"] for event in archived(deployment)}, lambda ids: outcomes.keys() <= ids
    )
