"""`eventing prove`: counts of each region, then, for a price that is told first, the events themselves."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from console.deployed.aws import RIGHTS
from console.shell.failure import ExitCode
from tests.console_rights import rights
from tests.unit.console.cloud import CALLER, OUTPUTS, PROVING, REGION, Cloud, Run, proven

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.unit.console.given import Eventing

PEER = "eu-west-1"
WINDOW = ("--from", "2026-11-26T00:00:00Z", "--to", "2026-11-27T00:00:00Z")
READ = {"from": "2026-11-26T00:00:00.000Z", "to": "2026-11-27T00:00:00.000Z"}
NAMED = {
    "key": "acme-web#" + "k" * 43,
    "publisher": "acme-web",
    "accepted_at": "2026-11-26T00:00:07.000Z",
}


def differing(cloud: Cloud, request: Mapping[str, Any]) -> Run:
    """Two events are missing, of which one is found."""
    run = proven(cloud, request)
    assert run.output
    minute = {
        "at": "2026-11-26T00:00:00.000Z",
        "stored": 20,
        "published": 18,
        "letters": 0,
        "unproven": 2,
        "twice": 1,
    }
    totals = {**run.output["totals"], "unproven": 2, "twice": 1, "differing_minutes": 1}
    output = {**run.output, "outcome": "differs", "totals": totals, "minutes": [minute]}
    if request["action"] == "find":
        output["found"] = {
            "unproven": 1,
            "twice": 1,
            "erased": 1,
            "not_there": 0,
            "named": {"unproven": [NAMED], "twice": [{**NAMED, "publisher": "\u202etwin"}]},
            "read": {"units": 1638400, "dollars": 0.2048},
        }
    return Run(request, output, states=["Begin", "Judge"])


def two_regions(cloud: Cloud) -> None:
    """The deployment has a replica, whose stack is there."""
    machine = PROVING.replace(REGION, PEER)
    cloud.stacks[f"eventing-{PEER}"] = {**OUTPUTS, "ProofStateMachineArn": machine}
    engine = cloud.proving

    def prove(cloud: Cloud, request: Mapping[str, Any]) -> Run:
        run = engine(cloud, request)
        region = PEER if len(requests(cloud)) % 2 else REGION
        return Run(request, {**(run.output or {}), "region": region, "regions": [REGION, PEER]})

    cloud.proving = prove


def requests(cloud: Cloud) -> list[Mapping[str, Any]]:
    return [run.request for run in cloud.runs.values()]


def test_what_is_proven_is_said_and_nothing_is_asked(cloud: Cloud, eventing: Eventing) -> None:
    ended = eventing("prove", *WINDOW)

    assert ended.code == ExitCode.DONE
    window = dict(zip(("from", "to"), WINDOW[1::2], strict=True))
    assert requests(cloud) == [{"action": "count", **window, "started_by": CALLER}]
    assert cloud.asked == []
    for told in ("1,000", "in two regions", "Proven: each event was published by one region"):
        assert told in ended.out


def test_without_a_window_it_is_yesterday(cloud: Cloud, eventing: Eventing) -> None:
    assert eventing("prove", "--now", "--started-by", "ada").code == ExitCode.DONE
    assert requests(cloud) == [{"action": "count", "now": True, "started_by": "ada"}]


def test_where_something_is_missing_the_price_is_told_and_then_events_are_named(
    cloud: Cloud, eventing: Eventing
) -> None:
    cloud.proving, cloud.answers = differing, ["y"]

    ended = eventing("prove", *WINDOW)

    assert ended.code == ExitCode.PARTIAL
    assert cloud.asked == [f"Look for the events, on eventing in {REGION}? [y/N]"]
    assert [request["action"] for request in requests(cloud)] == ["count", "find"]
    assert requests(cloud)[1] == {"action": "find", **READ, "started_by": CALLER}
    text = " ".join(ended.out.split())
    for told in ("12.5 GiB", "$0.2048", "2026-11-26T00:00Z", NAMED["key"], "sends them again"):
        assert told in text
    assert "\u202e" not in ended.out


def test_who_says_no_gets_the_counts(cloud: Cloud, eventing: Eventing) -> None:
    cloud.proving, cloud.answers = differing, ["n"]

    ended = eventing("prove", *WINDOW)

    assert ended.code == ExitCode.PARTIAL
    assert len(requests(cloud)) == 1
    assert f"eventing prove --from {READ['from']} --to {READ['to']} --yes" in ended.out


def test_programs_get_counts_and_with_a_yes_the_events(cloud: Cloud, eventing: Eventing) -> None:
    cloud.proving = differing
    counts = eventing("prove", *WINDOW, "--json")
    assert counts.code == ExitCode.PARTIAL
    assert counts.document["outcome"] == "differs"
    assert counts.document["regions"][0]["found"] is None
    assert counts.document["next"][0].endswith("--yes")

    document = eventing("prove", *WINDOW, "--yes", "--json").document

    (region,) = document["regions"]
    assert region["found"]["named"]["unproven"] == [NAMED]
    assert document["next"] == ["eventing status"]
    assert cloud.asked == []


def test_every_region_counts_what_it_took(cloud: Cloud, eventing: Eventing) -> None:
    two_regions(cloud)

    document = eventing("prove", "--json").document

    assert [region["region"] for region in document["regions"]] == [REGION, PEER]
    # The second has the window of the first, also where that was left out.
    assert requests(cloud)[1] == {"action": "count", **READ, "started_by": CALLER}
    assert {p["stateMachineArn"] for o, p in cloud.calls if o == "StartExecution"} == {
        PROVING,
        PROVING.replace(REGION, PEER),
    }


def test_what_is_missing_in_a_region_can_be_adopted_in_the_other_one(
    cloud: Cloud, eventing: Eventing
) -> None:
    cloud.proving = differing
    two_regions(cloud)

    document = eventing("prove", "--yes", "--json").document

    window = f"--from {READ['from']} --to {READ['to']}"
    assert document["next"] == [
        f"eventing regions adopt {REGION} {window} --region {PEER}",
        f"eventing regions adopt {PEER} {window}",
        "eventing status",
    ]


def test_with_a_region_it_is_that_one_alone(cloud: Cloud, eventing: Eventing) -> None:
    two_regions(cloud)

    document = eventing("prove", "--region", REGION, "--json").document

    assert len(document["regions"]) == 1


def test_a_region_that_can_t_be_asked_is_unknown_and_the_others_are_told(
    cloud: Cloud, eventing: Eventing
) -> None:
    two_regions(cloud)
    del cloud.stacks[f"eventing-{PEER}"]

    ended = eventing("prove", "--json")

    assert ended.code == ExitCode.PARTIAL
    assert ended.document["outcome"] == "unknown"
    there, unknown = ended.document["regions"]
    assert there["outcome"] == "proven"
    assert unknown["region"] == PEER
    assert "no deployment" in unknown["why"]


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ({"status": "FAILED", "error": "TooLarge", "cause": "prove it in several steps \u202e"}, 1),
        ({"output": {"outcome": "refused", "cause": "prove it in several steps \u202e"}}, 2),
    ],
)
def test_a_proof_that_was_not_made_says_why(
    cloud: Cloud, eventing: Eventing, ends: dict[str, Any], code: int
) -> None:
    cloud.proving = lambda cloud, request: Run(request, **ends)

    ended = eventing("prove")

    assert ended.code == code
    assert "prove it in several steps" in ended.err
    assert "\u202e" not in ended.err


def test_the_command_of_the_aws_cli_does_the_same(cloud: Cloud, eventing: Eventing) -> None:
    ended = eventing("prove", "--show-aws")

    words = shlex.split(ended.out)
    assert words[:3] == ["aws", "stepfunctions", "start-execution"]
    assert words[words.index("--state-machine-arn") + 1] == PROVING
    asked = json.loads(words[words.index("--input") + 1])
    assert asked == {"action": "count", "started_by": CALLER}
    assert not cloud.runs


def test_it_needs_the_rights_that_the_document_lists(cloud: Cloud, eventing: Eventing) -> None:
    eventing("prove")

    assert {RIGHTS[operation] for operation in cloud.count()} == rights()["prove"]
