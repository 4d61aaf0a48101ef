"""The project's own sources, read and not run: which modules there are, and what each imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from infrastructure.packaging import ROOT

ROOMS = (
    "app",
    "benchmarks",
    "console",
    "dashboards",
    "eventing",
    "functions",
    "infrastructure",
    "local",
    "stacks",
    "tests",
    "workflows",
)


@dataclass(frozen=True)
class Source:
    """A module and its text."""

    module: str
    path: Path

    @property
    def text(self) -> str:
        """The text of the file."""
        return self.path.read_text(encoding="utf-8")

    @property
    def imported(self) -> set[str]:
        """All that it imports."""
        return imports(self.module, self.text, is_package=self.path.name == "__init__.py")

    def __str__(self) -> str:
        return self.module


@cache
def sources() -> tuple[Source, ...]:
    """Every module of the project."""
    return tuple(_sources())


def _sources() -> Iterator[Source]:
    yield Source("app", ROOT / "app.py")
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield Source(module.removesuffix(".__init__"), path)


def within(module: str, room: str) -> bool:
    """True for a module of this room."""
    return module == room or module.startswith(f"{room}.")


def imports(module: str, text: str, *, is_package: bool = False) -> set[str]:
    """All modules that a text imports anywhere in it, each name that it imports from one included."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parts, base] if base else parts)
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found
