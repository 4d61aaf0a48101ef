"""The emulator of AWS: one process, on a free port of 127.0.0.1, in a folder of its own."""

from __future__ import annotations

import contextlib
import fcntl
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

import urllib3

from local.programs import LOCAL, ROOT, StepFailedError, clean_environment, stop

if TYPE_CHECKING:
    from collections.abc import Sequence

START_SECONDS = 30.0
STOP_SECONDS = 5.0
# Without this shim the emulator has a root user with a key that everybody knows.
CREDENTIALS_SHIM = "only_issued_credentials_work"


@dataclass(frozen=True)
class RootKey:
    """The root user's access key: nobody knows it but this run."""

    id: str = field(default_factory=lambda: f"AKIA{secrets.token_hex(8).upper()}")
    secret: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)


class Emulator:
    """Runs while the context is open, and ends with this process, however this process ends.

    Two at a time do not meet. `without` names shims to leave out.
    """

    def __init__(self, *, region: str, without: Sequence[str] = ()) -> None:
        self.region = region
        known = CREDENTIALS_SHIM in without
        self.root_key = RootKey("test", "test") if known else RootKey()
        self._without = without

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.folder, lock = _own_folder(LOCAL / "runs")
            stack.callback(lock.close)
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self._log = stack.enter_context((self.folder / "emulator.log").open("w+"))
            self._process = self._start()
            stack.callback(stop, self._process, seconds=STOP_SECONDS)
            self._tell(f"{self.root_key.id} {self.root_key.secret}\n")
            self._wait()
            self._ending = stack.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ending.close()

    @property
    def url(self) -> str:
        """Where every service answers."""
        return f"http://127.0.0.1:{self._port}"

    def _start(self) -> subprocess.Popen[bytes]:
        self._port = _free_port()
        work = self.folder / "tmp"
        work.mkdir()
        environment = clean_environment() | {
            # Functions inherit all of it but their credentials.
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": self.region,
            "GATEWAY_PORT": str(self._port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": self.region,
            "TMPDIR": str(work),
            "LOG_LEVEL": "WARNING",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # IAM is enforced, so that what works here works with these permissions.
            "AUTH": "true",
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        }
        command = [LOCAL / "emulator" / "bin" / "python", ROOT / "local" / "shims"]
        return subprocess.Popen(
            [*command, "--while-stdin-is-open", "--without", ",".join(self._without)],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=work,
            start_new_session=True,
        )

    def _tell(self, line: str) -> None:
        """By a pipe, since an environment is inherited, and arguments are seen by everybody."""
        if pipe := self._process.stdin:
            with contextlib.suppress(BrokenPipeError):  # it has ended, and its log says why
                pipe.write(line.encode())
                pipe.flush()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._log.seek(0)
                raise StepFailedError(
                    "Starting the emulator",
                    self._log.read(),
                    "Its environment may be incomplete: `rm -r .local/emulator && make setup`.",
                )
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            url = f"{self.url}/_ministack/health"
            return urllib3.request("GET", url, timeout=1, retries=False).status == 200
        except urllib3.exceptions.HTTPError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _own_folder(runs: Path) -> tuple[Path, IO[str]]:
    """A new folder below `runs`, locked while it is used; those of runs that were killed go."""
    runs.mkdir(parents=True, exist_ok=True)
    for stale in runs.iterdir():
        with contextlib.suppress(OSError), (stale / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(stale, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(dir=runs))
    # The lock is taken before it appears under the name that others look for.
    lock = (folder / "lock.new").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    (folder / "lock.new").rename(folder / "lock")
    return folder, lock
