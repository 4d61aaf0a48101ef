"""The other regions: this one tells operators when one is lost, since that one can't."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from constructs import Construct

from functions.contract import HEALTH, Dimension, Metric, Variable
from infrastructure.constructs.alarms import Meaning, Missing, Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_cloudwatch as cloudwatch

    from infrastructure.constructs.function import Function
    from infrastructure.constructs.region import Region
    from infrastructure.domain import Domain

# Every look of a minute is answered, or an alarm begins.
ANSWERED = 1


class Neighbours(Construct):
    """An alarm for each other region, on what `function` sees of its gateway each minute.

    Not on Route 53's own metrics: those are in us-east-1 only, which may be what is lost.
    """

    answered: Mapping[str, cloudwatch.Metric]
    """By the names of regions."""

    def __init__(
        self, scope: Construct, id: str, *, region: Region, domain: Domain, function: Function
    ) -> None:
        super().__init__(scope, id)
        urls = {name: f"https://{domain.of_region(name)}{HEALTH}" for name in region.neighbours}
        function.add_environment(Variable.NEIGHBOURS, json.dumps(urls))
        self.answered = {
            name: region.metric(Metric.NEIGHBOUR_ANSWERED, by={Dimension.REGION: name})
            for name in urls
        }
        for name, metric in self.answered.items():
            alarm = region.alarms.alarm(
                self,
                f"Unreachable-{name}",
                name=f"region-{name}-unreachable",
                metric=metric,
                below=ANSWERED,
                minutes=3,
                # A canary that is silent has an alarm of its own.
                missing=Missing.CHANGES_NOTHING,
                meaning=Meaning(
                    what=f"The region {name} does not answer: for three minutes its gateway could not "
                    "be reached from here.",
                    users="the shared URL leads publishers to another region; what it has accepted and "
                    "not published waits.",
                    section="region-unreachable",
                ),
            )
            region.alarms.notify(alarm, part=Part.REGIONS)
