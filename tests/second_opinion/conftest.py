"""The synthesised deployments, shared with the tests of the infrastructure."""

from __future__ import annotations

from tests.infrastructure.conftest import (
    deployment,
    laptop,
    named,
    regional,
    tuned,
    two_regions,
    without_macie,
)

__all__ = ["deployment", "laptop", "named", "regional", "tuned", "two_regions", "without_macie"]
