"""Ingestion: the HTTP endpoint for those who have a key, and the ingest function."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from eventing import canary
from functions.contract import HEALTH, STANDING, Metric, Variable
from infrastructure.constructs.alarms import Meaning, Missing, Part
from infrastructure.constructs.checks import accept, accept_managed_policy
from infrastructure.constructs.function import Function, log_group_of
from infrastructure.constructs.gateway_health import BURST, RATE, add_health
from infrastructure.constructs.gateway_responses import add_gateway_answers
from infrastructure.constructs.publishers import registry_name

if TYPE_CHECKING:
    from infrastructure.configuration import Configuration
    from infrastructure.constructs.archive import Archive
    from infrastructure.constructs.dead_letters import DeadLetterQueue
    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.region import Region

# The time-outs fit into each other: AWS calls within the function within the gateway's 29 s.
_FUNCTION_TIMEOUT = cdk.Duration.seconds(20)
_GATEWAY_TIMEOUT = cdk.Duration.seconds(29)

# Above these an alarm goes off. Answers a publisher has to send again for, as a share of all:
FAILURES = 0.01
# The slowest answer in a hundred, in milliseconds:
SLOW = 5000
# What all publishers together may ask of their events in a second.
INQUIRIES = 50
# Refused requests a minute: publishers' errors, but so many are somebody's incident.
REFUSED = 300

# Never the key itself, and nothing of the body.
ACCESS_LOG = {
    # A client may choose the other one, which AWS's own headers have.
    "request_id": "$context.extendedRequestId",
    "amzn_request_id": "$context.requestId",
    "trace_id": "$context.xrayTraceId",
    "time": "$context.requestTime",
    "api_key_id": "$context.identity.apiKeyId",
    "source_ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "response_bytes": "$context.responseLength",
    "latency_ms": "$context.responseLatency",
    "integration_latency_ms": "$context.integrationLatency",
    "integration_error": "$context.integration.error",
    "error": "$context.error.message",
    "error_type": "$context.error.responseType",
}


class Ingestion(Construct):
    """`POST /events` and `GET /me` for those who have a key, answered by the ingest function.

    What API Gateway answers by itself are problem details (RFC 9457), as the function's errors are.
    `unavailable` goes off when requests are answered 503, `alarm` when publishers are served badly in
    another way, `surge` when many requests are refused.
    """

    api: apigateway.RestApi
    function: Function
    canary_key: apigateway.ApiKey | None
    """The one key that is the deployment's own; publishers and theirs are data."""
    unavailable: cloudwatch.CompositeAlarm
    alarm: cloudwatch.CompositeAlarm
    surge: cloudwatch.Alarm

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        event_store: EventStore,
        archive: Archive,
        dead_letters: DeadLetterQueue,
    ) -> None:
        super().__init__(scope, id)
        configuration = region.configuration
        self.access_log = f"/aws/apigateway/{configuration.name('access')}"
        self.accepted = region.metric(Metric.EVENTS_ACCEPTED)
        self.duplicate = region.metric(Metric.EVENTS_DUPLICATE)
        self.rejected = region.metric(Metric.EVENTS_REJECTED)
        self.stored = region.metric(Metric.EVENTS_STORED)
        self.canary_key = (
            apigateway.ApiKey(
                self,
                "CanaryKey",
                api_key_name=configuration.name(canary.PUBLISHER),
                description="Of the canary",
            )
            if configuration.canary
            else None
        )
        self.function = Function(
            self,
            "Function",
            region=region,
            name="ingest",
            description="Stores and archives the events that publishers post",
            # A publisher waits for it, and the share of a processor grows with the memory.
            memory_size=1024,
            timeout=_FUNCTION_TIMEOUT,
            environment={
                Variable.EVENTS_TABLE: event_store.table.table_name,
                Variable.ARCHIVE_BUCKET: archive.bucket.bucket_name,
                **({Variable.DELIVERY_STREAM: archive.stream.name} if archive.stream else {}),
                Variable.INGEST_DLQ_URL: dead_letters.queue.queue_url,
                Variable.REGISTRY_TABLE: registry_name(configuration),
                Variable.EVENT_RETENTION_DAYS: str(configuration.retention.events),
            },
            harm="publishers are answered 503, and have to send again.",
        )
        if self.canary_key:
            self.function.add_environment(Variable.CANARY_KEY_ID, self.canary_key.key_id)
        event_store.grant_store(self.function)
        archive.grant_archive(self.function)
        if archive.stream:
            archive.stream.grant_put(self.function)
        dead_letters.grant_send(self.function)

        self.api = self._api(configuration)
        for path, verb in (("/events", "POST"), (STANDING, "GET")):
            self.add_method(path, verb, self.function)
        if self.canary_key:
            self._let_in(configuration, self.canary_key)
        self._watch(region, event_store, dead_letters)

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of the stack that name the API, its function and its log."""
        return {
            "ApiUrl": self.api.url,
            "IngestFunction": self.function.function_name,
            "AccessLog": self.access_log,
        }

    def _watch(
        self, region: Region, event_store: EventStore, dead_letters: DeadLetterQueue
    ) -> None:
        stage, minute = self.api.deployment_stage, cdk.Duration.minutes(1)
        self.requests = stage.metric_count(period=minute)
        self.failures = stage.metric_server_error(period=minute, statistic=cloudwatch.Stats.AVERAGE)
        self.latency = stage.metric_latency(period=minute, statistic=cloudwatch.Stats.p(99))
        self.refused = stage.metric_client_error(period=minute)
        failures, latency = (
            region.alarms.alarm(
                self,
                "FailuresAlarm",
                name="api-failures",
                metric=self.failures,
                above=FAILURES,
                minutes=2,
                of=3,
                # Without requests there are none.
                missing=Missing.IS_FINE,
                meaning=Meaning(
                    what=f"More than {FAILURES:.0%} of all requests were answered 503.",
                    users="publishers have to send again; what was answered 202 is safe.",
                    section="publishers-get-503",
                ),
            ),
            region.alarms.alarm(
                self,
                "LatencyAlarm",
                name="api-latency",
                metric=self.latency,
                above=SLOW,
                minutes=3,
                of=5,
                missing=Missing.IS_FINE,
                meaning=Meaning(
                    what=f"One request in a hundred takes longer than {SLOW / 1000:.0f} s.",
                    users="publishers wait, and those that wait for less send again.",
                    section="slow-answers",
                ),
            ),
        )
        errors, throttles, duration = self.function.alarms
        # No dead letter tells of this: what is answered 503 leaves none.
        self.unavailable = region.alarms.composite(
            self,
            "UnavailableAlarm",
            part=Part.INGESTION,
            name="ingestion-unavailable",
            components=(failures, errors, throttles),
            meaning=Meaning(
                what="Events are not taken: requests are answered 503, or the ingest function fails "
                "or is not run.",
                users="publishers have to send again; what was answered 202 is safe.",
                section="publishers-get-503",
            ),
        )
        self.alarm = region.alarms.composite(
            self,
            "Alarm",
            part=Part.INGESTION,
            name="ingestion-impaired",
            components=(latency, duration, *event_store.alarms),
            meaning=Meaning(
                what="Events are not taken as they should be: requests are slow, or the table turns "
                "writes away.",
                users="publishers are answered late; what was answered 202 is safe.",
                section="ingestion-impaired",
            ),
            off_while=self.unavailable,
            # Dead letters that come meanwhile are of the same incident, and have their own message.
            muted_while=dead_letters.arrived,
        )
        self.surge = region.alarms.alarm(
            self,
            "SurgeAlarm",
            name="api-refusals",
            metric=self.refused,
            above=REFUSED,
            minutes=3,
            of=5,
            missing=Missing.IS_FINE,
            meaning=Meaning(
                what=f"More than {REFUSED} requests a minute are refused: a publisher sends what is "
                "no event, too much, or without a key.",
                users="that publisher's events are not taken; others notice nothing.",
                section="many-refusals",
            ),
        )
        region.alarms.notify(self.surge, part=Part.INGESTION)

    def _api(self, configuration: Configuration) -> apigateway.RestApi:
        access_log = log_group_of(self, "AccessLog", self.access_log, configuration=configuration)
        api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=configuration.name("api"),
            description="Takes events from publishers",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            default_method_options=apigateway.MethodOptions(api_key_required=True),
            api_key_source_type=apigateway.ApiKeySourceType.HEADER,
            # Binary content mode takes any bytes: all bodies reach the function in Base64.
            binary_media_types=["*/*"],
            # Without this role of the account's API Gateway there are no access logs.
            cloud_watch_role=True,
            deploy_options=apigateway.StageOptions(
                stage_name="prod",
                tracing_enabled=True,
                access_log_destination=apigateway.LogGroupLogDestination(access_log),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG)),
                method_options={
                    # Of all publishers together: it takes nothing from events.
                    f"{STANDING}/GET": apigateway.MethodDeploymentOptions(
                        throttling_rate_limit=10, throttling_burst_limit=20
                    ),
                    "/events/GET": apigateway.MethodDeploymentOptions(
                        throttling_rate_limit=INQUIRIES, throttling_burst_limit=2 * INQUIRIES
                    ),
                    f"{HEALTH}/GET": apigateway.MethodDeploymentOptions(
                        throttling_rate_limit=RATE, throttling_burst_limit=BURST
                    ),
                },
            ),
        )
        add_health(api)
        add_gateway_answers(api)
        accept_managed_policy(
            api,
            "service-role/AmazonAPIGatewayPushToCloudWatchLogs",
            "The role is one for the whole account and region; this is the policy made for it.",
        )
        accept(
            api,
            "APIG2",
            "The function judges each event; the gateway can't tell all content modes.",
        )
        accept(
            api.deployment_stage,
            "APIG3",
            "Only holders of a key get past the gateway, each within a usage plan; a web ACL is for "
            "whoever runs the deployment to add, at a price.",
        )
        accept(
            api.deployment_stage,
            "APIG6",
            "The access log has each request's error; the execution log would add a group without "
            "a retention period.",
        )
        return api

    def add_method(self, path: str, verb: str, function: Function) -> None:
        """Let the function answer requests of those who have a key."""
        integration = apigateway.LambdaIntegration(
            function, timeout=_GATEWAY_TIMEOUT, allow_test_invoke=False
        )
        method = self.api.root.resource_for_path(path).add_method(verb, integration)
        accept(method, "APIG4", "Publishers are third parties: a key each, and a usage plan.")
        accept(method, "COG4", "Publishers are programs of third parties: there are no users.")

    def _let_in(self, configuration: Configuration, key: apigateway.ApiKey) -> None:
        """Give the canary a usage plan."""
        apigateway.UsagePlan(
            self,
            "CanaryPlan",
            name=configuration.name(canary.PUBLISHER),
            description="What the canary may send",
            throttle=apigateway.ThrottleSettings(
                rate_limit=canary.USAGE_PLAN.rate_per_second, burst_limit=canary.USAGE_PLAN.burst
            ),
            api_stages=[apigateway.UsagePlanPerApiStage(stage=self.api.deployment_stage)],
        ).add_api_key(key)
