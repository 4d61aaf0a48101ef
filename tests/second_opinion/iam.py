"""The synthesised policies with ARNs in them, and what a simulation of IAM says of calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.infrastructure.synthesis import ACCOUNT, Json, Template
from tests.second_opinion.programs import ask
from tests.security.policies import listed

ID = "our-id"
ARNS = {
    "AWS::DynamoDB::GlobalTable": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::Rule": "arn:aws:events:{region}:{account}:rule/{name}",
    # CloudFormation makes a name of the stack's, the logical id and some random characters.
    "AWS::IAM::Role": f"arn:aws:iam::{{account}}:role/eventing-{{region}}-{{name}}-{ID}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:{region}:{account}:stateMachine:{name}",
}
ARN_BY_REF = ("AWS::SNS::Topic", "AWS::StepFunctions::StateMachine")
# CloudFormation gives these an id that nobody knows before: one stands for all of the stack.
ARN_BY_ID = (
    "AWS::ApiGateway::ApiKey",
    "AWS::ApiGateway::UsagePlan",
    "AWS::Lambda::EventSourceMapping",
)
AND = " and "
RESOURCE_POLICIES = ("AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy")


@dataclass(frozen=True)
class Call:
    """A call of AWS.

    The caller is a function (`ingest`), a state machine (`machine redrive`), `rules`, `custom resources`, who
    has managed policies (`policy operator`, or several with `and` between them), or an AWS service by its
    principal.
    """

    caller: str
    action: str
    resource: str
    context: Mapping[str, Json] = field(default_factory=dict)

    @property
    def holders(self) -> list[str]:
        """Those whose permissions the caller has."""
        return self.caller.split(AND)

    @property
    def by_service(self) -> bool:
        """A resource's policy alone allows it."""
        return self.caller.endswith(".amazonaws.com")


class Arns(Template):
    """A template whose references are rendered as ARNs, where IAM sees ARNs."""

    def render(self, value: Json) -> Json:
        """The value with ARNs and names in it."""
        match value:
            case {"Ref": id} if self._type(id) in ARN_BY_REF:
                return self._arn(id)
            case {"Ref": id} if self._type(id) in ARN_BY_ID:
                return ID
            case {"Fn::GetAtt": [id, "Arn"]}:
                return self._arn(id)
            case {"Fn::GetAtt": [_, "Table.LatestStreamArn"]}:
                return f"arn:aws:dynamodb:{self.region}:{ACCOUNT}:table/eventing-events/stream/2026"
        return super().render(value)

    def _type(self, id: str) -> str:
        return str(self.body["Resources"].get(id, {}).get("Type", ""))

    def _arn(self, id: str) -> str:
        name = str(super().render({"Fn::GetAtt": [id, "Arn"]})).strip("<>")
        form = ARNS.get(self._type(id), "{name}")
        return form.format(region=self.region, account=ACCOUNT, name=name)


@dataclass(frozen=True)
class Permission:
    """One action that a statement allows."""

    holder: str
    """Who has it: a caller, or the resource whose policy it is in."""
    statement: Json

    def __str__(self) -> str:
        """One line that tells it from all others."""
        resources = ", ".join(one.partition(":::")[2] or one for one in self.statement["Resource"])
        conditions = [
            f"{key} {', '.join(listed(values))}"
            for operator, members in self.statement.get("Condition", {}).items()
            for key, values in members.items()
            if operator != "Null"
        ]
        return " | ".join((self.holder, self.statement["Action"], resources, *conditions))


class Policies:
    """The policies of a regional stack."""

    def __init__(self, template: Template) -> None:
        self.template = Arns(template.body, template.region)
        self.permissions = [*self._of_identities(), *self._of_resources()]

    def judge(self, calls: Sequence[Call]) -> list[tuple[bool, list[Permission]]]:
        """For each call whether it is allowed, and by which permissions."""
        answers = ask("simulate.cjs", [self._simulation(call) for call in calls])
        return [
            (one["result"] == "Allowed", [self.permissions[int(sid[1:])] for sid in one["by"]])
            for one in answers
        ]

    def _simulation(self, call: Call) -> Json:
        role = f"arn:aws:sts::{ACCOUNT}:assumed-role/{call.caller}/session"
        own = list(self._denied_to(call))
        theirs = list(self._denials(call.resource))
        for number, one in enumerate(self.permissions):
            numbered = {**one.statement, "Sid": f"P{number}"}
            if "Principal" not in numbered:
                own += [numbered] if one.holder in call.holders else []
            elif one.holder == call.resource or call.resource.startswith(f"{one.holder}/"):
                theirs.append(numbered)
        return {
            "request": {
                "principal": call.caller if call.by_service else role,
                "action": call.action,
                "resource": {"resource": call.resource, "accountId": ACCOUNT},
                "contextVariables": {
                    "aws:SecureTransport": "true",
                    **self._principal(call.caller),
                    **call.context,
                },
            },
            "identityPolicies": [{"name": "role", "policy": _document(own)}] if own else [],
            **({"resourcePolicy": _document(theirs)} if theirs else {}),
        }

    def _principal(self, caller: str) -> Mapping[str, str]:
        """Of a session of a function's role it is the role (IAM user guide, "aws:PrincipalArn")."""
        for function in self.template.all("AWS::Lambda::Function"):
            if function.properties.get("FunctionName") == f"eventing-{caller}":
                return {"aws:PrincipalArn": function.properties["Role"]}
        return {}

    def _of_identities(self) -> Iterator[Permission]:
        for holder, statement in self._statements_of_identities():
            if statement["Effect"] == "Allow":
                yield from _split(holder, statement)

    def _denied_to(self, call: Call) -> Iterator[Json]:
        for holder, statement in self._statements_of_identities():
            if statement["Effect"] == "Deny" and holder in call.holders:
                yield statement

    def _statements_of_identities(self) -> Iterator[tuple[str, Json]]:
        holders = dict(self._holders())
        for policy in self.template.all("AWS::IAM::Policy"):
            for role in policy.raw["Roles"]:
                yield from _statements(holders[role["Ref"]], policy.properties)
        for role in self.template.all("AWS::IAM::Role"):
            for inline in role.properties.get("Policies", ()):
                yield from _statements(holders[role.id], inline)
        for managed in self.template.all("AWS::IAM::ManagedPolicy"):
            holder = managed_policy(managed.properties["ManagedPolicyName"], self.template.region)
            yield from _statements(holder, managed.properties)

    def _holders(self) -> Iterator[tuple[str, str]]:
        """Roles by their logical ids, and who has them."""
        for type, name, kind in (
            ("AWS::Lambda::Function", "FunctionName", ""),
            ("AWS::StepFunctions::StateMachine", "StateMachineName", "machine "),
        ):
            for one in self.template.all(type):
                role = one.raw.get("Role") or one.raw.get("RoleArn")
                # The CDK's function for custom resources has no name of its own.
                called = one.properties.get(name, "custom resources").removeprefix("eventing-")
                yield role["Fn::GetAtt"][0], f"{kind}{called}"
        for stream in self.template.all("AWS::KinesisFirehose::DeliveryStream"):
            role = stream.raw["ExtendedS3DestinationConfiguration"]["RoleARN"]
            yield role["Fn::GetAtt"][0], "firehose"
        for rule in self.template.all("AWS::Events::Rule"):
            for target in rule.raw.get("Targets", ()):
                if "RoleArn" in target:
                    yield target["RoleArn"]["Fn::GetAtt"][0], "rules"

    def _of_resources(self) -> Iterator[Permission]:
        for resource, statement in self._statements_of_resources():
            if statement["Effect"] == "Allow":
                yield from _split(resource, statement)

    def _denials(self, resource: str) -> Iterator[Json]:
        for holder, statement in self._statements_of_resources():
            if statement["Effect"] == "Deny" and resource.split("/")[0] == holder:
                yield statement

    def _statements_of_resources(self) -> Iterator[tuple[str, Json]]:
        for type in RESOURCE_POLICIES:
            for policy in self.template.all(type):
                for _, statement in _statements("", policy.properties):
                    named = listed(statement.get("Resource", statement.get("NotResource")))
                    yield named[0].partition("/")[0], statement
        for permission in self.template.all("AWS::Lambda::Permission"):
            given = permission.properties
            name = given["FunctionName"].rpartition(":")[2]
            function = f"arn:aws:lambda:{self.template.region}:{ACCOUNT}:function:{name}"
            conditions = {"ArnLike": {"aws:SourceArn": given["SourceArn"]}}
            if "SourceAccount" in given:
                conditions["StringEquals"] = {"aws:SourceAccount": given["SourceAccount"]}
            statement = {
                "Effect": "Allow",
                "Principal": {"Service": given["Principal"]},
                "Action": given["Action"],
                "Resource": function,
                "Condition": conditions,
            }
            yield function, statement


def managed_policy(name: str, region: str) -> str:
    """The caller that has a managed policy of a region."""
    return f"policy {name.removeprefix('eventing-').removesuffix(f'-{region}')}"


def _statements(holder: str, policy: Json) -> Iterator[tuple[str, Json]]:
    for statement in policy["PolicyDocument"]["Statement"]:
        yield holder, statement


def _split(holder: str, statement: Json) -> Iterator[Permission]:
    for action in listed(statement["Action"]):
        one = {**statement, "Action": action, "Resource": listed(statement["Resource"])}
        yield Permission(holder, one)


def _document(statements: Sequence[Json]) -> Json:
    return {"Version": "2012-10-17", "Statement": statements}
