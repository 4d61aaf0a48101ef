"""`eventing` as a program: its help, its completion, its package."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest

from console.app import main
from console.deployed.aws import RIGHTS
from console.deployed.executions import ASK_STATE, PAGE_STATE, PLAN_STATE
from console.shell.options import HELP
from eventing.event import event_key
from local.cloud import ROOT
from tests.console_rights import ADMINISTERING, APPROVING, rights
from tests.shown import commands
from tests.unit.console.cloud import CASE, Cloud, Run, event_item, items, plan_of
from tests.unit.console.given import VALUES, Eventing

COMMANDS = (
    *("status", "letters", "letter", "junk", "triage", "plan", "redrive", "discard", "resubmit"),
    *("follow", "stop", "continue", "report", "approvals", "approve", "refuse", "audit"),
    *("deploy-command", "verify", "event", "erase", "send", "route"),
)
FINDINGS = ("findings list", "findings show", "findings open")
PUBLISHERS = ("publishers ACTION", "publishers show", "publishers list", "publishers key")
REGIONS = ("regions adopt", "prove")


def test_help_loads_neither_the_cdk_nor_the_sdk() -> None:
    code = (
        "import sys; from console.app import main; main(['--help']); "
        "print([n for n in ('aws_cdk', 'jsii', 'boto3', 'botocore') if n in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ended.stdout.splitlines()[-1] == "[]", ended.stderr


def test_help_names_every_command_and_what_exit_codes_mean(eventing: Eventing) -> None:
    told = eventing("--help").out

    for command in (*COMMANDS, "catalogue", "copies"):
        assert f" {command} " in told
    assert "0 done, 1 failed, 2 usage, 3 partial or" in " ".join(told.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(eventing: Eventing, command: str) -> None:
    told = eventing(command, "--help")

    assert told.code == 0
    assert "--json" in told.out


def test_every_field_of_the_input_is_explained() -> None:
    assert set(HELP) == {*VALUES, "everything", "junk_ids", "junk_kind"}


@pytest.mark.parametrize("arguments", [("mumble",), ("letters", "--mumble"), ("letter",)])
def test_a_slip_of_the_pen_is_a_fault_of_usage(
    eventing: Eventing, arguments: tuple[str, ...]
) -> None:
    assert eventing(*arguments).code == 2


def test_no_colours_without_a_terminal(eventing: Eventing) -> None:
    for arguments in (
        ("--help",),
        ("status",),
        ("plan",),
        ("mumble",),
        ("status", "--region", "x"),
    ):
        told = eventing(*arguments)
        assert "\x1b" not in told.out + told.err


def test_a_shell_completes_commands_options_and_values() -> None:
    for words, expected in (("eventing st", "status"), ("eventing plan --stage in", "ingest")):
        environment = os.environ | {
            "_EVENTING_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        }
        completed = subprocess.run(
            [sys.executable, "-m", "console"],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert expected in completed.stdout.split(), completed.stderr


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of what the package is made from, for setuptools to leave its traces in."""
    folder = tmp_path / "source"
    for name in ("console", "eventing", "functions"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE", "requirements/console.in"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def test_the_package_holds_what_the_command_needs(tmp_path: Path, source: Path) -> None:
    installed = tmp_path / "installed"
    made = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "--no-deps", "--no-build-isolation", "--no-index", "--target", installed, source],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    ended = subprocess.run(
        [sys.executable, "-m", "console", "catalogue", "check", "--catalogue", ROOT / "catalogue"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    docs = subprocess.run(
        [sys.executable, "-m", "console", "catalogue", "docs", "--catalogue", ROOT / "catalogue"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (docs.returncode, docs.stderr.count("\n")) == (2, 1), docs.stderr
    assert (installed / "bin" / "eventing").exists()
    assert not (installed / "local").exists()
    assert not (installed / "functions" / "ingest").exists()


def test_the_states_that_tell_how_far_an_execution_is_are_those_of_the_state_machine() -> None:
    definition = json.loads((ROOT / "workflows" / "redrive.asl.json").read_text())

    assert definition["States"].keys() >= {PLAN_STATE, PAGE_STATE, ASK_STATE}


def test_the_program_ends_with_the_code_of_its_command() -> None:
    assert main(["catalogue", "check"]) == 0
    assert main(["catalogue", "check", "--catalogue", "/nowhere"]) == 2


@pytest.mark.parametrize("document", ["docs/runbook.md", "README.md"])
def test_commands_that_documents_show_are_understood(
    cloud: Cloud, eventing: Eventing, document: str
) -> None:
    lines = [line for block in commands(document).values() for line in block.splitlines()]
    shown = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("eventing ")]
    assert shown
    cloud.keep_report("r-1", continue_with={"action": "redrive", "stage": "publish"})
    cloud.keep_case(CASE)
    cloud.events.append(event_item(event_key("publisher", "source", "id")))
    for words in shown:
        if words == ["findings", "simulate"]:
            continue  # of the laptop alone: a test of its own
        said = {"reason": "it is back", "started_by": "dana"}
        asked = {"action": "redrive", **said}
        cloud.runs = {"r-1": Run(asked, {"outcome": "done"}, states=["Plan"])}
        cloud.items = items(range(3))
        # Words in capitals are for whoever types them to replace.
        given = {
            "LETTER": f"{1:043}",
            "EXECUTION": "r-1",
            "CASE": CASE["case"],
            "FINDING_ID": "f1",
            "LOST": "eu-west-1",
            "REGION_LOST": "REGION_LOST",
            "FROM": "2026-11-26T09:30:00Z",
            "TO": "2026-11-26T10:30:00Z",
            "SINCE": "2026-11-26T09:30:00Z",
            "UNTIL": "2026-11-26T10:30:00Z",
            "WHY IT IS A LETTER OF OURS": "one in an envelope",
        }
        typed = [given.get(word, word.lower() if word.isupper() else word) for word in words]
        if words[0] in APPROVING:
            cloud.ask("r-1")
        cloud.answers = ["y"]
        decides = words[0] in ("redrive", "discard", "continue", "approve", "refuse", "regions")
        ended = eventing(*typed, *(("--yes", "--reason", "it is back") if decides else ()))
        assert ended.code == 0, (words, ended.err)


def test_each_command_asks_for_the_rights_that_are_listed_and_no_others(
    cloud: Cloud, eventing: Eventing
) -> None:
    rest = {"action": "redrive", "stage": "publish"}
    runs = {
        "r-1": Run(
            {"action": "redrive", "reason": "it is back", "started_by": "dana"},
            {"outcome": "done", "plan": plan_of(3)},
            states=["Plan", "Work off a page"],
        )
    }
    cloud.keep_report("r-1", continue_with=rest)
    cloud.objects["junk/publish/1.json"] = "{}"
    cloud.events.append(event_item(event_key("publisher", "source", "id")))
    by_gateway = {"api_key_id": "k1", "error_type": "THROTTLED", "refused": "1"}
    cloud.found = {"used_requests": [], "problems.0": [], "error_type": [by_gateway]}
    arguments = {
        "letter": [f"{1:043}"],
        "event": ["source", "id", "--publisher", "publisher"],
        "resubmit": ["--junk-id", "17", "--reason", "a letter of ours"],
        "erase": ["/crm", "4711", "--publisher", "acme-web", "--reason", "a request", "--yes"],
        "discard": ["--topic", "orders", "--reason", "nobody wants them"],
        **{name: ["r-1"] for name in ("follow", "stop", "continue", "report")},
        **{name: ["r-2"] for name in ("approve", "refuse")},
        "findings show": [CASE["case"]],
        "findings open": ["f1"],
    }
    there = {*COMMANDS, *PUBLISHERS, *FINDINGS, *REGIONS, "publishers top", *ADMINISTERING}
    assert set(rights()) == there - {"send", "route"}
    cloud.keep_case(CASE)
    for command, listed in rights().items():
        if command in (
            *PUBLISHERS,
            *REGIONS,
            *ADMINISTERING,
            "verify",
        ):  # their own tests run them with these and no others
            continue
        cloud.runs, cloud.items, cloud.answers = (
            deepcopy(runs),
            items(range(3)),
            ["y", "it is back"],
        )
        if command in APPROVING:
            cloud.ask("r-2")
        cloud.calls.clear()
        ended = eventing(*command.split(), *arguments.get(command, ()))
        assert ended.code == 0, ended.err
        assert {RIGHTS[operation] for operation in cloud.count()} == listed, command
