"""The packages of the functions: what is in them, and how they are built.

A package is the function's own folder, `functions/shared`, the contract, `eventing` with its digest, the
catalogue and, of the dependencies in `requirements/functions.txt`, what the function uses: nothing else.
Dependencies are fetched by `make setup`, once for Lambda and once for this machine, so that a synth needs
no network.
"""

from __future__ import annotations

import argparse
import atexit
import fcntl
import gzip
import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from functions.contract import CODE_DIGEST

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
REQUIREMENTS = ROOT / "requirements" / "functions.txt"
RUNTIME = (3, 13)
_NOT_SOURCES = shutil.ignore_patterns("__pycache__", ".*")
AMAZON_ROOTS = "amazon-roots.pem"
# Of Amazon Trust Services ("Certification Authorities", the roots to trust).
_AMAZON_NAMES = (
    *(f"Amazon Root CA {number}" for number in range(1, 5)),
    "Starfield Services Root Certificate Authority - G2",
)


@dataclass(frozen=True)
class Contents:
    """The contents of a package that other packages may do without."""

    services: tuple[str, ...]
    """The AWS services it calls, by their names in the SDK."""
    schemas: bool = False
    """It validates events by the schemas of their types."""


FUNCTIONS: Mapping[str, Contents] = {
    "ingest": Contents(("dynamodb", "firehose", "s3", "sqs"), schemas=True),
    "publish": Contents(("dynamodb", "sns", "sqs")),
    "triage": Contents(("dynamodb", "s3", "sqs"), schemas=True),
    "redrive": Contents(("dynamodb", "s3", "sns", "sqs", "stepfunctions"), schemas=True),
    "counter": Contents(("cloudwatch", "dynamodb", "lambda", "s3", "sqs", "stepfunctions")),
    "inquiry": Contents(("dynamodb",)),
    "adopter": Contents(("dynamodb", "sns"), schemas=True),
    "prover": Contents(("cloudwatch", "dynamodb")),
    "cases": Contents(("dynamodb", "macie2", "s3", "sns", "stepfunctions")),
    "eraser": Contents(("dynamodb", "s3", "sns")),
    "publishers": Contents(("apigateway", "dynamodb", "sns", "stepfunctions")),
    "canary": Contents(("apigateway", "sqs")),
    "widget": Contents(("dynamodb",)),
    "coverage": Contents(("macie2", "s3", "stepfunctions")),
    "notifier": Contents(("cloudwatch", "sns")),
}


@dataclass(frozen=True)
class Target:
    """A machine that runs functions: its name here, its Python, and pip's names of its platform."""

    name: str
    python: tuple[int, int]
    platforms: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """Its Python, such as `3.13`."""
        return f"{self.python[0]}.{self.python[1]}"

    @property
    def dependencies(self) -> Path:
        """The folder of this target's dependencies, one for each state of the requirements."""
        digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
        return BUILD / "dependencies" / f"{self.name}-{self.version}-{digest}"


# Amazon Linux 2023, which Lambda's Python 3.13 runs on, has glibc 2.34 (AWS Lambda, "Lambda runtimes").
LAMBDA = Target("lambda-arm64", RUNTIME, ("manylinux_2_28_aarch64", "manylinux2014_aarch64"))
LAPTOP = Target("laptop", sys.version_info[:2])


def fetch(target: Target) -> Path:
    """Install the pinned dependencies of functions for `target`; what is there already is kept."""
    folder = target.dependencies
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=folder.parent))
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    if not target.platforms:
        python = interpreter(target.python)
        if python is None:
            raise FileNotFoundError(f"there is no Python {target.version} on this machine")
        command += ["--python", python]
    command += [
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--no-compile",
        "--target",
        str(staging),
    ]
    command += ["--only-binary=:all:", "--requirement", str(REQUIREMENTS)]
    if target.platforms:
        command += [f"--platform={platform}" for platform in target.platforms]
        command += [f"--python-version={target.version}"]
    subprocess.run(command, check=True)
    # Command-line entry points name the interpreter that installed them; no function calls one.
    shutil.rmtree(staging / "bin", ignore_errors=True)
    staging.rename(folder)
    return folder


@cache
def interpreter(version: tuple[int, int]) -> str | None:
    """A Python of exactly this minor version on this machine, or None."""
    wanted = f"{version[0]}.{version[1]}"
    name = f"python{wanted}"
    candidates = [sys.executable, shutil.which(name)]
    candidates += [str(path) for path in Path.home().glob(f".pyenv/versions/{wanted}*/bin/{name}")]
    for candidate in filter(None, candidates):
        probe = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        if subprocess.run(probe, capture_output=True, text=True).stdout.strip() == wanted:
            return candidate
    return None


def build(
    function: str,
    *,
    catalogue: Path,
    target: Target,
    output: Path | None = None,
    amazon_roots: bool = False,
) -> Path:
    """Lay out the package of `function` in a folder of its own and return that folder.

    The same sources give the same bytes. `.pyc` files are those of the target's own minor version
    (a package without them starts at less than half the speed); where no such interpreter is on
    this machine none are shipped, and the synth warns of it. `amazon_roots` adds the file of that name, which
    `docs/decisions/0005-amazon-roots.md` is about.
    """
    dependencies = target.dependencies
    if not dependencies.exists():
        raise FileNotFoundError(f"{dependencies} is missing: run `make setup` first")
    python = interpreter(target.python)
    if python:
        _compile_once(target, python)
    output = output or BUILD / "packages" / target.name / function
    output.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{function}-", dir=output.parent))
    contents = FUNCTIONS[function]
    shutil.copytree(
        dependencies,
        staging,
        dirs_exist_ok=True,
        ignore=_unused(dependencies, contents, compiled=bool(python)),
    )
    _trim_endpoints(staging / "botocore" / "data")
    sources = _sources(python, code_digest(ROOT / "eventing") + code_digest(ROOT / "functions"))
    others = FUNCTIONS.keys() - {function}
    shutil.copytree(sources / "eventing", staging / "eventing")
    shutil.copytree(
        sources / "functions",
        staging / "functions",
        ignore=lambda folder, _: others if Path(folder).name == "functions" else set(),
    )
    shutil.copytree(catalogue, staging / "catalogue", ignore=_NOT_SOURCES)
    if amazon_roots:
        (staging / AMAZON_ROOTS).write_text(_amazon_roots(staging / "botocore" / "cacert.pem"))
    (staging / CODE_DIGEST).write_text(code_digest(ROOT / "eventing"))
    if output.exists():
        shutil.rmtree(output)
    staging.rename(output)
    return output


def code_digest(folder: Path) -> str:
    """A digest that changes with the Python sources below `folder`."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(folder).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:8]


def _unused(
    dependencies: Path, contents: Contents, *, compiled: bool
) -> Callable[[str, list[str]], set[str]]:
    """Names what a package leaves out; `tests/unit/test_packages.py` shows that nothing is missing."""

    def unused(folder: str, names: list[str]) -> set[str]:
        found = {name for name in names if name.startswith(".")}
        if not compiled:
            found.add("__pycache__")
        match Path(folder).relative_to(dependencies).as_posix():
            case "." if not contents.schemas:
                found |= {name for name in names if name.startswith("jsonschema_rs")}
            case "aws_lambda_powertools":  # Logger and metrics are used
                found |= {"event_handler", "middleware_factory"}
            case "aws_lambda_powertools/utilities":
                found |= set(names) - {"__init__.py", "__pycache__", "jmespath_utils"}
            case "aws_lambda_powertools/utilities/__pycache__":
                found |= {name for name in names if not name.startswith("__init__.")}
            case "botocore/data":
                services = {name for name in names if not name.endswith(".json")}
                found |= services - set(contents.services)
        return found

    return unused


def _trim_endpoints(data: Path) -> None:
    """Leave only the services in `data` in the SDK's list of endpoints: each cold start reads it all."""
    models = [
        json.loads(gzip.decompress(f.read_bytes())) for f in data.glob("*/*/service-2.json.gz")
    ]
    kept = {model["metadata"]["endpointPrefix"] for model in models}
    file = data / "endpoints.json"
    content = json.loads(file.read_bytes())
    for partition in content["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in services if name in kept}
    file.write_text(json.dumps(content, separators=(",", ":")))


def _amazon_roots(bundle: Path) -> str:
    """Those of the certificates in `bundle` that the chains of AWS's endpoints end in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(bundle)
    found: dict[str, str] = {}
    # One list twice: what is written in the certificates, and the certificates.
    for content, certificate in zip(
        context.get_ca_certs(), context.get_ca_certs(binary_form=True), strict=True
    ):
        subject: Any = content["subject"]
        name = dict(part for ((*part,),) in subject).get("commonName", "")
        found[name] = (
            f"# {name}, until {content['notAfter']}\n{ssl.DER_cert_to_PEM_cert(certificate)}"
        )
    return "".join(found[name] for name in _AMAZON_NAMES)


@cache
def _sources(python: str | None, digest: str) -> Path:
    """Our own code, compiled once for the packages that this process builds while it is of this digest."""
    folder = Path(tempfile.mkdtemp(prefix=f"eventing-{digest}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for source in ("eventing", "functions/shared", *(f"functions/{name}" for name in FUNCTIONS)):
        shutil.copytree(ROOT / source, folder / source, ignore=_NOT_SOURCES)
    for module in ("__init__.py", "contract.py"):
        shutil.copyfile(ROOT / "functions" / module, folder / "functions" / module)
    if python:
        _compile(folder, python, ".")
    return folder


def _compile_once(target: Target, python: str) -> None:
    """Compile the dependencies where they are: every package has the same."""
    with (target.dependencies / ".compiled").open("a+") as done:
        fcntl.flock(done, fcntl.LOCK_EX)
        if not done.tell():
            _compile(target.dependencies, python, ".")
            done.write("yes\n")


def _compile(folder: Path, python: str, *parts: str) -> None:
    """Compile these parts of a folder whose content is to be in a package."""
    # Unchecked hashes hold no time stamp, and Lambda's own path replaces this machine's.
    command = [python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", "/var/task", *(str(folder / part) for part in parts)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, check=True, env=environment | {"PYTHONHASHSEED": "0"})


def _sizes() -> None:
    for function in FUNCTIONS:
        folder = build(function, catalogue=ROOT / "catalogue", target=LAMBDA)
        files = [path for path in folder.rglob("*") if path.is_file()]
        archive = shutil.make_archive(str(folder), "zip", folder)
        zipped = Path(archive).stat().st_size
        Path(archive).unlink()
        total = sum(path.stat().st_size for path in files)
        print(f"{function}: {len(files)} files, {total / 1e6:.2f} MB, {zipped / 1e6:.2f} MB zipped")
        for part in sorted(folder.iterdir()):
            inside = [path for path in part.rglob("*") if path.is_file()] or [part]
            print(f"  {part.name:32} {sum(p.stat().st_size for p in inside) / 1e3:9.1f} kB")


def main() -> None:
    """`fetch` the dependencies, or print the `sizes` of the packages."""
    parser = argparse.ArgumentParser(prog="python -m infrastructure.packaging")
    parser.add_argument("command", choices=["fetch", "sizes"])
    if parser.parse_args().command == "sizes":
        _sizes()
    else:
        for target in (LAMBDA, LAPTOP):
            fetch(target)


if __name__ == "__main__":
    main()
