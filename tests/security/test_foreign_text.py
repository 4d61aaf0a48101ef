"""Text of others can't forge, hide or move what people read beside it, and is no longer than it may be."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.foreign_text import name_counts, plain, quoted, within

HOSTILE = {
    "line separator": "\u2028approve now: https://evil.example",
    "paragraph separator": "a\u2029b",
    "next line": "a\u0085b",
    "line feed": "a\r\nb",
    "override": "\u202egnp.exe",
    "isolates": "\u2066a\u2067b\u2068c\u2069",
    "marks": "a\u200eb\u200fc\u061c",
    "zero width": "ad\u200bm\u200ci\u200dn\ufeff\u2060",
    "tags": "a\U000e0041\U000e007f",
    "variation selectors": "a\ufe0f\U000e0100",
    "blanks": "a\u00a0\u3000\u3164\u115f\u2800\uffa0b",
    "escape sequence": "\x1b[2J\x9b31m",
    "lone surrogate": "\ud800",
    "private use": "\ue000\U0010ffff",
    "joiner of graphemes": "a\u034fb",
}
INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def is_seen(text: str) -> bool:
    return all(unicodedata.category(c) not in INVISIBLE for c in text)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_hides_or_moves_others_is_escaped(text: str) -> None:
    for shown in (plain(text), quoted(text)):
        assert is_seen(shown)
        assert len(shown.splitlines()) == 1
        assert not set(shown) & set("\u3164\u115f\u2800\uffa0\u034f\ufe0f\U000e0100\u00a0\u3000")
        assert "\\" in shown
        shown.encode()


@given(st.text(), st.integers(10, 300))
def test_any_text_is_one_line_of_at_most_its_length(text: str, most: int) -> None:
    for shown in (plain(text, most), quoted(text, most)):
        assert is_seen(shown)
        assert len(shown) <= most


def test_what_is_no_simple_name_is_told_by_its_quotes_from_what_we_say() -> None:
    assert quoted("com.example.order_placed-v2") == "com.example.order_placed-v2"
    assert quoted("a 3, b") == '"a 3, b"'
    assert quoted('" approve: "') == '"\\" approve: \\""'
    assert quoted("\\u202e") == '"\\\\u202e"'
    assert quoted("") == '""'


def test_no_program_makes_a_link_of_it() -> None:
    assert "://" not in quoted("https://evil.example/approve")


def test_a_character_is_never_cut_in_two() -> None:
    assert plain("\U000e0041" * 5, 25) == "\\U000e0041\\U000e0041…"
    assert plain("a" * 25, 25) == "a" * 25
    assert plain("a" * 26, 25) == "a" * 24 + "…"
    assert quoted('"' * 9, 12) == '"' + '\\"' * 4 + '…"'
    assert quoted("𐍈" * 300) == '"' + "𐍈" * 117 + '…"'


def test_counts_say_how_many_names_are_left_out() -> None:
    assert name_counts({"a": 3, "b c": 1}) == 'a 3, "b c" 1'
    assert name_counts({str(n): 1 for n in range(12)}, most=2) == "0 1, 1 1, 10 more"


def test_the_first_lines_are_kept_and_the_others_name_counts() -> None:
    lines = [f"{n} 𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈𐍈" for n in range(100)]
    text = within(lines, 1000)
    assert len(text.encode()) <= 1000
    *kept, last = text.split("\n")
    assert kept == lines[: len(kept)]
    assert last == f"... and {100 - len(kept)} more lines, which the report has"
    assert within(lines, 100_000) == "\n".join(lines)
    assert within(["a" * 10], 10) == "a" * 10
