"""What Macie looks for in the archive: `sensitive-data.json` of the catalogue, read and checked.

`docs/catalogue.md` describes the file. Limits are Macie's (API reference: CreateAllowList,
CreateCustomDataIdentifier, CreateClassificationJob; user guide: "Quotas", "Regex support").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast, get_args

from eventing.catalogue import CatalogueEntry, CatalogueError, Folder, json_of, named
from eventing.members import Unfit, any_text, filled_list, object_of, one_of, text, whole
from eventing.type_patterns import covers, is_pattern

DETECTION = "sensitive-data.json"

Selector = Literal["RECOMMENDED", "ALL", "INCLUDE", "EXCLUDE", "NONE"]

_MOST_IDENTIFIERS = 30  # of a job
_MOST_ALLOW_LISTS = 5  # with a regular expression, in an account and region
_REGEX_LENGTH, _NAME_LENGTH, _DESCRIPTION_LENGTH = 512, 100, 512
_KEYWORDS, _IGNORE_WORDS = 50, 10
_DISTANCES = (1, 300)
_DEFAULT_DISTANCE = 50
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_MANAGED = re.compile(r"[A-Z][A-Z0-9_]*")
# Macie has no back references, no looking around and no groups that capture; the last it may take.
_UNSUPPORTED = re.compile(r"\(\?(?!:)|\\[1-9]|\\k")
# A field of an event: members and places of arrays, as a finding's `jsonPath` names it in a line.
_PATH = re.compile(r"\$\.event(\.[A-Za-z_][\w-]*|\[(\d+|\*)\])+")

T = TypeVar("T")


@dataclass(frozen=True)
class Managed:
    """Which of the identifiers that Macie brings are used; `ids` are those included or left out."""

    selector: Selector = "RECOMMENDED"
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Identifier:
    """Text that is sensitive here: a pattern, and words one of which stands before it."""

    name: str
    description: str
    regex: str
    keywords: tuple[str, ...] = ()
    ignore_words: tuple[str, ...] = ()
    maximum_match_distance: int = _DEFAULT_DISTANCE


@dataclass(frozen=True)
class AllowList:
    """Text that is never a finding, wherever it stands: a pattern."""

    name: str
    description: str
    regex: str


@dataclass(frozen=True)
class Expected:
    """Kinds of sensitive data that events of a type may have in these fields: no finding to ask about."""

    type: str
    paths: tuple[str, ...]
    kinds: tuple[str, ...]
    description: str

    def covers(self, *, type: str, path: str, kind: str) -> bool:
        """True for data of this kind in this field (a finding's `jsonPath`) of an event of this type."""
        if kind not in self.kinds or not covers(self.type, type):
            return False
        return any(_matches(pattern, path) for pattern in self.paths)


@dataclass(frozen=True)
class Detection:
    """All of the file."""

    managed: Managed = Managed()
    identifiers: tuple[Identifier, ...] = ()
    allow_lists: tuple[AllowList, ...] = ()
    expected: tuple[Expected, ...] = ()

    @classmethod
    def read(cls, folder: Folder) -> Detection:
        """The file in `folder`; raises `CatalogueError`. A catalogue without one has the defaults."""
        content = json_of(folder, DETECTION, optional=True)
        if content is None:
            return cls()
        top = CatalogueEntry(
            DETECTION, content, "", ("managed", "identifiers", "allow_lists", "expected")
        )
        read = cls(
            _managed(top.read("managed", object_of(), {})),
            _each(top, "identifiers", _identifier, _MOST_IDENTIFIERS),
            _each(top, "allow_lists", _allow_list, _MOST_ALLOW_LISTS),
            _each(top, "expected", _expected, None),
        )
        if read.managed.selector == "NONE" and not read.identifiers:
            raise CatalogueError(
                DETECTION, "managed", "NONE, and no identifiers: nothing would be looked for"
            )
        for entries in (read.identifiers, read.allow_lists):
            names = [entry.name for entry in entries]
            for name in names:
                if names.count(name) > 1:
                    raise CatalogueError(DETECTION, name, "the name is taken by an earlier entry")
        return read

    def is_expected(self, *, type: str, path: str, kind: str) -> bool:
        """True for data of this kind in this field of an event of this type."""
        return any(entry.covers(type=type, path=path, kind=kind) for entry in self.expected)


def _matches(pattern: str, path: str) -> bool:
    return bool(re.fullmatch(re.escape(pattern).replace(r"\[\*\]", r"\[\d+\]"), path))


def _each(
    top: CatalogueEntry, member: str, read: Callable[[Any, str], T], most: int | None
) -> tuple[T, ...]:
    def check(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Unfit("must be a list")
        if most is not None and len(value) > most:
            raise Unfit(f"has {len(value)} entries, and Macie takes {most}")
        return value

    entries = top.read(member, check, [])
    return tuple(read(entry, f"{member}, entry {n}") for n, entry in enumerate(entries, 1))


def _managed(content: Any) -> Managed:
    entry = CatalogueEntry(DETECTION, content, "managed", ("selector", "ids"))
    selector = cast("Selector", entry.read("selector", one_of(get_args(Selector)), "RECOMMENDED"))
    ids = entry.read(
        "ids", _texts(_MANAGED, "is no identifier's id, such as CREDIT_CARD_NUMBER"), ()
    )
    if bool(ids) is not (selector in ("INCLUDE", "EXCLUDE")):
        reason = "are what INCLUDE and EXCLUDE need, and no other selector takes"
        raise CatalogueError(DETECTION, "managed", f"'ids' {reason}")
    return Managed(selector, ids)


def _identifier(content: Any, title: str) -> Identifier:
    title = named(content, "name", title)
    known = (
        "name",
        "description",
        "regex",
        "keywords",
        "ignore_words",
        "maximum_match_distance",
    )
    entry = CatalogueEntry(DETECTION, content, title, known)
    return Identifier(
        entry.read("name", _name),
        entry.read("description", _description, ""),
        entry.read("regex", _regex),
        entry.read("keywords", _words(_KEYWORDS, 3, 90), ()),
        entry.read("ignore_words", _words(_IGNORE_WORDS, 4, 90), ()),
        entry.read("maximum_match_distance", whole(*_DISTANCES), _DEFAULT_DISTANCE),
    )


def _allow_list(content: Any, title: str) -> AllowList:
    title = named(content, "name", title)
    entry = CatalogueEntry(DETECTION, content, title, ("name", "description", "regex", "texts"))
    regex, texts = entry.read("regex", _regex, None), entry.read("texts", filled_list, None)
    if (regex is None) is (texts is None):
        raise CatalogueError(DETECTION, title, "needs either a 'regex' or 'texts'")
    return AllowList(
        entry.read("name", _name),
        entry.read("description", _description, ""),
        regex or entry.read("texts", _alternatives),
    )


def _expected(content: Any, title: str) -> Expected:
    entry = CatalogueEntry(DETECTION, content, title, ("type", "paths", "kinds", "description"))
    return Expected(
        entry.read("type", _type),
        entry.read("paths", _texts(_PATH, "is no field of a line, such as $.event.data.customer")),
        entry.read("kinds", _texts(None, "")),
        entry.read("description", any_text, ""),
    )


def _name(value: Any) -> str:
    name = text(value)
    if not _NAME.fullmatch(name) or len(name) > _NAME_LENGTH:
        raise Unfit(f"is {name!r}, and a name has up to {_NAME_LENGTH} of a-z, 0-9 and '-'")
    return name


def _type(value: Any) -> str:
    pattern = text(value)
    if not is_pattern(pattern):
        raise Unfit(f"must be a type, a prefix followed by '.*', or '*', not {pattern!r}")
    return pattern


def _description(value: Any) -> str:
    description = any_text(value)
    if len(description) > _DESCRIPTION_LENGTH:
        raise Unfit(f"is longer than {_DESCRIPTION_LENGTH} characters")
    return description


def _regex(value: Any) -> str:
    regex = text(value)
    if len(regex) > _REGEX_LENGTH:
        raise Unfit(f"has {len(regex)} characters, and Macie takes {_REGEX_LENGTH}")
    if _UNSUPPORTED.search(regex):
        raise Unfit("has a back reference, or a group that begins with '(?': Macie has neither")
    try:
        compiled = re.compile(regex)
    except re.error as error:
        raise Unfit(f"is no regular expression: {error}") from None
    if compiled.fullmatch(""):
        raise Unfit("matches no text at all as well, and so everywhere")
    return regex


def _alternatives(value: Any) -> str:
    return _regex("|".join(re.escape(text(one)) for one in filled_list(value)))


def _words(most: int, shortest: int, longest: int) -> Callable[[Any], tuple[str, ...]]:
    def check(value: Any) -> tuple[str, ...]:
        words = [text(word) for word in filled_list(value)]
        if len(words) > most:
            raise Unfit(f"has {len(words)} entries, and Macie takes {most}")
        for word in words:
            if not shortest <= len(word) <= longest:
                raise Unfit(f"has {word!r}, and a word has {shortest} to {longest} characters")
        return tuple(words)

    return check


def _texts(pattern: re.Pattern[str] | None, otherwise: str) -> Callable[[Any], tuple[str, ...]]:
    def check(value: Any) -> tuple[str, ...]:
        texts: Sequence[str] = [text(one) for one in filled_list(value)]
        for one in texts:
            if pattern and not pattern.fullmatch(one):
                raise Unfit(f"has {one!r}, which {otherwise}")
        return tuple(texts)

    return check
