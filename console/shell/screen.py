"""What a command shows: tables for people, one JSON document for programs, notes beside either."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from eventing.foreign_text import plain

# A table that goes into a file or a pipe is not broken to the width of a terminal.
_WIDTH_OF_A_FILE = 200


def _console(stream: Any, *, stderr: bool) -> Console:
    known = stream.isatty() or "COLUMNS" in os.environ
    return Console(
        stderr=stderr,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=False,
        width=None if known else _WIDTH_OF_A_FILE,
    )


class Screen:
    """Standard output for the answer, standard error for what is said on the way to it."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._out = _console(sys.stdout, stderr=False)
        self.notes = _console(sys.stderr, stderr=True)

    def document(self, content: Mapping[str, Any]) -> None:
        """The answer for programs; nothing unless that was asked for."""
        if self.as_json:
            # In ASCII, so that nothing foreign reaches a terminal as it is.
            print(json.dumps(content, indent=2, default=str))

    def say(self, text: str = "", style: str = "") -> None:
        """A line of the answer for people."""
        if not self.as_json:
            self._out.print(Text(text, style=style))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table for people; numbers stand to the right."""
        if self.as_json:
            return
        cells = [list(row) for row in rows]
        table = Table(box=None, pad_edge=False, header_style="bold")
        for number, column in enumerate(columns):
            numeric = bool(cells) and all(isinstance(row[number], int) for row in cells)
            table.add_column(Text(column), justify="right" if numeric else "left", overflow="fold")
        for row in cells:
            table.add_row(*map(_cell, row))
        self._out.print(table)

    def facts(self, facts: Mapping[str, object]) -> None:
        """Names and values for people, one a line; without those that are empty."""
        given = {name: value for name, value in facts.items() if value not in (None, "", {}, [])}
        if self.as_json or not given:
            return
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for name, value in given.items():
            table.add_row(Text(name), _cell(value))
        self._out.print(table)

    def command(self, text: str) -> None:
        """A command to copy, whole on one line however narrow the terminal is."""
        self.line(text)

    def next(self, commands: Sequence[str]) -> None:
        """The commands that come next, most likely first."""
        if commands and not self.as_json:
            self.say()
            self.say("Next:", style="bold")
            for text in commands:
                self.command(f"  {text}")

    def line(self, text: str, style: str = "") -> None:
        """A line of the answer for people that stays one, however narrow the terminal is."""
        if not self.as_json:
            self._out.print(Text(text, style=style), soft_wrap=True)

    def note(self, text: str) -> None:
        """What is said on the way, also to people who read the JSON."""
        self.notes.print(Text(text), soft_wrap=True)


def _cell(value: object) -> Text:
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    return Text(f"{value:,}" if isinstance(value, int) else plain(value))
