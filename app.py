"""The composition root: from the configuration in the CDK context to the stacks."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

import aws_cdk as cdk
import cdk_nag

from eventing.catalogue import CatalogueError
from infrastructure.configuration import Configuration, ConfigurationError
from stacks.data import DataStack
from stacks.regional import RegionalStack


def build(app: cdk.App, *, at: datetime, account: str | None) -> None:
    """Put the stacks of one deployment into `app`; what the AwsSolutions rules find stops its synth.

    `at` makes each deployment another one, which looks up anew what lives outside its stack. `account` is
    the one it is for, where that is known: names without functions can be taken over when they stay.
    """
    configuration = Configuration.read(app.node.try_get_context)
    data = DataStack(app, configuration=configuration, account=account)
    for region in configuration.regions:
        regional = RegionalStack(
            app, configuration=configuration, region_name=region, account=account, at=at
        )
        # It looks up the stream of its replica.
        regional.add_stack_dependency(data)
    for key, value in {"deployment": configuration.deployment, **configuration.tags}.items():
        cdk.Tags.of(app).add(key, value)
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))


if __name__ == "__main__":
    app = cdk.App()
    try:
        # The CDK CLI says it, of the credentials that it has.
        build(app, at=datetime.now(UTC), account=os.environ.get("CDK_DEFAULT_ACCOUNT"))
    except (CatalogueError, ConfigurationError) as error:
        sys.exit(str(error))
    app.synth()
