"""`eventing publishers`: each action, what is asked and shown, and a key's value on demand alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from console.deployed.aws import RIGHTS
from console.shell.failure import ExitCode
from eventing.publishers.request import ACTIONS, Action
from tests.console_rights import rights
from tests.unit.console.cloud import CALLER, KEY_VALUE, PUBLISHER, PUBLISHER_URL, REGION, Cloud, Run
from tests.unit.console.given import Eventing

FAILURE = {"region": "eu-west-1", "step": "look", "why": "InternalError: \u202edown"}


def answering(**members: Any) -> Any:
    """A state machine that answers like this."""

    def engine(cloud: Cloud, request: Mapping[str, Any]) -> Run:
        output = {
            "action": request["action"],
            "outcome": "done",
            "failures": [],
            "publisher": PUBLISHER,
            **members,
        }
        return Run(request, output, states=["Begin", "Work"])

    return engine


def asked(cloud: Cloud) -> Mapping[str, Any]:
    """The input of the one execution."""
    (run,) = cloud.runs.values()
    return run.request


# Of each action, the options and what they make of it.
OPTIONS: Mapping[Action, tuple[list[str], dict[str, Any]]] = {
    "register": (
        ["--contact", "a@b.example", "--usage-plan", "trial", "--type", "a.*", "--type", "b"],
        {"contact": "a@b.example", "usage_plan": "trial", "types": ["a.*", "b"]},
    ),
    "update": (
        ["--rate-per-second", "7.5", "--burst", "9", "--quota", "100/week"],
        {
            "limits": {
                "rate_per_second": 7.5,
                "burst": 9,
                "quota": {"limit": 100, "period": "WEEK"},
            }
        },
    ),
    "rotate": (["--retire-at", "2026-12-24T09:30:00Z"], {"retire_at": "2026-12-24T09:30:00Z"}),
    "retire-key": (["--key", "1"], {"key": 1}),
    "suspend": ([], {}),
    "resume": (["--elsewhere"], {"elsewhere": True}),
    "throttle": (
        ["--rate-per-second", "1", "--max-events", "5", "--max-body-bytes", "1000"],
        {"limits": {"rate_per_second": 1.0, "max_events": 5, "max_body_bytes": 1000}},
    ),
    "restore": ([], {}),
    "revoke": ([], {}),
}


@pytest.mark.parametrize("action", [a for a, rules in ACTIONS.items() if rules.changes])
def test_each_action_is_a_command(cloud: Cloud, eventing: Eventing, action: Action) -> None:
    cloud.changing, cloud.answers = answering(), ["y"]
    options, expected = OPTIONS[action]

    ended = eventing("publishers", action, "acme-web", *options, "--reason", "as agreed")

    assert ended.code == ExitCode.DONE, ended.err
    by = {"reason": "as agreed", "started_by": CALLER}
    assert asked(cloud) == {"action": action, "name": "acme-web", **by, **expected}
    assert f"{action} of acme-web: done." in ended.out
    assert "1 live until 2026-12-27T15:00:00.000Z, 2 live" in ended.out
    # Whoever shuts somebody out is asked first.
    assert len(cloud.asked) == (action in ("retire-key", "suspend", "throttle", "revoke"))


def test_nothing_is_done_without_a_yes(cloud: Cloud, eventing: Eventing) -> None:
    cloud.answers = ["no"]

    ended = eventing("publishers", "revoke", "acme-web", "--reason", "gone")

    assert ended.code == ExitCode.PARTIAL
    assert cloud.asked == [f"Revoke acme-web on eventing in {REGION}? [y/N]"]
    assert not cloud.runs
    cloud.at_terminal = False
    ended = eventing("publishers", "suspend", "acme-web", "--reason", "a flood")
    assert ended.code == ExitCode.USAGE
    assert "give --yes" in ended.err


def test_a_program_gets_the_output_and_the_command_that_comes_next(
    cloud: Cloud, eventing: Eventing
) -> None:
    cloud.changing = answering()
    options = ("--contact", "a", "--usage-plan", "standard", "--json")

    document = eventing("publishers", "register", "acme-web", *options).document

    assert document["publisher"]["name"] == "acme-web"
    assert document["next"] == ["eventing publishers key acme-web"]


def test_a_region_that_is_left_over_is_named(cloud: Cloud, eventing: Eventing) -> None:
    cloud.changing = answering(outcome="partial", failures=[FAILURE])

    ended = eventing("publishers", "restore", "acme-web")

    assert ended.code == ExitCode.PARTIAL
    assert "eu-west-1" in ended.out
    assert "\u202e" not in ended.out
    assert "eventing publishers show acme-web" in ended.out


@pytest.mark.parametrize(
    ("error", "code"), [("InvalidInput", ExitCode.USAGE), ("DependencyDown", ExitCode.FAILED)]
)
def test_an_execution_that_fails_says_why(
    cloud: Cloud, eventing: Eventing, error: str, code: ExitCode
) -> None:
    cloud.changing = lambda cloud, request: Run(
        request, status="FAILED", error=error, cause="name: there is no publisher acme-web"
    )

    ended = eventing("publishers", "restore", "acme-web")

    assert ended.code == code
    assert "there is no publisher acme-web" in ended.err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("suspend", "acme-web", "--yes"), "reason: must say why"),
        (("register", "Acme", "--contact", "a", "--usage-plan", "b"), "is no name"),
        (("throttle", "acme-web", "--reason", "x y", "--yes"), "limits: is required"),
        (("update", "acme-web", "--quota", "many"), "is no quota"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_started(
    cloud: Cloud, eventing: Eventing, arguments: tuple[str, ...], why: str
) -> None:
    ended = eventing("publishers", *arguments)

    assert ended.code == ExitCode.USAGE
    assert why in ended.err
    assert not cloud.runs


def test_a_long_wait_is_explained(cloud: Cloud, eventing: Eventing) -> None:
    cloud.changing = lambda cloud, request: Run(
        request,
        {"action": "restore", "outcome": "done", "failures": [], "publisher": PUBLISHER},
        states=["Wait for a turn"] * 20,
    )

    assert "may take some minutes" in eventing("publishers", "restore", "acme-web").err


def test_the_command_of_the_aws_cli_does_the_same(cloud: Cloud, eventing: Eventing) -> None:
    ended = eventing("publishers", "suspend", "acme-web", "--reason", "a flood", "--show-aws")

    assert ended.out.startswith("aws stepfunctions start-execution")
    assert '"action": "suspend"' in ended.out
    assert not cloud.runs


def shown(**members: Any) -> Any:
    """The answer to `show`."""
    content = {
        "publisher": PUBLISHER,
        "regions": {
            REGION: {"rates": {"per_second": 50.0, "burst": 100}, "keys": {"1": "enabled"}},
            "eu-west-1": {"rates": None, "keys": {"1": "none"}},
        },
        "differences": [],
        "failures": [],
        **members,
    }
    return lambda cloud, request: Run(request, content)


def test_show_tells_what_differs(cloud: Cloud, eventing: Eventing) -> None:
    cloud.changing = shown()
    ended = eventing("publishers", "show", "acme-web")
    assert ended.code == ExitCode.DONE
    assert "Every region is as it should be." in ended.out

    cloud.changing = shown(differences=["eu-west-1: CreateApiKey is missing"], failures=[FAILURE])
    ended = eventing("publishers", "show", "acme-web")
    assert ended.code == ExitCode.PARTIAL
    assert "eu-west-1: CreateApiKey is missing" in ended.out
    assert "eventing publishers update acme-web" in ended.out


def test_list_goes_through_all_pages(cloud: Cloud, eventing: Eventing) -> None:
    def engine(cloud: Cloud, request: Mapping[str, Any]) -> Run:
        later = "after" in request
        names = ["aaa"] if later else ["zzz", "mmm"]
        found = [{**PUBLISHER, "name": name} for name in names]
        return Run(request, {"publishers": found, "after": None if later else "mmm"})

    cloud.changing = engine

    ended = eventing("publishers", "list")

    names = [line.split()[0] for line in ended.out.splitlines()]
    assert names == ["publisher", "aaa", "mmm", "zzz"]
    listed = eventing("publishers", "list", "--json").document["publishers"]
    assert [publisher["name"] for publisher in listed] == ["aaa", "mmm", "zzz"]


def test_the_value_of_a_key_is_shown_to_whoever_asks(cloud: Cloud, eventing: Eventing) -> None:
    cloud.changing = shown()

    told = eventing("publishers", "key", "acme-web")
    assert told.out == f"{KEY_VALUE}\n"
    # What else a publisher needs is beside what a pipe takes.
    assert told.err == f"For {PUBLISHER_URL}\n"

    # The newest, unless it is said.
    assert [c[1]["apiKey"] for c in cloud.calls if c[0] == "GetApiKey"] == ["k2"]
    document = eventing("publishers", "key", "acme-web", "--key", "1", "--json").document
    assert document == {
        "publisher": "acme-web",
        "key": 1,
        "value": KEY_VALUE,
        "url": PUBLISHER_URL,
    }
    ended = eventing("publishers", "key", "acme-web", "--key", "3")
    assert ended.code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("row", "arguments"),
    [
        ("publishers ACTION", ("update", "acme-web")),
        ("publishers show", ("show", "acme-web")),
        ("publishers list", ("list",)),
        ("publishers key", ("key", "acme-web")),
    ],
)
def test_each_command_asks_for_the_rights_that_are_listed_and_no_others(
    cloud: Cloud, eventing: Eventing, row: str, arguments: tuple[str, ...]
) -> None:
    content: dict[str, Any] = {
        "action": "update",
        "outcome": "done",
        "failures": [],
        "publisher": PUBLISHER,
        "regions": {},
        "differences": [],
        "publishers": [],
        "after": None,
    }
    cloud.changing = lambda cloud, request: Run(request, content)

    ended = eventing("publishers", *arguments)

    assert ended.code == ExitCode.DONE, ended.err
    assert {RIGHTS[operation] for operation in cloud.count()} == rights()[row]
