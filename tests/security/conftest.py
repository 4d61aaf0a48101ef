"""What the tests of attacks share with others: the synthesised deployment, and the engine in memory."""

from __future__ import annotations

from tests.engine.conftest import emulator, new_world, world
from tests.infrastructure.conftest import deployment, regional, two_regions

__all__ = ["deployment", "emulator", "new_world", "regional", "two_regions", "world"]
