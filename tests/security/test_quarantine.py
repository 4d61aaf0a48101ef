"""What is under quarantine is read by a few, and none but they end it."""

from __future__ import annotations

import pytest

from functions.contract import QUARANTINE, Objects
from tests.infrastructure.synthesis import ACCOUNT, Template
from tests.security.policies import Context, Decisions

ARCHIVE = f"eventing-archive-{ACCOUNT}-us-east-1"
OBJECT = f"{ARCHIVE}/{Objects.EVENTS}acme-web/date=2026-11-27/14/a.jsonl"
READING = ("s3:GetObject", "s3:GetObjectVersion")
TAGGING = (
    *("s3:PutObjectTagging", "s3:PutObjectVersionTagging"),
    *("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"),
)
TAG = {f"s3:ExistingObjectTag/{QUARANTINE}": "20261127-0123456789abcdef"}


@pytest.fixture(scope="module")
def decisions(regional: Template) -> Decisions:
    return Decisions(regional)


def roles_that_pass(regional: Template) -> list[str]:
    """Whom the statement of the bucket's policy lets through."""
    (policy,) = (
        one.properties
        for one in regional.all("AWS::S3::BucketPolicy")
        if one.properties["Bucket"] == ARCHIVE
    )
    (statement,) = (
        one for one in policy["PolicyDocument"]["Statement"] if one.get("Sid") == "QuarantineIsKept"
    )
    assert (statement["Effect"], statement["Principal"]) == ("Deny", {"AWS": "*"})
    assert statement["Resource"] == f"{ARCHIVE}/*"
    assert set(statement["Action"]) == {*READING, *TAGGING}
    roles: list[str] = statement["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]
    return roles


def test_macie_cases_and_the_eraser_alone_get_past_it(regional: Template) -> None:
    roles = [
        regional.one("AWS::Lambda::Function", FunctionName=f"eventing-{name}").properties["Role"]
        for name in ("cases", "eraser")
    ]
    service = "aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie"

    assert roles_that_pass(regional) == [f"arn:aws:iam::{ACCOUNT}:role/{service}", *roles]


@pytest.mark.parametrize("action", [*READING, "s3:PutObjectTagging", "s3:PutObjectVersionTagging"])
def test_the_cases_function_reads_and_tags_whatever_is_archived(
    decisions: Decisions, regional: Template, action: str
) -> None:
    role = roles_that_pass(regional)[1]
    quarantined: Context = {**TAG, "aws:PrincipalArn": role}

    assert decisions.may("cases", action, OBJECT)
    assert decisions.may("cases", action, OBJECT, quarantined)
    # Somebody else with the very same rights.
    assert not decisions.may("cases", action, OBJECT, {**TAG, "aws:PrincipalArn": f"{role}-2"})


@pytest.mark.parametrize("action", ["s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"])
def test_it_cannot_end_a_quarantine(decisions: Decisions, action: str) -> None:
    assert not decisions.may("cases", action, OBJECT)


@pytest.mark.parametrize("action", ["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"])
def test_it_neither_writes_nor_removes_what_is_archived(decisions: Decisions, action: str) -> None:
    assert not decisions.may("cases", action, OBJECT, {"s3:if-none-match": "*"})


def test_whoever_verifies_reads_the_canarys_objects_unless_they_are_under_quarantine(
    decisions: Decisions,
) -> None:
    verifier = ["eventing-verifier-us-east-1"]
    of_canary = f"{ARCHIVE}/{Objects.EVENTS}canary/date=2026-11-27/14/a.jsonl"
    somebody: Context = {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/vera"}

    assert decisions.person_may(verifier, "s3:GetObject", of_canary, somebody)
    assert not decisions.person_may(verifier, "s3:GetObject", of_canary, {**somebody, **TAG})


@pytest.mark.parametrize("key", [f"{Objects.APPROVALS}x", f"{Objects.RUNS}x", f"{Objects.JUNK}x"])
def test_the_cases_function_reads_no_token_and_nothing_of_redrive(
    decisions: Decisions, key: str
) -> None:
    bucket = f"eventing-operations-{ACCOUNT}-us-east-1"

    assert decisions.may("cases", "s3:GetObject", f"{bucket}/{Objects.CASES}x")
    assert not decisions.may("cases", "s3:GetObject", f"{bucket}/{key}")
