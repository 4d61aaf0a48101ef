"""From a request to documents: what the corpus does not show with single examples."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventing.event import read_event
from eventing.http_binding import read_http_request
from eventing.ingestion import admit
from eventing.limits import MAX_BATCH, MAX_BODY_BYTES
from eventing.problem import Kind, Refused
from eventing.schemas import Schemas
from tests.events.corpus import Case, invalid, valid
from tests.unit.examples import TYPE, event_text

JSON = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
BINARY = {
    "ce-specversion": ["1.0"],
    "ce-id": ["1"],
    "ce-source": ["/crm"],
    "ce-type": [TYPE],
}


def refusal(headers: Mapping[str, Sequence[str]], body: bytes = b"") -> Refused:
    with pytest.raises(Refused) as raised:
        read_http_request(headers, body)
    return raised.value


def encoded(text: str) -> str:
    """A header value, as section 3.1.3.2 has senders encode it."""
    return "".join(
        c
        if "\x21" <= c <= "\x7e" and c not in '"%'
        else "".join(f"%{byte:02X}" for byte in c.encode())
        for c in text
    )


def quoted(text: str) -> str:
    """The same in quotes, as older senders write it; percent escapes are undone after these."""
    return '"' + "".join(f"\\{c}" if c in '\\"' else c for c in text.replace("%", "%25")) + '"'


@given(st.text())
def test_any_text_comes_through_a_header(text: str) -> None:
    request = read_http_request({**BINARY, "ce-note": [encoded(text)]}, b"")
    assert request.documents[0].value["note"] == text


@given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_any_printable_text_comes_through_a_quoted_header(text: str) -> None:
    request = read_http_request({**BINARY, "ce-note": [f" {quoted(text)}\t"]}, b"")
    assert request.documents[0].value["note"] == text


@given(st.binary(max_size=50), st.sampled_from(["image/png", "text/plain; charset=utf-16", "a/b"]))
def test_any_bytes_come_through_a_binary_body(body: bytes, content_type: str) -> None:
    value = read_http_request({**BINARY, "Content-Type": [content_type]}, body).documents[0].value
    assert value["datacontenttype"] == content_type
    assert b64decode(value.get("data_base64", "")) == body
    assert "data" not in value


@given(st.text(max_size=20))
def test_any_text_comes_through_a_binary_body(text: str) -> None:
    headers = {**BINARY, "Content-Type": ["text/plain"]}
    value = read_http_request(headers, text.encode()).documents[0].value
    assert value.get("data", "") == text
    assert "data_base64" not in value


HEADER_NAMES = st.sampled_from(
    [*BINARY, "content-type", "Content-Type", "ce-time", "CE-ID", "ce-a b", "ce-", "ce-data", "x"]
)
HEADERS = st.dictionaries(
    HEADER_NAMES,
    st.lists(
        st.text(max_size=10)
        | st.sampled_from(
            [JSON, BATCH, "application/json", "text/plain", "1.0", TYPE, "/a", "%C3"]
        ),
        min_size=1,
        max_size=2,
    ),
    max_size=8,
)
BODIES = st.binary(max_size=20) | st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "source", "type", "specversion", "time", "data", "data_base64", "X"]
            ),
            inner | st.sampled_from(["1.0", TYPE, "/a", "AAE="]),
            max_size=8,
        )
    ),
    max_leaves=10,
).map(lambda value: json.dumps(value).encode())


def statuses(headers: Mapping[str, Sequence[str]], body: bytes, schemas: Schemas) -> Iterator[int]:
    """The outcome of each event; any error but `Refused` would be a 503 that sending again never helps."""
    try:
        request = read_http_request(headers, body)
    except Refused as refused:
        yield refused.problem.kind.status
        return
    for document in request.documents:
        try:
            admit(document, publisher="acme", schemas=schemas)
        except Refused as refused:
            yield refused.problem.kind.status


@given(HEADERS, BODIES)
@example({**BINARY, "content-type": ["application/json"]}, b"\xff")
@example({**BINARY, "content-type": ['text/plain; charset="']}, b"\xff")
@example({"content-type": [JSON]}, b"\xef\xbb\xbf")
def test_whatever_is_sent_is_read_or_refused(
    schemas: Schemas, headers: Mapping[str, Sequence[str]], body: bytes
) -> None:
    assert all(400 <= status < 500 for status in statuses(headers, body, schemas))


@pytest.mark.parametrize("case", [*valid(), *invalid()], ids=lambda case: case.name)
def test_a_request_cut_off_anywhere_is_read_or_refused(case: Case, schemas: Schemas) -> None:
    for end in range(0, len(case.body), 1 + len(case.body) // 20):
        cut = statuses(case.headers, case.body[:end], schemas)
        assert all(400 <= status < 500 for status in cut)


@pytest.mark.parametrize("size", [MAX_BODY_BYTES, MAX_BODY_BYTES + 1])
def test_the_body_is_limited(size: int) -> None:
    assert MAX_BODY_BYTES == 4 * 1024 * 1024
    body = event_text().encode().ljust(size)
    if size > MAX_BODY_BYTES:
        assert refusal({"content-type": [JSON]}, body).problem.kind is Kind.BODY_TOO_LARGE
    else:
        assert len(read_http_request({"content-type": [JSON]}, body).documents) == 1


@pytest.mark.parametrize("count", [0, 1, MAX_BATCH, MAX_BATCH + 1])
@pytest.mark.parametrize("content_type", [BATCH, "application/json"])
def test_a_batch_is_limited(count: int, content_type: str) -> None:
    body = f"[{','.join(event_text(id=f'{n}') for n in range(count))}]".encode()
    if count > 100:
        refused = refusal({"content-type": [content_type]}, body)
        assert refused.problem.kind is Kind.BATCH_TOO_LARGE
        assert "101 events" in refused.problem.detail
    else:
        request = read_http_request({"content-type": [content_type]}, body)
        assert request.batched
        assert [d.value["id"] for d in request.documents] == [str(n) for n in range(count)]


MODES: list[tuple[dict[str, Any], str, str, bytes]] = [
    # members beside the required ones, a header that goes with them, content type, body
    ({"data": {"a": 1.50}}, "", "", b'{"a": 1.5}'),
    ({"data": {"a": 1.5}}, "", "application/json", b' {"a":1.5}'),
    ({"data": {"a": 1.5}}, "", "application/json; charset=utf-8", b'{"a":1.5}'),
    ({"data": 1, "datacontenttype": "application/json"}, "", "", b"1"),
    ({"data": "a", "datacontenttype": "text/plain"}, "", "text/plain;charset=UTF-8", b"a"),
    ({"data_base64": "/wA="}, "", "", b"\xff\x00"),
    ({"data_base64": "/wA=", "datacontenttype": "image/png"}, "", "image/png", b"\xff\x00"),
    ({"data": 1, "ext": True}, "true", "application/json", b"1"),
    ({"ext": False}, "false", "", b""),
    ({"ext": -12}, "-12", "application/json", b""),
    ({"ext": "50% 客"}, "50%25%20%E5%AE%A2", "", b""),
]


@pytest.mark.parametrize(("members", "header", "content_type", "body"), MODES)
def test_the_same_event_in_another_mode_has_the_same_digest(
    members: dict[str, Any], header: str, content_type: str, body: bytes
) -> None:
    headers = dict(BINARY)
    headers |= {"ce-ext": [header]} if header else {}
    headers |= {"content-type": [content_type]} if content_type else {}
    text = event_text(**members).encode()
    structured = read_http_request({"content-type": [JSON]}, text).documents[0]
    batched = read_http_request({"content-type": [BATCH]}, b"[%b]" % text).documents[0]
    binary = read_http_request(headers, body).documents[0]
    assert len({read_event(document).digest for document in (structured, batched, binary)}) == 1


def test_a_refused_binary_event_is_named_as_far_as_its_headers_can_be_read() -> None:
    refused = refusal({**BINARY, "ce-note": ["%FF"]})
    assert refused.identity == {"id": "1", "source": "/crm"}
    refused = refusal({**BINARY, "ce-id": ["a", "b"]})
    assert refused.identity == {"source": "/crm"}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-type": [JSON]}, b'{"id": "confidential'),
        ({"content-type": [JSON]}, b"confidential"),
        ({"content-type": [JSON]}, b"confidential\xff"),
        ({"content-type": [JSON]}, b'{"confidential": 1, "confidential": 2}'),
        ({**BINARY, "content-type": ["application/json"]}, b"confidential"),
    ],
)
def test_no_refusal_quotes_the_body(headers: Mapping[str, Sequence[str]], body: bytes) -> None:
    assert "confidential" not in str(refusal(headers, body).problem.body())
