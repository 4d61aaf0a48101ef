"""Findings read as foreign text, evidence taken from lines, and the texts made of both."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.archive_line import archive_line
from eventing.catalogue_check import load_catalogue
from eventing.routing import Router
from eventing.sensitive_data.case import (
    asked_about,
    asking_name,
    case_id,
    is_case_id,
    policy_of,
    unreadable_case_id,
)
from eventing.sensitive_data.evidence import MAX_EVENTS, Evidence, HourCount
from eventing.sensitive_data.finding import (
    MAX_PATH,
    Finding,
    NotOurs,
    Place,
    Unreadable,
    read_finding,
    worst,
)
from infrastructure.packaging import ROOT

ROUTER = Router(load_catalogue(ROOT / "catalogue"))
ORDER = "com.example.shop.order.placed.v1"
KEY = "publisher=acme-web/date=2026-11-27/14/a.jsonl"
RECORDED: Any = {
    "id": "f1",
    "accountId": "123456789012",
    "category": "CLASSIFICATION",
    "type": "SensitiveData:S3Object/Multiple",
    "severity": {"score": 2, "description": "Medium"},
    "createdAt": "2026-11-28T02:00:00Z",
    "resourcesAffected": {
        "s3Bucket": {"name": "archive"},
        "s3Object": {"key": KEY, "versionId": "v1"},
    },
    "classificationDetails": {
        "result": {
            "additionalOccurrences": True,
            "sensitiveData": [
                {
                    "detections": [
                        {
                            "type": "USA_SOCIAL_SECURITY_NUMBER",
                            "count": 40,
                            "occurrences": {
                                "records": [
                                    {"recordIndex": 3, "jsonPath": "$.event.data.ssn"},
                                    {"recordIndex": 4},
                                    {"jsonPath": "$.event.data.ssn"},
                                ]
                            },
                        }
                    ]
                }
            ],
            "customDataIdentifiers": {
                "detections": [
                    {
                        "name": "staff number",
                        "count": 1,
                        "occurrences": {
                            "records": [{"recordIndex": 3, "jsonPath": "$['event']['subject']"}]
                        },
                    }
                ]
            },
        }
    },
}


def read(detail: Any) -> Finding:
    return read_finding(detail, bucket="archive", account="123456789012")


def test_a_recorded_finding_is_read() -> None:
    found = read(RECORDED)

    assert (found.id, found.severity, found.key, found.version) == ("f1", "medium", KEY, "v1")
    assert found.kinds == {"USA_SOCIAL_SECURITY_NUMBER": 40, "staff number": 1}
    assert found.places == (
        Place(3, "$.event.data.ssn", "USA_SOCIAL_SECURITY_NUMBER"),
        Place(4, "", "USA_SOCIAL_SECURITY_NUMBER"),
        Place(None, "$.event.data.ssn", "USA_SOCIAL_SECURITY_NUMBER"),
        Place(3, "$['event']['subject']", "staff number"),
    )
    assert found.more
    assert [one.attribute for one in found.places] == ["data", None, "data", "subject"]
    assert found.places[0].field == "data.ssn"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("id", "category", "severity", "description", "resourcesAffected", "s3Bucket"),
                    *("name", "s3Object", "key", "versionId", "classificationDetails", "result"),
                    *("sensitiveData", "detections", "occurrences", "records", "recordIndex"),
                    *("jsonPath", "customDataIdentifiers", "type", "count", "accountId"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(ANYTHING, st.lists(st.sampled_from(["classificationDetails", "resourcesAffected", "id"])))
def test_whatever_is_in_a_finding_it_is_read_or_refused(other: Any, replaced: list[str]) -> None:
    for detail in (other, {**RECORDED, **dict.fromkeys(replaced, other)}):
        with suppress(NotOurs, Unreadable):
            found = read(detail)
            assert all(len(place.path) <= MAX_PATH for place in found.places)


@pytest.mark.parametrize("path", ["x" * 9000, "$.event.data.\u202e\n\x1b[31m", "$\ud800"])
def test_a_path_is_clipped_and_escaped(path: str) -> None:
    detail = json.loads(json.dumps(RECORDED))
    detections = detail["classificationDetails"]["result"]["sensitiveData"][0]["detections"]
    detections[0]["occurrences"]["records"] = [{"recordIndex": 0, "jsonPath": path}]

    shown = read(detail).places[0].path

    assert len(shown) <= MAX_PATH
    assert shown.isprintable()
    shown.encode()


def test_the_worst_severity_counts() -> None:
    assert worst(["low", "high", "medium"]) == "high"
    assert worst(["low", "medium"]) == "medium"
    assert worst([]) == "high"


# Cases


def test_a_case_is_that_of_an_object_and_its_version() -> None:
    one = case_id(KEY, "v1", day="2026-11-27")

    assert one == case_id(KEY, "v1", day="2026-11-27")
    assert one != case_id(KEY, "v2", day="2026-11-27")
    assert one.startswith("20261127-")
    assert is_case_id(one)
    assert is_case_id(case_id("elsewhere", None, day=None))
    assert is_case_id(unreadable_case_id({"id": None}))
    assert unreadable_case_id({"a": 1, "b": 2}) == unreadable_case_id({"b": 2, "a": 1})
    assert asked_about(asking_name(one, 12)) == one
    assert asked_about("redrive-20261127-120000-abcdef") is None
    assert len(f"{asking_name(one, 9999)}-9") <= 80  # of Step Functions


@pytest.mark.parametrize(
    "content", [None, [], {"low": "ask"}, {"low": "ask", "medium": "ask", "high": 1}]
)
def test_a_policy_is_complete(content: Any) -> None:
    with pytest.raises(ValueError, match="has to"):
        policy_of(content)


# Evidence


def line(id: str, publisher: str = "acme-web", **members: Any) -> bytes:
    event = {"specversion": "1.0", "id": id, "source": "/s", "type": ORDER, **members}
    text = archive_line(
        json.dumps(event), publisher=publisher, accepted_at="2026-11-27T14:00:00.000Z"
    )
    return text.rstrip("\n").encode()


def evidence(detail: Any = RECORDED, by_key: str | None = "acme-web") -> Evidence:
    return Evidence([read(detail)], ROUTER, by_key)


def test_only_lines_that_are_meant_are_taken_and_then_no_more_are_read() -> None:
    found = evidence()

    assert [number for number in range(6) if found.wants(number)] == [3, 4]
    found.take(3, line("a"))
    assert not found.complete
    found.take(4, line("b"))
    assert found.complete
    assert [one.id for one in found.events] == ["a", "b"]
    assert found.events[0].fields == ("data.ssn", "subject")
    assert (found.publisher, found.count, found.topics) == ("acme-web", 2, {"orders": 2})


def test_an_event_that_was_archived_twice_counts_once() -> None:
    found = evidence()
    for number in (3, 4):
        found.take(number, line("a"))
    assert found.count == 1


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[" * 5000, b'{"publisher":1}'])
def test_a_line_that_is_none_is_counted(content: bytes) -> None:
    found = evidence()
    found.take(3, content)
    found.end()
    assert (found.unread, found.count, found.at_least) == (2, 0, True)


def test_a_publisher_is_known_when_lines_and_key_agree() -> None:
    for by_key, named, expected in (
        ("acme-web", ["acme-web"], "acme-web"),
        ("acme-web", ["other"], None),
        ("acme-web", ["acme-web", "other"], None),
        ("acme-web", [], "acme-web"),
        (None, ["acme-web"], "acme-web"),
        (None, [], None),
    ):
        found = evidence(by_key=by_key)
        for number, publisher in enumerate(named):
            found.take(3 + number, line("a", publisher))
        assert found.publisher == expected


def test_what_is_no_text_is_withheld_and_goes_nowhere() -> None:
    found = evidence()
    found.take(3, line("a", type=5, source={"x": 1}))
    (one,) = found.events
    assert (one.source, one.type, one.topic, found.types) == (None, None, None, {})


def test_of_very_many_events_the_first_ones_are_named() -> None:
    whole = json.loads(json.dumps(RECORDED))
    whole["classificationDetails"] = {}
    found = evidence(whole)
    assert found.whole
    for number in range(MAX_EVENTS + 5):
        assert found.wants(number)
        found.take(number, line(f"e{number}"))
    assert (len(found.events), found.count) == (MAX_EVENTS, MAX_EVENTS + 5)
    assert not found.complete


def test_an_hour_is_counted_by_type_once_for_each_event() -> None:
    count = HourCount([ORDER])
    count.take([line("a"), line("a"), line("b"), line("c", type="com.example.other"), b"junk"])
    assert count.counts == {ORDER: 2}
