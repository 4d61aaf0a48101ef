"""Options of the test run."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--emulator` is for tests/engine: see tests/README.md."""
    parser.addoption(
        "--emulator",
        nargs="?",
        const="aws",
        choices=("aws", "all"),
        help="run the tests of the engine against the emulator: those marked aws, or all",
    )
