"""Objects of the archive as streams of lines, and what their keys say."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from functions.shared.archive import object_key
from functions.shared.archive_objects import MAX_LINE_BYTES, hour_of, lines
from functions.shared.macie import Macie
from tests.faults.aws import FakeAws


@given(st.lists(st.binary(max_size=20).map(lambda b: b.replace(b"\n", b""))), st.integers(1, 30))
def test_lines_are_those_of_the_whole_however_it_is_cut(content: list[bytes], size: int) -> None:
    whole = b"".join(one + b"\n" for one in content)
    chunks = [whole[start : start + size] for start in range(0, len(whole), size)]

    assert list(lines(chunks)) == content


def test_the_last_line_may_lack_its_line_feed() -> None:
    assert list(lines([b"a\nb"])) == [b"a", b"b"]


def test_a_line_that_is_too_long_is_empty_and_the_next_one_is_whole() -> None:
    chunk = b"x" * 300_000
    chunks = [b"a\n", *[chunk] * 8, b"rest\nb\n"]

    assert 8 * len(chunk) > MAX_LINE_BYTES
    assert list(lines(chunks)) == [b"a", b"", b"b"]
    assert list(lines([b"a\n", *[chunk] * 8])) == [b"a", b""]


def test_a_key_says_publisher_and_hour() -> None:
    hour = hour_of(object_key("acme-web", "2026-11-27T15:05:00+01:00", "n"))

    assert hour is not None
    assert (hour.publisher, hour.day, hour.text) == ("acme-web", "2026-11-27", "2026-11-27T14")
    assert hour.prefix == "publisher=acme-web/date=2026-11-27/14/"


@pytest.mark.parametrize("key", ["", "a.jsonl", "publisher=/date=2026-11-27/14/a", "publisher=a/b"])
def test_another_key_says_nothing(key: str) -> None:
    assert hour_of(key) is None


def test_macie_is_asked_for_a_finding_by_its_id() -> None:
    with FakeAws().installed() as clients:
        client = clients.client("macie2")
    found: Any = {"findings": [{"id": "f1", "createdAt": "2026-11-28T02:00:00Z"}]}
    with Stubber(client) as stub:
        stub.add_response("get_findings", found, {"findingIds": ["f1"]})
        stub.add_response("get_findings", {"findings": []}, {"findingIds": ["f2"]})
        assert Macie(client).finding("f1")["id"] == "f1"
        assert Macie(client).finding("f2") is None
