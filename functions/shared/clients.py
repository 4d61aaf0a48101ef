"""AWS clients, from one session: a session for each client costs a third of a cold start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast, overload

import botocore.session
from botocore.config import Config

from functions.shared.resources import name_resources

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_firehose import FirehoseClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_macie2 import Macie2Client
    from types_boto3_s3 import S3Client
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient
    from types_boto3_stepfunctions import SFNClient

CONNECT_SECONDS = 1
READ_SECONDS = 2
# Two attempts of at most 3 s each and the pause between them: what a caller must allow for one call.
CALL_SECONDS = 2 * (CONNECT_SECONDS + READ_SECONDS) + 1
# Asked a second time, the others find that it is done already: API Gateway makes another usage plan, and
# Firehose another copy. What Firehose does not take at once is put where it would have brought it.
_ASKED_ONCE = ("apigateway", "firehose")


class Clients:
    """Makes clients with the time-outs that all calls share; of a new session, unless one is given."""

    def __init__(
        self,
        *,
        connections: int = 10,
        read_seconds: float = READ_SECONDS,
        session: botocore.session.Session | None = None,
    ) -> None:
        self._session = session or botocore.session.get_session()
        self._made: dict[tuple[str, str | None], Any] = {}
        self._config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=read_seconds,
            retries={"mode": "standard", "total_max_attempts": 2},
            max_pool_connections=connections,
        )

    @property
    def region(self) -> str:
        """The region this code runs in."""
        return cast("str", self._session.get_config_variable("region"))

    def api_gateway(self, region: str) -> APIGatewayClient:
        """API Gateway's client in any region, made once. It makes each call once: what failed may be done."""
        return cast("APIGatewayClient", self._client("apigateway", region))

    def step_functions(self, region: str) -> SFNClient:
        """The client of Step Functions in any region, made once."""
        return cast("SFNClient", self._client("stepfunctions", region))

    @overload
    def client(self, service: Literal["apigateway"]) -> APIGatewayClient: ...
    @overload
    def client(self, service: Literal["cloudwatch"]) -> CloudWatchClient: ...
    @overload
    def client(self, service: Literal["dynamodb"]) -> DynamoDBClient: ...
    @overload
    def client(self, service: Literal["firehose"]) -> FirehoseClient: ...
    @overload
    def client(self, service: Literal["lambda"]) -> LambdaClient: ...
    @overload
    def client(self, service: Literal["macie2"]) -> Macie2Client: ...
    @overload
    def client(self, service: Literal["s3"]) -> S3Client: ...
    @overload
    def client(self, service: Literal["sns"]) -> SNSClient: ...
    @overload
    def client(self, service: Literal["sqs"]) -> SQSClient: ...
    @overload
    def client(self, service: Literal["stepfunctions"]) -> SFNClient: ...
    def client(self, service: str) -> Any:
        """The client of `service` in this region, made once."""
        return self._client(service, None)

    def _client(self, service: str, region: str | None) -> Any:
        if (service, region) not in self._made:
            config = self._config
            if service in _ASKED_ONCE:
                config = config.merge(Config(retries={"total_max_attempts": 1}))
            client = self._session.create_client(service, region_name=region, config=config)
            name_resources(client)
            self._made[service, region] = client
        return self._made[service, region]
