"""An emulator with nothing in it, and what each test of the engine works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.cloud import LocalCloud
from tests.end_to_end.engine.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def cloud() -> Iterator[LocalCloud]:
    """One for all tests of the engine."""
    with LocalCloud() as cloud:
        yield cloud


@pytest.fixture(autouse=True)
def environment(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes the SDK talk to the emulator."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def world(cloud: LocalCloud) -> World:
    """A world of its own for each test."""
    return World(cloud)
