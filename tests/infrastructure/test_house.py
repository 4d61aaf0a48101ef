"""The house: modules are short, imports go one way, and nobody uses what another module keeps private."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.infrastructure.sources import ROOMS, Source, imports, sources, within

LINES = 320
SHORT = tuple(room for room in ROOMS if room not in ("benchmarks", "tests"))
# The laptop's emulator is another project, which its shims patch inside.
DISCREET = tuple(room for room in ROOMS if room != "local")
_PRIVATE = re.compile(r"_[^_].*")
_PATCHED = re.compile(rf"({'|'.join(ROOMS)})(\.\w+)*\._[^_]\w*")

Arrows = Mapping[str, set[str]]


def _of(rooms: tuple[str, ...]) -> list[Source]:
    return [source for source in sources() if any(within(source.module, room) for room in rooms)]


def _arrows() -> Arrows:
    """The modules that each module imports; for its types alone, or late, counts as well."""
    modules = {source.module for source in sources()}

    def module_of(name: str) -> str | None:
        """The module that is imported, or that has what is imported."""
        return name if name in modules else next(iter({name.rpartition(".")[0]} & modules), None)

    return {
        source.module: {m for name in source.imported if (m := module_of(name))} - {source.module}
        for source in sources()
    }


def folders(arrows: Arrows) -> Arrows:
    """The folders that the modules of each folder import from."""
    packages = {source.module for source in sources() if source.path.name == "__init__.py"}

    def folder(module: str) -> str:
        return module if module in packages else module.rpartition(".")[0]

    found: dict[str, set[str]] = {}
    for module, imported in arrows.items():
        found.setdefault(folder(module), set()).update(folder(other) for other in imported)
    return {name: others - {name} for name, others in found.items()}


def circle(arrows: Arrows) -> list[str]:
    """Names that lead back to the first one, or none."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def intrusions(text: str) -> Iterator[str]:
    """Each use of a private name that the text does not define, or of a method by a name in a variable."""
    nodes = list(ast.walk(ast.parse(text)))
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in nodes:
        match node:
            case ast.ImportFrom(names=names):
                yield from (alias.name for alias in names if _PRIVATE.fullmatch(alias.name))
            case ast.Attribute(attr="__wrapped__"):
                yield "__wrapped__"
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                pass
            # The one that Python's own documentation names.
            case ast.Attribute(value=ast.Name(id="os"), attr="_exit"):
                pass
            case ast.Attribute(attr=name) if _PRIVATE.fullmatch(name) and name not in own:
                yield name
            case ast.Call(
                func=ast.Name(id="getattr" | "setattr" | "hasattr") | ast.Attribute(attr="setattr"),
                args=[_, ast.Constant(value=str(name)), *_],
            ) if _PRIVATE.fullmatch(name) or name == "__wrapped__":
                yield name
            case ast.Call(func=ast.Call(func=ast.Name(id="getattr"))):
                yield "getattr"
            case ast.Constant(value=str(name)) if _PATCHED.fullmatch(name):
                yield name


@pytest.mark.parametrize("source", _of(SHORT), ids=str)
def test_a_module_is_short(source: Source) -> None:
    lines = len(source.text.splitlines())

    assert lines <= LINES


def test_no_modules_import_each_other() -> None:
    assert circle(_arrows()) == []


def test_no_folders_import_each_other() -> None:
    assert circle(folders(_arrows())) == []


def test_a_circle_is_seen() -> None:
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": set()})) == {"a", "b", "c"}
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_arrows_are_seen_wherever_they_start() -> None:
    text = (
        "if TYPE_CHECKING:\n    from eventing.event import Event\ndef f():\n    import local.cloud"
    )

    assert imports("stacks.data", text) == {"eventing.event.Event", "local.cloud"}
    assert _arrows()["tests.infrastructure.test_house"] == {"tests.infrastructure.sources"}
    assert folders(_arrows())["stacks"] > {"dashboards", "workflows", "infrastructure.constructs"}


@pytest.mark.parametrize("source", _of(DISCREET), ids=str)
def test_nobody_uses_what_another_keeps_private(source: Source) -> None:
    assert list(intrusions(source.text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "from functions.shared.ledger import _TEXTS",
        "ledger._TEXTS",
        "clients.client('s3')._endpoint",
        "handler._handler.cache_clear()",
        "handle.__wrapped__()",
        "getattr(handle, '__wrapped__')",
        "getattr(tasks, name)(task)",
        "monkeypatch.setattr(handler, '_PAGE_SECONDS', 1)",
        "monkeypatch.setattr('functions." + "redrive.handler._PAGE_SECONDS', 1)",
    ],
)
def test_an_intrusion_is_seen(text: str) -> None:
    assert len(list(intrusions(text))) == 1


def test_private_names_of_ones_own_are_no_intrusion() -> None:
    text = "_LIMIT = 1\nclass A:\n    def b(self):\n        return self._c, _LIMIT, __name__"

    assert list(intrusions(text)) == []
