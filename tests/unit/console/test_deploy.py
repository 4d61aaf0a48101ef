"""`eventing deploy-command`: what it prints, and when it refuses."""

from __future__ import annotations

import shlex

import pytest

from eventing.rollback import TRIGGERS
from tests.unit.console.cloud import REGION, STACK, Cloud, Refused, alarm
from tests.unit.console.given import Eventing, laptop


def arn(name: str) -> str:
    """The ARN of one of the deployment's alarms."""
    return f"arn:aws:cloudwatch:{REGION}:123456789012:alarm:eventing-{name}"


def with_triggers(cloud: Cloud, *, on: tuple[str, ...] = ()) -> None:
    """All alarms that roll a deployment back are there, and some are on."""
    cloud.stacks["eventing-data"] = {}
    cloud.alarms += [
        alarm(name, AlarmArn=arn(name), StateValue="ALARM" if name in on else "OK")
        for name in TRIGGERS
    ]


def test_a_region_where_nothing_is_yet_is_deployed_for_the_first_time(
    cloud: Cloud, eventing: Eventing
) -> None:
    cloud.stacks.clear()

    told = eventing("deploy-command")

    assert (told.code, told.out) == (0, f"npx cdk deploy {STACK} --no-rollback\n")
    assert "nothing rolls it back" in told.err


@pytest.mark.parametrize("status", ["CREATE_FAILED", "ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"])
def test_a_first_deployment_that_failed_is_still_the_first(
    cloud: Cloud, eventing: Eventing, status: str
) -> None:
    with_triggers(cloud)
    cloud.statuses[STACK] = status

    assert eventing("deploy-command").out.endswith(" --no-rollback\n")


def test_later_ones_are_rolled_back_by_the_alarms_that_are_there(
    cloud: Cloud, eventing: Eventing
) -> None:
    with_triggers(cloud)

    told = eventing("deploy-command", "--minutes", "15")

    assert told.code == 0
    (line,) = told.out.splitlines()
    watched = [word for word in shlex.split(line) if word.startswith("arn:")]
    assert watched == [arn(name) for name in TRIGGERS]
    assert line.endswith("--monitoring-time-minutes 15")
    assert told.err == f"Rolled back when one of these goes off: {', '.join(TRIGGERS)}\n"


def test_letters_that_wait_roll_nothing_back(cloud: Cloud, eventing: Eventing) -> None:
    with_triggers(cloud)
    cloud.alarms.append(alarm(StateValue="ALARM"))

    assert eventing("deploy-command").code == 0


def test_while_one_is_on_it_refuses_unless_it_is_the_fix(cloud: Cloud, eventing: Eventing) -> None:
    with_triggers(cloud, on=("publish-errors",))

    told = eventing("deploy-command")
    assert (told.code, told.out) == (1, "")
    assert "Already on: publish-errors." in told.err

    fixed = eventing("deploy-command", "--fix", "--json")
    assert fixed.code == 0
    words = ["npx", "cdk", "deploy", STACK, "--rollback-trigger-alarm-arns", "none"]
    assert fixed.document == {"command": words, "watched": [], "first": False}


def test_a_region_without_the_table_leaves_the_other_regions_alone(
    cloud: Cloud, eventing: Eventing
) -> None:
    with_triggers(cloud)
    del cloud.stacks["eventing-data"]

    assert f"deploy {STACK} --exclusively " in eventing("deploy-command").out


def test_who_may_not_see_a_stack_is_not_told_that_there_is_none(
    cloud: Cloud, eventing: Eventing
) -> None:
    def deny(operation: str) -> None:
        raise Refused("AccessDenied")

    cloud.fault = deny
    told = eventing("deploy-command")

    assert (told.code, told.out) == (2, "")
    assert "cloudformation:DescribeStacks" in told.err


def test_another_deployment_of_another_profile(cloud: Cloud, eventing: Eventing) -> None:
    cloud.folder.joinpath("config").write_text("[profile audit]\nregion = eu-north-1\n")
    told = eventing("deploy-command", "--deployment", "two", "--profile", "audit")

    assert told.out == (
        f"npx cdk deploy two-{REGION} --no-rollback --context deployment=two --profile audit\n"
    )


def test_a_name_from_elsewhere_runs_nothing(cloud: Cloud, eventing: Eventing) -> None:
    told = eventing("deploy-command", "--deployment", "$(id)", "--region", REGION)

    assert shlex.split(told.out)[3] == f"$(id)-{REGION}"


def test_the_laptop_is_not_deployed_by_hand(cloud: Cloud, eventing: Eventing) -> None:
    laptop(cloud)

    told = eventing("deploy-command")
    assert (told.code, told.out) == (2, "")
    assert "make run" in told.err
