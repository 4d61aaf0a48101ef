"""Names of publishers, and the values of API keys, which name the publisher that they are of.

A value is a fixed mark, the name in camel case and random characters: `evk`, `AcmeWeb`, 43 of base 62. API
Gateway takes 20 to 128 alphanumeric characters (CreateApiKey, "value"). Scanners for secrets recognise a
value that has leaked by `PATTERN`.
"""

from __future__ import annotations

import re

MARK = "evk"
ENTROPY_BYTES = 32
"""Of randomness, in each value."""
MAX_NAME_LENGTH = 64
MAX_VALUE_LENGTH = 128
PATTERN = r"evk[A-Z][A-Za-z0-9]{43,106}"
"""The regular expression of all values, for scanners."""

# Each part begins with a letter, so that a capital tells where it began.
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# The fewest characters of base 62 that hold 32 bytes.
_RANDOM_LENGTH = 43
_VALUE = re.compile(rf"{MARK}((?:[A-Z][a-z0-9]*)+)[0-9A-Za-z]{{{_RANDOM_LENGTH}}}", re.ASCII)
_PART = re.compile(r"[A-Z][a-z0-9]*")

NAME_RULE = (
    f"is no name: at most {MAX_NAME_LENGTH} lower-case letters, digits and single hyphens, and each part "
    "begins with a letter"
)


def is_name(text: str) -> bool:
    """Tell whether `text` can be the name of a publisher."""
    return len(text) <= MAX_NAME_LENGTH and _NAME.fullmatch(text) is not None


def key_value(name: str, entropy: bytes) -> str:
    """The value of a key of this publisher, from `ENTROPY_BYTES` random bytes.

    Raises ValueError for what is no name, and for fewer or more bytes.
    """
    if not is_name(name):
        raise ValueError(f"{name!r} {NAME_RULE}")
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"{ENTROPY_BYTES} random bytes are needed, not {len(entropy)}")
    return f"{MARK}{camel_case(name)}{_base62(int.from_bytes(entropy, 'big'))}"


def publisher_of(value: str) -> str | None:
    """The publisher that a key's value names; None for a value that `key_value` never makes."""
    match = _VALUE.fullmatch(value)
    if match is None:
        return None
    name = "-".join(part.lower() for part in _PART.findall(match[1]))
    return name if len(name) <= MAX_NAME_LENGTH else None


def camel_case(name: str) -> str:
    """The name with a capital at the beginning of each part in place of its hyphen; no two share one."""
    return "".join(part.capitalize() for part in name.split("-"))


def _base62(number: int) -> str:
    digits = []
    for _ in range(_RANDOM_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
