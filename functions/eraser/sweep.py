"""Goes through the objects of a bucket and takes an event out of each version that holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import groupby
from tempfile import TemporaryFile
from typing import BinaryIO

from eventing.cause import Code, cause_of
from eventing.erasure.copies import Unreadable, events_in, holds_line, without_record
from functions.shared.object_versions import ObjectVersions, Version

# Objects whose versions are looked through side by side.
AT_ONCE = 8
# What asking again does not help, and what the others need not wait for.
_FOR_GOOD = (Code.ACCESS_DENIED, Code.INVALID, Code.TOO_LARGE)


@dataclass
class Stripped:
    """What is in a text: copies of the event, what is left without them, and what can't be read."""

    copies: int = 0
    kept: int = 0
    unreadable: int = 0
    others: bool = False
    """What holds the event can't be taken apart, and has other events in it as well."""


Strip = Callable[[Iterator[bytes], BinaryIO | None], Stripped]
"""Reads a text in pieces, and writes what is left of it without the event where it is given a file."""


@dataclass(frozen=True)
class Swept:
    """What became of one version."""

    version: Version
    copies: int = 0
    """Copies of the event in it, that are gone now."""
    rewritten: bool = False
    """The object has another version now, without the event."""
    unreadable: int = 0
    failure: str | None = None
    """Why it may hold the event still."""


class Sweep:
    """Sweeps one bucket."""

    def __init__(self, versions: ObjectVersions, *, workers: Executor) -> None:
        self._versions = versions
        self._workers = workers

    def chunks(self, versions: Iterable[Version]) -> Iterator[Sequence[Version]]:
        """The versions of a few objects at a time, which may be swept side by side."""
        objects = [list(some) for _, some in groupby(versions, key=lambda one: one.key)]
        for start in range(0, len(objects), AT_ONCE):
            yield [one for some in objects[start : start + AT_ONCE] for one in some]

    def sweep(self, versions: Sequence[Version], strip: Strip) -> list[Swept]:
        """Take the event out of these; raises what the SDK raises when asking again may help."""
        return list(self._workers.map(lambda version: self._sweep(version, strip), versions))

    def _sweep(self, version: Version, strip: Strip) -> Swept:
        try:
            return self._strip(version, strip)
        except Exception as error:
            cause = cause_of(error)
            if cause.code not in _FOR_GOOD:
                raise
            return Swept(version, failure=f"{cause.code}: {cause.error_class}")

    def _strip(self, version: Version, strip: Strip) -> Swept:
        found = strip(self._versions.chunks(version), None)
        if not found.copies:
            return Swept(version, unreadable=found.unreadable)
        if found.others:
            return Swept(version, failure="it holds other events as well: look at it")
        if version.is_current:
            # Written first: no moment is without what others have in it.
            self._write_rest(version, strip, found)
        self._versions.remove(version)
        rewritten = version.is_current and found.kept > 0
        return Swept(version, found.copies, rewritten, found.unreadable)

    def _write_rest(self, version: Version, strip: Strip, found: Stripped) -> None:
        if not found.kept:
            self._versions.hide(version)
            return
        # On disk: an object may be larger than the memory.
        with TemporaryFile() as rest:
            strip(self._versions.chunks(version), rest)
            rest.seek(0)
            self._versions.replace(version, rest)


def lines_without(key: str) -> Strip:
    """Takes the event's lines out of JSON Lines; a line that can't be read stays, and is counted."""

    def strip(chunks: Iterator[bytes], rest: BinaryIO | None) -> Stripped:
        found = Stripped()
        for line in _lines(chunks):
            try:
                is_copy = holds_line(line, key)
            except Unreadable:
                is_copy = False
                found.unreadable += bool(line.strip())
            if is_copy:
                found.copies += 1
                continue
            found.kept += 1
            if rest:
                rest.write(line)
        return found

    return strip


def records_without(key: str) -> Strip:
    """Takes the event's records out of an invocation record, which stays also when it is empty."""

    def strip(chunks: Iterator[bytes], rest: BinaryIO | None) -> Stripped:
        text = b"".join(chunks)
        if not text:
            return Stripped()  # gone by now
        try:
            content, copies = without_record(text, key)
        except Unreadable:
            return Stripped(unreadable=1)
        if rest and content is not None:
            rest.write(content)
        return Stripped(copies=copies, kept=1)

    return strip


def junk_of(key: str) -> Strip:
    """Finds a message that holds the event: with others in it, it is for a person to look at."""

    def strip(chunks: Iterator[bytes], _: BinaryIO | None) -> Stripped:
        text = b"".join(chunks)
        if not text:
            return Stripped()
        try:
            holds, others = events_in(text, key)
        except Unreadable:
            return Stripped(unreadable=1)
        return Stripped(copies=int(holds), others=others)

    return strip


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The lines in a text, each with its line feed."""
    left = b""
    for chunk in chunks:
        *whole, left = (left + chunk).split(b"\n")
        yield from (line + b"\n" for line in whole)
    if left:
        yield left
