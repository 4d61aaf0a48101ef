"""`make run`: how many regions, what it says of itself, and the story's commands as they are typed."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from local import __main__ as local
from local import publishing
from local.deployment import Deployment
from local.outputs import Site, remove, write
from local.story import commands
from tests.shown import shell

REGIONS = ("us-east-1", "eu-west-1")


@dataclass
class RootKey:
    """A key."""

    id: str = "AKIA"
    secret: str = "s"


@dataclass
class Cloud:
    """A cloud, as far as outputs tell of it."""

    endpoint_url: str = "http://127.0.0.1:4711"
    root_key: RootKey = field(default_factory=RootKey)


@dataclass
class Region:
    """A deployed region, as far as outputs and commands tell of it."""

    region: str
    cloud: Cloud = field(default_factory=Cloud)
    stacks: Any = field(default_factory=lambda: {f"eventing-{name}": {} for name in REGIONS})

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:4711/{self.region}"

    def api_key(self, publisher: str) -> str:
        return f"key of {publisher}"


def region(name: str) -> Deployment:
    return cast("Deployment", Region(name))


@pytest.mark.parametrize("text", ["0", "3", "-1", "two", "", "1.0"])
def test_there_are_one_or_two_regions(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        local.main(["--regions", text])

    assert ended.value.code == 2
    assert "is not 1 or 2" in capsys.readouterr().err


@pytest.mark.parametrize("names", [REGIONS[:1], REGIONS])
def test_outputs_are_those_of_the_first_region_and_have_each(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    file = tmp_path / "outputs.json"
    sites = [Site(region(name), {"orders": f"queue-{name}"}, "all") for name in names]
    write(file, sites, publisher="acme-web", dashboard_url="http://127.0.0.1:1/")

    said = json.loads(file.read_text())
    assert file.stat().st_mode & 0o777 == 0o600
    assert (said["region"], said["api_url"]) == ("us-east-1", "http://127.0.0.1:4711/us-east-1")
    assert said["subscribers"] == {"orders": "queue-us-east-1"}
    assert list(said["regions"]) == list(names)
    for name, own in said["regions"].items():
        assert own["api_url"].endswith(name)
        assert own["subscribers"] == {"orders": f"queue-{name}"}
    assert [path.name for path in tmp_path.iterdir()] == ["outputs.json"]
    remove(file)
    assert not file.exists()


def test_the_story_s_commands_send_events_whatever_is_in_the_sample(tmp_path: Path) -> None:
    sample = {"specversion": "1.0", "id": "1", "type": 'it\'s $(touch x) "so" \\ `id`', "é": 1}
    here, lost = map(region, REGIONS)
    typed = commands(here, lost, key="the-key", sample=sample, began="2026-11-28T10:00:00.000Z")
    left_out = "".join(f"{name}() {{ :; }}; " for name in ("make", "sleep", "eventing", "touch"))
    stubs = f'curl() {{ printf "%s\\n" "${{@: -1}}"; }}; {left_out}'
    done = subprocess.run(
        shell(f"{stubs}\n{typed}"), cwd=tmp_path, capture_output=True, text=True, timeout=10
    )

    assert done.returncode == 0, done.stderr
    sent = [json.loads(line) for line in done.stdout.splitlines() if line]
    assert [one | {"id": "1"} for one in sent] == [sample] * 5
    assert len({one["id"] for one in sent}) == 5
    assert list(tmp_path.iterdir()) == []


def test_the_story_s_commands_name_the_region_that_each_is_for() -> None:
    here, lost = map(region, REGIONS)
    typed = commands(here, lost, key="the-key", sample={}, began="2026-11-28T10:00:00.000Z")

    assert "make lose REGION=eu-west-1" in typed
    assert "make back REGION=eu-west-1" in typed
    assert "http://127.0.0.1:4711/eu-west-1/events" in typed
    by_us = [line for line in typed.splitlines() if line.strip().startswith("eventing ")]
    assert [line.split()[1] for line in by_us] == ["regions", "redrive", "prove"]
    assert all(line.endswith(" --region us-east-1") for line in by_us[:2])
    assert "adopt eu-west-1 --from 2026-11-28T10:00:00.000Z" in typed


def test_a_region_is_lost_of_a_run_that_is_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = tmp_path / "outputs.json"
    words = ["off", "eu-north-1", "--outputs", str(outputs)]

    assert publishing.main(words) == 1
    assert "`make run` is not up" in capsys.readouterr().err
    outputs.write_text(json.dumps({"regions": {name: {} for name in REGIONS}}))
    assert publishing.main(words) == 1
    assert "us-east-1, eu-west-1" in capsys.readouterr().err
