"""Metric math of the local page."""

from __future__ import annotations

import pytest

from local.metric_math import NotUnderstoodError, Series, evaluate

TIMES = range(0, 240, 60)
A: Series = {0: 1.0, 60: 2.0, 180: 4.0}
B: Series = {0: 2.0, 60: 0.0}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a", A),
        ("a + b", {0: 3.0, 60: 2.0}),
        ("a - b", {0: -1.0, 60: 2.0}),
        # A point without a divisor, and one of 0, are lacking.
        ("a / b", {0: 0.5}),
        ("100 * a", {0: 100.0, 60: 200.0, 180: 400.0}),
        ("FILL(b, 0)", {0: 2.0, 60: 0.0, 120: 0.0, 180: 0.0}),
        ("a - FILL(b, 0)", {0: -1.0, 60: 2.0, 180: 4.0}),
        ("SUM([a, b])", {0: 3.0, 60: 2.0, 180: 4.0}),
        ("SUM(METRICS()) / 2", {0: 1.5, 60: 1.0, 180: 2.0}),
        ("2 + 3 * 4", dict.fromkeys(TIMES, 14.0)),
    ],
)
def test_what_is_understood(expression: str, expected: Series) -> None:
    assert evaluate(expression, {"a": A, "b": B}, TIMES) == expected


@pytest.mark.parametrize(
    "expression",
    ["SEARCH('{Eventing}', 'Sum')", "c", "a **  b", "METRICS()", "[a]", "a +", "IF(a > 1, a)",
     "SUM(a)", "FILL(METRICS(), 0)"],
)  # fmt: skip
def test_what_is_not_says_so(expression: str) -> None:
    with pytest.raises(NotUnderstoodError):
        evaluate(expression, {"a": A, "b": B}, TIMES)
