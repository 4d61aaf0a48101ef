"""Programs that the laptop runs: their environment, their end, and what is said when they fail."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
TAIL_LINES = 25


class StepFailedError(Exception):
    """A step of the set-up failed: which, the end of what it said, and what to do about it."""

    def __init__(self, step: str, output: str, advice: str) -> None:
        tail = "\n".join(f"  | {line}" for line in output.rstrip().splitlines()[-TAIL_LINES:])
        super().__init__(f"{step} failed.\n{tail}\n{advice}")


def clean_environment() -> dict[str, str]:
    """This process's environment without the AWS account that may be configured in it."""
    mine = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    # Node.js, for the CDK CLI and for the CDK's own functions, is in the virtual environment.
    return mine | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def run(
    step: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    seconds: float,
    advice: str,
) -> str:
    """What a command prints; raises `StepFailedError` when it fails or takes longer than `seconds`."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        cwd=ROOT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            kill_group(process)
            output, _ = process.communicate()
            output += f"\nIt took longer than {seconds:.0f} s."
        except BaseException:
            kill_group(process)
            raise
    if process.returncode:
        raise StepFailedError(step, output, advice)
    return output


def stop(process: subprocess.Popen[bytes], *, seconds: float) -> None:
    """End a process, kindly at first, and all that it has started."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    # What is left: the emulator if it was busy deploying, its workers if they were in a call.
    kill_group(process)
    process.wait()
    if process.stdin:
        process.stdin.close()


def kill_group(process: subprocess.Popen[Any]) -> None:
    """Kill a process that leads a session, with all of it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
