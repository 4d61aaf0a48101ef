"""HTML of custom widgets, of which only what does nothing is let through.

CloudWatch takes out scripts, frames and whatever else runs or loads (CloudWatch user guide, "Security and
JavaScript" of custom widgets). It publishes no list of what it lets through; this one is narrower.
"""

from __future__ import annotations

import nh3

_TAGS = {
    "a", "b", "br", "code", "div", "em", "h1", "h2", "h3", "h4", "hr", "i", "li", "ol", "p", "pre", "small",
    "span", "strong", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan", "scope"}}


def harmless(html: str) -> str:
    """The HTML without all that is not words, tables and links to pages."""
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"https"},
        link_rel="noopener noreferrer",
    )
