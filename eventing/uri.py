"""URIs: RFC 3986, with the characters beyond ASCII that RFC 3987 adds."""

from __future__ import annotations

import re
from collections.abc import Callable

# Unreserved characters and sub-delimiters, to stand in a class of characters.
PLAIN = r"A-Za-z0-9\-._~!$&'()*+,;="


def grammar(
    *,
    possessive: bool = True,
    one_of: Callable[[str], str] = "[{}]".format,
    literal: str = rf"[{PLAIN}:]+",
) -> tuple[str, str]:
    """Regular expressions for a URI reference and for an absolute URI (RFC 3986, appendix A).

    Possessive quantifiers, which not all dialects have, keep a long URI from taking time out of
    proportion. `one_of` makes a class of characters of what stands in one; `literal` is what may stand
    between the brackets of a host.
    """
    more, sign = ("++", "+") if possessive else ("", "")

    def characters(others: str) -> str:
        # No character can be read in two ways, so there is nothing to go back to.
        return rf"(?:{one_of(PLAIN + others)}{more}|%[0-9A-Fa-f]{{2}})"

    segment, no_colon, host, user, rest = map(characters, (":@", "@", "", ":", ":@/?"))
    authority = rf"(?:{user}*{sign}@)?(?:\[{literal}\]|{host}*{sign})(?::[0-9]*)?"
    segments = rf"(?:/{segment}*{sign})*{sign}"
    rooted = rf"//{authority}{segments}|/(?:{segment}+{sign}{segments})?"
    path = rf"(?:{rooted}|{segment}+{sign}{segments}|)"
    relative = rf"(?:{rooted}|{no_colon}+{sign}{segments}|)"
    scheme = rf"[A-Za-z][A-Za-z0-9+.\-]*{sign}:"
    query, fragment = rf"(?:\?{rest}*{sign})?", rf"(?:#{rest}*{sign})?"
    return rf"(?:{scheme}{path}|{relative}){query}{fragment}", rf"{scheme}{path}{query}"


_URI_REFERENCE, _ABSOLUTE_URI = map(re.compile, grammar())
_IP_FUTURE = re.compile(r"[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+")
# RFC 3987: identifiers of publishers' own systems hold these, and nothing downstream of us minds.
_BEYOND_ASCII = re.compile("[^\x00-\x9f\U000f0000-\U0010ffff]")


def is_uri_reference(text: str) -> bool:
    """Tell whether `text` is a URI reference (RFC 3986 section 4.1)."""
    return _follows(_URI_REFERENCE, text)


def is_absolute_uri(text: str) -> bool:
    """Tell whether `text` is an absolute URI, which has no fragment (RFC 3986 section 4.3)."""
    return _follows(_ABSOLUTE_URI, text)


def _follows(grammar: re.Pattern[str], uri: str) -> bool:
    if not uri.isascii():
        # By a character that may stand wherever these may, which is anywhere but in the scheme.
        # Expressions that name their ranges themselves take a third of a cold start to compile.
        uri = _BEYOND_ASCII.sub("_", uri)
    if not grammar.fullmatch(uri):
        return False
    if "[" not in uri:
        return True
    literal = uri[uri.index("[") + 1 : uri.index("]")]
    return _IP_FUTURE.fullmatch(literal) is not None or _is_ipv6(literal)


def _is_ipv6(literal: str) -> bool:
    from ipaddress import IPv6Address  # which few events ever need

    try:
        IPv6Address(literal)
    except ValueError:
        return False
    return True
