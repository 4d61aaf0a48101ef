"""An emulator to experiment in, and what experiments are made of."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import urllib3

from local.cloud import ACCOUNT
from tests.end_to_end.conftest import eventually

if TYPE_CHECKING:
    from local.cloud import LocalCloud

PYTHON = """
import json

def handle(event, context):
    {}
"""


def package(body: str, *, runtime: str = "python3.11") -> bytes:
    """The package of a function with this body, or of a module in Node.js."""
    python = runtime.startswith("python")
    file, text = ("index.py", PYTHON.format(body)) if python else ("index.js", body)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(file, text)
    return content.getvalue()


class Lab:
    """An emulator, and what experiments make in it."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.client = cloud.client

    def name(self) -> str:
        """A name that nothing has."""
        return f"t{uuid.uuid4().hex[:8]}"

    def role(self, *allowed: tuple[str, str], when: Any = None) -> str:
        """The ARN of a role that may do these actions on these resources, under a condition."""
        iam, name = self.client("iam"), self.name()
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        services = {
            **trust,
            "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]},
        }
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust, services))[
            "Role"
        ]["Arn"]
        if allowed:
            statements = [
                {"Effect": "Allow", "Action": a, "Resource": r, "Condition": when or {}}
                for a, r in allowed
            ]
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(*statements))
        return arn

    def as_role(self, service: str, *allowed: tuple[str, str], when: Any = None) -> Any:
        """A client that may do these actions on these resources under a condition, and nothing else."""
        session = self.client("sts").assume_role(
            RoleArn=self.role(*allowed, when=when), RoleSessionName="test"
        )
        return self.cloud.client_of(service, session["Credentials"])

    def function(self, body: str, *, runtime: str = "python3.11") -> str:
        """The name of a function: of one with this body, or of a module in Node.js."""
        name = self.name()
        self.client("lambda").create_function(
            FunctionName=name,
            Runtime=runtime,
            Handler="index.handle",
            Role=self.role(("logs:*", "*"), ("dynamodb:*", "*"), ("sqs:*", "*")),
            Code={"ZipFile": package(body, runtime=runtime)},
            Timeout=10,
        )
        return name

    def invoke(self, function: str) -> Any:
        """What the function answers to an empty event."""
        return json.loads(self.client("lambda").invoke(FunctionName=function)["Payload"].read())

    def table(self, **options: Any) -> str:
        """The name of a table with the partition key `pk` and a stream."""
        name = self.name()
        self.client("dynamodb").create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
            **options,
        )
        return name

    def stream(self, table: str) -> str:
        """The ARN of a table's stream."""
        described = self.client("dynamodb").describe_table(TableName=table)["Table"]
        return str(described["LatestStreamArn"])

    def queue(self) -> tuple[str, str]:
        """URL and ARN of a queue to which every service may send."""
        sqs, name = self.client("sqs"), self.name()
        anybody = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
        url = sqs.create_queue(QueueName=name, Attributes={"Policy": policy(anybody)})["QueueUrl"]
        return url, f"arn:aws:sqs:{self.cloud.region}:{ACCOUNT}:{name}"

    def received(self, url: str, *, seconds: int = 0) -> list[str]:
        """The messages in a queue, after waiting for the first one."""
        answer = self.client("sqs").receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=seconds
        )
        return [message["Body"] for message in answer.get("Messages", ())]

    def stack(self, **resources: Any) -> str:
        """The name of a stack that is being made of these resources."""
        name, body = self.name(), json.dumps({"Resources": resources})
        self.client("cloudformation").create_stack(StackName=name, TemplateBody=body)
        return name

    def importing_stack(self, **resources: Any) -> str:
        """The name of a stack that is being made of these resources, those included that are there."""
        client, name = self.client("cloudformation"), self.name()
        change_set = {"StackName": name, "ChangeSetName": "import"}
        client.create_change_set(
            **change_set,
            TemplateBody=json.dumps({"Resources": resources}),
            ChangeSetType="CREATE",
            ImportExistingResources=True,
        )
        waiter = client.get_waiter("change_set_create_complete")
        waiter.wait(**change_set, WaiterConfig={"Delay": 0.1})
        client.execute_change_set(**change_set)
        return name

    def stack_status(self, stack: str) -> str:
        """The status of a stack, as it is told now."""
        answer = self.client("cloudformation").describe_stacks(StackName=stack)
        return str(answer["Stacks"][0]["StackStatus"])

    def settled(self, stack: str) -> str:
        """The status of a stack once nothing more happens to it."""
        return eventually(
            lambda: self.stack_status(stack), lambda status: not status.endswith("_IN_PROGRESS")
        )

    def api(self, function: str) -> Api:
        """A REST API whose `POST /` invokes the function, for who has its key."""
        gateway, lambdas = self.client("apigateway"), self.client("lambda")
        arn = lambdas.get_function_configuration(FunctionName=function)["FunctionArn"]
        api = gateway.create_rest_api(name=self.name())["id"]
        (root,) = gateway.get_resources(restApiId=api)["items"]
        method = {"restApiId": api, "resourceId": root["id"], "httpMethod": "POST"}
        gateway.put_method(**method, authorizationType="NONE", apiKeyRequired=True)
        prefix = f"arn:aws:apigateway:{self.cloud.region}:lambda:path/2015-03-31/functions"
        gateway.put_integration(
            **method,
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            uri=f"{prefix}/{arn}/invocations",
        )
        gateway.put_gateway_response(
            restApiId=api, responseType="INTEGRATION_FAILURE", statusCode="503"
        )
        gateway.put_gateway_response(
            restApiId=api,
            responseType="INVALID_API_KEY",
            responseTemplates={"application/json": '{"id": "$context.extendedRequestId"}'},
        )
        gateway.create_deployment(restApiId=api, stageName="v1")
        key = gateway.create_api_key(name=self.name(), enabled=True)
        plan = gateway.create_usage_plan(
            name=self.name(), apiStages=[{"apiId": api, "stage": "v1"}]
        )
        gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
        url = f"{self.cloud.endpoint_url}/_aws/execute-api/{api}/v1/"
        return Api(url, key["id"], key["value"], function)


@dataclass(frozen=True)
class Api:
    """A deployed API and its key."""

    url: str
    key_id: str
    key: str
    function: str

    def post(self) -> tuple[int, str]:
        """Status and body of the answer to a POST with the key."""
        answer = urllib3.request(
            "POST", self.url, body="{}", headers={"x-api-key": self.key}, retries=False, timeout=20
        )
        return answer.status, answer.data.decode()


def policy(*statements: dict[str, Any]) -> str:
    """A policy document of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
