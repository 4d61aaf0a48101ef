"""What is in the functions' packages, and what a function loads of it before its first event."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from functions.contract import CODE_DIGEST, Variable
from functions.shared.clients import Clients
from functions.shared.parts import Parts
from infrastructure import packaging
from infrastructure.packaging import FUNCTIONS, LAMBDA, LAPTOP, ROOT, RUNTIME

CATALOGUE = ROOT / "catalogue"
# As in Lambda, where a handler makes its clients while the function initialises.
ENVIRONMENT = {
    "AWS_LAMBDA_FUNCTION_NAME": "shop-function",
    "AWS_DEFAULT_REGION": "eu-north-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    Variable.EVENTS_TABLE: "events",
    Variable.ARCHIVE_BUCKET: "archive",
    Variable.MACIE_JOB_ID: "job",
    Variable.FINDINGS_POLICY: '{"low": "notify", "medium": "ask", "high": "ask"}',
    Variable.GATHER_SECONDS: "30",
    Variable.ACCOUNT: "123456789012",
    Variable.PUBLISHERS_MACHINE: "arn:aws:states:eu-north-1:123456789012:stateMachine:shop-pub",
    Variable.DELIVERY_STREAM: "archive",
    Variable.REGISTRY_TABLE: "registry",
    Variable.RECEIPTS_TABLE: "receipts",
    Variable.INGEST_DLQ_URL: "https://sqs.eu-north-1.amazonaws.com/123456789012/ingest-dlq",
    Variable.PUBLISH_DLQ_URL: "https://sqs.eu-north-1.amazonaws.com/123456789012/publish-dlq",
    Variable.TOPIC_ARN_PREFIX: "arn:aws:sns:eu-north-1:123456789012:shop-topic-",
    Variable.API_URL: "https://a1b2c3d4e5.execute-api.eu-north-1.amazonaws.com/prod/",
    Variable.CANARY_KEY_ID: "key1",
    Variable.CANARY_QUEUE_URL: "https://sqs.eu-north-1.amazonaws.com/123456789012/shop-canary",
    Variable.EVENT_RETENTION_DAYS: "90",
    Variable.LEDGER_TABLE: "ledger",
    Variable.REGISTRY_TABLE: "registry",
    Variable.REGIONS: '["eu-north-1"]',
    Variable.CONTROL_PLANE_LIMITED: "true",
    Variable.LONGEST_KEPT_DAYS: "550",
    Variable.BACKUP_DAYS: "35",
    Variable.OPEN_LETTER_DAYS: "180",
    Variable.CLOSED_LETTER_DAYS: "30",
    Variable.OPERATIONS_BUCKET: "operations",
    Variable.OPS_TOPIC_ARN: "arn:aws:sns:eu-north-1:123456789012:shop-ops",
    Variable.STATE_MACHINE_ARN: "arn:aws:states:eu-north-1:123456789012:stateMachine:shop-redrive",
    Variable.PUBLISH_MAPPING: "6f1d4c3a-0000-4000-8000-000000000000",
    Variable.DEPLOYMENT: "shop",
    Variable.APPROVAL_ABOVE: "{}",
    Variable.COMMAND_OPTIONS: "--deployment shop --region eu-north-1",
    Variable.RUNBOOK: "docs/runbook.md",
    Variable.COMMAND_OPTIONS: "",
    Variable.DASHBOARD: "",
    Variable.CONSERVATION_FROM_MINUTES: "180",
    Variable.CONSERVATION_UNTIL_MINUTES: "10",
    Variable.SERVICE: "shop",
    Variable.NAMESPACE: "Eventing",
    "PYTHONDONTWRITEBYTECODE": "1",
}
# The project's own environment stays on the path, behind the package: what is missing in a package,
# or brought in by somebody who found it there, comes from it and shows.
LOADED = """
import json, sys
before = set(sys.modules)
sys.path.insert(0, sys.argv[1])
__import__(sys.argv[2])
print(json.dumps({
    name: getattr(module, "__file__", None)
    for name, module in sys.modules.items()
    if name not in before
}))
"""
# Dear at start, and not needed: the resource API and transfers, models, tracing, routing, HTTP
# clients beside the SDK's own, event loops.
FORBIDDEN = (
    "asyncio",
    "aws_lambda_powertools.event_handler",
    "aws_lambda_powertools.utilities.parser",
    "aws_xray_sdk",
    "boto3",
    "cloudevents",
    "fastjsonschema",
    "jsonschema",
    "pydantic",
    "requests",
    "s3transfer",
    "unittest",
)


# Loaded by the first request that needs it: most processes never see one.
LATER = {
    "ingest": (
        *("functions.ingest.standing", "functions.ingest.trial", "functions.shared.registry"),
        *("eventing.publishers.registry", "eventing.routing"),
    )
}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The packages for this machine."""
    folder = tmp_path_factory.mktemp("packages")
    return {
        name: packaging.build(name, catalogue=CATALOGUE, target=LAPTOP, output=folder / name)
        for name in FUNCTIONS
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_package_is_complete_and_loads_nothing_dear(
    packages: Mapping[str, Path], name: str
) -> None:
    output = subprocess.run(
        [sys.executable, "-c", LOADED, str(packages[name]), f"functions.{name}.handler"],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    loaded: dict[str, str | None] = json.loads(output)

    from_elsewhere = {
        module: file
        for module, file in loaded.items()
        if file
        and "site-packages" in file
        and not file.startswith(str(packages[name]))
        # The SDK looks for it, and has certificates of its own.
        and module.partition(".")[0] != "certifi"
    }
    assert from_elsewhere == {}
    assert f"functions.{name}.handler" in loaded
    forbidden = {m for m in loaded for f in FORBIDDEN if m == f or m.startswith(f"{f}.")}
    assert forbidden == set()
    assert {module for module in LATER.get(name, ()) if module in loaded} == set()
    assert ("jsonschema_rs" in loaded) == FUNCTIONS[name].schemas


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# Another process compiles our code again, in another folder.
BUILD = """
import sys
from pathlib import Path
from infrastructure import packaging
catalogue, output = map(Path, sys.argv[1:])
packaging.build("ingest", catalogue=catalogue, target=packaging.LAMBDA, output=output)
"""


def test_packages_are_compiled_for_the_runtime_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    first, second = tmp_path / "first" / "package", tmp_path / "second" / "elsewhere" / "package"
    packaging.build("ingest", catalogue=CATALOGUE, target=LAMBDA, output=first)
    subprocess.run(
        [sys.executable, "-c", BUILD, str(CATALOGUE), str(second)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )

    files = _files(first)
    assert files == _files(second)
    if packaging.interpreter(RUNTIME) is None:
        pytest.skip("no Python 3.13 on this machine to compile with")
    for name in files:
        source = Path(name)
        if source.suffix == ".py":
            compiled = files[str(source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc")]
            # PEP 552: a hash of the source instead of its time, and not checked at import.
            assert compiled[4:8] == b"\x01\0\0\0", name
            assert str(packaging.BUILD).encode() not in compiled


def test_without_the_runtimes_python_a_package_has_its_sources_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaging, "interpreter", lambda version: None)
    package = packaging.build(
        "publish", catalogue=CATALOGUE, target=LAMBDA, output=tmp_path / "package"
    )
    assert (package / "functions/publish/handler.py").is_file()
    assert list(package.rglob("*.pyc")) == []


def test_other_code_of_eventing_has_another_digest_and_each_package_its_own(
    packages: Mapping[str, Path], tmp_path: Path
) -> None:
    code = tmp_path / "eventing"
    shutil.copytree(ROOT / "eventing", code, ignore=shutil.ignore_patterns("__pycache__"))
    digest = packaging.code_digest(code)
    assert {(p / CODE_DIGEST).read_text() for p in packages.values()} == {digest}

    (code / "routing.py").rename(code / "routes.py")
    renamed = packaging.code_digest(code)
    with (code / "routes.py").open("a") as file:
        file.write("# fixed")
    assert len({digest, renamed, packaging.code_digest(code)}) == 3


class Recorder(Clients):
    """Notes which services a function has clients of."""

    def __init__(self) -> None:
        super().__init__()
        self.services: set[str] = set()

    def client(self, service: Any) -> Any:
        self.services.add(service)
        return super().client(service)

    def api_gateway(self, region: str) -> Any:
        self.services.add("apigateway")
        return super().api_gateway(region)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_package_holds_the_services_that_its_function_calls(
    packages: Mapping[str, Path], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    data = packages[name] / "botocore" / "data"
    endpoints = json.loads((data / "endpoints.json").read_bytes())

    recorder = Recorder()
    make_handler = importlib.import_module(f"functions.{name}.handler").make_handler
    make_handler(Parts(ENVIRONMENT, threads=1, clients=recorder, code_digest="c1"))
    called = recorder.services

    assert set(FUNCTIONS[name].services) == called
    assert {path.name for path in data.iterdir() if path.is_dir()} == called
    aws = next(p for p in endpoints["partitions"] if p["partition"] == "aws")
    # Under these names in the list of endpoints.
    others = {"cloudwatch": "monitoring", "stepfunctions": "states"}
    assert set(aws["services"]) == {others.get(service, service) for service in called}


def test_amazon_roots_are_five_certificates_of_amazon(tmp_path: Path) -> None:
    package = packaging.build(
        "publish",
        catalogue=CATALOGUE,
        target=LAPTOP,
        output=tmp_path / "package",
        amazon_roots=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(package / packaging.AMAZON_ROOTS)
    certificates: list[Any] = context.get_ca_certs()

    names = sorted(dict(part[0] for part in c["subject"])["commonName"] for c in certificates)
    assert names == [
        "Amazon Root CA 1",
        "Amazon Root CA 2",
        "Amazon Root CA 3",
        "Amazon Root CA 4",
        "Starfield Services Root Certificate Authority - G2",
    ]
    # Each is its own issuer: a root.
    assert all(c["subject"] == c["issuer"] for c in certificates)


def test_amazon_roots_are_an_option(packages: Mapping[str, Path]) -> None:
    for package in packages.values():
        assert not (package / packaging.AMAZON_ROOTS).exists()
