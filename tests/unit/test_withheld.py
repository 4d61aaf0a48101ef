"""Letters of suspended publishers: which runs leave them out, and what people are told of it."""

from __future__ import annotations

from typing import Any

import pytest

from eventing.cause import Cause, Code
from eventing.redrive.filter import Filter
from eventing.redrive.request import RedriveRequest
from eventing.redrive.withheld import Withheld, withhold
from tests.unit.letters import row

DOWN = Cause(Code.ACCESS_DENIED, "AccessDenied", "no\nright", resource="table eventing-registry")


@pytest.mark.parametrize(
    ("members", "withholds"),
    [
        ({"action": "redrive"}, True),
        ({"action": "plan"}, True),
        ({"action": "redrive", "everything": True}, True),
        ({"action": "redrive", "filter": Filter(fingerprint="f", type="t")}, True),
        ({"action": "redrive", "filter": Filter(publisher="acme-web")}, False),
        ({"action": "redrive", "filter": Filter(letter_ids=("k",))}, False),
        ({"action": "discard", "everything": True}, False),
    ],
)
def test_a_run_that_makes_steps_withholds_what_nobody_named(
    members: dict[str, Any], withholds: bool
) -> None:
    assert RedriveRequest(**members).withholds is withholds


def test_letters_of_suspended_publishers_are_left_out_and_counted() -> None:
    rows = [
        row(number, publisher=name) for number, name in enumerate(["acme", "globex", "acme", "x"])
    ]
    left, withheld = withhold(rows, frozenset({"acme", "x", "nobody"}))

    assert left == [rows[1]]
    assert withheld.publishers == {"acme": 2, "x": 1}
    assert withheld.letters == 3


def test_nothing_is_told_where_nothing_is_left_out() -> None:
    assert withhold([row()], frozenset({"globex"})) == ([row()], Withheld())
    assert Withheld().warnings() == []


def test_the_warning_names_publishers_and_what_to_do() -> None:
    (one,) = Withheld({"acme": 1}).warnings()
    assert one == (
        "1 letter of a suspended publisher is left out (acme 1): resume the publisher, "
        "or ask for its letters by its name or by their ids."
    )
    (many,) = Withheld({"acme": 1200, "evil\x1b[2J": 3}).warnings()
    assert many.startswith("1,203 letters of suspended publishers are left out (acme 1200, ")
    assert "\x1b" not in many


def test_the_names_in_a_warning_are_the_most_frequent_ones() -> None:
    names = {f"publisher-{number}": 1 for number in range(1000)}
    (told,) = Withheld({**names, "loud": 5}).warnings()
    assert "(loud 5, publisher-0 1" in told
    assert "991 more)" in told
    assert len(told) < 500


def test_where_nobody_can_tell_who_is_suspended_that_is_told_on_one_line() -> None:
    (told,) = Withheld(unknown=DOWN).warnings()
    assert told == (
        "Nobody could tell which publishers are suspended, so letters of those are not left out: "
        "table eventing-registry: ACCESS_DENIED: no\\nright"
    )
