"""Options of the test run."""

from __future__ import annotations

import signal

import pytest

# A shell's background jobs ignore Ctrl-C, and so would all that the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--emulator` is for tests/engine: see tests/README.md."""
    parser.addoption(
        "--emulator",
        nargs="?",
        const="aws",
        choices=("aws", "all"),
        help="run the tests of the engine against the emulator: those marked aws, or all",
    )
