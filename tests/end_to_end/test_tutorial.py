"""The tutorial's commands, in the order and as they are written there, in a copy of the project."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from local.cloud import ROOT
from tests.end_to_end.conftest import eventually
from tests.shown import commands, run, shell, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMANDS = commands("docs/tutorial.md")
# `make run` from a warm cache takes less than 45 s on two cores; a busy machine has more time.
RUN_SECONDS = 180.0
# What set-up makes, in its order.
SET_UP = (".venv", "node_modules", ".local/emulator", "build")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of the project in which everything is set up: with links to what the project's set-up made."""
    folder = tmp_path / "clone"
    left_out = {".git", "cdk.out", *(name.partition("/")[0] for name in SET_UP)}
    shutil.copytree(
        ROOT,
        folder,
        ignore=lambda where, names: [
            name
            for name in names
            if name.endswith(("__pycache__", "_cache")) or (where == str(ROOT) and name in left_out)
        ],
    )
    for made in SET_UP:
        (folder / made).mkdir(parents=True)
        for entry in (ROOT / made).resolve().iterdir():
            (folder / made / entry.name).symlink_to(entry)
        # Its own, and newer than all that it is made from: nothing is set up anew through a link.
        (folder / made / ".ready").unlink(missing_ok=True)
        (folder / made / ".ready").touch()
    return folder


@contextmanager
def first_terminal(clone: Path) -> Iterator[Path]:
    """The file with what the terminal shows that `make run` runs in; ends with Ctrl-C."""
    log = clone / "terminal"
    with (
        log.open("w") as file,
        subprocess.Popen(
            shell(COMMANDS["run"]),
            cwd=clone,
            env=terminal({}),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            outputs = clone / ".local" / "outputs.json"
            eventually(
                lambda: outputs.exists() or process.poll() is not None, bool, seconds=RUN_SECONDS
            )
            assert outputs.exists(), log.read_text()
            yield log
        finally:
            # As a terminal does it: to all that run in the foreground.
            os.killpg(process.pid, signal.SIGINT)
            process.wait(30)
    assert not outputs.exists()


def answer(text: str) -> tuple[int, dict[str, Any]]:
    """Status and body of what `curl -i` printed."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    status = re.match(r"HTTP/\S+ (\d+)", head)
    assert status, text
    return int(status[1]), json.loads(body)


def test_from_a_clone_to_an_event_that_arrives(clone: Path) -> None:
    def do(name: str) -> str:
        return run(COMMANDS[name], {}, folder=clone)

    do("setup")
    do("topic")
    do("type")
    listed = do("check")
    assert "parcels: Everything that happens to a parcel" in listed
    assert "the catalogue is sound: 1 topic," in listed
    assert "parcels: takes it" in do("route").splitlines()

    with first_terminal(clone) as log:
        status, body = answer(do("send"))
        assert (status, body["status"]) == (202, "accepted")
        tutorial = (clone / "docs" / "tutorial.md").read_text()
        (line,) = re.findall(r"```text\n(.*)\n```", tutorial)
        eventually(lambda: log.read_text().splitlines(), lambda lines: line in lines)
        assert answer(do("send"))[1]["status"] == "duplicate"

        status, body = answer(do("break"))
        assert (status, body["type"]) == (422, "urn:eventing:problem:schema")
        assert [error["pointer"] for error in body["errors"]] == ["/data/weight_kg"]
        assert body["documentation"] == "docs/generated/problems.md#schema"
    assert log.read_text().splitlines().count(line) == 1

    do("tidy")
    assert not {"my-catalogue", "parcel.json"} & {path.name for path in clone.iterdir()}


def test_no_command_of_the_tutorial_is_left_untried() -> None:
    source = (ROOT / "tests" / "end_to_end" / "test_tutorial.py").read_text()
    tried = {*re.findall(r'do\("(\w+)"\)', source), *re.findall(r'COMMANDS\["(\w+)"\]', source)}
    assert tried == set(COMMANDS)
