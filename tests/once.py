"""What is made once for all of the processes that tests run in side by side."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest


def shared_folder(folders: pytest.TempPathFactory, name: str) -> Path:
    """The folder of this name, which is the same for all of the processes."""
    base = folders.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def first(folder: Path) -> Iterator[bool]:
    """True for the process that is to fill a shared folder; the others wait for it.

    When it fails the next one is to do it.
    """
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / ".done"
        yield not done.exists()
        done.touch()
