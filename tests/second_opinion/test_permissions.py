"""Another's simulation of IAM allows each call that the system makes, and none on a neighbour's resource.

It judges the synthesised policies of roles and of resources. A permission that no call uses stands
in unused.json with its reason.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.infrastructure.synthesis import ACCOUNT, Json, Synthesis, Template
from tests.second_opinion.calls import recorded
from tests.second_opinion.iam import ID, Call, Policies
from tests.second_opinion.wiring import of_aws
from tests.security.policies import listed

UNUSED: Mapping[str, str] = json.loads(
    Path(__file__).with_name("unused.json").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def primary(two_regions: Synthesis) -> Template:
    """The primary region of two: calls about what the other one took are on record as well."""
    return two_regions.regional("us-east-1")


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
    there = text.replace("eventing", "neighbour").replace(ID, "another-id")
    return there if there != text else text.replace(ACCOUNT, "210987654321")


def _of_neighbours(call: Call) -> Call:
    """The same call on a neighbour's resource; of a service, for a neighbour's resource."""
    if call.by_service:
        return replace(call, context={key: _neighbour(one) for key, one in call.context.items()})
    # A resource's tags are its owner's.
    tags = {key: one for key, one in call.context.items() if key.startswith("aws:resourcetag/")}
    context = {**call.context, **{key: _neighbour(one) for key, one in tags.items()}}
    return replace(call, resource=_neighbour(call.resource), context=context)


def _allowed_on_neighbours(policies: Policies) -> list[Call]:
    own = _calls(policies)
    # What the account has, and no resource of ours, has no neighbour's.
    calls = [call for call in map(_of_neighbours, own) if call not in own]
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


def _too_many(policies: Policies) -> set[str]:
    return {one for one in _unused(policies) if not _listed(one)}


def _lines(found: Iterable[object]) -> str:
    return "".join(f"\n  {one}" for one in found)


def test_every_call_is_allowed(primary: Template) -> None:
    denied = _denied(Policies(primary))

    assert recorded()
    assert not denied, (
        f"{_lines(denied)}\nGrant these. Those that nobody makes any more leave the record by `make calls`."
    )


def test_no_call_is_allowed_on_a_neighbours_resource(policies: Policies) -> None:
    allowed = _allowed_on_neighbours(policies)

    assert not allowed, f"{_lines(allowed)}\nNarrow what allows these."


def test_every_permission_is_used_or_listed_with_its_reason(policies: Policies) -> None:
    too_many = _too_many(policies)

    assert not too_many, (
        f"{_lines(sorted(too_many))}\nNo call on record needs these. Record those that do:"
        ' `make calls ONLY="the tests that make them"`, or all: `make calls`. Without such a call, take the'
        " permission away, or list it in unused.json with the reason why the laptop cannot make it."
    )


def test_what_is_listed_is_a_permission_and_unused(policies: Policies) -> None:
    unused = _unused(policies)
    used = {str(permission) for permission in policies.permissions} - unused

    for pattern in UNUSED:
        assert any(fnmatchcase(one, pattern) for one in unused), (
            f"take it off unused.json: {pattern}"
        )
        needed = [one for one in used if fnmatchcase(one, pattern)]
        assert not needed, f"take it off unused.json, or narrow it: {pattern}"


def test_every_caller_on_record_is_one_of_the_stack(policies: Policies) -> None:
    holders = {permission.holder for permission in policies.permissions}

    assert {holder for call in recorded() for holder in call.holders} <= holders


def _edited(template: Template, edit: Callable[[list[Json]], None]) -> Policies:
    """The policies with the statements of all roles and people changed, one policy at a time."""
    body = copy.deepcopy(dict(template.body))
    for resource in body["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            edit(properties["PolicyDocument"]["Statement"])
        if resource["Type"] == "AWS::IAM::Role":
            for inline in properties.get("Policies", ()):
                edit(inline["PolicyDocument"]["Statement"])
    return Policies(Template(body, template.region))


def _callers(policies: Policies, action: str) -> set[tuple[str, str]]:
    """The roles and people that call this, with the action."""
    return {
        (call.caller, action)
        for call in _calls(policies)
        if call.action == action and not call.by_service
    }


def test_a_permission_taken_away_is_missed(primary: Template) -> None:
    def take_away(statements: list[Json]) -> None:
        for one in statements:
            one["Action"] = [each for each in listed(one["Action"]) if each != "sqs:SendMessage"]

    policies = _edited(primary, take_away)
    denied = {(call.caller, call.action) for call in _denied(policies)}

    assert denied
    assert denied == _callers(policies, "sqs:SendMessage")


def test_a_permission_too_many_is_seen(regional: Template) -> None:
    def add(statements: list[Json]) -> None:
        statements.append({"Effect": "Allow", "Action": "sqs:PurgeQueue", "Resource": "*"})

    policies = _edited(regional, add)
    holders = {one.holder for one in policies.permissions if not one.holder.startswith("arn:")}

    assert _too_many(policies) == {f"{holder} | sqs:PurgeQueue | *" for holder in holders}


def test_a_permission_that_is_too_wide_is_seen(regional: Template) -> None:
    def widen(statements: list[Json]) -> None:
        for one in statements:
            if "sns:Publish" in listed(one["Action"]):
                one["Resource"] = "*"

    policies = _edited(regional, widen)
    allowed = {(call.caller, call.action) for call in _allowed_on_neighbours(policies)}

    assert allowed
    assert allowed == _callers(policies, "sns:Publish")


def test_a_bucket_refuses_what_a_role_may_write(policies: Policies) -> None:
    """The policies of resources count: without the header the bucket denies."""
    write = next(c for c in recorded() if (c.caller, c.action) == ("ingest", "s3:PutObject"))

    assert [allowed for allowed, _ in policies.judge([write, replace(write, context={})])] == [
        True,
        False,
    ]


def test_the_code_of_a_function_may_not_do_what_lambda_does_with_its_role(
    policies: Policies,
) -> None:
    """Lambda looks whether the bucket of invocation records is there; code would list all of it."""
    by_lambda = next(
        call
        for call in of_aws(policies.template)
        if (call.caller, call.action, call.context) == ("publish", "s3:ListBucket", {})
    )
    by_code = replace(by_lambda, context={"lambda:SourceFunctionArn": "any"})

    assert [allowed for allowed, _ in policies.judge([by_lambda, by_code])] == [True, False]
