"""One name for one thing: the words in the names of modules, folders and classes are in docs/glossary.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from infrastructure.packaging import ROOT

ROOMS = (
    "console",
    "dashboards",
    "eventing",
    "functions",
    "infrastructure",
    "local",
    "stacks",
    "workflows",
)
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def words(name: str) -> set[str]:
    """The words of a name in snake case or camel case, each in the singular."""
    return {_singular(word.lower()) for word in _WORD.findall(name)}


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word.removesuffix("ies") + "y"
    # An abbreviation such as "sns" is no plural.
    return word if word.endswith("ss") or len(word) <= 3 else word.removesuffix("s")


def _listed() -> Iterator[str]:
    tables, _, everyday = GLOSSARY.partition("## Words that mean what they mean everywhere\n")
    yield from _entries(tables)
    yield everyday


def _entries(tables: str) -> list[str]:
    """The first column of tables."""
    return re.findall(r"^\| ((?!word |---).+?) \|", tables, re.MULTILINE)


KNOWN = {word for entry in _listed() for word in words(entry)}


def _names() -> Iterator[tuple[str, str]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            where = str(path.relative_to(ROOT))
            yield where, path.parent.name if path.stem == "__init__" else path.stem
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    yield where, node.name


def test_the_words_of_names_are_in_the_glossary() -> None:
    unknown = {
        f"{where}: {name} ({', '.join(sorted(new))})"
        for where, name in _names()
        if (new := words(name) - KNOWN)
    }
    assert not unknown, "\n".join(sorted(unknown))


def test_every_word_of_the_code_is_in_some_name() -> None:
    used = {word for _, name in _names() for word in words(name)}
    code = GLOSSARY.partition("## The code\n")[2].partition("\n## ")[0]
    entries = [entry for row in _entries(code) for entry in row.split(", ")]

    assert entries
    assert [entry for entry in entries if not words(entry) & used] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DeadLetterQueue", {"dead", "letter", "queue"}),
        ("http_binding", {"http", "binding"}),
        ("JSONText", {"json", "text"}),
        ("Responses", {"response"}),
        ("Address", {"address"}),
        ("dependencies", {"dependency"}),
    ],
)
def test_a_name_is_taken_apart(name: str, expected: set[str]) -> None:
    assert words(name) == expected
