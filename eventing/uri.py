"""URIs: RFC 3986, with the characters beyond ASCII that RFC 3987 adds."""

from __future__ import annotations

import re


# RFC 3986 appendix A.
def _run(more: str) -> str:
    # Possessive: no character can be read in two ways, so there is nothing to go back to, and a long
    # attribute takes neither time nor memory out of proportion.
    return rf"(?:[A-Za-z0-9\-._~!$&'()*+,;={more}]++|%[0-9A-Fa-f]{{2}})"


_PCHARS, _NO_COLON, _HOST, _USER, _ANY = map(_run, (":@", "@", "", ":", ":@/?"))
_AUTHORITY = rf"(?:{_USER}*+@)?(?:\[[0-9A-Fa-fv:.\-_~!$&'()*+,;=]+\]|{_HOST}*+)(?::[0-9]*)?"
_SCHEME = r"[A-Za-z][A-Za-z0-9+.\-]*+:"
_MORE = rf"(?:/{_PCHARS}*+)*+"
_ROOTED = rf"//{_AUTHORITY}{_MORE}|/(?:{_PCHARS}++{_MORE})?"
_QUERY, _FRAGMENT = rf"(?:\?{_ANY}*+)?", rf"(?:\#{_ANY}*+)?"
_PATH = rf"(?:{_ROOTED}|{_PCHARS}++{_MORE}|)"
_RELATIVE = rf"(?:{_ROOTED}|{_NO_COLON}++{_MORE}|)"
_ABSOLUTE_URI = re.compile(rf"{_SCHEME}{_PATH}{_QUERY}")
_URI_REFERENCE = re.compile(rf"(?:{_SCHEME}{_PATH}|{_RELATIVE}){_QUERY}{_FRAGMENT}")
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
