"""What the official CloudEvents SDKs send, on record in `tests/sdks`: it arrives as it was meant.

Where it does not, the fault is the SDK's own: `faults.json` names it, and so does the publishers' guide.
`make sdks` records the requests anew.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from eventing.event import event_digest
from eventing.http_binding import read_http_request
from eventing.ingestion import admit
from eventing.json_text import parse
from eventing.problem import Refused
from eventing.schemas import Schemas
from tests.unit.examples import TYPE

FOLDER = Path(__file__).parents[1] / "sdks"
GUIDE = Path(__file__).parents[2] / "docs" / "publishers.md"
Outcome = Literal["equal", "another", "refused", "not sent"]
EVENTS: Mapping[str, Mapping[str, Any]] = {
    event["name"]: event for event in json.loads((FOLDER / "events.json").read_text("utf-8"))
}
FAULTS: list[dict[str, Any]] = json.loads((FOLDER / "faults.json").read_text("utf-8"))


@dataclass(frozen=True)
class Sent:
    """One request on record: what an SDK makes of an event in a content mode."""

    sdk: str
    event: str
    mode: str
    request: Mapping[str, Any]


def recorded() -> Iterator[Sent]:
    for file in sorted((FOLDER / "recorded").glob("*.json")):
        record = json.loads(file.read_text("utf-8"))
        for request in record["requests"]:
            yield Sent(record["sdk"], request["event"], request["mode"], request)


def expected(sent: Sent) -> Outcome:
    """`equal`, or what the faults say."""
    for fault in FAULTS:
        hit = sent.sdk.startswith(f"{fault['sdk']}.") and sent.event in fault["events"]
        if hit and fault.get("mode", "binary") in (sent.mode, "any"):
            outcome: Outcome = fault["outcome"]
            return outcome
    return "equal"


def meant(sent: Sent) -> str:
    """The event in the JSON format, as whoever called the SDK meant it."""
    event = EVENTS[sent.event]
    value = {
        "specversion": "1.0",
        "type": TYPE,
        "source": "/sdks",
        "id": f"{sent.event}-{sent.mode}",
    }
    value |= event["attributes"]
    for member, name in (("json", "data"), ("text", "data"), ("base64", "data_base64")):
        if member in event:
            value[name] = event[member]
    return json.dumps(value)


def arrives(sent: Sent, schemas: Schemas) -> Outcome:
    if "fails" in sent.request:
        return "not sent"
    headers = {name: [value] for name, value in sent.request["headers"].items()}
    try:
        request = read_http_request(headers, b64decode(sent.request["body_base64"]))
        event = admit(request.documents[0], publisher="acme", schemas=schemas).event
    except Refused:
        return "refused"
    exact = dict(event.document.exact)
    # Each writes the same moment in its own way.
    assert datetime.fromisoformat(exact.pop("time")) == datetime.fromisoformat(
        "2026-11-24T09:30:00Z"
    )
    return "equal" if event_digest(exact) == event_digest(parse(meant(sent)).exact) else "another"


@pytest.mark.parametrize("sent", list(recorded()), ids=lambda s: f"{s.sdk}-{s.event}-{s.mode}")
def test_what_an_sdk_sends_arrives_equal_or_its_fault_is_known(
    sent: Sent, schemas: Schemas
) -> None:
    assert arrives(sent, schemas) == expected(sent)


def test_each_event_is_on_record_by_each_sdk_in_both_modes() -> None:
    found = {(sent.sdk.partition(".")[0], sent.event, sent.mode) for sent in recorded()}
    assert found == {
        (sdk, event, mode)
        for sdk in ("Python 1", "Python 2", "JavaScript 10")
        for event in EVENTS
        for mode in ("structured", "binary")
    }


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault['sdk']}: {fault['why']}")
def test_the_guide_names_each_fault(fault: Mapping[str, Any]) -> None:
    rows = [line for line in GUIDE.read_text("utf-8").splitlines() if line.startswith("|")]
    assert any(fault["sdk"] in row and fault["why"] in row for row in rows)
