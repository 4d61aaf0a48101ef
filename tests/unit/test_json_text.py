"""JSON as published: strict reading, compact writing, numbers as they were spelled."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.json_text import MAX_DEPTH, InvalidJson, canonical, parse
from tests.events.corpus import Number, exact

NUMBERS = st.from_regex(
    r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True
).map(Number)


def values(names: st.SearchStrategy[str], scalars: st.SearchStrategy[Any]) -> Any:
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
        max_leaves=12,
    )


VALUES = values(st.text(max_size=8), st.none() | st.booleans() | NUMBERS | st.text(max_size=8))
# So few that two of them are often almost the same.
CLOSE_VALUES = values(
    st.sampled_from(["a", "b", 'a":1,"b']),
    st.sampled_from(
        [None, True, "", "1", "null", *map(Number, ["1", "1.0", "1.00", "1e0", "0", "-0", "-0.0"])]
    ),
)


def render(value: Any, style: Random) -> str:
    """`value` as JSON, with white space, escapes and member order as `style` falls."""

    def space() -> str:
        return style.choice(["", "", " ", "\n", "\t\r "])

    if isinstance(value, Number):
        return value.spelling
    if isinstance(value, dict):
        names = style.sample(list(value), len(value))
        members = [
            f"{space()}{render(n, style)}{space()}:{space()}{render(value[n], style)}{space()}"
            for n in names
        ]
        return "{" + (",".join(members) or space()) + "}"
    if isinstance(value, list):
        items = [f"{space()}{render(item, style)}{space()}" for item in value]
        return "[" + (",".join(items) or space()) + "]"
    return json.dumps(value, ensure_ascii=style.random() < 0.5)


@given(VALUES, st.randoms(use_true_random=False))
def test_compact_text_has_the_same_value_and_the_same_spelling(value: Any, style: Random) -> None:
    text = render(value, style)
    compact = parse(text).text
    assert exact(compact) == value
    assert compact == minimal(exact(text))


def minimal(value: Any) -> str:
    """The shortest JSON of `value` in UTF-8, its members in their order."""
    if isinstance(value, Number):
        return value.spelling
    if isinstance(value, dict):
        return "{" + ",".join(f"{minimal(n)}:{minimal(v)}" for n, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(minimal, value)) + "]"
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


@given(VALUES, st.randoms(use_true_random=False))
def test_the_value_is_the_one_that_pythons_reader_finds(value: Any, style: Random) -> None:
    text = render(value, style)
    assert repr(parse(text).value) == repr(json.loads(text))


@given(VALUES, st.randoms(use_true_random=False), st.randoms(use_true_random=False))
def test_canonical_is_the_same_for_any_member_order_white_space_and_escapes(
    value: Any, one: Random, other: Random
) -> None:
    assert canonical(parse(render(value, one)).exact) == canonical(
        parse(render(value, other)).exact
    )


@given(CLOSE_VALUES, CLOSE_VALUES, st.randoms(use_true_random=False))
def test_distinct_values_have_distinct_canonical_forms(one: Any, other: Any, style: Random) -> None:
    forms = [canonical(parse(render(value, style)).exact) for value in (one, other)]
    assert (forms[0] == forms[1]) == (one == other)


@pytest.mark.parametrize(
    ("text", "compact"),
    [
        ("[ 1.10 , 1e400 ]", "[1.10,1e400]"),
        ("-0", "-0"),
        ("[-0,\n-0 ,-0]", "[-0,-0,-0]"),
        ('{"at":"2026-01-05","n":-0.0,"m":-7E0}', None),
        ("123456789012345678901234567890", None),
        ("-9007199254740993", None),
        ("0." + "3" * 5000, None),
        ("0." + "3" * 70_000, None),
        (" -0" + " " * 70_000, "-0"),
        ('"' + "x" * 70_000 + ' 1.10"', None),
        ('"\\u00e9\\/\\u2028\\ud83d\\ude00"', '"é/\u2028😀"'),
        ('"\\u0000\\u001f\\u007f"', '"\\u0000\\u001f\x7f"'),
        ('{"\uffff":"\ufffe\ufffd"}', '{"\\uffff":"\\ufffe\ufffd"}'),
        ('"\\uFFFF 1.10"', '"\\uffff 1.10"'),
        ('{"z":1,"a":{"y":2.50,"b":[]}}', None),
    ],
)
def test_compact_text(text: str, compact: str | None) -> None:
    assert parse(text).text == (compact or text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ("confidential", "Expecting value"),
        ('{"a": "confidential}', "Unterminated string starting at line 1, column 7"),
        ('"confidential\n"', "Invalid control character at line 1"),
        ("[1,]", "line 1"),
        ("[01]", "line 1"),
        ("[.5]", "line 1"),
        ("[1.]", "line 1"),
        ("[+1]", "line 1"),
        ("[NaN]", "NaN"),
        ("[Infinity]", "Infinity"),
        ("[-Infinity]", "-Infinity"),
        ("{} {}", "Extra data"),
        ("\ufeff{}", "Expecting value"),
        ('{"confidential":1,"confidential":1}', "repeats a member name"),
        ('[{"a":{"b":1,"\\u0062":2}}]', "repeats a member name"),
        ('{"a":1.10,"b":{"c":1,"c":2}}', "repeats a member name"),
        ('"\\ud800"', "surrogate"),
        ('["\\udc00\\ud800 confidential"]', "surrogate"),
        ('{"\\udead":1.10}', "surrogate"),
        ("7" * 4301, "4,300 digits"),
        ("[-0," + "7" * 4301 + "]", "4,300 digits"),
    ],
)
def test_what_cannot_be_carried_unchanged_is_refused_without_being_quoted(
    text: str, reason: str
) -> None:
    with pytest.raises(InvalidJson, match=reason) as raised:
        parse(text)
    assert "confidential" not in str(raised.value)


# Above so many characters a text is read another way.
FILLER = f'"filler":"{"é" * 70_000}"'


@given(VALUES, st.randoms(use_true_random=False))
def test_a_large_text_is_read_and_written_as_a_small_one(value: Any, style: Random) -> None:
    text = render(value, style)
    small, large = parse(text), parse(f'{{{FILLER},"member":{text}}}').member("member")
    assert large.text == small.text
    assert canonical(large.exact) == canonical(small.exact)
    assert repr(large.value) == repr(small.value)
    items = parse(f"[{{{FILLER}}}, {text}]").items
    assert items[1].text == small.text


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        ('{"a":1,"a":1}', "repeats a member name"),
        ('[{"a:":{"b":":","\\u0062":2}}]', "repeats a member name"),
        ('{"\\"a\\\\":1.10,"x":{"c":1,"c":2}}', "repeats a member name"),
        ("[" * 101 + "]" * 101, "more than 100 levels"),
        ('["[[[[", ' + '{"[":' * 100 + '"]}\\""' + "}" * 100 + "]", "more than 100 levels"),
        ('"\\ud800"', "surrogate"),
        ('"\\\\\\uD800\\\\udc00"', "surrogate"),
        ('[1.10,"\\uDEAD"]', "surrogate"),
        ("[NaN]", "NaN"),
        ("[-0," + "7" * 4301 + "]", "4,300 digits"),
    ],
)
@pytest.mark.parametrize("batch", [False, True])
def test_a_large_text_is_refused_as_a_small_one(member: str, reason: str, batch: bool) -> None:
    with pytest.raises(InvalidJson, match=reason):
        parse(member, depth=MAX_DEPTH)
    large = f"[{{{FILLER}}},{member}]" if batch else f'{{{FILLER},"member":{member}}}'
    with pytest.raises(InvalidJson, match=reason):
        parse(large, depth=MAX_DEPTH)


@pytest.mark.parametrize(
    "text",
    [
        '["\\ud800\\udc00", 1.10]',
        '["\\uD800\\uDC00\\\\ud800", -0]',
        '{"\\\\\\\\ud800": [1e400, "\\ud800\\udfff"]}',
        '"1.10"',
        '["1.10", 1.10]',
    ],
)
def test_no_text_passes_for_a_number(text: str) -> None:
    assert exact(parse(text).text) == exact(text)


def nested(levels: int, *, objects: bool = False) -> str:
    return '{"a":' * levels + "1.10" + "}" * levels if objects else "[" * levels + "]" * levels


@pytest.mark.parametrize("objects", [False, True])
def test_depth_is_limited(objects: bool) -> None:
    text = nested(MAX_DEPTH, objects=objects)
    assert parse(text, depth=MAX_DEPTH).text == text
    # The levels count, not the brackets.
    beside = nested(MAX_DEPTH - 1, objects=objects)
    assert parse(f"[{beside},{beside}]", depth=MAX_DEPTH)
    for levels in (MAX_DEPTH + 1, 1_000, 100_000):
        with pytest.raises(InvalidJson, match="more than 100 levels"):
            parse(nested(levels, objects=objects), depth=MAX_DEPTH)


def test_what_was_accepted_can_still_be_read_when_it_is_wrapped() -> None:
    text = f'{{"event":{{"data":{nested(MAX_DEPTH)}}}}}'
    assert parse(text).text == text


def test_members_and_items_are_documents_of_their_own() -> None:
    document = parse('{"a": [1.10, {"b": 2}], "c": [{"d": 1}, 7]}')
    assert [item.text for item in document.member("a").items] == ["1.10", '{"b":2}']
    assert [item.value for item in document.member("a").items] == [1.1, {"b": 2}]
    assert [item.text for item in parse("[{}, [1]]").items] == ["{}", "[1]"]
