"""Another's simulation of IAM allows each call that the system makes, and none on a neighbour's resource.

It judges the synthesised policies of roles and of resources. A permission that no call uses stands
in unused.json with its reason.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.infrastructure.synthesis import ACCOUNT, Json, Template
from tests.second_opinion.calls import of_aws, one_of_each_kind, recorded
from tests.second_opinion.iam import Call, Policies

UNUSED: Mapping[str, str] = json.loads(
    Path(__file__).with_name("unused.json").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def policies(regional: Template) -> Policies:
    return Policies(regional)


def _calls(policies: Policies) -> list[Call]:
    return [*recorded(), *of_aws(policies.template)]


def _denied(policies: Policies) -> list[Call]:
    calls = _calls(policies)
    return [
        call for call, (allowed, _) in zip(calls, policies.judge(calls), strict=True) if not allowed
    ]


def _neighbour(text: str) -> str:
    """The same of another system in this account, or else of another account."""
    there = text.replace("eventing", "neighbour")
    return there if there != text else text.replace(ACCOUNT, "210987654321")


def _of_neighbours(call: Call) -> Call:
    """The same call on a neighbour's resource; of a service, for a neighbour's resource."""
    if call.by_service:
        return replace(call, context={key: _neighbour(one) for key, one in call.context.items()})
    return replace(call, resource=_neighbour(call.resource))


def _allowed_on_neighbours(policies: Policies) -> list[Call]:
    # An action without resources of its own has no neighbours'.
    calls = [_of_neighbours(call) for call in _calls(policies) if call.resource != "*"]
    return [
        call for call, (allowed, _) in zip(calls, policies.judge(calls), strict=True) if allowed
    ]


def _unused(policies: Policies) -> set[str]:
    """The permissions by which no call is allowed."""
    used = {
        str(permission)
        for _, permissions in policies.judge(_calls(policies))
        for permission in permissions
    }
    return {str(permission) for permission in policies.permissions} - used


def _listed(permission: str) -> bool:
    return any(fnmatchcase(permission, pattern) for pattern in UNUSED)


def test_every_call_is_allowed(policies: Policies) -> None:
    assert len(_calls(policies)) > 60
    assert _denied(policies) == []


def test_no_call_is_allowed_on_a_neighbours_resource(policies: Policies) -> None:
    assert _allowed_on_neighbours(policies) == []


def test_every_permission_is_used_or_listed_with_its_reason(policies: Policies) -> None:
    """Otherwise it is one too many, or the record is old: `make calls`."""
    assert {one for one in _unused(policies) if not _listed(one)} == set()


def test_what_is_listed_is_a_permission_and_unused(policies: Policies) -> None:
    unused = _unused(policies)
    used = {str(permission) for permission in policies.permissions} - unused

    for pattern in UNUSED:
        assert any(fnmatchcase(one, pattern) for one in unused), pattern
        assert not [one for one in used if fnmatchcase(one, pattern)], pattern


def test_every_caller_on_record_is_one_of_the_stack(policies: Policies) -> None:
    holders = {permission.holder for permission in policies.permissions}

    assert {call.caller for call in recorded()} <= holders


def _edited(template: Template, edit: Callable[[list[Json]], None]) -> Policies:
    """The policies with the statements of all roles changed."""
    body = copy.deepcopy(dict(template.body))
    for resource in body["Resources"].values():
        if resource["Type"] == "AWS::IAM::Policy":
            edit(resource["Properties"]["PolicyDocument"]["Statement"])
    return Policies(Template(body, template.region))


def test_a_permission_taken_away_is_missed(regional: Template) -> None:
    def take_away(statements: list[Json]) -> None:
        statements[:] = [one for one in statements if one["Action"] != "sqs:SendMessage"]

    denied = {(call.caller, call.action) for call in _denied(_edited(regional, take_away))}

    assert denied == {("ingest", "sqs:SendMessage"), ("publish", "sqs:SendMessage")}


def test_a_permission_too_many_is_seen(regional: Template) -> None:
    def add(statements: list[Json]) -> None:
        statements.append({"Effect": "Allow", "Action": "sqs:PurgeQueue", "Resource": "*"})

    policies = _edited(regional, add)
    roles = {one.holder for one in policies.permissions if not one.holder.startswith("arn:")}

    assert {one for one in _unused(policies) if not _listed(one)} == {
        f"{role} | sqs:PurgeQueue | *" for role in roles
    }


def test_a_permission_that_is_too_wide_is_seen(regional: Template) -> None:
    def widen(statements: list[Json]) -> None:
        for one in statements:
            if one["Action"] == "sns:Publish":
                one["Resource"] = "*"

    allowed = _allowed_on_neighbours(_edited(regional, widen))

    assert {(call.caller, call.action) for call in allowed} == {
        (caller, "sns:Publish") for caller in ("notifier", "publish", "redrive")
    }


def test_a_bucket_refuses_what_a_role_may_write(policies: Policies) -> None:
    """The policies of resources count: without the header the bucket denies."""
    write = next(c for c in recorded() if (c.caller, c.action) == ("ingest", "s3:PutObject"))

    assert [allowed for allowed, _ in policies.judge([write, replace(write, context={})])] == [
        True,
        False,
    ]


def test_of_each_kind_of_call_one_is_kept() -> None:
    def line(session: str, key: str, table: str = "eventing-ledger") -> str:
        return json.dumps(
            {
                "caller": f"arn:aws:sts::000000000000:assumed-role/role/{session}",
                "action": "dynamodb:UpdateItem",
                "region": "us-east-1",
                "resource": f"arn:aws:dynamodb:us-east-1:000000000000:table/{table}",
                "context": {"dynamodb:LeadingKeys": [key]},
            }
        )

    letters = [line("eventing-triage", letter * 43) for letter in "ab"]
    lock = line("eventing-triage", "triage#publish")
    kept = one_of_each_kind([*letters, lock, lock, line("a test", "summary")])

    assert [call["context"]["dynamodb:LeadingKeys"] for call in kept] == [
        ["a" * 43],
        ["triage#publish"],
    ]
    assert {call["caller"] for call in kept} == {"triage"}
    assert all(ACCOUNT in call["resource"] for call in kept)
