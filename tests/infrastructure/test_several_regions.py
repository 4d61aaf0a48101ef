"""One, two and three regions, with a domain and without: each stack stands on its own in its region."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

import pytest

from tests.infrastructure.synthesis import Json, Synthesis, Template

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")
# Of CloudFormation, and of the CDK where a stack needs something of a stack in another region.
_BETWEEN_STACKS = ("Fn::ImportValue", "Fn::GetStackOutput", "CrossRegionExport", "Outputs.Export")
_ARN = re.compile(r"arn:aws[\w-]*:([a-z0-9-]+):([a-z0-9-]+):")


@pytest.fixture(
    params=[(count, domain) for count in (1, 2, 3) for domain in (False, True)],
    ids=lambda param: f"{param[0]} regions, {'a' if param[1] else 'no'} domain",
)
def regions(
    request: pytest.FixtureRequest,
    deployment: Synthesis,
    two_regions: Synthesis,
    three_regions: Synthesis,
    named: Mapping[int, Synthesis],
) -> Mapping[str, Template]:
    """The templates of a deployment, by region."""
    count, domain = request.param
    plain = {1: deployment, 2: two_regions, 3: three_regions}
    synthesis = (named if domain else plain)[count]
    return {region: synthesis.regional(region) for region in REGIONS[:count]}


def _statements(template: Template) -> Iterator[Json]:
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for resource in template.all(kind):
            yield from resource.properties["PolicyDocument"]["Statement"]


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def test_functions_read_the_stream_of_their_own_table_and_no_other(
    regions: Mapping[str, Template],
) -> None:
    for region, template in regions.items():
        streams = {
            resource
            for statement in _statements(template)
            for action in _listed(statement["Action"])
            if action in ("dynamodb:GetRecords", "dynamodb:DescribeStream", "dynamodb:ListStreams")
            for resource in _listed(statement["Resource"])
        }
        (mapping,) = template.all("AWS::Lambda::EventSourceMapping")

        assert streams == {mapping.properties["EventSourceArn"]}, region
        assert "*" not in json.dumps(sorted(streams))


def test_no_stack_needs_what_a_stack_in_another_region_gives(
    regions: Mapping[str, Template],
) -> None:
    for template in regions.values():
        text = json.dumps(template.body)

        assert [one for one in _BETWEEN_STACKS if one in text] == []
        assert not any("Export" in output for output in template.body.get("Outputs", {}).values())


def test_nothing_but_publishers_is_changed_in_another_region(
    regions: Mapping[str, Template],
) -> None:
    for region, template in regions.items():
        elsewhere = {
            resource
            for statement in _statements(template)
            for resource in _listed(statement.get("Resource", []))
            for service, there in _ARN.findall(str(resource))
            if there in REGIONS and there != region
            if service != "apigateway" and "eventing-publishers" not in resource
        }

        assert elsewhere == set()
