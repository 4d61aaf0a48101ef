"""Which deployment a command finds, and the one sentence that it ends with when there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError, SSOTokenLoadError

from tests.unit.console.cloud import OUTPUTS, STACK, Cloud, Refused
from tests.unit.console.given import TWO_REGIONS, Eventing, laptop

# Each looks, and needs nothing to be there.
LOOKING = (("status",), ("letters",), ("junk",), ("audit",))


def test_a_deployment_is_found_by_name_and_region(cloud: Cloud, eventing: Eventing) -> None:
    cloud.stacks = {"shop-eu-west-1": dict(OUTPUTS)}
    told = eventing("letters", "--deployment", "shop", "--region", "eu-west-1", "--json")

    assert told.code == 0
    # What comes next is meant for the same deployment.
    assert told.document["next"] == ["eventing status --deployment shop --region eu-west-1"]


def test_the_laptop_is_found_by_itself_and_needs_no_credentials_of_ones_own(
    cloud: Cloud, eventing: Eventing
) -> None:
    laptop(cloud)
    cloud.credentials, cloud.stacks = False, {}
    told = eventing("status", "--json").document

    assert (told["laptop"], told["region"], told["health"]) == (True, "us-east-1", "healthy")
    assert cloud.count()["DescribeStacks"] == 0
    assert eventing("status").out.startswith("eventing on this machine: healthy")


@pytest.mark.parametrize("option", [("--region", "eu-north-1"), ("--deployment", "eventing")])
def test_who_names_a_deployment_does_not_mean_the_laptop(
    cloud: Cloud, eventing: Eventing, option: tuple[str, str]
) -> None:
    laptop(cloud)

    assert eventing("status", "--json", *option).document["laptop"] is False


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_a_laptop_with_two_regions_is_found_by_a_region_s_name(
    cloud: Cloud, eventing: Eventing, region: str
) -> None:
    laptop(cloud, TWO_REGIONS)
    cloud.credentials, cloud.stacks = False, {}
    told = eventing("letters", "--region", region, "--json")

    assert told.document["next"] == [f"eventing status --region {region}"]
    status = eventing("status", "--region", region, "--json").document
    assert (status["laptop"], status["region"]) == (True, region)
    shown = eventing("status", "--region", region).out
    assert shown.startswith(f"eventing in {region} on this machine: healthy")


def test_without_an_option_a_laptop_with_two_regions_means_its_primary_one(
    cloud: Cloud, eventing: Eventing
) -> None:
    laptop(cloud, TWO_REGIONS)

    assert eventing("status", "--json").document["region"] == "us-east-1"


@pytest.mark.parametrize(
    "options", [("--region", "eu-north-1"), ("--region", "eu-west-1", "--deployment", "eventing")]
)
def test_another_region_or_a_deployment_that_is_named_is_no_region_of_the_laptop(
    cloud: Cloud, eventing: Eventing, options: tuple[str, ...]
) -> None:
    laptop(cloud, TWO_REGIONS)
    cloud.stacks["eventing-eu-west-1"] = dict(OUTPUTS)

    assert eventing("status", "--json", *options).document["laptop"] is False


def test_a_region_of_a_laptop_with_one_is_named_for_aws_alone(
    cloud: Cloud, eventing: Eventing
) -> None:
    laptop(cloud)
    cloud.stacks["eventing-us-east-1"] = dict(OUTPUTS)

    assert eventing("status", "--json", "--region", "us-east-1").document["laptop"] is False


def test_the_laptop_is_found_from_a_folder_below(cloud: Cloud, eventing: Eventing) -> None:
    laptop(cloud)
    cloud.folder = cloud.folder / "docs" / "images"

    assert eventing("status", "--json").document["laptop"] is True


def one_sentence(ended: Any, *words: str) -> None:
    """It ended with exit code 2 and one line, which holds these words."""
    assert ended.code == 2, ended.err
    assert ended.out == ""
    assert ended.err.startswith("eventing: ")
    assert ended.err.count("\n") == 1
    for word in words:
        assert word in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("command", LOOKING)
def test_no_credentials(cloud: Cloud, eventing: Eventing, command: tuple[str, ...]) -> None:
    cloud.credentials = False

    one_sentence(eventing(*command), "There are no AWS credentials", "--profile")


def test_credentials_that_are_too_old(cloud: Cloud, eventing: Eventing) -> None:
    def refuse(operation: str) -> None:
        raise Refused("ExpiredToken")

    cloud.fault = refuse
    one_sentence(eventing("status"), "ExpiredToken", "log in")


def test_credentials_of_a_login_that_has_ended(cloud: Cloud, eventing: Eventing) -> None:
    def refuse(operation: str) -> None:
        raise SSOTokenLoadError(error_msg="no token")

    cloud.fault = refuse
    one_sentence(eventing("status"), "There are no AWS credentials")


def test_a_profile_that_is_none(eventing: Eventing) -> None:
    one_sentence(eventing("status", "--profile", "nobody"), "no profile nobody")


def test_no_region(cloud: Cloud, eventing: Eventing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_REGION", "")

    one_sentence(eventing("status"), "--region")


@pytest.mark.parametrize("region", ["eu-north-2", "us-east-1"])
def test_a_wrong_region(eventing: Eventing, region: str) -> None:
    one_sentence(eventing("status", "--region", region), f"no deployment eventing in {region}")


@pytest.mark.parametrize("region", ["not a region", "a.b/c", "us_east_1"])
def test_a_region_that_is_none(eventing: Eventing, region: str) -> None:
    one_sentence(eventing("status", "--region", region), "region")


def test_a_region_that_nobody_answers_for(cloud: Cloud, eventing: Eventing) -> None:
    def refuse(operation: str) -> None:
        raise EndpointConnectionError(
            endpoint_url="https://cloudformation.eu-mars-1.amazonaws.com/"
        )

    cloud.fault = refuse
    one_sentence(eventing("status", "--region", "eu-mars-1"), "can't be reached", "region")


def test_no_deployment(cloud: Cloud, eventing: Eventing) -> None:
    one_sentence(eventing("status", "--deployment", "shop"), "no deployment shop in eu-north-1")


def test_a_deployment_of_another_version(cloud: Cloud, eventing: Eventing) -> None:
    cloud.stacks[STACK].pop("LedgerTable")

    one_sentence(eventing("letters"), "LedgerTable", "version")


@pytest.mark.parametrize(
    ("command", "operation", "right"),
    [
        (("status",), "DescribeAlarms", "cloudwatch:DescribeAlarms"),
        (("status",), "ListExecutions", "states:ListExecutions"),
        (("letters",), "Query", "dynamodb:Query"),
        (("letter", "x"), "GetItem", "dynamodb:GetItem"),
        (("junk",), "ListObjectsV2", "s3:ListBucket"),
        (("report", "r-1"), "GetObject", "s3:GetObject"),
        (("follow", "r-1"), "DescribeExecution", "states:DescribeExecution"),
        (("plan",), "StartExecution", "states:StartExecution"),
        (("plan",), "GetExecutionHistory", "states:GetExecutionHistory"),
    ],
)
@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException"])
def test_a_right_that_is_missing_is_named(
    cloud: Cloud,
    eventing: Eventing,
    command: tuple[str, ...],
    operation: str,
    right: str,
    code: str,
) -> None:
    def refuse(asked: str) -> None:
        if asked == operation:
            raise Refused(code, "User arn:aws:iam::1:user/x is not authorized")

    cloud.fault = refuse
    ended = eventing(*command)
    assert ended.code == 2
    assert ended.err.splitlines()[-1] == (
        f"eventing: The right {right} is missing: ask whoever gives you yours for it."
    )


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException"])
def test_who_may_not_see_the_stack_is_told_both_that_it_can_mean(
    cloud: Cloud, eventing: Eventing, code: str
) -> None:
    def refuse(operation: str) -> None:
        raise Refused(code, "User arn:aws:iam::1:user/x is not authorized")

    cloud.fault = refuse
    told = eventing("status", "--deployment", "shop")
    one_sentence(told, "no deployment shop in eu-north-1", "cloudformation:DescribeStacks")


def test_an_answer_of_aws_that_nobody_foresaw_is_one_sentence(
    cloud: Cloud, eventing: Eventing
) -> None:
    def refuse(operation: str) -> None:
        raise Refused("Strange", "what\x1b[2J is\nthis")

    cloud.fault = refuse
    told = eventing("status")
    assert told.code == 1
    assert told.err == (
        "eventing: AWS answered Strange to DescribeStacks: what\\x1b[2J is\\nthis\n"
    )


def test_no_answer_of_aws_is_one_sentence(cloud: Cloud, eventing: Eventing) -> None:
    def hang(operation: str) -> None:
        raise ReadTimeoutError(endpoint_url="https://x")

    cloud.fault = hang
    told = eventing("status")
    assert (told.code, told.err.count("\n")) == (1, 1)


def test_outputs_that_are_cut_off_are_named(cloud: Cloud, eventing: Eventing) -> None:
    laptop(cloud)
    (cloud.folder / ".local" / "outputs.json").write_text("{")

    one_sentence(eventing("status"), "outputs.json")


def test_a_process_without_any_credentials_ends_with_one_sentence(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin", "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path),
                   "PYTHONPATH": str(Path.cwd()), "AWS_REGION": "eu-north-1"}  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-m", "console", "status"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "eventing: There are no AWS credentials: log in, set AWS_PROFILE or give --profile.\n"
    )
