"""Ingestion: who gets in, what they read when the gateway answers, what the function may do."""

from __future__ import annotations

import json

import pytest

from eventing.limits import MAX_BODY_BYTES
from eventing.problem import naming
from functions.contract import Objects, Variable
from infrastructure.packaging import ROOT
from tests.infrastructure.synthesis import ACCOUNT, Json, Template

METHODS = [
    ("POST", "events", "ingest"),
    ("GET", "me", "ingest"),
    ("GET", "events", "inquiry"),
]
HEALTH = ("GET", "health")


def test_there_are_no_more_methods(regional: Template) -> None:
    resources = {r.properties["PathPart"] for r in regional.all("AWS::ApiGateway::Resource")}

    described = {(verb, path) for verb, path, _ in METHODS} | {HEALTH}
    assert resources == {path for _, path in described}
    assert len(list(regional.all("AWS::ApiGateway::Method"))) == len(described)


def test_the_description_has_every_method(regional: Template) -> None:
    description = json.loads((ROOT / "docs" / "generated" / "openapi.json").read_text())
    methods = {
        (verb.upper(), path.strip("/"))
        for path, verbs in description["paths"].items()
        for verb in verbs
    }

    assert methods == {(verb, path) for verb, path, _ in METHODS} | {HEALTH}
    # Whoever asks for its health needs no key.
    assert description["security"]
    assert description["paths"]["/health"]["get"]["security"] == []


def _method(regional: Template, verb: str, path: str) -> Json:
    resource = regional.one("AWS::ApiGateway::Resource", PathPart=path)
    found = regional.one("AWS::ApiGateway::Method", HttpMethod=verb, ResourceId=f"<{resource.id}>")
    return found.properties


@pytest.mark.parametrize(("verb", "path", "name"), METHODS)
def test_a_method_wants_a_key_and_hands_requests_to_its_function(
    regional: Template, verb: str, path: str, name: str
) -> None:
    method = _method(regional, verb, path)

    # What the function takes for verified is not, where no key is required.
    assert method["ApiKeyRequired"] is True
    assert method["Integration"]["Type"] == "AWS_PROXY"
    assert f"eventing-{name}/invocations" in method["Integration"]["Uri"]
    # AWS calls (two attempts of 3 s) < function < gateway.
    function = regional.one("AWS::Lambda::Function", FunctionName=f"eventing-{name}").properties
    assert 6 < function["Timeout"] < method["Integration"]["TimeoutInMillis"] / 1000 <= 29


def test_whoever_asks_for_its_health_needs_no_key_and_hears_that_the_gateway_answers(
    regional: Template,
) -> None:
    method = _method(regional, *HEALTH)
    integration = method["Integration"]
    (response,) = integration["IntegrationResponses"]

    assert method["ApiKeyRequired"] is False
    # No function, which would cost somebody who has no key nothing and us a lot.
    assert integration["Type"] == "MOCK"
    assert json.loads(integration["RequestTemplates"]["application/json"]) == {"statusCode": 200}
    assert response["StatusCode"] == "200"
    assert json.loads(response["ResponseTemplates"]["application/json"]) == {"status": "ok"}
    # The API takes every body for binary, which a template can't be made of (API Gateway, "Content type
    # conversions"): it would answer 500.
    assert integration["ContentHandling"] == response["ContentHandling"] == "CONVERT_TO_TEXT"
    # No cache between us and whoever asks may answer.
    assert response["ResponseParameters"] == {"method.response.header.Cache-Control": "'no-store'"}
    assert [one["StatusCode"] for one in method["MethodResponses"]] == ["200"]


@pytest.mark.parametrize("name", ["ingest", "inquiry"])
def test_only_the_api_may_invoke_the_function(regional: Template, name: str) -> None:
    permissions = [
        permission.properties
        for permission in regional.all("AWS::Lambda::Permission")
        if permission.properties["FunctionName"] == f"eventing-{name}"
    ]

    assert {permission["Principal"] for permission in permissions} == {"apigateway.amazonaws.com"}
    called = {tuple(permission["SourceArn"].split("/")[-2:]) for permission in permissions}
    assert called == {(verb, path) for verb, path, function in METHODS if function == name}


def test_whoever_only_asks_takes_nothing_from_events(regional: Template) -> None:
    (stage,) = regional.all("AWS::ApiGateway::Stage")
    limits = {
        (limited["HttpMethod"], limited["ResourcePath"]): limited["ThrottlingRateLimit"]
        for limited in stage.properties["MethodSettings"]
    }

    assert limits == {("GET", "/~1me"): 10, ("GET", "/~1events"): 50, ("GET", "/~1health"): 50}


def test_the_function_looks_publishers_up_by_name_alone(regional: Template) -> None:
    (statement,) = (
        statement
        for policy in regional.all("AWS::IAM::Policy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if statement["Action"] == "dynamodb:GetItem"
        and statement["Resource"].endswith("/eventing-registry")
        and "ingest" in f"{policy.properties['Roles']}".lower()
    )

    assert statement["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["doorkeeper", "publisher#*"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }


def test_the_key_comes_from_the_header(regional: Template) -> None:
    assert regional.one("AWS::ApiGateway::RestApi").properties["ApiKeySourceType"] == "HEADER"


def test_the_only_key_and_plan_of_the_template_are_the_canarys(regional: Template) -> None:
    """Publishers are data: a template for ten thousand is the one for ten."""
    (key,) = regional.all("AWS::ApiGateway::ApiKey")
    (plan,) = regional.all("AWS::ApiGateway::UsagePlan")

    assert key.properties["Name"] == plan.properties["UsagePlanName"] == "eventing-canary"
    assert _environment(regional)[Variable.CANARY_KEY_ID] == "eventing-canary"
    (stage,) = plan.properties["ApiStages"]
    (prod,) = regional.all("AWS::ApiGateway::Stage")
    assert stage["Stage"] == f"<{prod.id}>"
    assert prod.properties["StageName"] == "prod"


def test_the_functions_environment(regional: Template) -> None:
    environment = _environment(regional)

    assert environment == {
        Variable.SERVICE: "eventing",
        Variable.NAMESPACE: "Eventing",
        Variable.LOG_LEVEL: "INFO",
        Variable.CANARY: "on",
        Variable.CANARY_KEY_ID: "eventing-canary",
        Variable.EVENTS_TABLE: "eventing-events",
        Variable.ARCHIVE_BUCKET: f"eventing-archive-{ACCOUNT}-us-east-1",
        Variable.DELIVERY_STREAM: "eventing-archive",
        Variable.INGEST_DLQ_URL: "eventing-ingest-dlq",
        Variable.EVENT_RETENTION_DAYS: "90",
        Variable.REGISTRY_TABLE: "eventing-registry",
    }


def _environment(regional: Template) -> dict[str, str]:
    function = regional.one("AWS::Lambda::Function", FunctionName="eventing-ingest")
    environment: dict[str, str] = function.properties["Environment"]["Variables"]
    return environment


def test_the_function_may_do_what_it_does_and_nothing_else(regional: Template) -> None:
    table = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/eventing-events"

    assert regional.statements("eventing-ingest") == {
        ("dynamodb:BatchGetItem", table),
        ("dynamodb:PartiQLInsert", table),
        ("dynamodb:GetItem", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/eventing-registry"),
        ("s3:PutObject", f"eventing-archive-{ACCOUNT}-us-east-1/{Objects.EVENTS}*"),
        (
            "firehose:PutRecordBatch",
            f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/eventing-archive",
        ),
        ("sqs:SendMessage", "eventing-ingest-dlq"),
        ("logs:CreateLogStream", "/aws/lambda/eventing-ingest"),
        ("logs:PutLogEvents", "/aws/lambda/eventing-ingest"),
        ("xray:PutTraceSegments", "*"),
        ("xray:PutTelemetryRecords", "*"),
    }


@pytest.mark.parametrize(
    ("type", "status", "waits"),
    [
        ("INVALID_API_KEY", "403", False),
        ("ACCESS_DENIED", "403", False),
        ("MISSING_AUTHENTICATION_TOKEN", "404", False),
        ("RESOURCE_NOT_FOUND", "404", False),
        ("REQUEST_TOO_LARGE", "413", False),
        ("THROTTLED", "429", True),
        ("QUOTA_EXCEEDED", "429", True),
        ("INTEGRATION_FAILURE", "503", True),
        ("INTEGRATION_TIMEOUT", "503", True),
        ("DEFAULT_5XX", "503", True),
    ],
)
def test_what_the_gateway_answers_is_a_problem_detail(
    regional: Template, type: str, status: str, waits: bool
) -> None:
    response = regional.one("AWS::ApiGateway::GatewayResponse", ResponseType=type).properties
    parameters = response["ResponseParameters"]
    problem = json.loads(response["ResponseTemplates"]["application/json"])

    assert response["StatusCode"] == status
    assert problem["status"] == int(status)
    assert {"title", "detail"} <= set(problem)
    assert problem.items() >= naming(problem["type"].rpartition(":")[2]).items()
    assert problem["request_id"] == "$context.extendedRequestId"
    content_type = parameters["gatewayresponse.header.Content-Type"]
    assert content_type == "'application/problem+json'"
    retry_after = parameters.get("gatewayresponse.header.Retry-After")
    assert (retry_after is not None) is waits
    assert retry_after is None or int(retry_after.strip("'")) > 0


@pytest.mark.parametrize("type", ["DEFAULT_5XX", "INTEGRATION_FAILURE", "REQUEST_TOO_LARGE"])
def test_a_body_that_never_gets_through_is_not_to_be_sent_again(
    regional: Template, type: str
) -> None:
    """API Gateway takes 10 MB and Lambda 6 MB in Base64, and which response lies between is not documented.

    (Lambda and API Gateway, quotas.) A response's template can't look at the body, so each says it.
    """
    response = regional.one("AWS::ApiGateway::GatewayResponse", ResponseType=type).properties
    detail = json.loads(response["ResponseTemplates"]["application/json"])["detail"]

    assert f"{MAX_BODY_BYTES} bytes" in detail
    assert "fewer events" in detail


def test_all_other_refusals_of_the_gateway_keep_their_status(regional: Template) -> None:
    response = regional.one(
        "AWS::ApiGateway::GatewayResponse", ResponseType="DEFAULT_4XX"
    ).properties
    template = response["ResponseTemplates"]["application/json"]
    problem = json.loads(template.replace("$context.error.messageString", '"Why."'))

    assert "StatusCode" not in response
    assert problem["type"] == "urn:eventing:problem:request"
    assert problem["documentation"] == "docs/generated/problems.md#request"
    assert problem["title"] == "Why."
    assert problem["request_id"] == "$context.extendedRequestId"


def test_gateway_responses_are_deployed(regional: Template) -> None:
    (deployment,) = regional.all("AWS::ApiGateway::Deployment")
    responses = {response.id for response in regional.all("AWS::ApiGateway::GatewayResponse")}

    # A response that is not there when the API is deployed has no effect until the next deployment.
    assert responses
    assert responses <= set(deployment.body["DependsOn"])


def test_each_request_is_logged_without_its_key(regional: Template) -> None:
    (stage,) = regional.all("AWS::ApiGateway::Stage")
    log = stage.properties["AccessLogSetting"]
    fields = json.loads(log["Format"])

    assert log["DestinationArn"].endswith(":log-group:/aws/apigateway/eventing-access")
    assert {"request_id", "api_key_id", "status", "error"} <= set(fields)
    # A client may choose the other id, with a header (API Gateway, "$context variables").
    assert fields["request_id"] == "$context.extendedRequestId"
    assert fields["amzn_request_id"] == "$context.requestId"
    assert "$context.identity.apiKey" not in fields.values()
    assert stage.properties["TracingEnabled"] is True


def test_nothing_traces_requests_with_their_keys_and_bodies(regional: Template) -> None:
    """Data tracing and the execution log write headers and bodies out (API Gateway, "Set up CloudWatch
    logging"): neither is on for any method."""
    (stage,) = regional.all("AWS::ApiGateway::Stage")

    for settings in stage.properties.get("MethodSettings", ()):
        assert not settings.get("DataTraceEnabled")
        assert settings.get("LoggingLevel", "OFF") == "OFF"


def test_outputs_say_what_clients_and_operators_need(regional: Template) -> None:
    assert regional.output("ApiUrl").startswith("https://")
    assert ".execute-api.us-east-1.amazonaws.com/" in regional.output("ApiUrl")
    assert regional.output("EventsTable") == "eventing-events"
    assert regional.output("ArchiveBucket") == f"eventing-archive-{ACCOUNT}-us-east-1"
    assert regional.output("OperationsBucket") == f"eventing-operations-{ACCOUNT}-us-east-1"
    assert regional.output("IngestDlqUrl") == "eventing-ingest-dlq"
    assert regional.output("PublishDlqUrl") == "eventing-publish-dlq"
    assert regional.output("OpsTopicArn") == "eventing-ops"
    assert regional.output("RedriveStateMachineArn") == "eventing-redrive"
    assert regional.output("IngestFunction") == "eventing-ingest"
    assert regional.output("AccessLog") == "/aws/apigateway/eventing-access"
    assert regional.output("PublishFunction") == "eventing-publish"
    assert regional.output("TopicArnPrefix") == f"arn:aws:sns:us-east-1:{ACCOUNT}:eventing-topic-"
