"""Targets 1, 2, 3 and 8: processes that have just started."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import events
from benchmarks.environment import PACKAGES, Environment, SinkProcess
from benchmarks.latencies import SERVICES
from benchmarks.measuring import Run, at_most, ratio, rounds, table
from infrastructure.packaging import AMAZON_ROOTS

ROUNDS = 21
_PROCESS = Path(__file__).with_name("process.py")


def ready(environment: Environment, module: str, package: Path | None = None) -> Run:
    """Import a module in a fresh process: the time until it is ready."""
    result = _run(environment, [module], package=package)
    return Run(result["wall"], result["cpu"])


def _run(
    environment: Environment,
    arguments: list[str],
    *,
    package: Path | None,
    sink: str | None = None,
    bundle: Path | None = None,
) -> dict[str, Any]:
    began = time.monotonic()
    process = environment.start(
        [_PROCESS, *arguments],
        package=package,
        sink=sink,
        variables={"AWS_CA_BUNDLE": str(bundle)} if bundle else {},
    )
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    result: dict[str, Any] = json.loads(output.splitlines()[-1])
    return result | {"since_start": result["at"] - began}


def target_1(environment: Environment) -> Iterator[str]:
    """Ingest function, import to ready, against `import boto3` and its two clients."""
    runs = rounds(
        {
            "boto3 and two clients": lambda: ready(environment, "benchmarks.baselines.sdk"),
            "ingest function": lambda: ready(
                environment, "functions.ingest.handler", PACKAGES / "ingest"
            ),
            "publish function": lambda: ready(
                environment, "functions.publish.handler", PACKAGES / "publish"
            ),
        },
        ROUNDS,
    )
    yield table(runs, base="boto3 and two clients")
    reached = ratio(runs["ingest function"], runs["boto3 and two clients"])
    yield at_most("ingest function", reached, 1.05)
    yield at_most("the same, stretch", reached, 0.90)


def target_2(environment: Environment) -> Iterator[str]:
    """Cold process to the first 202 over TLS, against the obvious handler."""
    ours = ("functions.ingest.handler", PACKAGES / "ingest")
    with environment.sink() as sink, _folder() as folder:
        event = folder / "event.json"
        event.write_text(json.dumps(events.request(events.event())))
        bundle = _bundle(PACKAGES / "ingest" / "botocore" / "cacert.pem", sink, folder)
        roots = _bundle(PACKAGES / "ingest" / AMAZON_ROOTS, sink, folder)

        def first(module: str, package: Path | None, bundle: Path) -> Run:
            result = _run(
                environment, [module, str(event)], package=package, sink=sink.https, bundle=bundle
            )
            assert result["status"] == 202, result
            return Run(result["since_start"], result["cpu_of_all"])

        variants = {
            "obvious handler": partial(first, "benchmarks.baselines.obvious", None, bundle),
            "ingest function": partial(first, *ours, bundle),
            "with Amazon's roots alone": partial(first, *ours, roots),
        }
        for title, delays in (("services answer at once", {}), ("assumed latencies", SERVICES)):
            sink.set(delays)
            runs = rounds(variants, ROUNDS)
            yield f"  {title}"
            yield table(runs, base="obvious handler")
    reached = ratio(runs["ingest function"], runs["obvious handler"])
    yield at_most("ingest function", reached, 0.55)
    yield at_most("the same, stretch", reached, 0.45)


def target_3(environment: Environment) -> Iterator[str]:
    """The built ingest package against the same without its `.pyc` files."""
    with _folder() as folder:
        bare = folder / "ingest"
        shutil.copytree(
            PACKAGES / "ingest", bare, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
        )
        runs = rounds(
            {
                "without .pyc": lambda: ready(environment, "functions.ingest.handler", bare),
                "as built": lambda: ready(
                    environment, "functions.ingest.handler", PACKAGES / "ingest"
                ),
            },
            ROUNDS,
        )
    yield table(runs, base="without .pyc")
    yield at_most("as built", ratio(runs["as built"], runs["without .pyc"]), 0.55)


def target_8(environment: Environment) -> Iterator[str]:
    """First publish over 8 cold TLS connections: Amazon's roots alone against the default bundle."""
    package = PACKAGES / "publish"
    with environment.sink() as sink, _folder() as folder:
        # One topic, eight calls of ten entries.
        batch = {"Records": [events.record() for _ in range(80)]}
        (folder / "event.json").write_text(json.dumps(batch))
        bundles = {
            "default bundle": _bundle(package / "botocore" / "cacert.pem", sink, folder),
            "Amazon's roots": _bundle(package / AMAZON_ROOTS, sink, folder),
        }

        def publish(bundle: Path) -> Run:
            # Long enough for all eight to be under way at once, however slow their handshakes are.
            sink.set({"PublishBatch": 0.3})
            result = _run(
                environment,
                ["functions.publish.handler", str(folder / "event.json"), "--call-only"],
                package=package,
                sink=sink.https,
                bundle=bundle,
            )
            counts = sink.counts()
            assert (counts["PublishBatch"], counts["connections"]) == (8, 8), counts
            return Run(result["wall"], result["cpu"], events=80, calls=8)

        runs = rounds({name: partial(publish, file) for name, file in bundles.items()}, ROUNDS)
    yield table(runs, base="default bundle")
    yield at_most(
        "Amazon's roots",
        ratio(runs["Amazon's roots"], runs["default bundle"], "cpu"),
        0.25,
        "x CPU",
    )


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        yield Path(folder)


def _bundle(certificates: Path, sink: SinkProcess, folder: Path) -> Path:
    """The sink's certificate behind those that a function would trust."""
    bundle = folder / certificates.name
    bundle.write_text(certificates.read_text() + sink.certificate.read_text())
    return bundle
