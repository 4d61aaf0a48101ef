"""Where runs happen: the runtime's Python with boto3, the built packages, and a sink to call."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.sink import CERTIFICATE
from functions.contract import Variable
from infrastructure import packaging
from infrastructure.packaging import BUILD, ROOT, RUNTIME, Target

REQUIREMENTS = ROOT / "requirements" / "benchmarks.txt"
TARGET = Target("benchmarks", RUNTIME)
PACKAGES = BUILD / "packages" / TARGET.name
REGION = "eu-north-1"
# Sink and runs each have a processor, where the system lets us say so.
_PROCESSORS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
FUNCTION = {
    "AWS_LAMBDA_FUNCTION_NAME": "shop-function",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    Variable.EVENTS_TABLE: "events",
    Variable.ARCHIVE_BUCKET: "archive",
    Variable.DELIVERY_STREAM: "archive",
    Variable.REGISTRY_TABLE: "registry",
    Variable.RECEIPTS_TABLE: "receipts",
    Variable.INGEST_DLQ_URL: f"https://sqs.{REGION}.amazonaws.com/123456789012/ingest-dlq",
    Variable.PUBLISH_DLQ_URL: f"https://sqs.{REGION}.amazonaws.com/123456789012/publish-dlq",
    Variable.TOPIC_ARN_PREFIX: f"arn:aws:sns:{REGION}:123456789012:shop-topic-",
    Variable.EVENT_RETENTION_DAYS: "90",
    Variable.SERVICE: "shop",
    Variable.NAMESPACE: "Eventing",
    Variable.LOG_LEVEL: "INFO",
    # Of the obvious handler, which is no function of this project.
    "TABLE": "events",
    "BUCKET": "archive",
    # A baseline's tracer would otherwise look for a daemon that is not here.
    "POWERTOOLS_TRACE_DISABLED": "true",
    # A package is read-only in Lambda.
    "PYTHONDONTWRITEBYTECODE": "1",
}


@dataclass(frozen=True)
class SinkProcess:
    """A running sink, seen from outside."""

    http: str
    https: str
    certificate: Path

    def set(
        self,
        delays: Mapping[str, float] | None = None,
        refuse_every: Mapping[str, int] | None = None,
    ) -> None:
        """Start counting anew, with these delays in seconds and these refusals."""
        control(self.http, {"delays": delays or {}, "refuse_every": refuse_every or {}})

    def counts(self) -> dict[str, int]:
        """Calls since then by operation, and `connections`."""
        return control(self.http)


def control(sink: str, settings: Mapping[str, Any] | None = None) -> dict[str, int]:
    """Settings into a sink, or counts out of it."""
    content = None if settings is None else json.dumps(settings).encode()
    with urlopen(Request(f"{sink}/-/", data=content), timeout=5) as response:  # noqa: S310
        counts: dict[str, int] = json.load(response)
    # This very connection.
    counts["connections"] = counts.get("connections", 1) - 1
    return counts


@dataclass(frozen=True)
class Environment:
    """The runtime's Python with its boto3, and everything that the baselines bring with them."""

    python: Path

    @classmethod
    def prepare(cls) -> Environment:
        """Set up below `build/` what is not there yet, and build the packages.

        Exits with a message where the runtime's minor version of Python is not on this machine.
        """
        base = packaging.interpreter(RUNTIME)
        if base is None:
            raise SystemExit(
                f"benchmarks: there is no Python {TARGET.version} on this machine. Figures of another "
                "version would say little about Lambda, and packages for it hold no .pyc files: "
                f"install one (pyenv install {TARGET.version}) so that it is found as "
                f"python{TARGET.version} or below ~/.pyenv/versions."
            )
        digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
        folder = BUILD / f"benchmarks-{TARGET.version}-{digest}"
        ready = folder / ".ready"
        if not ready.exists():
            print("set-up: the runtime's Python with boto3, and what the baselines use", flush=True)
            subprocess.run([base, "-m", "venv", "--clear", "--without-pip", folder], check=True)
            command = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
            command += ["--python", str(folder), "install", "--quiet", "--no-deps"]
            command += ["--require-hashes", "--requirement", str(REQUIREMENTS)]
            subprocess.run(command, check=True)
            ready.touch()
        packaging.fetch(TARGET)
        for function in packaging.FUNCTIONS:
            packaging.build(
                function, catalogue=ROOT / "catalogue", target=TARGET, amazon_roots=True
            )
        return cls(folder / "bin" / "python")

    def start(
        self,
        arguments: Sequence[str | Path],
        *,
        package: Path | None = None,
        sink: str | None = None,
        processor: int = 0,
        variables: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        """A process of the runtime's Python in a function's environment; its output is a pipe."""
        path = [str(package)] if package else []
        environment = {**FUNCTION, "PYTHONPATH": os.pathsep.join([*path, str(ROOT)])}
        environment |= variables or {}
        if sink:
            environment["AWS_ENDPOINT_URL"] = sink
        command = [str(self.python), "-P", *map(str, arguments)]
        chosen = [_PROCESSORS[processor % len(_PROCESSORS)]] if _PROCESSORS else []
        return subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, chosen) if chosen else None,
        )

    @contextmanager
    def sink(self) -> Iterator[SinkProcess]:
        """A sink, until the end of the block."""
        with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
            process = self.start(["-m", "benchmarks.sink", folder], processor=1)
            try:
                assert process.stdout
                ports = json.loads(process.stdout.readline())
                yield SinkProcess(
                    f"http://127.0.0.1:{ports['http']}",
                    f"https://127.0.0.1:{ports['https']}",
                    Path(folder) / CERTIFICATE,
                )
            finally:
                process.terminate()
                process.wait(timeout=10)
