"""The settings that all functions share, and the contents of their packages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from eventing.cost import INGEST_GB, PUBLISH_GB
from infrastructure import packaging
from infrastructure.packaging import FUNCTIONS, ROOT
from tests.infrastructure.synthesis import Json, Synthesis, Template, synthesise


def _function(template: Template, name: str) -> Json:
    return template.one("AWS::Lambda::Function", FunctionName=f"eventing-{name}").properties


@pytest.mark.parametrize("name", FUNCTIONS)
def test_settings(regional: Template, name: str) -> None:
    function = _function(regional, name)

    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["MemorySize"] >= 512
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    # Of an invocation that went well, Lambda itself writes nothing.
    assert function["LoggingConfig"]["SystemLogLevel"] == "WARN"
    # A share of the account's concurrency set aside for one is taken from all others.
    assert "ReservedConcurrentExecutions" not in function


def test_concurrency_is_set_aside_where_the_configuration_says_so(tuned: Synthesis) -> None:
    """Functions without a reservation share the account's quota, and one may take all of it.

    (Lambda, "Configuring reserved concurrency for a function".)
    """
    reserved = {
        name: _function(tuned.regional(), name).get("ReservedConcurrentExecutions")
        for name in FUNCTIONS
    }

    assert reserved == {**dict.fromkeys(FUNCTIONS), "ingest": 100, "publish": 50}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_only_lambda_may_take_the_role(regional: Template, name: str) -> None:
    role = _function(regional, name)["Role"]
    (body,) = (r.properties for r in regional.all("AWS::IAM::Role") if f"<{r.id}>" == role)
    (statement,) = body["AssumeRolePolicyDocument"]["Statement"]

    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_every_function_has_a_log_that_does_not_grow_for_ever(regional: Template) -> None:
    logs = {log.properties["LogGroupName"]: log.properties for log in regional.all(LOG_GROUP)}

    for function in regional.all("AWS::Lambda::Function"):
        assert function.properties["LoggingConfig"]["LogGroup"] in logs
    assert all(log["RetentionInDays"] == 30 for log in logs.values())


LOG_GROUP = "AWS::Logs::LogGroup"


def _package(deployment: Synthesis, name: str) -> Path:
    key = _function(deployment.regional(), name)["Code"]["S3Key"]
    return deployment.folder / f"asset.{key.removesuffix('.zip')}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_handler_is_in_the_package(deployment: Synthesis, name: str) -> None:
    handler = _function(deployment.regional(), name)["Handler"]
    module, _, attribute = handler.rpartition(".")
    source = _package(deployment, name) / f"{module.replace('.', '/')}.py"

    assert re.search(rf"^(def {attribute}\(|{attribute} = )", source.read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_package_holds_its_function_what_functions_share_and_nothing_else(
    deployment: Synthesis, name: str
) -> None:
    package = _package(deployment, name)
    ours = {path.name for path in package.iterdir() if (ROOT / path.name).exists()}
    functions = {path.name for path in (package / "functions").iterdir()} - {"__pycache__"}
    requirements = (ROOT / "requirements" / "functions.txt").read_text()
    pinned = {
        name.replace("-", "_")
        for name in re.findall(r"^([a-z0-9_.-]+)==", requirements, re.MULTILINE)
    }
    installed = {
        path.name.partition("-")[0].lower()
        for path in package.iterdir()
        if path.suffix == ".dist-info"
    }

    assert ours == {"catalogue", "eventing", "functions"}
    assert functions == {"__init__.py", "contract.py", "shared", name}
    assert installed == pinned - (set() if FUNCTIONS[name].schemas else {"jsonschema_rs"})
    for absent in ("aws_cdk", "boto3", "tests", "pytest"):
        assert not list(package.rglob(absent))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_package_is_the_same_whenever_it_is_built(
    deployment: Synthesis, tuned: Synthesis, name: str
) -> None:
    assert _package(deployment, name).name == _package(tuned, name).name


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_trust_amazons_roots_alone_where_that_is_asked_for(
    regional: Template, two_regions: Synthesis, name: str
) -> None:
    assert "AWS_CA_BUNDLE" not in _function(regional, name)["Environment"]["Variables"]

    bundle = _function(two_regions.regional(), name)["Environment"]["Variables"]["AWS_CA_BUNDLE"]
    assert bundle.startswith("/var/task/")
    assert (_package(two_regions, name) / bundle.removeprefix("/var/task/")).is_file()


def _warnings(deployment: Synthesis) -> list[str]:
    """What a synth says about the regional stack."""
    metadata = deployment.manifest["artifacts"]["eventing-us-east-1"]
    file = metadata.get("additionalMetadataFile")
    entries = json.loads((deployment.folder / file).read_text()) if file else metadata["metadata"]
    return [
        entry["data"]
        for found in entries.values()
        for entry in found
        if entry["type"] == "aws:cdk:warning"
    ]


def test_a_package_that_differs_from_other_machines_is_said_at_synth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaging, "interpreter", lambda version: None)
    told = [text for text in _warnings(synthesise(tmp_path)) if "no Python 3.13" in text]

    assert len(told) == len(FUNCTIONS)
    assert all("has no .pyc files" in text for text in told)


@pytest.mark.parametrize(("function", "memory"), [("ingest", INGEST_GB), ("publish", PUBLISH_GB)])
def test_functions_have_the_memory_that_is_paid_for(
    regional: Template, function: str, memory: float
) -> None:
    made = regional.one("AWS::Lambda::Function", FunctionName=f"eventing-{function}")

    assert made.properties["MemorySize"] == memory * 1024
