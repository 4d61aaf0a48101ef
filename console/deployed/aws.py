"""AWS as the caller may use it: their credentials, one region, and its refusals in one sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore import exceptions as sdk
from botocore.config import Config
from botocore.session import Session

from console.shell.failure import Failure, Misuse
from eventing.cause import Code, cause_of
from eventing.foreign_text import plain
from eventing.input import MAX_NAME

# The right that each operation needs, by the name that the SDK calls it. No command calls any other.
RIGHTS: Mapping[str, str] = {
    "DescribeStacks": "cloudformation:DescribeStacks",
    "ListStackResources": "cloudformation:ListStackResources",
    "DescribeAlarms": "cloudwatch:DescribeAlarms",
    "Query": "dynamodb:Query",
    "GetItem": "dynamodb:GetItem",
    "StartExecution": "states:StartExecution",
    "StopExecution": "states:StopExecution",
    "ListExecutions": "states:ListExecutions",
    "DescribeExecution": "states:DescribeExecution",
    "SendTaskSuccess": "states:SendTaskSuccess",
    "GetExecutionHistory": "states:GetExecutionHistory",
    "GetObject": "s3:GetObject",
    "StartQuery": "logs:StartQuery",
    "GetQueryResults": "logs:GetQueryResults",
    "ListObjectsV2": "s3:ListBucket",
    "GetApiKey": "apigateway:GET",
    "GetCallerIdentity": "sts:GetCallerIdentity",
    # Of `copies` alone.
    "Scan": "dynamodb:Scan",
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    # Of `verify` alone.
    "ListDashboards": "cloudwatch:ListDashboards",
    "GetAccountSettings": "lambda:GetAccountSettings",
    "GetFunction": "lambda:GetFunction",
    "ListEventSourceMappings": "lambda:ListEventSourceMappings",
    "GetUsagePlans": "apigateway:GET",
    "GetMacieSession": "macie2:GetMacieSession",
    "SimulatePrincipalPolicy": "iam:SimulatePrincipalPolicy",
    "ListSubscriptionsByTopic": "sns:ListSubscriptionsByTopic",
    "Publish": "sns:Publish",
    "Subscribe": "sns:Subscribe",
    "Unsubscribe": "sns:Unsubscribe",
    "ListQueues": "sqs:ListQueues",
    "CreateQueue": "sqs:CreateQueue",
    "GetQueueUrl": "sqs:GetQueueUrl",
    "DeleteQueue": "sqs:DeleteQueue",
    "ReceiveMessage": "sqs:ReceiveMessage",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "SendMessage": "sqs:SendMessage",
}
_CONNECTIONS = 16
# What AWS answers to credentials that are wrong or too old, whatever they may do.
_BAD_CREDENTIALS = (
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "AuthFailure",
)
_NO_CREDENTIALS = (
    sdk.NoCredentialsError,
    sdk.PartialCredentialsError,
    sdk.CredentialRetrievalError,
    sdk.SSOError,
    sdk.TokenRetrievalError,
)


class Aws:
    """Clients of one region for one caller."""

    def __init__(self, session: Session, *, region: str, endpoint_url: str | None = None) -> None:
        self._session = session
        self.region = region
        self.endpoint_url = endpoint_url
        self._made: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The client of a service, made once; its calls raise what the SDK raises."""
        if service not in self._made:
            self._made[service] = self._session.create_client(
                service,
                region_name=self.region,
                endpoint_url=self.endpoint_url,
                config=Config(
                    connect_timeout=5,
                    read_timeout=20,
                    retries={"mode": "standard", "total_max_attempts": 4},
                    max_pool_connections=_CONNECTIONS,
                ),
            )
        return self._made[service]

    def caller(self) -> str:
        """The ARN of whoever the credentials are of."""
        arn: str = self.client("sts").get_caller_identity()["Arn"]
        return arn

    def asker(self) -> str:
        """The same, clipped to what inputs and answers take as a name."""
        return self.caller()[:MAX_NAME]


def error_code(error: sdk.ClientError) -> str:
    """The code of AWS's answer."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_passing(error: Exception) -> bool:
    """True when the same call may succeed in a moment: throttled, timed out, out of reach."""
    return isinstance(error, (sdk.ClientError, sdk.HTTPClientError)) and cause_of(error).retryable


@contextmanager
def explained() -> Iterator[None]:
    """Turn what the SDK raises into a `Failure` that says what to do about it."""
    try:
        yield
    except sdk.ClientError as error:
        raise _explain(error) from error
    except sdk.ProfileNotFound as error:
        raise Misuse(
            f"There is no profile {plain(error.kwargs['profile'])}: see --profile."
        ) from error
    except sdk.NoRegionError as error:
        raise Misuse("No region is known: give --region.") from error
    except _NO_CREDENTIALS as error:
        raise Misuse(
            "There are no AWS credentials: log in, set AWS_PROFILE or give --profile."
        ) from error
    except (sdk.InvalidRegionError, sdk.UnknownRegionError) as error:
        raise Misuse("That is no region: see --region.") from error
    except sdk.EndpointConnectionError as error:
        url = plain(error.kwargs["endpoint_url"])
        raise Misuse(
            f"{url} can't be reached: is the region right, and is there a network?"
        ) from error
    except sdk.HTTPClientError as error:
        raise Failure(f"AWS does not answer ({type(error).__name__}): try again.") from error
    except sdk.BotoCoreError as error:
        raise Failure(f"The AWS SDK failed: {plain(error)}") from error


def _explain(error: sdk.ClientError) -> Failure:
    code, operation = error_code(error), str(error.operation_name)
    right = RIGHTS.get(operation, operation)
    if code in _BAD_CREDENTIALS:
        return Misuse(f"AWS does not take the credentials ({plain(code)}): log in again.")
    cause = cause_of(error)
    if cause.code is Code.ACCESS_DENIED:
        return Misuse(f"The right {right} is missing: ask whoever gives you yours for it.")
    message = plain(error.response.get("Error", {}).get("Message", ""))
    return Failure(f"AWS answered {plain(code)} to {operation}: {message}")
