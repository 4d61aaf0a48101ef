"""Rules for tests and for the emulator's shims: what they may import."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SHIMS = sorted((ROOT / "local" / "shims").glob("*.py"))


def imported(source: str) -> set[str]:
    """The modules that a source imports, and the names from them."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def of_test_files(names: set[str]) -> set[str]:
    """Those that are test files, or in one."""
    return {name for name in names if any(part.startswith("test_") for part in name.split("."))}


def of_project(names: set[str]) -> set[str]:
    """Those that are in a folder of this project."""
    rooms = {folder.name for folder in ROOT.iterdir() if folder.is_dir()}
    return {name for name in names if name.partition(".")[0] in rooms}


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_test_file_is_imported(path: Path) -> None:
    assert of_test_files(imported(path.read_text())) == set()


@pytest.mark.parametrize("path", SHIMS, ids=lambda path: path.name)
def test_shims_import_nothing_of_the_project(path: Path) -> None:
    assert of_project(imported(path.read_text())) == set()


def test_the_rules_find_what_they_forbid() -> None:
    source = (
        "from tests.unit import test_ingest\nfrom tests.unit.test_publish import x\nimport json"
    )
    assert of_test_files(imported(source)) == {
        "tests.unit.test_ingest",
        "tests.unit.test_publish.x",
    }
    assert of_project(imported("from eventing.event import Event")) == {"eventing.event.Event"}
