"""Media types, as `datacontenttype` and the header Content-Type have them."""

from __future__ import annotations

import re

_NAME_CHARS = r"[A-Za-z0-9!#$%&'*+\-.^_`{|}~]+"
# RFC 2046 (with RFC 2045 section 5.1): type, subtype and parameters.
_MEDIA_TYPE = re.compile(
    rf"({_NAME_CHARS})/({_NAME_CHARS})"
    rf'(?:[ \t]*;[ \t]*{_NAME_CHARS}=(?:{_NAME_CHARS}|"(?:[^"\\]|\\.)*"))*[ \t]*'
)
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^";\s]+)"?', re.IGNORECASE)


def is_media_type(text: str) -> bool:
    """Tell whether `text` is a media type with its parameters, if any (RFC 2046)."""
    return _MEDIA_TYPE.fullmatch(text) is not None


def essence(content_type: str) -> str:
    """The type and subtype of a content type, in lower case and without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def is_utf8(content_type: str) -> bool:
    """Tell whether text of this content type is UTF-8, which it is when no charset says otherwise."""
    charset = _CHARSET.search(content_type)
    return charset is None or charset[1].lower() in ("utf-8", "utf8", "us-ascii")


def declares_json(content_type: str | None) -> bool:
    """Tell whether data of this content type is JSON (CloudEvents JSON format, section 3.1.1).

    Unset means that it is.
    """
    if content_type is None or content_type == "application/json":
        return True
    return essence(content_type).endswith(("/json", "+json"))
