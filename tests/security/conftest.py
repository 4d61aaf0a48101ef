"""The synthesised deployment, shared with the tests of the infrastructure."""

from __future__ import annotations

from tests.infrastructure.conftest import deployment, regional, two_regions

__all__ = ["deployment", "regional", "two_regions"]
