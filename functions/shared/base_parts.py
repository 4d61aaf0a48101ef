"""The parts that all others are made from: settings, AWS clients, clock and threads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Unpack

from functions.shared.clients import READ_SECONDS, Clients
from functions.shared.clock import Clock
from functions.shared.settings import Settings

if TYPE_CHECKING:
    from functions.shared.given_parts import Given


class BaseParts(Settings):
    """What the other parts of one function are made from, each made when it is asked for first.

    `environment` is that of the process unless it is given. `threads` is how many calls can be under way
    at once, each with a connection of its own that is kept, and `read_seconds` how long one may take to
    answer. A test hands in the parts that it replaces, by their names.
    """

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        threads: int,
        read_seconds: float = READ_SECONDS,
        **given: Unpack[Given],
    ) -> None:
        self.threads = threads
        self._read_seconds = read_seconds
        super().__init__(os.environ if environment is None else environment)
        # Where a cached property looks first.
        vars(self).update(given)

    @cached_property
    def clients(self) -> Clients:
        return Clients(connections=self.threads, read_seconds=self._read_seconds)

    @cached_property
    def clock(self) -> Clock:
        return Clock()

    @cached_property
    def workers(self) -> Executor:
        """Makes a thread when it is needed first."""
        return ThreadPoolExecutor(self.threads)
