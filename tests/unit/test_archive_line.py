"""The line of an event in the archive."""

from __future__ import annotations

import json

import pytest

from eventing.archive_line import ArchiveLine, InvalidLine, archive_line, read_line

AT = "2026-11-28T08:00:00.123Z"


@pytest.mark.parametrize(
    "event",
    [
        "{}",
        '{"id":"1","data":{"amount":0.10000000000000000001,"large":1e400,"zero":-0}}',
        '{"id":"\u2028","data":"a\\nb \U0001f600 \\ufffe"}',
        '{"event":{"publisher":"other","accepted_at":"never","event":{}}}',
    ],
)
@pytest.mark.parametrize("publisher", ["acme", 'a"b\\', "\u00fcber"])
def test_what_is_written_is_read_to_the_letter(event: str, publisher: str) -> None:
    line = archive_line(event, publisher=publisher, accepted_at=AT)

    assert line.endswith("}\n")
    assert line.count("\n") == 1
    assert list(json.loads(line)) == ["publisher", "accepted_at", "event"]
    assert read_line(line) == read_line(line[:-1]) == ArchiveLine(publisher, AT, event)


def test_a_line_is_an_event_and_about_a_hundred_bytes() -> None:
    added = len(archive_line("{}", publisher="a" * 20, accepted_at=AT)) - len("{}")
    assert added <= 100


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SECRET",
        '["SECRET"]',
        '{"id":"SECRET"}',
        '{"publisher":"SECRET","accepted_at":"x"}',
        '{"publisher":"SECRET","accepted_at":1,"event":{}}',
        '{"publisher":"SECRET","accepted_at":"x","event":"SECRET"}',
        '{"publisher":"SECRET","accepted_at":"x","event":{},"more":"SECRET"}',
        '{"publisher":"SECRET","accepted_at":"x","event":{}',
        '{"publisher":"a","publisher":"SECRET","accepted_at":"x","event":{}}',
        '{"publisher":-0,"accepted_at":"x","event":{}}',
    ],
)
def test_what_is_no_line_is_refused_without_its_content(text: str) -> None:
    with pytest.raises(InvalidLine) as refused:
        read_line(text)
    assert "SECRET" not in str(refused.value)
    assert refused.value.__cause__ is None
