"""A cloud for each test, and `eventing` run in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.app import main
from tests.unit.console.cloud import SECRET, TOKEN, Cloud
from tests.unit.console.given import Ended, Eventing


@pytest.fixture(autouse=True)
def nobodys_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever AWS account this machine knows is none of the tests' business."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """AWS in memory, with one deployment."""
    return Cloud(tmp_path)


@pytest.fixture
def eventing(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> Eventing:
    """Runs a command in this cloud. What it shows never holds an event's data, or a task's token."""

    def run(*arguments: str) -> Ended:
        code = main(arguments, cloud.surroundings())
        shown = capsys.readouterr()
        assert SECRET not in shown.out + shown.err
        assert TOKEN not in shown.out + shown.err
        return Ended(code, shown.out, shown.err)

    return run
