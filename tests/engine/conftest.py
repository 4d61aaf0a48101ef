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
    """Leave out what the emulator does not decide, when that is asked."""
    if config.getoption("emulator"):
        chosen = [one for one in items if one.get_closest_marker("aws") or _elsewhere(one)]
        config.hook.pytest_deselected(items=[one for one in items if one not in chosen])
        items[:] = chosen


def _elsewhere(item: pytest.Item) -> bool:
    return item.path.parent != Path(__file__).parent


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
