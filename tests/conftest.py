"""Options of the test run."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--emulator` is for tests/engine, `--record-calls` for tests/end_to_end: see tests/README.md."""
    parser.addoption(
        "--emulator",
        nargs="?",
        const="aws",
        choices=("aws", "all"),
        help="run the tests of the engine against the emulator: those marked aws, or all",
    )
    parser.addoption(
        "--record-calls",
        type=Path,
        metavar="FILE",
        help="append what functions ask of AWS to a file",
    )
