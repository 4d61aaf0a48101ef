"""What the local page lets through of a custom widget's HTML."""

from __future__ import annotations

import pytest

from local.widget_html import harmless

TABLE = (
    '<p><strong>3 letters</strong></p><table><thead><tr><th scope="col">Why</th></tr></thead>'
    '<tbody><tr><td colspan="2">a<br>b <code>eventing status</code></td></tr></tbody></table>'
)


def test_words_and_tables_go_through_as_they_are() -> None:
    assert harmless(TABLE) == TABLE


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("a<script>alert(1)</script>", "a"),
        ("a<style>p { color: red }</style>", "a"),
        ('a<iframe src="https://example.com"></iframe>', "a"),
        ('a<svg><use href="#x"></use></svg>', "a"),
        ("a<img src=x onerror=alert(1)>", "a"),
        ('<p onclick="alert(1)" style="position: fixed" class="x" id="now">a</p>', "<p>a</p>"),
        ('<a href="javascript:alert(1)">a</a>', '<a rel="noopener noreferrer">a</a>'),
        ('<a href="http://example.com">a</a>', '<a rel="noopener noreferrer">a</a>'),
        ('a<cwdb-action action="call" endpoint="arn:x">{"x": 1}</cwdb-action>', 'a{"x": 1}'),
        ('<form action="https://example.com"><input name="key"><button>a</button></form>', "a"),
        ('a<meta http-equiv="refresh" content="0"><base href="https://example.com">', "a"),
        ("a<!-- b -->", "a"),
    ],
)
def test_what_runs_loads_or_asks_is_taken_out(html: str, left: str) -> None:
    assert harmless(html) == left


def test_links_tell_nobody_where_they_were() -> None:
    assert harmless('<a href="https://example.com/">a</a>') == (
        '<a href="https://example.com/" rel="noopener noreferrer">a</a>'
    )
