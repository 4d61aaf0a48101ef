"""What a catalogue may hold, and that a fault in it is named: file, entry, reason."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.catalogue import Catalogue, CatalogueError, EventType, Quota, Rule, Topic, UsagePlan
from eventing.catalogue_check import load_catalogue, warnings
from eventing.type_patterns import TypePatterns, covers
from tests.unit.catalogues import write

FILES: dict[str, Any] = {
    "topics.json": {
        "topics": [
            {
                "name": "orders-priority",
                "description": "Large orders",
                "events": [{"type": "shop.order.*", "when": "data.total >= `500`"}],
                "max_bytes": 1024 * 1024,
            },
            {"name": "orders", "events": [{"type": "shop.order.*"}]},
            {
                "name": "rest",
                "events": [{"type": "shop.customer.*"}, {"type": "shop.payment.v1"}],
                "subscribers_expected": False,
            },
        ]
    },
    "event-types.json": {
        "event_types": [
            {
                "type": "shop.order.placed.v1",
                "description": "Placed",
                "schema": "schemas/order.json",
            },
            {"type": "shop.order.*", "schema": "schemas/order.json", "mode": "warn"},
            {"type": "shop.customer.*"},
            {"type": "shop.payment.v1"},
        ]
    },
    "usage-plans.json": {
        "usage_plans": {
            "standard": {
                "rate_per_second": 50,
                "burst": 100,
                "quota": {"limit": 1_000, "period": "DAY"},
            },
            "trial": {
                "rate_per_second": 0.5,
                "burst": 1,
                "max_events": 5,
                "max_body_bytes": 1_000,
            },
        }
    },
    "schemas/order.json": {"type": "object", "required": ["total"]},
}


def test_a_catalogue_is_what_its_files_say(tmp_path: Path) -> None:
    catalogue = load_catalogue(write(tmp_path, FILES))
    assert catalogue.topics == (
        Topic(
            "orders-priority",
            "Large orders",
            (Rule("shop.order.*", "data.total >= `500`"),),
            1024 * 1024,
        ),
        Topic("orders", "", (Rule("shop.order.*"),), 256 * 1024),
        Topic(
            "rest",
            "",
            (Rule("shop.customer.*"), Rule("shop.payment.v1")),
            subscribers_expected=False,
        ),
    )
    # Unless it is said, somebody is.
    assert catalogue.topics[1].subscribers_expected
    schema = FILES["schemas/order.json"]
    assert catalogue.event_types == (
        EventType("shop.order.placed.v1", "Placed", "enforce", "schemas/order.json", schema),
        EventType("shop.order.*", "", "warn", "schemas/order.json", schema),
        EventType("shop.customer.*", ""),
        EventType("shop.payment.v1", ""),
    )
    assert catalogue.usage_plans == {
        "standard": UsagePlan(50, 100, Quota(1_000, "DAY")),
        "trial": UsagePlan(0.5, 1, None, 5, 1_000),
    }
    assert catalogue.topic("orders") is catalogue.topics[1]
    assert catalogue.topic("none") is None


def test_what_functions_read_is_what_was_checked(tmp_path: Path) -> None:
    folder = write(tmp_path, FILES)
    assert Catalogue.read(folder) == load_catalogue(folder)


Edit = Callable[[dict[str, Any]], Any]


def topic(number: int = 0, **members: Any) -> Edit:
    return lambda files: files["topics.json"]["topics"][number].update(members)


def rule(**members: Any) -> Edit:
    return topic(0, events=[{"type": "shop.order.*", **members}])


def event_type(number: int = 0, **members: Any) -> Edit:
    return lambda files: files["event-types.json"]["event_types"][number].update(members)


def plan(**members: Any) -> Edit:
    return lambda files: files["usage-plans.json"]["usage_plans"]["standard"].update(members)


def without(file: str) -> Edit:
    return lambda files: files.pop(file)


def instead(file: str, content: Any) -> Edit:
    return lambda files: files.update({file: content})


def added(file: str, member: str, entry: Any) -> Edit:
    return lambda files: files[file][member].append(entry)


TOPICS, TYPES, PLANS = "topics.json", "event-types.json", "usage-plans.json"
FAULTS: list[tuple[Edit, str, str, str]] = [
    # files
    (without(TOPICS), TOPICS, "", "no such file"),
    (without(TYPES), TYPES, "", "no such file"),
    (without(PLANS), PLANS, "", "no such file"),
    (instead(TOPICS, "{"), TOPICS, "", "is not JSON: Expecting property name"),
    (instead(PLANS, '{"usage_plans": {"a": {}, "a": {}}}'), PLANS, "", "repeats a member"),
    (instead(PLANS, '{"usage_plans": NaN}'), PLANS, "", "NaN"),
    (instead(TOPICS, []), TOPICS, "", "must hold a JSON object"),
    (instead(TOPICS, {}), TOPICS, "", '"topics" that is not empty'),
    (instead(TOPICS, {"topics": {}}), TOPICS, "", '"topics" that is not empty'),
    (instead(TYPES, {"event_types": []}), TYPES, "", '"event_types" that is not empty'),
    (instead(PLANS, {}), PLANS, "", '"usage_plans"'),
    (instead(PLANS, {"usage_plans": []}), PLANS, "", '"usage_plans"'),
    # topics
    (added(TOPICS, "topics", "orders"), TOPICS, "entry 4", "must be an object"),
    (added(TOPICS, "topics", {}), TOPICS, "entry 4", "'name' must be a text"),
    (topic(name=""), TOPICS, "entry 1", "'name' must be a text"),
    (topic(name=7), TOPICS, "entry 1", "'name' must be a text"),
    (topic(name="Orders"), TOPICS, "Orders", "a name has up to 64"),
    (topic(name="1orders"), TOPICS, "1orders", "a name has up to 64"),
    (topic(name="orders\n"), TOPICS, "orders\n", "a name has up to 64"),
    (topic(name="o" * 65), TOPICS, "o" * 65, "a name has up to 64"),
    (topic(1, name="orders-priority"), TOPICS, "orders-priority", "taken by an earlier topic"),
    (topic(colour="red"), TOPICS, "orders-priority", "unknown member 'colour'; known are name"),
    (topic(description=7), TOPICS, "orders-priority", "'description' must be a text"),
    (topic(events=[]), TOPICS, "orders-priority", "'events' must be a list"),
    (topic(events={}), TOPICS, "orders-priority", "'events' must be a list"),
    (topic(events=["x"]), TOPICS, "orders-priority", "must be an object"),
    (topic(max_bytes=256 * 1024 - 1), TOPICS, "orders-priority", "'max_bytes'"),
    (topic(max_bytes=1024 * 1024 + 1), TOPICS, "orders-priority", "'max_bytes'"),
    (topic(max_bytes=True), TOPICS, "orders-priority", "'max_bytes'"),
    (topic(subscribers_expected="no"), TOPICS, "orders-priority", "'subscribers_expected'"),
    (topic(subscribers_expected=0), TOPICS, "orders-priority", "'subscribers_expected'"),
    (topic(subscribers_expected=None), TOPICS, "orders-priority", "'subscribers_expected'"),
    (rule(types="x"), TOPICS, "orders-priority", "unknown member 'types'; known are type, when"),
    (rule(type=7), TOPICS, "orders-priority", "'type' must be a text"),
    (rule(type="*.order"), TOPICS, "orders-priority", "'*.order' is no type pattern"),
    (rule(type="shop.ord*"), TOPICS, "orders-priority", "'shop.ord*' is no type pattern"),
    (rule(type="shop..*"), TOPICS, "orders-priority", "'shop..*' is no type pattern"),
    (rule(type=".*"), TOPICS, "orders-priority", "'.*' is no type pattern"),
    (rule(type="shop.*.placed"), TOPICS, "orders-priority", "is no type pattern"),
    (rule(type="**"), TOPICS, "orders-priority", "is no type pattern"),
    (rule(type="bank.*"), TOPICS, "orders-priority", "has no type that 'bank.*' could match"),
    (rule(when=""), TOPICS, "orders-priority", "'when' must be a text"),
    (rule(when=None), TOPICS, "orders-priority", "'when' must be a text"),
    (
        rule(when="data.total >="),
        TOPICS,
        "orders-priority",
        "the condition 'data.total >=' is faulty",
    ),
    (rule(when="data.total >= 500"), TOPICS, "orders-priority", "is faulty"),
    (rule(when="a && larger(b)"), TOPICS, "orders-priority", "there is no function larger()"),
    (rule(when="a[?length()]"), TOPICS, "orders-priority", "length() has 0 arguments, not 1"),
    (rule(when="contains(a)"), TOPICS, "orders-priority", "contains() has 1 arguments, not 2"),
    (rule(when="floor(a, b)"), TOPICS, "orders-priority", "floor() has 2 arguments, not 1"),
    (rule(), TOPICS, "orders", "'shop.order.*' never gets an event: orders-priority takes"),
    (
        topic(1, events=[{"type": "shop.*"}]),
        TOPICS,
        "rest",
        "'shop.customer.*' never gets an event: orders takes 'shop.*' before it",
    ),
    (topic(0, events=[{"type": "*"}]), TOPICS, "orders", "never gets an event"),
    (
        topic(2, events=[{"type": "shop.customer.*"}, {"type": "shop.customer.moved"}]),
        TOPICS,
        "rest",
        "'shop.customer.moved' never gets an event: rest takes 'shop.customer.*' before it",
    ),
    # event types
    (added(TYPES, "event_types", 7), TYPES, "entry 5", "must be an object"),
    (event_type(type=None), TYPES, "entry 1", "'type' must be a text"),
    (event_type(type="shop.*.v1"), TYPES, "shop.*.v1", "is no type pattern"),
    (event_type(shema="x"), TYPES, "shop.order.placed.v1", "unknown member 'shema'"),
    (
        event_type(mode="strict"),
        TYPES,
        "shop.order.placed.v1",
        "'mode' must be one of enforce, warn",
    ),
    (event_type(mode=7), TYPES, "shop.order.placed.v1", "'mode' must be one of"),
    (event_type(schema="none.json"), TYPES, "shop.order.placed.v1", "no schema file 'none.json'"),
    (event_type(schema="schemas"), TYPES, "shop.order.placed.v1", "no schema file 'schemas'"),
    (event_type(schema=""), TYPES, "shop.order.placed.v1", "'schema' must be a text"),
    (instead("schemas/order.json", "{"), TYPES, "shop.order.placed.v1", "is not JSON"),
    (
        instead("schemas/order.json", {"type": "objekt"}),
        TYPES,
        "shop.order.placed.v1",
        "the schema is faulty",
    ),
    (
        instead("schemas/order.json", {"pattern": "("}),
        TYPES,
        "shop.order.placed.v1",
        "the schema is faulty",
    ),
    (
        instead("schemas/order.json", {"$ref": "https://example.com/order.json"}),
        TYPES,
        "shop.order.placed.v1",
        "the schema is faulty",
    ),
    (instead("schemas/order.json", 7), TYPES, "shop.order.placed.v1", "the schema is faulty"),
    (
        added(TYPES, "event_types", {"type": "shop.order.shipped"}),
        TYPES,
        "shop.order.shipped",
        "never applies: 'shop.order.*' stands before it",
    ),
    (
        added(TYPES, "event_types", {"type": "shop.payment.v1"}),
        TYPES,
        "shop.payment.v1",
        "never applies: 'shop.payment.v1' stands before it",
    ),
    (added(TYPES, "event_types", {"type": "bank.*"}), TYPES, "bank.*", "no topic in topics.json"),
    (
        added(TYPES, "event_types", {"type": "shop.payment.v1 🏠"}),
        TYPES,
        "shop.payment.v1 🏠",
        "no topic in topics.json",
    ),
    # usage plans
    (plan(rate=1), PLANS, "standard", "unknown member 'rate'"),
    (plan(rate_per_second=0), PLANS, "standard", "'rate_per_second' must be a number above 0"),
    (plan(rate_per_second="9"), PLANS, "standard", "'rate_per_second' must be a number above 0"),
    (plan(rate_per_second=True), PLANS, "standard", "'rate_per_second' must be a number above 0"),
    (plan(burst=0), PLANS, "standard", "'burst' must be a whole number of at least 1"),
    (plan(burst=1.5), PLANS, "standard", "'burst' must be a whole number of at least 1"),
    (plan(max_events=0), PLANS, "standard", "'max_events' must be a whole number from 1 to 100"),
    (plan(max_events=101), PLANS, "standard", "'max_events' must be a whole number from 1 to 100"),
    (plan(max_body_bytes=0), PLANS, "standard", "'max_body_bytes' must be a whole number"),
    (plan(max_body_bytes=4194305), PLANS, "standard", "from 1 to 4194304"),
    (plan(quota=7), PLANS, "standard", "must be an object"),
    (plan(quota={"limit": 1}), PLANS, "standard", "'quota.period' must be one of DAY, WEEK, MONTH"),
    (plan(quota={"limit": 0, "period": "DAY"}), PLANS, "standard", "'quota.limit' must be"),
    (
        plan(quota={"limit": 1, "period": "YEAR"}),
        PLANS,
        "standard",
        "'quota.period' must be one of",
    ),
    (plan(quota={"limit": 1, "period": "DAY", "x": 1}), PLANS, "standard", "unknown member 'x'"),
    (instead(PLANS, {"usage_plans": {"free": []}}), PLANS, "free", "must be an object"),
    (
        instead(PLANS, '{"usage_plans": {"a": {"rate_per_second": 1e400, "burst": 1}}}'),
        PLANS,
        "a",
        "'rate_per_second' must be a number above 0",
    ),
]


@pytest.mark.parametrize(
    ("edit", "file", "entry", "reason"), FAULTS, ids=[f"{file}-{why}" for _, file, _, why in FAULTS]
)
def test_a_fault_is_named(edit: Edit, file: str, entry: str, reason: str, tmp_path: Path) -> None:
    files = deepcopy(FILES)
    edit(files)
    folder = write(tmp_path, files)
    with pytest.raises(CatalogueError) as raised:
        load_catalogue(folder)
    assert (raised.value.file, raised.value.entry) == (file, entry)
    assert reason in raised.value.reason
    assert str(raised.value) == f"{file}: {entry}{': ' if entry else ''}{raised.value.reason}"


def exactly(type: str) -> Edit:
    """An event type that no wildcard stands for, and a topic that names it."""

    def edit(files: dict[str, Any]) -> None:
        files["event-types.json"]["event_types"].append({"type": type})
        files["topics.json"]["topics"].append({"name": "odd", "events": [{"type": type}]})

    return edit


SOUND: list[Edit] = [
    topic(name="o" * 64),
    topic(events=[{"type": "*", "when": "data.x"}]),
    rule(when="not_null(a, b, c) == `1` && sort_by(l, &x)[0]"),
    rule(when="sum(data.lines[*].quantity) > `10`"),
    rule(type="shop.order.placed.v1"),
    exactly("größe v1 🏠"),
    exactly("größe." + "c" * 300),
    added(TYPES, "event_types", {"type": "shop.customer", "description": ""}),
    instead("schemas/order.json", {"$defs": {"a": {}}, "$ref": "#/$defs/a"}),
    instead("schemas/order.json", {"$schema": "http://json-schema.org/draft-07/schema#"}),
    instead("schemas/order.json", "\n true "),
    plan(quota=None),
    plan(rate_per_second=0.01),
]


@pytest.mark.parametrize("edit", SOUND)
def test_what_is_sound_is_taken(edit: Edit, tmp_path: Path) -> None:
    files = deepcopy(FILES)
    files["topics.json"]["topics"].append({"name": "all", "events": [{"type": "*"}]})
    edit(files)
    assert load_catalogue(write(tmp_path, files))


ORDERS = "rests on the schema of shop.order.*, which is not enforced"


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (topic(), [f"orders-priority: the condition 'data.total >= `500`' {ORDERS}"]),
        (event_type(1, mode="enforce"), []),
        (rule(when="source == '/a'"), []),
        (rule(when="starts_with(data, 'a')"), ["orders-priority: the condition"]),
        (rule(when="source == '/a' && not_null(data.a[?b].c, x)"), ["orders-priority: the"]),
        (rule(when="data.x", type="shop.order.placed.v1"), []),
        (rule(when="data.x", type="shop.order.placed.v2"), ["orders-priority: the condition"]),
        (
            topic(2, events=[{"type": "shop.*", "when": "data.x"}]),
            [
                "orders-priority: the condition",
                f"rest: the condition 'data.x' {ORDERS}",
                "rest: the condition 'data.x' rests on the schema of shop.customer.*, which does",
                "rest: the condition 'data.x' rests on the schema of shop.payment.v1, which does",
            ],
        ),
    ],
)
def test_conditions_on_data_whose_form_nothing_ensures_are_named(
    edit: Edit, named: list[str], tmp_path: Path
) -> None:
    files = deepcopy(FILES)
    edit(files)
    found = list(warnings(load_catalogue(write(tmp_path, files))))
    assert len(found) == len(named)
    assert all(text in warning for text, warning in zip(named, found, strict=True))


@pytest.mark.parametrize(
    ("edit", "changes"),
    [
        (topic(description="another"), False),
        (topic(subscribers_expected=False), False),
        (event_type(description="another"), False),
        (plan(burst=7), False),
        (instead("schemas/order.json", '{"required": ["total"],\n "type": "object"}'), False),
        (topic(name="renamed"), True),
        (rule(when="data.total >= `501`"), True),
        (event_type(mode="warn"), True),
        (instead("schemas/order.json", {}), True),
        (added(TYPES, "event_types", {"type": "shop.order", "mode": "warn"}), True),
    ],
)
def test_the_digest_changes_with_what_decides_an_events_fate(
    edit: Edit, changes: bool, tmp_path: Path
) -> None:
    before = Catalogue.read(write(tmp_path / "before", FILES)).digest
    files = deepcopy(FILES)
    edit(files)
    after = Catalogue.read(write(tmp_path / "after", files)).digest
    assert (after != before) == changes


LONG = "c" * 300


@pytest.mark.parametrize(
    ("type", "matching"),
    [
        ("shop.order.placed", ["shop.order.*", "*", "shop.order.placed", "shop.*"]),
        ("shop.order.placed.v1", ["shop.order.*", "*", "shop.*"]),
        ("shop.order", ["*", "shop.*"]),
        ("shop", ["*"]),
        ("shop.A-z_0.9", ["*", "shop.*"]),
        ("shop.", ["*"]),
        ("shop.order placed", []),
        ("shop.größe", []),
        ("shop.order\n", []),
        ("shop.house🏠", []),
        ("shop.\u202etxt.exe", []),
        ("shop.a/b", []),
        ("shop.٣", []),
        ("größe.placed", ["größe.*"]),
        ("größe v1.🏠", ["größe v1.🏠"]),
        ("größe v2.placed", ["größe v2.*"]),
        ("größe v2.größe", []),
        ("shop." + "a" * 250, ["*", "shop.*"]),
        ("shop." + "a" * 251, []),
        ("b" * 255, ["*"]),
        ("b" * 256, []),
        (LONG, [LONG]),
        ("shopping.order", ["*"]),
        ("SHOP.order", ["*"]),
        ("", []),
        (".", ["*"]),
    ],
)
def test_patterns_match_whole_segments_in_the_order_of_filing(
    type: str, matching: list[str]
) -> None:
    patterns = ["shop.order.*", "*", "shop.order.placed", "shop.*", "shopping.*.x"]
    patterns += ["größe.*", "größe v1.🏠", "größe v2.*", LONG]
    assert TypePatterns([(p, p) for p in patterns]).matches(type) == matching


NAMES = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=3).map(".".join)
PATTERNS = NAMES | NAMES.map("{}.*".format) | st.just("*")


@given(PATTERNS, PATTERNS, NAMES)
def test_a_pattern_that_covers_another_matches_all_that_it_matches(
    pattern: str, other: str, type: str
) -> None:
    matching = TypePatterns([(p, p) for p in (pattern, other)]).matches(type)
    if covers(pattern, other) and other in matching:
        assert pattern in matching
    # Where one of many types is matched by the other alone, it does not cover it.
    examples = [other.replace("*", "x"), other.replace("*", "y.z")]
    covered = all(TypePatterns([(pattern, 1)]).matches(example) for example in examples)
    assert covers(pattern, other) == covered


@pytest.mark.parametrize(
    ("pattern", "other", "covered"),
    [
        ("*", "größe", False),
        ("*", "größe.*", False),
        ("shop.*", "shop.house 🏠", False),
        ("shop.*", "shop.a b.*", False),
        ("shop.*", "shop." + "a" * 251, False),
        ("shop.*", "shop.a_b.*", True),
        ("größe.*", "größe.a.*", True),
    ],
)
def test_a_wildcard_does_not_cover_what_it_does_not_stand_for(
    pattern: str, other: str, covered: bool
) -> None:
    assert covers(pattern, other) == covered


def test_the_projects_own_catalogue_is_sound(catalogue: Catalogue) -> None:
    assert {"orders-priority", "orders", "payments-failed", "payments", "customers"} == {
        topic.name for topic in catalogue.topics
    }
