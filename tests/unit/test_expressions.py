"""DynamoDB's expressions in memory: each as the developer guide has it, and an assertion for all else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.expressions import Expressions

ITEM = {
    "pk": {"S": "k"},
    "state": {"S": "open"},
    "version": {"N": "9"},
    "fingerprints": {"SS": ["a", "b"]},
}


def expressions(**values: Any) -> Expressions:
    """With these values, and each attribute by its name with a `#`."""
    names = {f"#{name}": name for name in ("state", "version", "run", "other")}
    given = {f":{name}": value for name, value in values.items()}
    return Expressions({"ExpressionAttributeNames": names, "ExpressionAttributeValues": given})


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("attribute_exists(pk)", True),
        ("attribute_not_exists(pk)", False),
        ("attribute_not_exists(#run)", True),
        ("#state = :open", True),
        ("#state = :parked", False),
        ("#state <> :parked", True),
        ("NOT #state = :open", False),
        ("#state IN (:parked, :open)", True),
        ("NOT #state IN (:parked, :open)", False),
        # Numbers by their value, texts by their bytes.
        ("#version < :ten", True),
        ("#version <= :nine", True),
        ("#version < :nine", False),
        ("#version > :nine", False),
        ("#version >= :ten", False),
        ("#state < :parked", True),
        ("#version BETWEEN :nine AND :ten", True),
        ("#version BETWEEN :ten AND :ten", False),
        # What is not there compares with nothing, and is unequal to all.
        ("#run = :open", False),
        ("#run < :open", False),
        ("#run BETWEEN :open AND :parked", False),
        ("#run <> :open", True),
        # A text is no number.
        ("#state = :nine", False),
        ("#state <> :nine", True),
        # AND before OR, NOT before both.
        ("#state = :open OR #state = :open AND #state = :parked", True),
        ("(#state = :open OR #state = :open) AND #state = :parked", False),
        ("NOT #state = :parked AND #state = :open", True),
    ],
)
def test_a_condition_holds_or_not(condition: str, holds: bool) -> None:
    given = expressions(
        open={"S": "open"}, parked={"S": "parked"}, nine={"N": "9.0"}, ten={"N": "10"}
    )
    assert given.holds(condition, ITEM) is holds


@pytest.mark.parametrize(
    ("update", "changed"),
    [
        ("SET #state = :text", {"state": {"S": "text"}}),
        ("SET #state = :text, #run = :text", {"state": {"S": "text"}, "run": {"S": "text"}}),
        ("SET #version = #version + :one", {"version": {"N": "10"}}),
        ("SET #version = if_not_exists(#version, :one) + :one", {"version": {"N": "10"}}),
        ("SET #other = if_not_exists(#other, :one) + :one", {"other": {"N": "2"}}),
        # All of it reads the item as it was.
        ("SET #run = #state, #state = :text", {"run": {"S": "open"}, "state": {"S": "text"}}),
        ("SET #run = :text REMOVE #state", {"run": {"S": "text"}, "state": None}),
        ("REMOVE #other", {}),
        ("ADD fingerprints :new", {"fingerprints": {"SS": ["a", "b", "c"]}}),
        ("ADD #other :new", {"other": {"SS": ["b", "c"]}}),
        ("ADD #version :one", {"version": {"N": "10"}}),
        ("ADD #other :one", {"other": {"N": "1"}}),
        ("DELETE fingerprints :new", {"fingerprints": {"SS": ["a"]}}),
        ("DELETE fingerprints :all", {"fingerprints": None}),
        ("DELETE #other :all", {}),
    ],
)
def test_an_update_changes_what_it_says(update: str, changed: dict[str, Any]) -> None:
    given = expressions(
        text={"S": "text"}, one={"N": "1"}, new={"SS": ["c", "b"]}, all={"SS": ["b", "a", "c"]}
    )
    expected = {name: value for name, value in (ITEM | changed).items() if value is not None}
    assert given.updated(update, ITEM) == expected


@pytest.mark.parametrize(
    "condition",
    [
        "state = :open",  # a reserved word
        "#state == :open",
        "attribute_type(#state, :open)",
        "#state = :open #state",
        "#state = :absent",
        "#absent = :open",
        "#version < :open",
    ],
)
def test_what_dynamodb_refuses_or_is_not_known_here_is_an_error(condition: str) -> None:
    with pytest.raises((AssertionError, KeyError)):
        expressions(open={"S": "open"}).holds(condition, ITEM)


@pytest.mark.parametrize("update", ["SET pk = :one", "SET #run = #other", "PUT #run :one", "#run"])
def test_an_update_that_is_refused_is_an_error(update: str) -> None:
    with pytest.raises((AssertionError, KeyError, IndexError)):
        expressions(one={"N": "1"}).updated(update, ITEM)


def test_a_name_or_value_that_nothing_uses_is_an_error() -> None:
    request = {"ExpressionAttributeValues": {":used": {"S": "k"}, ":unused": {"S": "k"}}}
    given = Expressions(request)
    assert given.holds("pk = :used", ITEM)
    with pytest.raises(AssertionError, match=":unused"):
        given.see_all_used()


def test_a_projection_names_attributes() -> None:
    given = expressions()
    assert given.named("pk, #state") == frozenset({"pk", "state"})
    assert given.named(None) is None
