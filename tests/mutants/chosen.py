"""A plugin of pytest for a run against a mutant: the chosen tests only, in the order of the list."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

# A mutant may loop for ever, or take up all memory.
_TEST_SECONDS = 120
_BYTES = 16 * 1024**3
# The status of a run whose test did not end.
DIED = 99


def pytest_configure(config: pytest.Config) -> None:
    """Bound what a mutant can take up."""
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    signal.signal(signal.SIGALRM, lambda *_: os._exit(DIED))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the chosen tests."""
    order = {
        id: n for n, id in enumerate(Path(os.environ["CHOSEN_TESTS"]).read_text().splitlines())
    }
    items[:] = sorted(
        (item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid]
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """End the run when a test does not."""
    signal.alarm(_TEST_SECONDS)
    try:
        return (yield)
    finally:
        signal.alarm(0)
