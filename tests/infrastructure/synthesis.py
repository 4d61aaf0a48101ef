"""The app, synthesised in this process, and its templates read by the names of things.

Tests say what a resource is called, what it points at and what it may do; logical ids never occur.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from app import build
from infrastructure.packaging import ROOT
from tests.once import first

Json = Any
ACCOUNT = "123456789012"
AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
CONTEXT: Mapping[str, Json] = json.loads((ROOT / "cdk.json").read_text())["context"]
_SAME_EVERYWHERE = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
# The properties that resources' own names are in.
NAMES = (
    "Name",
    "FunctionName",
    "QueueName",
    "TopicName",
    "BucketName",
    "TableName",
    "LogGroupName",
    "StateMachineName",
    "AlarmName",
    "DashboardName",
    "UsagePlanName",
    "ManagedPolicyName",
)


@dataclass(frozen=True)
class Resource:
    """A resource of a template."""

    template: Template
    id: str
    body: Mapping[str, Json]

    @cached_property
    def properties(self) -> Json:
        """Its properties, with references as names. They are rendered once: nobody changes them."""
        return self.template.render(self.body.get("Properties", {}))

    @property
    def raw(self) -> Json:
        """Its properties as they are in the template."""
        return self.body.get("Properties", {})


@dataclass(frozen=True)
class Template:
    """A synthesised template."""

    body: Mapping[str, Json]
    region: str

    def all(self, type: str) -> Iterator[Resource]:
        """All resources of a type."""
        for resource in self._resources.values():
            if resource.body["Type"] == type:
                yield resource

    def one(self, type: str, **properties: Json) -> Resource:
        """The one resource of a type that has these properties."""
        found = [r for r in self.all(type) if properties.items() <= r.properties.items()]
        assert len(found) == 1, f"{len(found)} {type} with {properties}"
        return found[0]

    def properties(self, id: str) -> Json:
        """The properties of a resource, with references as names."""
        return self._resources[id].properties

    @cached_property
    def _resources(self) -> Mapping[str, Resource]:
        return {id: Resource(self, id, body) for id, body in self.body["Resources"].items()}

    def output(self, key: str) -> str:
        """The value of an output."""
        value: str = self.render(self.body["Outputs"][key]["Value"])
        return value

    def render(self, value: Json) -> Json:
        """The value with what it refers to by name; `<...>` where only CloudFormation knows a name."""
        match value:
            case {"Ref": "AWS::Region"}:
                return self.region
            case {"Ref": id} if id in _SAME_EVERYWHERE:
                return _SAME_EVERYWHERE[id]
            case {"Ref": id}:
                return self._name(id)
            case {"Fn::GetAtt": [id, "Arn" | "TopicArn" | "FunctionArn" | "Name"]}:
                return self._name(id)
            case {"Fn::GetAtt": [id, attribute]}:
                return f"<{self._name(id)}.{attribute}>"
            case {"Fn::Join": [separator, parts]}:
                return separator.join(self.render(part) for part in parts)
            case dict():
                return {key: self.render(member) for key, member in value.items()}
            case list():
                return [self.render(member) for member in value]
            case _:
                return value

    def _name(self, id: str) -> str:
        body = self.body["Resources"][id]
        properties = body.get("Properties", {})
        name = next((properties[key] for key in NAMES if key in properties), None)
        return f"<{id}>" if name is None else str(self.render(name))

    def needs(self, id: str) -> set[str]:
        """The resources that CloudFormation makes before this one, because it names them."""
        body = self.body["Resources"][id]
        depends = body.get("DependsOn", [])
        return {*listed(depends), *_named(body.get("Properties", {}))} & set(self.body["Resources"])

    def statements(self, function: str) -> set[tuple[str, str]]:
        """The permissions of a function's role: pairs of action and resource."""
        role = self.one("AWS::Lambda::Function", FunctionName=function).properties["Role"]
        return self.role_statements(role)

    def role_statements(self, role: str) -> set[tuple[str, str]]:
        """The permissions of a role: pairs of action and resource."""
        allowed = set()
        (body,) = (r for r in self.all("AWS::IAM::Role") if f"<{r.id}>" == role)
        assert "Policies" not in body.raw
        assert "ManagedPolicyArns" not in body.raw
        for policy in self.all("AWS::IAM::Policy"):
            if role not in policy.properties["Roles"]:
                continue
            for statement in policy.properties["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                for action in listed(statement["Action"]):
                    for resource in listed(statement["Resource"]):
                        allowed.add((action, resource))
        return allowed


def _named(value: Json) -> Iterator[str]:
    match value:
        case {"Ref": id}:
            yield id
        case {"Fn::GetAtt": [id, _]}:
            yield id
        case dict():
            for member in value.values():
                yield from _named(member)
        case list():
            for member in value:
                yield from _named(member)


def listed(value: Json) -> list[Json]:
    """What CloudFormation and IAM take alone or in a list, as a list."""
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True)
class Synthesis:
    """A synthesised deployment."""

    folder: Path
    templates: Mapping[str, Template]
    manifest: Mapping[str, Json]

    @property
    def data(self) -> Template:
        """The data stack."""
        return self.templates["eventing-data"]

    def regional(self, region: str = "us-east-1") -> Template:
        """The regional stack of a region."""
        return self.templates[f"eventing-{region}"]


def synthesise(
    folder: Path, account: str | None = None, /, *, with_packages: bool = False, **context: Json
) -> Synthesis:
    """Synthesise the app with the context of cdk.json and what is given here on top of it.

    Its templates are the same with the functions' packages beside them, whose copies take half of the time.
    """
    unstaged = {} if with_packages else {"aws:cdk:disable-asset-staging": True}
    app = cdk.App(outdir=str(folder), context={**CONTEXT, **unstaged, **context})
    build(app, at=AT, account=account)
    app.synth()
    return _read(folder)


def synthesise_once(
    folder: Path, account: str | None = None, /, *, with_packages: bool = False, **context: Json
) -> Synthesis:
    """The same, made by the first process that asks for this folder; the others wait for it."""
    with first(folder) as is_first:
        if is_first:
            synthesise(folder, account, with_packages=with_packages, **context)
    return _read(folder)


def _read(folder: Path) -> Synthesis:
    manifest = json.loads((folder / "manifest.json").read_text())
    templates = {}
    for name, artifact in manifest["artifacts"].items():
        if artifact["type"] == "aws:cloudformation:stack":
            body = json.loads((folder / artifact["properties"]["templateFile"]).read_text())
            region = artifact["environment"].rpartition("/")[2]
            templates[name] = Template(body, region)
    return Synthesis(folder, templates, manifest)
