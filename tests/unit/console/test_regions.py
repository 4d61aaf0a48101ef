"""`eventing regions adopt`: its price is told first, then it asks, and says which command comes next."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from console.deployed.aws import RIGHTS
from console.shell.failure import ExitCode
from tests.console_rights import rights
from tests.unit.console.cloud import ADOPTING, CALLER, REGION, Cloud, Run, adopted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.unit.console.given import Eventing

WINDOW = ("--from", "2026-11-27T14:00:00Z", "--to", "2026-11-27T15:00:00Z")
ADOPT = ("regions", "adopt", "eu-west-1", *WINDOW)
REQUEST = {
    "action": "adopt",
    "region": "eu-west-1",
    "from": "2026-11-27T14:00:00Z",
    "to": "2026-11-27T15:00:00Z",
    "started_by": CALLER,
}


def requests(cloud: Cloud) -> list[Mapping[str, Any]]:
    return [run.request for run in cloud.runs.values()]


def test_the_plan_is_shown_before_it_asks_and_then_it_adopts(
    cloud: Cloud, eventing: Eventing
) -> None:
    cloud.answers = ["y", "the region is down"]

    ended = eventing(*ADOPT)

    assert ended.code == ExitCode.DONE
    assert cloud.asked[0] == f"Adopt what eu-west-1 took, on eventing in {REGION}? [y/N]"
    assert requests(cloud) == [
        {**REQUEST, "action": "plan"},
        {**REQUEST, "reason": "the region is down"},
    ]
    for told in (
        "12.5 GiB, 9,000,000 events",
        "$0.2048",
        "12.5 minutes",
        "2026-11-27T14:59:58.000Z",
    ):
        assert told in ended.out
    assert "accepted and did not replicate is not known here" in " ".join(ended.out.split())
    assert "200 events of eu-west-1 adopted." in ended.out
    assert "eventing redrive --stage publish --cause REGION_LOST" in ended.out


def test_nothing_is_adopted_without_a_yes(cloud: Cloud, eventing: Eventing) -> None:
    cloud.answers = ["no"]

    ended = eventing(*ADOPT)

    assert ended.code == ExitCode.PARTIAL
    assert [request["action"] for request in requests(cloud)] == ["plan"]
    cloud.at_terminal = False
    assert eventing(*ADOPT).code == ExitCode.USAGE


def test_with_a_yes_it_begins_at_once_and_tells_programs(cloud: Cloud, eventing: Eventing) -> None:
    options = ("--yes", "--now", "--reason", "it is down", "--started-by", "ada", "--json")

    document = eventing(*ADOPT, *options).document

    members = {"now": True, "reason": "it is down", "started_by": "ada"}
    assert requests(cloud) == [{**REQUEST, **members}]
    assert document["counts"]["adopted"] == 200
    assert document["next"] == ["eventing redrive --stage publish --cause REGION_LOST"]


def test_where_nothing_was_found_there_is_nothing_to_redrive(
    cloud: Cloud, eventing: Eventing
) -> None:
    def nothing(cloud: Cloud, request: Mapping[str, Any]) -> Run:
        run = adopted(cloud, request)
        output = {**(run.output or {}), "outcome": "nothing", "counts": {"read": 5}}
        return Run(request, output, states=["Begin"])

    cloud.adopting = nothing

    document = eventing(*ADOPT, "--yes", "--reason", "it is down", "--json").document

    assert document["next"] == ["eventing status"]


def test_a_large_table_is_better_exported(cloud: Cloud, eventing: Eventing) -> None:
    def large(cloud: Cloud, request: Mapping[str, Any]) -> Run:
        run = adopted(cloud, request)
        assert run.output
        plan = {**run.output["plan"], "better_exported": True}
        return Run(request, {**run.output, "plan": plan}, states=["Begin"])

    cloud.adopting, cloud.answers = large, ["no"]

    assert "docs/regions.md shows how to export it" in " ".join(eventing(*ADOPT).out.split())


@pytest.mark.parametrize(
    ("error", "code"), [("InvalidInput", ExitCode.USAGE), ("DependencyDown", ExitCode.FAILED)]
)
def test_an_execution_that_fails_says_why(
    cloud: Cloud, eventing: Eventing, error: str, code: ExitCode
) -> None:
    cloud.adopting = lambda cloud, request: Run(
        request, status="FAILED", error=error, cause="region: must be another one \u202e"
    )

    ended = eventing(*ADOPT, "--yes", "--reason", "it is down")

    assert ended.code == code
    assert "region: must be another one" in ended.err
    assert "\u202e" not in ended.err


def test_the_command_of_the_aws_cli_does_the_same(cloud: Cloud, eventing: Eventing) -> None:
    ended = eventing(*ADOPT, "--reason", "it is down", "--show-aws")

    words = shlex.split(ended.out)
    assert words[:3] == ["aws", "stepfunctions", "start-execution"]
    assert words[words.index("--state-machine-arn") + 1] == ADOPTING
    assert json.loads(words[words.index("--input") + 1]) == {**REQUEST, "reason": "it is down"}
    assert not cloud.runs


def test_it_needs_the_rights_that_the_document_lists(cloud: Cloud, eventing: Eventing) -> None:
    eventing(*ADOPT, "--yes", "--reason", "it is down")

    assert {RIGHTS[operation] for operation in cloud.count()} == rights()["regions adopt"]
