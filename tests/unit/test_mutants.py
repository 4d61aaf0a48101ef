"""What mutation testing changes in a source, and what it leaves alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants.operators import mutants

ROOT = Path(__file__).parents[2]


def changes(source: str) -> set[str]:
    """What becomes of a source, one change at a time."""
    text = source.encode()
    return {mutant.applied_to(text).decode() for mutant in mutants("m.py", text)}


def of_line(line: str) -> set[str]:
    """What becomes of a line in a function."""
    before = "def f(a, b):\n    "
    return {change.removeprefix(before) for change in changes(before + line)}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a = b < 1", {"a = b <= 1", "a = b < 2"}),
        ("a = b is None", {"a = b is not None"}),
        ("a = b in a", {"a = b not in a"}),
        ("a = 1 < b <= a", {"a = 1 <= b <= a", "a = 1 < b < a", "a = 2 < b <= a"}),
        ("a = a and b", {"a = (a or b)"}),
        ("a = not b", {"a = bool(b)"}),
        ("a = a + b", {"a = (a - b)"}),
        ("a += b", {"a = b", "a -= b"}),
        ("a = True", {"a = False"}),
        ("a = 'name'", {"a = 'name_'"}),
        ("a = 'some words'", set()),
        ("return a", {"return None"}),
        ("return", set()),
        ("a(b)", {"pass"}),
        ("raise a", {"pass"}),
        ("a = min(b)", {"a = max(b)"}),
        ("a = b(k=a)", {"a = b()"}),
        ("a = zip(a, b, strict=True)", set()),
        ("a = [b for b in a if b]", {"a = [b for b in a if (not b)]"}),
        ("a = b if a else a", {"a = b if (not a) else a"}),
        ("a: Literal['x'] = b", set()),
        ("a = cast('X', b)", set()),
        ("a = f'{a + b}'", set()),
    ],
)
def test_a_line_has_these_mutants(line: str, expected: set[str]) -> None:
    assert of_line(line) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""Documentation."""',
        "if TYPE_CHECKING:\n    a = 1",
        "class A(Protocol):\n    a = 1",
        "T = TypeVar('T', bound=int)",
        "@overload\ndef f(a=1): ...",
        "@decorated(1)\ndef f(): ...",
    ],
)
def test_what_does_nothing_when_it_runs_has_none(source: str) -> None:
    assert changes(source) == set()


def test_mutants_have_names_without_lines() -> None:
    source = "def f(a):\n    a = 1\n    b = 1\n\nC = 2\n"
    found = mutants("m.py", source.encode())
    moved = mutants("m.py", b"\n\n" + source.encode())
    assert [one.name for one in found] == [one.name for one in moved]
    assert [one.name for one in found] == [
        "m.py::f: 1 -> 2", "m.py::f: 1 -> 2 #2", "m.py::: 2 -> 3",
    ]  # fmt: skip
    assert [(one.line, one.at_import) for one in found] == [(2, False), (3, False), (5, True)]


@pytest.mark.parametrize("room", ["eventing", "functions"])
def test_every_mutant_of_the_project_is_another_program(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        source = path.read_bytes()
        found = mutants(path.name, source)
        assert len({one.name for one in found}) == len(found)
        for one in found[::25]:
            assert one.applied_to(source) != source
            assert ast.parse(one.applied_to(source))
