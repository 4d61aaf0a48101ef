"""One name for all regions: Route 53 leads publishers to one that is healthy."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_route53 as route53
from constructs import Construct

from functions.contract import HEALTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infrastructure.constructs.canary import Canary
    from infrastructure.constructs.region import Region
    from infrastructure.domain import Domain

_INTERVAL = cdk.Duration.seconds(30)
# More than 82 % of the checkers have to agree that it is ill, so two times are enough.
_FAILURES = 2


class CustomDomain(Construct):
    """The domain's shared name and the region's own one, both of them of this region's API.

    The records of the shared name that all regions make are one set, out of which Route 53 answers with
    those of healthy regions. A region is healthy while its gateway answers and its canary's events get
    through; where there is one region alone nobody looks. Without a domain nothing is made, and publishers
    use the gateway's own URL.
    """

    outputs: Mapping[str, str]
    """Of the stack, by their keys."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        api: apigateway.RestApi,
        canary: Canary | None,
    ) -> None:
        super().__init__(scope, id)
        domain = region.configuration.domain
        if not domain:
            self.outputs = {"PublisherUrl": api.url}
            return
        own = domain.of_region(region.name)
        self._zone_id = domain.hosted_zone_id
        zone = route53.HostedZone.from_hosted_zone_attributes(
            self, "Zone", hosted_zone_id=self._zone_id, zone_name=domain.hosted_zone_name
        )
        self._certificate = acm.Certificate(
            self,
            "Certificate",
            domain_name=domain.name,
            subject_alternative_names=[own],
            validation=acm.CertificateValidation.from_dns(zone),
        )
        self._lead("Own", own, api)
        health = None
        if canary and len(region.configuration.regions) > 1:
            health = self._health(own, region, canary)
        for record in self._lead("Shared", domain.name, api):
            _route(record, region, domain)
            if health:
                record.health_check_id = health.health_check_id
        self.outputs = {"PublisherUrl": f"https://{domain.name}/", "RegionUrl": f"https://{own}/"}

    def _lead(self, id: str, name: str, api: apigateway.RestApi) -> list[route53.CfnRecordSet]:
        """Let a name lead to the stage of the API, by the records that are returned."""
        made = apigateway.DomainName(
            self,
            id,
            domain_name=name,
            certificate=self._certificate,
            endpoint_type=apigateway.EndpointType.REGIONAL,
            # Health checkers speak no TLS 1.3.
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
            mapping=api,
        )
        # IPv6 as well, which the CDK has no word for.
        cast(
            "apigateway.CfnDomainName", made.node.default_child
        ).endpoint_configuration = apigateway.CfnDomainName.EndpointConfigurationProperty(
            types=[apigateway.EndpointType.REGIONAL.value], ip_address_type="dualstack"
        )
        return [
            route53.CfnRecordSet(
                self,
                f"{id}{type}",
                hosted_zone_id=self._zone_id,
                name=f"{name}.",
                type=type,
                alias_target=route53.CfnRecordSet.AliasTargetProperty(
                    dns_name=made.domain_name_alias_domain_name,
                    hosted_zone_id=made.domain_name_alias_hosted_zone_id,
                    # A failover record has to have it.
                    evaluate_target_health=True,
                ),
            )
            for type in ("A", "AAAA")
        ]

    def _health(self, own: str, region: Region, canary: Canary) -> route53.HealthCheck:
        gateway = route53.HealthCheck(
            self,
            "GatewayHealth",
            type=route53.HealthCheckType.HTTPS,
            fqdn=own,
            port=443,
            resource_path=HEALTH,
            request_interval=_INTERVAL,
            failure_threshold=_FAILURES,
        )
        events = route53.HealthCheck(
            self,
            "CanaryHealth",
            type=route53.HealthCheckType.CLOUDWATCH_METRIC,
            alarm_identifier=route53.AlarmIdentifier(
                name=canary.undelivered.alarm_name, region=region.name
            ),
            # A region that is lost sends no data.
            insufficient_data_health_status=route53.InsufficientDataHealthStatusEnum.UNHEALTHY,
        )
        checks = {"gateway": gateway, "canary": events}
        both = route53.HealthCheck(
            self,
            "Health",
            type=route53.HealthCheckType.CALCULATED,
            child_health_checks=[gateway, events],
            health_threshold=len(checks),
        )
        for what, check in {**checks, "healthy": both}.items():
            # The console shows it.
            name = region.configuration.name(f"{region.name}-{what}")
            cdk.Tags.of(check).add("Name", name)
        return both


def _route(record: route53.CfnRecordSet, region: Region, domain: Domain) -> None:
    """Tell the record of a region from those of the others.

    In the first region too, since Route 53 takes no second record beside one without.
    """
    record.set_identifier = region.name
    if domain.routing == "latency":
        record.region = region.name
    else:
        is_primary = region.name == region.configuration.primary_region
        record.failover = "PRIMARY" if is_primary else "SECONDARY"
