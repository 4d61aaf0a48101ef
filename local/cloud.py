"""An AWS of one's own on this machine, with our CDK app deployed into it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import boto3
import urllib3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
ACCOUNT = "000000000000"
ACCESS_KEY = SECRET_KEY = "test"  # noqa: S105 (the emulator's root user)

START_SECONDS = 30.0
STOP_SECONDS = 5.0
CDK_SECONDS = 300.0
TAIL_LINES = 25

Outputs = dict[str, dict[str, str]]


class StepFailedError(Exception):
    """A step of the set-up failed: which, the end of what it said, and what to do about it."""

    def __init__(self, step: str, output: str, advice: str) -> None:
        tail = "\n".join(f"  | {line}" for line in output.rstrip().splitlines()[-TAIL_LINES:])
        super().__init__(f"{step} failed.\n{tail}\n{advice}")


class LocalCloud:
    """The emulator on a free port of 127.0.0.1, in a folder of its own, while the context is open.

    Two at a time do not meet. It ends with this process, however this process ends.
    """

    def __init__(
        self,
        *,
        region: str = "us-east-1",
        say: Callable[[str, str], None] = lambda *_: None,
        without: Sequence[str] = (),
    ) -> None:
        """`without` names shims to leave out, or `all`."""
        self.region = region
        self._say = say
        self._without = without
        self._clients: dict[tuple[str, str], Any] = {}

    def __enter__(self) -> Self:
        self._folder, self._lock = _own_folder(LOCAL / "runs")
        try:
            with self._step("starting the emulator"):
                self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        _stop(self._emulator)
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._lock.close()

    @property
    def endpoint_url(self) -> str:
        """Where every service answers."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def environment(self) -> dict[str, str]:
        """What makes an AWS SDK or the AWS CLI talk to this cloud."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": self.region,
        }

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client of this cloud, as its root user."""
        key = (service, region or self.region)
        if key not in self._clients:
            self._clients[key] = self._new_client(self._session, *key)
        return self._clients[key]

    def client_of(self, service: str, credentials: Mapping[str, str]) -> Any:
        """A boto3 client of this cloud, with the credentials that `AssumeRole` has answered."""
        session = boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )
        return self._new_client(session, service, self.region)

    def _new_client(self, session: boto3.Session, service: str, region: str) -> Any:
        return session.client(  # type: ignore[call-overload]
            service,
            region_name=region,
            endpoint_url=self.endpoint_url,
            config=Config(read_timeout=40, retries={"mode": "standard"}),
        )

    def deploy(self, context: Mapping[str, str], *, regions: Sequence[str] = ()) -> Outputs:
        """Bootstrap `regions` (default: the cloud's own) and deploy the whole app with the CDK CLI.

        Returns the outputs of each stack.
        """
        regions = regions or (self.region,)
        with self._step(f"bootstrapping {', '.join(regions)}"):
            self._bootstrap(regions)
        with self._step("synthesising the app"):
            self.cdk("synth", "--quiet", context=context)
        outputs = self._folder / "outputs.json"
        with self._step("deploying with the CDK CLI"):
            self.cdk(
                "deploy", "--all", "--require-approval", "never", "--method", "direct",
                "--outputs-file", str(outputs), "--app", str(self.assembly),
            )  # fmt: skip
        found: Outputs = json.loads(outputs.read_text())
        return found

    @property
    def assembly(self) -> Path:
        """The folder that the app was synthesised into."""
        return self._folder / "cdk.out"

    def cdk(self, *arguments: str, context: Mapping[str, str] | None = None) -> str:
        """Run the CDK CLI against this cloud and return what it printed."""
        command = [str(ROOT / "node_modules" / ".bin" / "cdk"), *arguments, "--no-notices"]
        # Whatever regions cdk.json has for AWS: here there is one, unless a caller wants more.
        here = {"primary_region": self.region, "replica_regions": "[]"}
        for key, value in (here | dict(context) if context else {}).items():
            command += ["--context", f"{key}={value}"]
        if "--app" not in arguments:
            command += ["--output", str(self.assembly)]
        environment = self._clean_environment() | {
            **self.environment,
            "AWS_REGION": self.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
            "CI": "true",  # plain lines on stdout
        }
        return self._run(f"cdk {arguments[0]}", command, environment)

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name=self.region,
        )

    def _clean_environment(self) -> dict[str, str]:
        """This process's environment without the AWS account that may be configured in it."""
        mine = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        # Node.js, for the CDK CLI and for the CDK's own functions, is in the virtual environment.
        return mine | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def _start(self) -> None:
        self._port = _free_port()
        work = self._folder / "tmp"
        work.mkdir()
        environment = self._clean_environment() | {
            **self.environment,
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
        self._log = (self._folder / "emulator.log").open("w+")
        python = LOCAL / "emulator" / "bin" / "python"
        self._emulator = subprocess.Popen(
            [
                python,
                ROOT / "local" / "shims",
                "--while-stdin-is-open",
                "--without",
                ",".join(self._without),
            ],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=work,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._emulator.poll() is not None or time.monotonic() > deadline:
                self._log.seek(0)
                raise StepFailedError(
                    "Starting the emulator",
                    self._log.read(),
                    "Its environment may be incomplete: `rm -r .local/emulator && make setup`.",
                )
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            url = f"{self.endpoint_url}/_ministack/health"
            return urllib3.request("GET", url, timeout=1, retries=False).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def _bootstrap(self, regions: Sequence[str]) -> None:
        """Make what the CDK CLI looks for: the asset bucket and the version of the bootstrap stack.

        `cdk bootstrap` does the same here in ten times the time; its roles have no use where
        everything is done as root.
        """
        for region in regions:
            bucket: dict[str, Any] = {"Bucket": f"cdk-hnb659fds-assets-{ACCOUNT}-{region}"}
            if region != "us-east-1":
                bucket["CreateBucketConfiguration"] = {"LocationConstraint": region}
            self.client("s3", region).create_bucket(**bucket)
            self.client("ssm", region).put_parameter(
                Name="/cdk-bootstrap/hnb659fds/version", Type="String", Value="30"
            )

    def _run(self, step: str, command: list[str], environment: dict[str, str]) -> str:
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
                output, _ = process.communicate(timeout=CDK_SECONDS)
            except subprocess.TimeoutExpired:
                _kill_group(process)
                output, _ = process.communicate()
                output += f"\nIt took longer than {CDK_SECONDS:.0f} s."
            except BaseException:
                _kill_group(process)
                raise
        if process.returncode:
            raise StepFailedError(
                step,
                output,
                "The lines above say what was wrong; `make synth` shows faults of the app alone.",
            )
        return output

    @contextlib.contextmanager
    def _step(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        self._say(f"{what} ...", " ")
        yield
        self._say(f"{time.monotonic() - began:.1f} s", "\n")


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


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    # What is left: the emulator if it was busy deploying, its workers if they were in a call.
    _kill_group(process)
    process.wait()
    if process.stdin:
        process.stdin.close()


def _kill_group(process: subprocess.Popen[Any]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
