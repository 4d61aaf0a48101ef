"""The import rule of the design. Neither the CDK nor the functions know more of each other than a contract.

app.py -> stacks -> dashboards, workflows -> infrastructure/constructs -> functions/contract, eventing
functions/<one> -> functions/shared -> functions/contract, eventing
console -> functions/contract, eventing
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from infrastructure.packaging import FUNCTIONS
from tests.infrastructure.sources import ROOMS, Source, imports, sources, within

AWS = ("boto3", "botocore", "aws_lambda_powertools")
CDK = ("aws_cdk", "constructs", "cdk_nag", "jsii")

_SHARED = ("functions.contract", "eventing")
_CONFIGURATION = (
    "infrastructure.configuration",
    "infrastructure.context",
    "infrastructure.domain",
    "infrastructure.opened",
    "infrastructure.packaging",
    "infrastructure.retention",
    *_SHARED,
)
_CONSTRUCTS = ("infrastructure.constructs", *_CONFIGURATION)
# What of this project each room may import; the more exact name goes first.
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "eventing": ("eventing",),
    "functions.contract": (),
    "functions.shared": ("functions.shared", *_SHARED),
    **{
        f"functions.{name}": (f"functions.{name}", "functions.shared", *_SHARED)
        for name in FUNCTIONS
    },
    "infrastructure.constructs": _CONSTRUCTS,
    "stacks": (
        "stacks",
        "dashboards",
        "workflows",
        *_CONSTRUCTS,
    ),
    "infrastructure": _CONFIGURATION,
    "workflows": ("workflows", *_CONSTRUCTS),
    "dashboards": ("dashboards", *_CONSTRUCTS),
    "app": ("stacks", *_CONFIGURATION),
    # The page of copies' lives is made from what a synth checks.
    "console": ("console", "infrastructure.retention", *_SHARED),
}
# What of other people's each room may not import.
FORBIDDEN: Mapping[str, tuple[str, ...]] = {
    # Its rules are the same wherever and whenever they run.
    "eventing": (*AWS, *CDK, "os", "time", "pathlib", "io"),
    "functions": (*CDK, "aws_xray_sdk"),
    # It is installed where neither is.
    "console": (*CDK, "aws_lambda_powertools"),
    # A synth makes no AWS call.
    "infrastructure": AWS,
    "workflows": AWS,
    "dashboards": AWS,
    "stacks": AWS,
    "app": AWS,
}


def faults(module: str, imported: set[str]) -> list[str]:
    """The imports of a module that break the rule."""
    found = []
    room = next((room for room in ALLOWED if within(module, room)), None)
    for name in sorted(imported):
        if name.partition(".")[0] in ROOMS:
            if room and not any(within(name, allowed) for allowed in ALLOWED[room]):
                found.append(name)
            elif within(name, "local") and not within(module, "local"):
                found.extend([] if within(module, "tests") else [name])
        for owner, names in FORBIDDEN.items():
            if within(module, owner) and any(within(name, other) for other in names):
                found.append(name)
    return found


@pytest.mark.parametrize("source", sources(), ids=str)
def test_a_module_imports_what_it_may(source: Source) -> None:
    assert faults(source.module, source.imported) == []


def test_the_contract_imports_nothing() -> None:
    (contract,) = (source for source in sources() if source.module == "functions.contract")

    assert contract.imported == set()


@pytest.mark.parametrize(
    ("module", "text", "fault"),
    [
        ("eventing.event", "import boto3", "boto3"),
        ("eventing.event", "def now():\n    import time", "time"),
        ("eventing.event", "from os import environ", "os.environ"),
        ("eventing.catalogue", "from pathlib import Path", "pathlib.Path"),
        ("eventing.event", "from functions.shared import clients", "functions.shared.clients"),
        (
            "functions.ingest.handler",
            "from functions.publish import handler",
            "functions.publish.handler",
        ),
        ("functions.ingest.handler", "from ..publish import handler", "functions.publish.handler"),
        ("functions.shared.clients", "import functions.ingest.handler", "functions.ingest.handler"),
        ("functions.publish.handler", "import aws_cdk as cdk", "aws_cdk"),
        (
            "functions.publish.handler",
            "from infrastructure import packaging",
            "infrastructure.packaging",
        ),
        (
            "infrastructure.constructs.archive",
            "from functions.shared import archive",
            "functions.shared.archive",
        ),
        ("eventing.event", "from functions import contract", "functions.contract"),
        (
            "infrastructure.constructs.archive",
            "from stacks import data",
            "stacks.data",
        ),
        (
            "infrastructure.configuration",
            "from infrastructure.constructs import archive",
            "infrastructure.constructs.archive",
        ),
        ("dashboards.operations", "from workflows import redrive", "workflows.redrive"),
        ("workflows.redrive", "import boto3", "boto3"),
        (
            "app",
            "from infrastructure.constructs import archive",
            "infrastructure.constructs.archive",
        ),
        ("stacks.data", "from local import cloud", "local.cloud"),
        ("console.app", "from local import cloud", "local.cloud"),
        (
            "console.deployed.ledger",
            "from functions.shared import letters",
            "functions.shared.letters",
        ),
        ("console.app", "import aws_cdk", "aws_cdk"),
        ("eventing.event", "from console import app", "console.app"),
        ("benchmarks.ingest", "from local import cloud", "local.cloud"),
    ],
)
def test_the_rule_sees(module: str, text: str, fault: str) -> None:
    assert faults(module, imports(module, text)) == [fault]


def test_the_rule_lets_through_what_the_design_says() -> None:
    for module, text in (
        ("functions.ingest.handler", "from functions.shared.clients import Clients\nimport boto3"),
        ("functions.shared.clients", "from eventing.cause import Cause\nimport os"),
        ("functions.shared.metrics", "from functions.contract import Metric"),
        ("stacks.data", "from infrastructure.constructs.archive import Archive"),
        ("infrastructure.constructs.metrics", "from functions import contract"),
        ("infrastructure.constructs.archive", "from eventing.catalogue import Catalogue"),
        ("workflows.redrive", "from infrastructure.constructs.redrive import RedriveFunction"),
        ("tests.end_to_end.test_walk", "from local.cloud import LocalCloud"),
    ):
        assert faults(module, imports(module, text)) == []
