"""Splits what goes into one AWS call: by number of entries and by bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def chunks(
    entries: Iterable[T], *, most: int, most_bytes: int, size: Callable[[T], int]
) -> Iterator[list[T]]:
    """Consecutive runs of `entries`, each of at most `most` entries and `most_bytes` bytes in all.

    An entry that is larger than `most_bytes` by itself gets a chunk of its own: what to do with it is
    for the service to say, and for the caller to handle.
    """
    chunk: list[T] = []
    total = 0
    for entry in entries:
        entry_bytes = size(entry)
        if chunk and (len(chunk) == most or total + entry_bytes > most_bytes):
            yield chunk
            chunk, total = [], 0
        chunk.append(entry)
        total += entry_bytes
    if chunk:
        yield chunk
