"""Which topic an event goes to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventing.catalogue import Catalogue
from eventing.routing import NoRoute, Router
from tests.unit.catalogues import of_topics

ORDER = "com.example.shop.order.placed.v1"
PAYMENT = "com.example.shop.payment.captured.v1"


@pytest.mark.parametrize(
    ("type", "data", "topic"),
    [
        (ORDER, {"total": 500}, "orders-priority"),
        (ORDER, {"total": 500.0}, "orders-priority"),
        (ORDER, {"total": 499.99}, "orders"),
        (ORDER, {"total": None}, "orders"),
        (ORDER, {}, "orders"),
        (ORDER, None, "orders"),
        (ORDER, [500], "orders"),
        (ORDER, "500", "orders"),
        (ORDER, {"total": float("inf")}, "orders-priority"),
        ("com.example.shop.order.cancelled", {}, "orders"),
        ("com.example.shop.payment.failed.v1", {}, "payments-failed"),
        (PAYMENT, {"risk": "high"}, "payments-failed"),
        (PAYMENT, {"risk": "low"}, "payments"),
        (PAYMENT, {}, "payments"),
        ("com.example.shop.payment.failed.v2", {"risk": "high"}, "payments"),
        ("com.example.shop.customer.moved.v1", {}, "customers"),
        ("com.example.shop.customer.address.moved", {}, "customers"),
    ],
)
def test_events_of_the_projects_catalogue(
    catalogue: Catalogue, type: str, data: Any, topic: str
) -> None:
    assert Router(catalogue).route(type, {"type": type, "data": data}) == topic


@pytest.mark.parametrize("type", ["com.example.shop.customer", "org.example.x", "", ORDER.upper()])
def test_an_event_that_no_topic_takes(catalogue: Catalogue, type: str) -> None:
    with pytest.raises(NoRoute, match="no topic of the catalogue takes this event"):
        Router(catalogue).route(type, {"type": type, "data": {"total": 500}})


def test_the_first_match_in_the_order_of_the_catalogue_wins() -> None:
    router = Router(
        of_topics(
            ("c", [("a.b.*", "data.x == `1`"), ("a.b.c", None)]),
            ("b", [("a.*", None)]),
            ("a", [("a.b.d", None), ("*", None)]),
            ("d", [("e", None)]),
        )
    )
    assert router.route("a.b.c", {}) == "c"
    assert router.route("a.b.d", {"data": {"x": 1}}) == "c"
    assert router.route("a.b.d", {"data": {"x": 2}}) == "b"
    assert router.route("a.b.d", {}) == "b"
    assert router.route("x", {}) == "a"
    assert router.route("e", {}) == "a"


def test_a_condition_is_on_the_whole_event() -> None:
    router = Router(of_topics(("eu", [("*", "region == 'eu' && source == '/a'")])))
    assert router.route("t", {"region": "eu", "source": "/a"}) == "eu"
    with pytest.raises(NoRoute):
        router.route("t", {"data": {"region": "eu"}, "source": "/a"})


@pytest.mark.parametrize("truthy", [1, "true", "x", [0], {"a": 1}, 0.5])
def test_only_true_takes_an_event(truthy: Any) -> None:
    router = Router(of_topics(("a", [("*", "data")])))
    assert router.route("t", {"data": True}) == "a"
    for value in (truthy, False, None):
        with pytest.raises(NoRoute):
            router.route("t", {"data": value})


@pytest.mark.parametrize(
    ("condition", "data"),
    [
        ("data.total >= `500`", {"total": "x"}),
        ("data.total >= `500`", {"total": [501]}),
        ("data.total >= `500`", {"total": True}),
        ("data.total >= '500'", {"total": 501}),
        ("data.a < data.b", {"a": "x", "b": 1}),
        ("starts_with(data.name, 'A')", {"name": ["Ada"]}),
        ("starts_with(data.name, 'A')", {}),
        ("length(data.lines) > `3`", {"lines": 7}),
        ("sum(data.lines[*].quantity) > `3`", {"lines": [{"quantity": "4"}]}),
        ("max(data.prices) > `1`", {"prices": [2, "x"]}),
        ("max_by(data.lines, &price).price > `1`", {"lines": [{"price": 2}, {"price": "x"}]}),
        ("data.lines[?price > `1`] | [0].price > `1`", {"lines": [{"price": "x"}]}),
        ("ceil(data.total) > `1`", {"total": float("inf")}),
        ("floor(data.total) > `1`", {"total": float("inf")}),
        ("avg(data.prices) > `1`", {"prices": [10**400, 0.5]}),
    ],
)
def test_an_operand_of_another_type_makes_a_condition_not_true(condition: str, data: Any) -> None:
    router = Router(of_topics(("first", [("*", condition)]), ("second", [("*", None)])))
    assert router.route("t", {"data": data}) == "second"


def test_an_operand_of_another_type_is_as_null_in_a_larger_condition() -> None:
    either = "data.total >= `500` || data.vip"
    router = Router(of_topics(("first", [("*", either)]), ("second", [("*", None)])))
    totals: list[Any] = ["x", None, {}]
    for total in totals:
        assert router.route("t", {"data": {"total": total, "vip": True}}) == "first"
        assert router.route("t", {"data": {"total": total, "vip": False}}) == "second"


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=3)
    | st.sampled_from([10**400, -(10**400)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)
    ),
    max_leaves=6,
)
CONDITIONS = [
    *(f"{name}(data) == `1`" for name in ("abs", "avg", "ceil", "floor", "length", "max", "min")),
    *(f"{name}(data) == `1`" for name in ("sum", "to_number", "to_string", "sort", "reverse")),
    *(f"{name}(data) == `1`" for name in ("keys", "values", "to_array", "type", "not_null")),
    "contains(data, 'a')",
    "join('a', data) == 'b'",
    "map(&a, data) == `[]`",
    "sort_by(data, &a) == `[]`",
    "max_by(data, &a) == `1`",
    "merge(data, data) == `1`",
    "data.a >= `500`",
    "data.a < data.b",
    "data[?a > `1`] | [0].b == `1`",
    "data[::2] == `[]`",
    "data.*.a == `[]`",
]


@pytest.mark.parametrize("condition", CONDITIONS)
@settings(max_examples=30)
@given(data=JSON_VALUES)
def test_whatever_the_data_an_event_has_a_topic(condition: str, data: Any) -> None:
    router = Router(of_topics(("first", [("*", condition)]), ("second", [("*", None)])))
    assert router.route("t", {"data": data}) in ("first", "second")


@pytest.mark.parametrize(
    ("type", "data", "reasons"),
    [
        (
            "t",
            {"total": 5},
            [
                ("large", "its condition does not hold: data.total > `9`; data.gold"),
                ("other", "takes only x"),
                ("all", "takes it"),
                ("late", "is not asked, since all stands before it"),
            ],
        ),
        (
            "t",
            {"total": 10},
            [
                ("large", "takes it"),
                ("other", "is not asked, since large stands before it"),
                ("all", "is not asked, since large stands before it"),
                ("late", "is not asked, since large stands before it"),
            ],
        ),
        (
            "t",
            {"total": "x"},
            [
                ("large", "its condition does not hold: data.total > `9`; data.gold"),
                ("other", "takes only x"),
                ("all", "takes it"),
                ("late", "is not asked, since all stands before it"),
            ],
        ),
    ],
)
def test_a_routing_is_explained(type: str, data: Any, reasons: list[tuple[str, str]]) -> None:
    router = Router(
        of_topics(
            ("large", [("t", "data.total > `9`"), ("t", "data.gold")]),
            ("other", [("x", None)]),
            ("all", [("*", None)]),
            ("late", [("*", None)]),
        )
    )
    explanations = router.explain(type, {"data": data})
    assert [(explanation.topic, explanation.reason) for explanation in explanations] == reasons
    taking = [explanation.topic for explanation in explanations if explanation.takes]
    assert taking == [topic for topic, reason in reasons if reason == "takes it"]


def test_an_event_without_a_route_is_explained_too(catalogue: Catalogue) -> None:
    explanations = Router(catalogue).explain("org.example.x", {})
    assert [explanation.topic for explanation in explanations] == [
        topic.name for topic in catalogue.topics
    ]
    assert not any(explanation.takes for explanation in explanations)
    assert all(
        explanation.reason.startswith("takes only com.example.shop.")
        for explanation in explanations
    )
