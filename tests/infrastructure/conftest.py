"""One synth of each kind of deployment for all tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.once import shared_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.infrastructure.synthesis import Synthesis, Template

Folders = pytest.TempPathFactory


def _synthesis(
    folders: Folders, name: str, /, *, account_is_known: bool = False, **context: Any
) -> Synthesis:
    # The CDK takes seconds to load, and some that import this have tests that do without.
    from tests.infrastructure.synthesis import ACCOUNT, synthesise_once

    account = ACCOUNT if account_is_known else None
    return synthesise_once(shared_folder(folders, f"synth-{name}"), account, **context)


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: Folders) -> Synthesis:
    """The deployment that cdk.json describes."""
    return _synthesis(tmp_path_factory, "default")


@pytest.fixture(scope="session")
def regional(deployment: Synthesis) -> Template:
    """The regional stack of the primary region."""
    return deployment.regional()


@pytest.fixture(scope="session")
def without_macie(tmp_path_factory: Folders) -> Synthesis:
    """The same without Macie."""
    return _synthesis(tmp_path_factory, "without-macie", macie="off")


@pytest.fixture(scope="session")
def laptop(tmp_path_factory: Folders) -> Synthesis:
    """The deployment that `make run` makes."""
    return _synthesis(tmp_path_factory, "laptop", laptop="true")


@pytest.fixture(scope="session")
def two_regions(tmp_path_factory: Folders) -> Synthesis:
    """Two regions, where Macie is on already, operators with an e-mail address, Amazon's roots alone."""
    return _synthesis(
        tmp_path_factory,
        "two-regions",
        replica_regions='["eu-west-1"]',
        macie="existing",
        ops_emails=["ops@example.com"],
        amazon_roots="true",
    )


@pytest.fixture(scope="session")
def three_regions(tmp_path_factory: Folders) -> Synthesis:
    """Three regions without a domain."""
    replicas = ["eu-west-1", "ap-southeast-2"]
    return _synthesis(tmp_path_factory, "three-regions", replica_regions=replicas, macie="existing")


@pytest.fixture(scope="session")
def tuned(tmp_path_factory: Folders) -> Synthesis:
    """In a known account: concurrency, tags and a budget, and no delivery stream."""
    return _synthesis(
        tmp_path_factory,
        "tuned",
        account_is_known=True,
        reserved_concurrency={"ingest": 100, "publish": 50},
        tags={"cost-center": "1234"},
        ops_emails=["ops@example.com"],
        monthly_budget_usd=200,
        archive_stream="false",
    )


@pytest.fixture(scope="session")
def named(tmp_path_factory: Folders) -> Mapping[int, Synthesis]:
    """Of one, two and three regions, with a domain: two with a primary and a secondary one."""
    return {
        len(replicas) + 1: _synthesis(
            tmp_path_factory,
            f"named-{len(replicas) + 1}",
            replica_regions=replicas,
            macie="existing",
            domain={
                "name": "events.example.com",
                "hosted_zone_id": "Z0123456789ABC",
                "hosted_zone_name": "example.com",
                "routing": "failover" if len(replicas) == 1 else "latency",
            },
        )
        for replicas in ([], ["eu-west-1"], ["eu-west-1", "ap-southeast-2"])
    }


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """A folder for a catalogue of the test's own."""
    folder = tmp_path / "catalogue"
    folder.mkdir()
    return folder
