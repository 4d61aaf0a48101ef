"""The command that deploys, and the alarms that roll a deployment back."""

from __future__ import annotations

import pytest

from eventing.rollback import TRIGGERS, Alarmed, Region, Trigger

CANARY = Trigger(name="canary", arn="arn:canary", is_on=False)
FAILURES = Trigger(name="api-failures", arn="arn:failures", is_on=False)
ON = Trigger(name="publish-errors", arn="arn:errors", is_on=True)


def region(*triggers: Trigger, is_deployed: bool = True, has_data: bool = True) -> Region:
    return Region(
        deployment="shop",
        name="eu-north-1",
        is_deployed=is_deployed,
        has_data=has_data,
        triggers=triggers,
    )


def test_nothing_rolls_a_first_deployment_back() -> None:
    first = region(is_deployed=False, has_data=False)
    expected = ["npx", "cdk", "deploy", "shop-eu-north-1", "--no-rollback"]

    assert first.command(fix=False) == expected
    assert first.command(fix=True) == expected


def test_the_alarms_that_are_there_are_watched() -> None:
    assert region(CANARY, FAILURES).command(fix=False, minutes=12) == [
        *("npx", "cdk", "deploy", "shop-eu-north-1"),
        *("--rollback-trigger-alarm-arns", "arn:canary"),
        *("--rollback-trigger-alarm-arns", "arn:failures"),
        *("--monitoring-time-minutes", "12"),
    ]


def test_without_an_alarm_there_is_nothing_to_watch() -> None:
    assert region().command(fix=False) == ["npx", "cdk", "deploy", "shop-eu-north-1"]


def test_the_stack_of_another_region_is_left_alone() -> None:
    words = region(CANARY, has_data=False).command(fix=False)

    assert words[3:5] == ["shop-eu-north-1", "--exclusively"]
    assert "--exclusively" not in region(CANARY).command(fix=False)


def test_an_alarm_that_is_on_forbids_a_deployment() -> None:
    with pytest.raises(Alarmed, match=r"^publish-errors$"):
        region(CANARY, ON).command(fix=False)


def test_a_fix_goes_without_alarms_and_takes_those_of_the_deployment_before_away() -> None:
    assert region(CANARY, ON).command(fix=True) == [
        *("npx", "cdk", "deploy", "shop-eu-north-1"),
        *("--rollback-trigger-alarm-arns", "none"),
    ]


def test_cloudformation_takes_as_many() -> None:
    assert len(set(TRIGGERS)) == len(TRIGGERS) <= 5
