"""What each test of the engine works on: AWS in memory, or with `--emulator` the emulator."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine.clouds import Cloud, Emulated, InMemory
from tests.engine.world import World
from tests.faults.aws import no_pauses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.cloud import LocalCloud


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--emulator`, leave out what it does not decide, or does not show."""
    asked = config.getoption("emulator")
    if not asked:
        return

    def is_chosen(item: pytest.Item) -> bool:
        marks = {mark.name for mark in item.iter_markers()}
        here = item.path.parent == Path(__file__).parent
        return not here or ("memory" not in marks if asked == "all" else "aws" in marks)

    config.hook.pytest_deselected(items=[item for item in items if not is_chosen(item)])
    items[:] = filter(is_chosen, items)


@pytest.fixture(scope="session")
def emulator(request: pytest.FixtureRequest) -> Iterator[LocalCloud | None]:
    """The emulator with nothing in it, one for all tests, or None."""
    if not request.config.getoption("emulator"):
        yield None
        return
    from local.cloud import LocalCloud

    with LocalCloud() as cloud:
        yield cloud


@pytest.fixture
def new_world(
    emulator: LocalCloud | None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], World]]:
    """Makes worlds that know nothing of each other."""
    # What makes the SDK talk to the emulator.
    for name, value in emulator.environment.items() if emulator else ():
        monkeypatch.setenv(name, value)

    def new() -> World:
        cloud: Cloud = Emulated(emulator) if emulator else stack.enter_context(closing(InMemory()))
        return World(cloud)

    with no_pauses(), ExitStack() as stack:
        yield new


@pytest.fixture
def world(new_world: Callable[[], World]) -> World:
    """A world of its own for each test."""
    return new_world()
