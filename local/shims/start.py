"""Start the emulator with its shims."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path

from ministack import app

from .calls import record_calls
from .credentials import issue_root
from .table import SHIMS


def main() -> None:
    """Put the shims in place and serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--while-stdin-is-open", action="store_true")
    parser.add_argument("--without", default="", metavar="NAME,NAME")
    parser.add_argument("--list", action="store_true", help="print the shims' names only")
    arguments = parser.parse_args()
    if arguments.list:
        print(*SHIMS, sep="\n")
        return
    issue_root(*_first_line().split())
    without = set(filter(None, arguments.without.split(",")))
    if unknown := without - SHIMS.keys():
        parser.error(f"no such shims: {', '.join(sorted(unknown))}")
    for name, shim in SHIMS.items():
        if name not in without:
            shim()
    if path := os.environ.get("RECORD_CALLS"):
        record_calls(Path(path))
    if arguments.while_stdin_is_open:
        end_with_stdin()
    # The emulator reads arguments of its own.
    del sys.argv[1:]
    app.main()


def _first_line() -> str:
    line = b""
    while not line.endswith(b"\n"):
        if not (more := os.read(0, 1)):
            sys.exit("stdin has to begin with a line: the root user's access key id and its secret")
        line += more
    return line.decode()


def end_with_stdin() -> None:
    """Stop when the other end of stdin is closed, which it is also when its holder is killed."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)  # a deployment in progress makes the emulator ignore SIGTERM
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
