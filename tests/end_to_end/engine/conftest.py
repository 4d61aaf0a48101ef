"""An emulator with nothing in it, and what each test of the engine works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.cloud import LocalCloud
from tests.end_to_end.engine.world import World, no_waiting, small

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def cloud() -> Iterator[LocalCloud]:
    """One for all tests of the engine."""
    with LocalCloud() as cloud:
        yield cloud


@pytest.fixture
def world(cloud: LocalCloud) -> Iterator[World]:
    """A world of its own for each test."""
    with no_waiting(), small():
        yield World(cloud)
