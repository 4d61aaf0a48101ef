"""JSON as published: read strictly, written compactly, with every number's spelling kept.

Python's own reader rounds `0.10000000000000000001` and turns `1e400` into infinity. A number that it would
change is therefore kept as it is spelled, and put back when the value is written. A publisher chooses what
is read here: whatever it sends, the work for each byte stays within the C code of `json`, `re` and `str`.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, repeat
from typing import Any, NamedTuple, cast

# Of what a publisher sends: deeper than any real event, and far from where readers downstream give up.
MAX_DEPTH = 100
# What was accepted is wrapped on its way: data into its event, the event into a dead letter.
_WRAPPINGS = 4

# Above so many characters, calls of Python for each number and object take longer than all else.
_LARGE = 64 * 1024

# Encloses a number that is kept as a text: no text of JSON holds an unpaired surrogate.
_MARK = "\ud800"
_ESCAPED_MARK = re.compile(r"\\u[dD]800(?!\\u[dD][c-fC-F])")
_keep = f"{_MARK}%s{_MARK}".__mod__


class _Integers(dict[str, Any]):
    """Integers by their spelling: 0 is not what `-0` says."""

    __missing__ = int


_UNPAIRED = "a string holds an unpaired surrogate (\\ud800 to \\udfff)"
_RUN = 32
_DEPTHS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_MARKS = bytes(set(range(256)) - set(b'"[]{}:'))

# Made once: `json.dumps` and `json.loads` make one for each call.
_PLAIN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
_SORTED = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), check_circular=False, sort_keys=True
).encode


class InvalidJson(ValueError):  # noqa: N818 - named for what it says to a publisher
    """The text is not JSON that can be carried unchanged; the message says why, without its content."""


class _Written(NamedTuple):
    exact: Any
    """The value; numbers that Python would change, and some others, are texts in it: see `spelling`."""
    text: str
    """The compact text: no white space, no ASCII escapes, member order and numbers as published."""
    spelled: bool
    """True when it holds a number that is kept as a text."""
    items: Sequence[Document] = ()
    """The elements of an array, each as a document of its own."""


class Document(_Written):
    """A JSON value as read, to look into and to write unchanged; `document` makes one."""

    @cached_property
    def value(self) -> Any:
        """The value, its numbers as Python reads them."""
        return json.loads(self.text) if self.spelled else self.exact

    @property
    def members(self) -> Mapping[str, Any]:
        """The members of this object as in `value`, but for numbers inside of them, as in `exact`."""
        if not self.spelled:
            return cast("dict[str, Any]", self.exact)
        return {
            name: json.loads(spelling(member)) if _is_number(member) else member
            for name, member in self.exact.items()
        }

    def member(self, name: str) -> Document:
        """A member of this object, as a document of its own."""
        return document(self.exact[name])


def document(exact: Any) -> Document:
    """The document of a value, as `Document.exact` has it."""
    if not isinstance(exact, list):
        return _written(exact)
    items = [_written(item) for item in exact]
    text = f"[{','.join([item.text for item in items])}]"
    return Document(exact, text, any(item.spelled for item in items), items)


def _written(exact: Any) -> Document:
    text = _PLAIN(exact)
    return Document(exact, _escape(_unmarked(text)), _MARK in text)


def parse(text: str, *, depth: int = MAX_DEPTH + _WRAPPINGS) -> Document:
    """Read one JSON value (RFC 8259).

    Raises `InvalidJson` for a syntax error, NaN and infinities, an object that repeats a name (RFC 8259
    section 4: behaviour is unpredictable, so it is refused), unpaired surrogates, integers of more
    than 4,300 digits and nesting deeper than `depth`.
    """
    # Only an escape can spell a surrogate: the text itself came from UTF-8.
    escaped = "\\u" in text
    if _MARK in text or (escaped and _spells_mark(text)):
        raise InvalidJson(_UNPAIRED)
    large = len(text) > _LARGE
    try:
        read = document((_read_large if large else _read)(text))
    except InvalidJson:
        raise
    except json.JSONDecodeError as error:
        reason = error.msg.removesuffix(" at")
        raise InvalidJson(f"{reason} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise InvalidJson(f"nested more than {depth} levels deep") from None
    except ValueError:
        raise InvalidJson("a number has more than 4,300 digits") from None
    if large or any(map(_may_be_deeper, _parts(read), repeat(depth))):
        skeleton = _skeleton(text)
        if _is_deeper(skeleton, depth):
            raise InvalidJson(f"nested more than {depth} levels deep")
        if large and skeleton.count(b":") != sum(map(_colons, _parts(read))):
            raise InvalidJson("an object repeats a member name")
    if escaped:
        _check_surrogates(read)
    return read


def parse_if_json(text: str) -> Document | None:
    """Read as `parse` does, or return None where it raises."""
    try:
        return parse(text)
    except InvalidJson:
        return None


def canonical(exact: Any) -> bytes:
    """The bytes that two texts of the same JSON value share; `exact` is that of its document.

    Member order and insignificant white space do not matter; the spelling of a number does (`1.0` is
    not `1`), since a publisher that sends an event again sends the same spelling.
    """
    return _unmarked(_SORTED(exact)).encode()


def spelling(text: str) -> str:
    """A number in `Document.exact` as it was spelled; any other text as it is."""
    return text.strip(_MARK)


def _is_number(exact: Any) -> bool:
    return isinstance(exact, str) and exact.startswith(_MARK)


def _unmarked(text: str) -> str:
    return text.replace(f'"{_MARK}', "").replace(f'{_MARK}"', "")


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


def _decoder(**hooks: Any) -> Callable[[str], Any]:
    return json.JSONDecoder(parse_constant=_refuse_constant, **hooks).decode


def _exact_float(spelled: str) -> float | str:
    value = float(spelled)
    return value if repr(value) == spelled else _keep(spelled)


# A function of ours for every integer would be slow.
_exact_int = _Integers({"-0": _keep("-0")}).__getitem__
_READ = _decoder(object_pairs_hook=_unique, parse_float=_exact_float)
_READ_WITH_MINUS_ZERO = _decoder(
    object_pairs_hook=_unique, parse_float=_exact_float, parse_int=_exact_int
)
_READ_LARGE = _decoder(parse_float=_keep)
_READ_LARGE_WITH_MINUS_ZERO = _decoder(parse_float=_keep, parse_int=_exact_int)


def _read(text: str) -> Any:
    return (_READ_WITH_MINUS_ZERO if "-0" in text else _READ)(text)


def _read_large(text: str) -> Any:
    """Read a value whose objects may repeat names.

    The garbage collector pauses: its searches of what is read take as long as to read it.
    """
    pausing = gc.isenabled()
    if pausing:
        gc.disable()
    try:
        return (_READ_LARGE_WITH_MINUS_ZERO if "-0" in text else _READ_LARGE)(text)
    finally:
        if pausing:
            # Puts what is new with what is old, which is rarely searched.
            gc.freeze()
            gc.unfreeze()
            gc.enable()


def _parts(read: Document) -> Iterator[str]:
    """The texts of an array's elements, or of what is no array: in all as long as the whole."""
    return (part.text for part in (read.items or (read,)))


def _spells_mark(text: str) -> bool:
    escaped = "\\ud800" in text or "\\uD800" in text
    return escaped and _ESCAPED_MARK.search(text.replace("\\\\", "")) is not None


def _check_surrogates(read: Document) -> None:
    try:
        for part in _parts(read):
            part.encode()
    except UnicodeEncodeError:
        raise InvalidJson(_UNPAIRED) from None


def _colons(text: str) -> int:
    return _skeleton(text).count(b":")


def _skeleton(text: str) -> bytes:
    """The brackets and colons of a text that is JSON, those within its strings left out."""
    if "\\" in text:
        text = text.replace("\\\\", "").replace('\\"', "")
    # What stands between two quotes is not changed by two others that go.
    marks = text.encode(errors="replace").translate(None, _NO_MARKS).replace(b'""', b"")
    return b"".join(marks.split(b'"')[::2])


def _may_be_deeper(part: str, depth: int) -> bool:
    """Tell whether a part of a text has so many brackets that its depth has to be looked at."""
    return part.count("[") + part.count("{") >= depth


def _is_deeper(skeleton: bytes, depth: int) -> bool:
    """Tell whether arrays and objects are nested more than `depth` levels deep."""
    brackets = skeleton.translate(_DEPTHS, b":")
    level = 0
    for start in range(0, len(brackets), _RUN):
        run = brackets[start : start + _RUN]
        opened = run.count(1)
        # Most runs need not be looked at one by one.
        if level + opened > depth and level + max(accumulate(memoryview(run).cast("b"))) > depth:
            return True
        level += 2 * opened - len(run)
    return False
