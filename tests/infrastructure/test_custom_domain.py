"""One name for all regions: a certificate and records in each, and health that Route 53 can look at."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest

from tests.infrastructure.synthesis import Json, Synthesis, Template

NAME = "events.example.com"
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")
ROUTE53 = "AWS::Route53::"


def _records(template: Template, name: str) -> dict[str, Json]:
    """The records of a name, by their types."""
    found = [r.properties for r in template.all(f"{ROUTE53}RecordSet")]
    return {r["Type"]: r for r in found if r["Name"] == f"{name}."}


def _checks(template: Template) -> dict[str, Json]:
    """The health checks, by their kinds."""
    found = list(template.all(f"{ROUTE53}HealthCheck"))
    kinds = {check.properties["HealthCheckConfig"]["Type"]: check for check in found}
    assert len(kinds) == len(found)
    return {
        kind: {"id": check.id, **check.properties["HealthCheckConfig"]}
        for kind, check in kinds.items()
    }


def _stacks(named: Mapping[int, Synthesis]) -> Iterator[tuple[str, Template]]:
    for count, synthesis in named.items():
        for region in REGIONS[:count]:
            yield region, synthesis.regional(region)


def test_each_region_has_a_certificate_that_dns_validates(
    named: Mapping[int, Synthesis],
) -> None:
    for region, template in _stacks(named):
        certificate = template.one("AWS::CertificateManager::Certificate").properties

        assert certificate["DomainName"] == NAME
        assert certificate["SubjectAlternativeNames"] == [f"{region}.{NAME}"]
        assert certificate["ValidationMethod"] == "DNS"
        assert {
            o["DomainName"]: o["HostedZoneId"] for o in certificate["DomainValidationOptions"]
        } == {
            NAME: "Z0123456789ABC",
            f"{region}.{NAME}": "Z0123456789ABC",
        }


def test_both_names_lead_to_the_stage_by_tls_1_2_at_least(named: Mapping[int, Synthesis]) -> None:
    for region, template in _stacks(named):
        (certificate,) = template.all("AWS::CertificateManager::Certificate")
        (stage,) = template.all("AWS::ApiGateway::Stage")
        mapped = [m.properties for m in template.all("AWS::ApiGateway::BasePathMapping")]

        for name in (NAME, f"{region}.{NAME}"):
            domain = template.one("AWS::ApiGateway::DomainName", DomainName=name).properties
            # Health checkers speak no TLS 1.3.
            assert domain["SecurityPolicy"] == "TLS_1_2"
            # Or there is nothing behind the AAAA record.
            assert domain["EndpointConfiguration"] == {
                "Types": ["REGIONAL"],
                "IpAddressType": "dualstack",
            }
            assert domain["RegionalCertificateArn"] == f"<{certificate.id}>"
        assert len(mapped) == 2
        for mapping in mapped:
            assert mapping["Stage"] == f"<{stage.id}>"
            assert not mapping.get("BasePath")


def test_the_name_of_one_region_is_there_whatever_its_health(
    named: Mapping[int, Synthesis],
) -> None:
    for region, template in _stacks(named):
        records = _records(template, f"{region}.{NAME}")

        assert set(records) == {"A", "AAAA"}
        for record in records.values():
            assert not {"HealthCheckId", "SetIdentifier", "Region", "Failover"} & set(record)
            assert record["AliasTarget"]["DNSName"].endswith(".RegionalDomainName>")


def test_the_shared_name_has_a_record_of_each_region_that_comes_and_goes_with_its_stack(
    named: Mapping[int, Synthesis],
) -> None:
    for region, template in _stacks(named):
        records = _records(template, NAME)

        assert set(records) == {"A", "AAAA"}
        for record in records.values():
            assert record["HostedZoneId"] == "Z0123456789ABC"
            # From the beginning, or a second region would ask for another kind of record.
            assert record["SetIdentifier"] == region
            assert record["AliasTarget"]["HostedZoneId"].endswith(".RegionalHostedZoneId>")
            # Of Route 53: a failover record that is an alias has to.
            assert record["AliasTarget"]["EvaluateTargetHealth"] is True


@pytest.mark.parametrize("count", [1, 3])
def test_publishers_get_the_nearest_region(named: Mapping[int, Synthesis], count: int) -> None:
    for region in REGIONS[:count]:
        for record in _records(named[count].regional(region), NAME).values():
            assert record["Region"] == region
            assert "Failover" not in record


def test_or_the_primary_one_while_it_is_healthy(named: Mapping[int, Synthesis]) -> None:
    for region, role in (("us-east-1", "PRIMARY"), ("eu-west-1", "SECONDARY")):
        for record in _records(named[2].regional(region), NAME).values():
            assert record["Failover"] == role
            assert "Region" not in record


@pytest.mark.parametrize("count", [2, 3])
def test_a_region_is_healthy_while_its_gateway_answers_and_its_canarys_events_get_through(
    named: Mapping[int, Synthesis], count: int
) -> None:
    for region in REGIONS[:count]:
        template = named[count].regional(region)
        checks = _checks(template)
        gateway, canary, both = (
            checks[kind] for kind in ("HTTPS", "CLOUDWATCH_METRIC", "CALCULATED")
        )

        # The region's own name: the shared one leads to any.
        assert gateway["FullyQualifiedDomainName"] == f"{region}.{NAME}"
        assert (gateway["Port"], gateway["ResourcePath"]) == (443, "/health")
        assert gateway["EnableSNI"] is True
        assert gateway["RequestInterval"] * gateway["FailureThreshold"] <= 60
        assert canary["AlarmIdentifier"] == {
            "Name": "eventing-canary-undelivered",
            "Region": region,
        }
        # A dead region sends nothing.
        assert canary["InsufficientDataHealthStatus"] == "Unhealthy"
        assert both["ChildHealthChecks"] == [f"<{gateway['id']}>", f"<{canary['id']}>"]
        assert both["HealthThreshold"] == 2
        for record in _records(template, NAME).values():
            assert record["HealthCheckId"] == f"<{both['id']}>"


def test_route_53_can_look_at_the_alarm(named: Mapping[int, Synthesis]) -> None:
    """Route 53, "Monitoring a CloudWatch alarm": no M of N, no metric math, five statistics."""
    for _, template in _stacks(named):
        alarm = template.one("AWS::CloudWatch::Alarm", AlarmName="eventing-canary-undelivered")

        assert alarm.properties["Statistic"] in (
            "Average",
            "Minimum",
            "Maximum",
            "Sum",
            "SampleCount",
        )
        assert alarm.properties["Period"] >= 60
        assert "Metrics" not in alarm.properties
        assert "ExtendedStatistic" not in alarm.properties
        assert alarm.properties.get("DatapointsToAlarm", 2) == alarm.properties["EvaluationPeriods"]


def test_where_there_is_one_region_its_health_decides_nothing(
    named: Mapping[int, Synthesis],
) -> None:
    template = named[1].regional()

    assert not list(template.all(f"{ROUTE53}HealthCheck"))
    assert all("HealthCheckId" not in record for record in _records(template, NAME).values())


def test_nothing_needs_another_regions_stack(named: Mapping[int, Synthesis]) -> None:
    """A reference to another region would be a custom resource that reads that region when it is down."""
    for synthesis in named.values():
        for stack, template in synthesis.templates.items():
            text = json.dumps(template.body)
            assert "Fn::ImportValue" not in text
            assert "Fn::GetStackOutput" not in text
            assert "Custom::CrossRegion" not in text
            others = [
                json.dumps(body)
                for body in template.body["Resources"].values()
                if body["Type"].startswith((ROUTE53, "AWS::ApiGateway::", "AWS::Certificate"))
            ]
            for region in set(REGIONS) - {template.region}:
                assert not [text for text in others if region in text], stack


@pytest.mark.parametrize("count", [1, 2, 3])
def test_no_stream_is_allowed_by_a_wildcard(named: Mapping[int, Synthesis], count: int) -> None:
    """The CDK gives the stream of a replica out as `.../stream/*`."""
    for template in named[count].templates.values():
        for policy in template.all("AWS::IAM::Policy"):
            text = json.dumps(policy.properties["PolicyDocument"])
            assert "stream/*" not in text, policy.id


def test_the_rest_is_what_a_deployment_without_a_domain_has(
    named: Mapping[int, Synthesis], two_regions: Synthesis
) -> None:
    names = ("AWS::ApiGateway::DomainName", "AWS::ApiGateway::BasePathMapping")
    kinds = (ROUTE53, "AWS::CertificateManager::", *names)
    without = two_regions.regional()
    added = {
        body["Type"]
        for id, body in named[2].regional().body["Resources"].items()
        if id not in without.body["Resources"]
    }

    # One on the other region.
    assert not [type for type in added - {"AWS::CloudWatch::Alarm"} if not type.startswith(kinds)]
    assert not [
        body["Type"]
        for body in without.body["Resources"].values()
        if body["Type"].startswith(kinds)
    ]


def test_publishers_get_the_shared_name_and_operators_that_of_the_region(
    named: Mapping[int, Synthesis], regional: Template
) -> None:
    for region, template in _stacks(named):
        assert template.output("PublisherUrl") == f"https://{NAME}/"
        assert template.output("RegionUrl") == f"https://{region}.{NAME}/"
        # The gateway's own name stays on: it needs no zone.
        assert f".execute-api.{region}." in template.output("ApiUrl")
        (api,) = template.all("AWS::ApiGateway::RestApi")
        assert not api.properties.get("DisableExecuteApiEndpoint")
    assert regional.output("PublisherUrl") == regional.output("ApiUrl")
    assert "RegionUrl" not in regional.body["Outputs"]
