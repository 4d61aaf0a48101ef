"""Media types, as `datacontenttype` and the header Content-Type have them."""

from __future__ import annotations

import re
from collections.abc import Iterator

_WORD = r"[A-Za-z0-9!#$%&'*+\-.^_`{|}~]+"
_PARAMETER = rf';[ \t]*({_WORD})=({_WORD}|"(?:[^"\\]|\\.)*")'
# RFC 2046 (with RFC 2045 section 5.1): type, subtype and parameters.
MEDIA_TYPE = rf"{_WORD}/{_WORD}(?:[ \t]*{_PARAMETER})*[ \t]*"
_MEDIA_TYPE = re.compile(MEDIA_TYPE)
_PARAMETERS = re.compile(_PARAMETER)
_UTF_8 = ("utf-8", "utf8")


def is_media_type(text: str) -> bool:
    """Tell whether `text` is a media type with its parameters, if any (RFC 2046)."""
    return _MEDIA_TYPE.fullmatch(text) is not None


def essence(content_type: str) -> str:
    """The type and subtype of a content type, in lower case and without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def is_utf8(content_type: str) -> bool:
    """Tell whether text of this content type is UTF-8, which it is when no charset says otherwise."""
    return all(
        value in (*_UTF_8, "us-ascii")
        for name, value in _parameters(content_type)
        if name == "charset"
    )


def declares_json(content_type: str | None) -> bool:
    """Tell whether data of this content type is JSON (CloudEvents JSON format, section 3.1.1).

    Unset means that it is.
    """
    if content_type is None or content_type == "application/json":
        return True
    return essence(content_type).endswith(("/json", "+json"))


def comparable(content_type: str) -> str:
    """The content type in a form that is the same for all that mean the same.

    White space and upper case are gone where they do not count, and so is `charset=utf-8`, which is what
    text is without a charset.
    """
    if content_type == "application/json":
        return content_type
    parameters = (
        f"{name}={value}"
        for name, value in _parameters(content_type)
        if name != "charset" or value not in _UTF_8
    )
    return ";".join((essence(content_type), *parameters))


def _parameters(content_type: str) -> Iterator[tuple[str, str]]:
    """The name and value of each parameter; a charset's in lower case and without quotes."""
    for name, value in _PARAMETERS.findall(content_type):
        name = name.lower()
        yield name, value.strip('"').lower() if name == "charset" else value
