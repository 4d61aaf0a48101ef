"""JSON as published: read strictly, written compactly, with every number's spelling kept.

Python's own reader rounds `0.10000000000000000001` and turns `1e400` into infinity. A number that a
float cannot carry is therefore kept as it is spelled, and put back when the value is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

# Of what a publisher sends: deeper than any real event, and far from where readers downstream give up.
MAX_DEPTH = 100
# What was accepted is wrapped on its way: data into its event, the event into a dead letter.
_WRAPPINGS = 4
# Read as an integer it is 0, which is not what was sent.
_MINUS_ZERO = re.compile(r"-0(?<![^\s:,\[]-0)(?![.\deE])")

# Made once: `json.dumps` makes one for each call.
_PLAIN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_SORTED = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


class InvalidJson(ValueError):  # noqa: N818 - named for what it says to a publisher
    """The text is not JSON that can be carried unchanged; the message says why, without its content."""


class _Spelled(str):
    """A number that a float would change, as its publisher spelled it."""

    __slots__ = ()


@dataclass(frozen=True)
class Document:
    """A JSON value as read: `value` for looking into it, and the means to write it unchanged."""

    value: Any
    exact: Any
    """The same as `value`, but numbers that a float would change are kept as they were spelled."""

    @property
    def spelled(self) -> bool:
        """True when there may be such numbers in it."""
        return self.value is not self.exact

    def member(self, name: str) -> Document:
        """A member of this object, as a document of its own."""
        return Document(self.value[name], self.exact[name])

    def items(self) -> list[Document]:
        """The elements of this array, each as a document of its own."""
        if not self.spelled:
            return [Document(item, item) for item in self.value]
        return [Document(v, e) for v, e in zip(self.value, self.exact, strict=True)]

    def compact(self) -> str:
        """The compact text: no white space, no ASCII escapes, member order and numbers as published."""
        return _escape(_write(self.exact, spelled=self.spelled, sort=False))


def parse(text: str, *, depth: int = MAX_DEPTH + _WRAPPINGS) -> Document:
    """Read one JSON value (RFC 8259).

    Raises `InvalidJson` for a syntax error, NaN and infinities, an object that repeats a name (RFC 8259
    section 4: behaviour is unpredictable, so it is refused), unpaired surrogates, integers of more
    than 4,300 digits and nesting deeper than `depth`.
    """
    spelled = False

    def number(spelling: str, read: Callable[[str], float] = float) -> float | _Spelled:
        nonlocal spelled
        value = read(spelling)
        if repr(value) == spelling:
            return value
        spelled = True
        return _Spelled(spelling)

    try:
        exact = json.loads(
            text,
            parse_float=number,
            # A function of ours for every integer is slow.
            parse_int=partial(number, read=int) if _MINUS_ZERO.search(text) else None,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
        value = json.loads(text) if spelled else exact
    except InvalidJson:
        raise
    except json.JSONDecodeError as error:
        reason = error.msg.removesuffix(" at")
        raise InvalidJson(f"{reason} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise InvalidJson(f"nested more than {depth} levels deep") from None
    except ValueError:
        raise InvalidJson("a number has more than 4,300 digits") from None
    _check_depth(text, exact, depth)
    if "\\u" in text:  # only an escape can spell one: the text itself came from UTF-8
        _check_surrogates(exact)
    return Document(value, exact)


def parse_if_json(text: str) -> Document | None:
    """Read as `parse` does, or return None where it raises."""
    try:
        return parse(text)
    except InvalidJson:
        return None


def canonical(value: Any, *, spelled: bool = True) -> bytes:
    """The bytes that two texts of the same JSON value share; `spelled` as of its document.

    Member order and insignificant white space do not matter; the spelling of a number does (`1.0` is
    not `1`), since a publisher that sends an event again sends the same spelling.
    """
    return _write(value, spelled=spelled, sort=True).encode()


def _write(value: Any, *, spelled: bool, sort: bool) -> str:
    if spelled and _holds_spelled(value):
        return _write_spelled(value, sort=sort)
    return _SORTED(value) if sort else _PLAIN(value)


def _holds_spelled(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_spelled, value.values()))
    if isinstance(value, list):
        return any(map(_holds_spelled, value))
    return isinstance(value, _Spelled)


def _write_spelled(value: Any, *, sort: bool) -> str:
    if isinstance(value, dict):
        names = sorted(value) if sort else value
        members = (f"{_text(n)}:{_write_spelled(value[n], sort=sort)}" for n in names)
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_write_spelled(item, sort=sort) for item in value) + "]"
    return str(value) if isinstance(value, _Spelled) else _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _escape(text: str) -> str:
    # SNS and SQS take the characters of XML 1.0 (SQS SendMessage, "MessageBody"): these two, alone
    # among what JSON text may hold unescaped, are not among them.
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def _refuse_constant(name: str) -> Any:
    raise InvalidJson(f"{name} is not a JSON value")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidJson("an object repeats a member name")
    return members


def _check_depth(text: str, value: Any, depth: int) -> None:
    if text.count("[") + text.count("{") <= depth:
        return
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(depth):
        if not level:
            return
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
    if level:
        raise InvalidJson(f"nested more than {depth} levels deep")


def _check_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InvalidJson("a string holds an unpaired surrogate (\\ud800 to \\udfff)") from None
