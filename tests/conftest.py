"""Options of the test run."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--emulator`: run the tests of the engine that are marked `aws`, against the emulator."""
    parser.addoption(
        "--emulator",
        action="store_true",
        help="run what AWS decides of tests/engine on the emulator",
    )
