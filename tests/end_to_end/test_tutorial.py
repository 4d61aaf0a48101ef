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
SET_UP = (".venv", "node_modules", ".local", "build")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of the project that shares what set-up made."""
    folder = tmp_path / "clone"
    ignored = {*SET_UP, ".git", "cdk.out", *(path.name for path in ROOT.glob(".*_cache"))}
    # With their times, by which make sees that everything is set up.
    shutil.copytree(
        ROOT,
        folder,
        ignore=lambda where, names: [
            name
            for name in names
            if name == "__pycache__" or (where == str(ROOT) and name in ignored)
        ],
    )
    for name in (".venv", "node_modules", ".local/emulator", "build/dependencies", "build/.ready"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to((ROOT / name).resolve())
    # The tests share what is linked: nothing may be set up anew below them.
    ready = [".venv/.ready", "node_modules/.ready", ".local/emulator/.ready", "build/.ready"]
    asked = subprocess.run(["make", "--question", *ready], cwd=folder, capture_output=True)
    assert asked.returncode == 0, "run `make setup` first"
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
    assert "the catalogue is sound: 1 topics" in listed
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
