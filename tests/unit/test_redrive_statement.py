"""What a person says for the record: a name and a reason that say something."""

from __future__ import annotations

import re
from typing import Any

import pytest

from eventing.input import InvalidInput
from eventing.members import Unfit
from eventing.redrive.request import read_request
from eventing.redrive.statement import line, says_something
from infrastructure.packaging import ROOT

ASKED: dict[str, Any] = {
    "action": "discard",
    "filter": {"publisher": "acme-web"},
    "reason": "asked for in ticket 17",
    "started_by": "ada",
}
NOTHING_SAID = [
    "",
    " ",
    "\u3000\u00a0 ",
    "-",
    "...",
    "YOUR NAME",
    "your  name",
    "<YOUR NAME>",
    "WHY IT IS SAFE NOW",
    "WHY NOBODY NEEDS THEM",
    "FINGERPRINT",
    "\u3164",
]
HIDDEN = [
    "a\nb",
    "a\tb",
    "\x00",
    "a\x1b[2Jb",
    "a\u202eb",
    "\u200b",
    "\ufeffada",
    "a\u2028b",
    "\ud800",
]


@pytest.mark.parametrize("field", ["reason", "started_by"])
@pytest.mark.parametrize("action", ["redrive", "discard"])
@pytest.mark.parametrize("text", [*NOTHING_SAID, *HIDDEN])
def test_a_decision_needs_a_reason_and_a_name_that_say_something(
    action: str, field: str, text: str
) -> None:
    with pytest.raises(InvalidInput, match=f"^{field}: "):
        read_request({**ASKED, "action": action, field: text})


@pytest.mark.parametrize("field", ["reason", "started_by"])
@pytest.mark.parametrize("action", ["redrive", "discard"])
def test_a_decision_without_a_reason_or_a_name_is_refused(action: str, field: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{field}: "):
        read_request({k: v for k, v in {**ASKED, "action": action}.items() if k != field})


@pytest.mark.parametrize("name", ["alarm", "counter", "Unknown"])
@pytest.mark.parametrize("action", ["redrive", "discard"])
def test_what_the_system_starts_is_triage_alone(action: str, name: str) -> None:
    with pytest.raises(InvalidInput, match=r"^started_by: "):
        read_request({**ASKED, "action": action, "started_by": name})
    assert read_request({"started_by": name}).started_by == name
    assert read_request({"action": "plan", "started_by": name}).action == "plan"


@pytest.mark.parametrize(
    "text", ["ada", "Zoë", "王", "نیک‌نام", "R2-D2", "the DNS IS BACK", "why not", "7"]
)
def test_what_says_something_is_taken_as_it_is(text: str) -> None:
    request = read_request({**ASKED, "started_by": f" {text} ", "reason": text})
    assert (request.started_by, request.reason) == (text, text)


@pytest.mark.parametrize("value", [None, 5, ["ada"], "a" * 257])
def test_a_line_is_a_text_of_some_length(value: Any) -> None:
    with pytest.raises(Unfit):
        line(value, most=256)


def test_no_placeholder_of_the_documents_says_anything() -> None:
    texts = [path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))]
    texts += [(ROOT / "functions" / "redrive" / "texts.py").read_text()]
    given = {
        value
        for text in texts
        for value in re.findall(r'(?:"(?:reason|started_by|approver)":|--cause) "([^"]+)"', text)
    }
    capitals = {value for text in texts for value in re.findall(r'"([A-Z]{4,}(?: [A-Z]+)*)"', text)}
    assert {"YOUR NAME", "WHY IT IS SAFE NOW", "WHY NOBODY NEEDS THEM", "WHY"} <= given
    capitals -= {"ERROR", "CRITICAL"}  # levels of a log
    assert {value for value in given | capitals if says_something(value)} == set()
