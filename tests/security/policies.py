"""IAM's answer to a request, from the policies of a template (IAM user guide, "Policy evaluation logic").

Resources are named as `Template.render` names them. Only what the templates use is here; an operator that is
not raises KeyError, so that no condition is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.infrastructure.synthesis import Template

Json = Any
Values = Sequence[str]
# A condition key without a value is not in the request.
Context = Mapping[str, str | Values]


def _like(value: str, pattern: str) -> bool:
    escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(escaped, value, re.DOTALL) is not None


def _equals(value: str, expected: str) -> bool:
    return value == expected


_OPERATORS = {
    "StringEquals": _equals,
    "StringLike": _like,
    "ArnLike": _like,
    "ArnEquals": _like,
    "Bool": _equals,
}


def listed(value: Json) -> list[Json]:
    """A policy's value that may stand alone or in a list."""
    return value if isinstance(value, list) else [value]


def holds(operator: str, expected: Values, actual: Values | None) -> bool:
    """Whether one condition of a statement holds; `actual` is None when the key is not in the request."""
    if operator == "Null":
        return (actual is None) == (expected == ["true"])
    if operator == "ArnNotEquals":
        # A negated operator holds when its key is not in the request.
        return not any(_like(value, one) for one in expected for value in actual or ())
    for_all = operator.startswith("ForAllValues:")
    name = operator.removeprefix("ForAllValues:")
    if name == "ArnNotEquals":
        return actual is None or not holds("ArnEquals", expected, actual)
    if actual is None:
        return for_all or name.endswith("IfExists")
    fits = _OPERATORS[name.removesuffix("IfExists")]
    fitting = [any(fits(value, one) for one in expected) for value in actual]
    return all(fitting) if for_all else any(fitting)


def _applies(statement: Json, action: str, resource: str, context: Context) -> bool:
    if not any(_like(action.lower(), one.lower()) for one in listed(statement["Action"])):
        return False
    if "NotResource" in statement:
        if any(_like(resource, one) for one in listed(statement["NotResource"])):
            return False
    elif not any(_like(resource, one) for one in listed(statement["Resource"])):
        return False
    values = {key.lower(): listed(value) for key, value in context.items()}
    return all(
        holds(operator, listed(expected), values.get(key.lower()))
        for operator, conditions in statement.get("Condition", {}).items()
        for key, expected in conditions.items()
    )


class Decisions:
    """What the functions' roles, and other accounts, may do in one region."""

    def __init__(self, template: Template) -> None:
        self._template = template

    def may(
        self, function: str, action: str, resource: str, context: Context | None = None
    ) -> bool:
        """Whether IAM lets this function of the deployment do this."""
        statements = [*self._of_role(function), *self._of_bucket(resource)]
        caller = {"aws:PrincipalArn": self._role_of(function)}
        return _allowed(statements, action, resource, {**caller, **(context or {})})

    def machine_may(self, machine: str, action: str, resource: str) -> bool:
        """Whether IAM lets this state machine of the deployment do this."""
        name = f"eventing-{machine}"
        named = self._template.one("AWS::StepFunctions::StateMachine", StateMachineName=name)
        statements = [*self._of(named.properties["RoleArn"])]
        return _allowed(statements, action, resource, {})

    def person_may(
        self, policies: Sequence[str], action: str, resource: str, context: Context | None = None
    ) -> bool:
        """Whether IAM lets somebody with these managed policies of the deployment do this."""
        statements = [*self._of_bucket(resource)]
        for name in policies:
            named = self._template.one("AWS::IAM::ManagedPolicy", ManagedPolicyName=name)
            statements += named.properties["PolicyDocument"]["Statement"]
        return _allowed(statements, action, resource, context or {})

    def may_subscribe(self, account: str, topic: str, context: Context) -> bool:
        """Whether the topic's policy lets another account subscribe."""
        statements = [
            statement
            for statement in self._documents("AWS::SNS::TopicPolicy", "Topics", topic)
            if _names(statement["Principal"], account)
        ]
        return _allowed(statements, "sns:Subscribe", topic, context)

    def statements(self) -> Iterator[Json]:
        """All statements of all policies."""
        for type in (
            "IAM::Policy",
            "IAM::ManagedPolicy",
            "S3::BucketPolicy",
            "SNS::TopicPolicy",
            "SQS::QueuePolicy",
        ):
            for policy in self._template.all(f"AWS::{type}"):
                yield from policy.properties["PolicyDocument"]["Statement"]

    def _role_of(self, function: str) -> str:
        named = self._template.one("AWS::Lambda::Function", FunctionName=f"eventing-{function}")
        return str(named.properties["Role"])

    def _of_role(self, function: str) -> Iterator[Json]:
        yield from self._of(self._role_of(function))

    def _of(self, role: str) -> Iterator[Json]:
        for policy in self._template.all("AWS::IAM::Policy"):
            if role in policy.properties["Roles"]:
                yield from policy.properties["PolicyDocument"]["Statement"]

    def _of_bucket(self, resource: str) -> Iterator[Json]:
        for statement in self._documents(
            "AWS::S3::BucketPolicy", "Bucket", resource.partition("/")[0]
        ):
            # Those that name a service are not of the functions.
            if statement["Principal"] in ("*", {"AWS": "*"}):
                yield statement

    def _documents(self, type: str, target: str, name: str) -> Iterator[Json]:
        for policy in self._template.all(type):
            if name in listed(policy.properties[target]):
                yield from policy.properties["PolicyDocument"]["Statement"]


def _names(principal: Json, account: str) -> bool:
    if principal == "*":
        return True
    named = listed(principal.get("AWS", []))
    return any(one in ("*", f"arn:aws:iam::{account}:root") for one in named)


def _allowed(statements: Sequence[Json], action: str, resource: str, context: Context) -> bool:
    over_tls = {"aws:SecureTransport": "true", **context}
    effects = {s["Effect"] for s in statements if _applies(s, action, resource, over_tls)}
    return effects == {"Allow"}
