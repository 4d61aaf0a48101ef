"""A Lambda function of this project, with the settings that all of them share."""

from __future__ import annotations

import atexit
import platform
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from infrastructure import packaging
from infrastructure.constructs.checks import accept, accept_wildcard
from infrastructure.constructs.metrics import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constructs import Construct

    from infrastructure.configuration import Configuration

LOG_RETENTION = logs.RetentionDays.ONE_MONTH


class Function(lambda_.Function):
    """The function in `functions/{name}`: it may write its own log and trace, and nothing else yet."""

    execution_role: iam.Role

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configuration: Configuration,
        name: str,
        description: str,
        memory_size: int,
        timeout: cdk.Duration,
        environment: Mapping[str, str],
    ) -> None:
        function_name = configuration.name(name)
        target = packaging.LAPTOP if configuration.laptop else packaging.LAMBDA
        code = _package(name, configuration.catalogue_folder, target)
        log_group = log_group_of(scope, f"{id}Log", f"/aws/lambda/{function_name}")
        # The policy that the CDK would attach lets a function write to every log of the account.
        role = iam.Role(scope, f"{id}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        super().__init__(
            scope,
            id,
            function_name=function_name,
            description=description,
            code=lambda_.Code.from_asset(str(code)),
            handler=f"functions.{name}.handler.handle",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=_architecture(configuration),
            memory_size=memory_size,
            timeout=timeout,
            role=role,
            tracing=lambda_.Tracing.ACTIVE,
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            environment={
                "POWERTOOLS_SERVICE_NAME": configuration.deployment,
                "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
                "POWERTOOLS_LOG_LEVEL": "INFO",
                **environment,
            },
        )
        self.execution_role = role
        accept(self, "L1", "Python 3.13 is what the packages are compiled for and measured on.")
        accept_wildcard(
            role, "*", "X-Ray's trace segments are no resources that a policy could name."
        )


def log_group_of(scope: Construct, id: str, name: str) -> logs.LogGroup:
    """A log that is kept for as long as all logs here; it goes with its stack, so that a stack that
    is deployed again does not find its name taken."""
    return logs.LogGroup(
        scope,
        id,
        log_group_name=name,
        retention=LOG_RETENTION,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )


@cache
def _package(name: str, catalogue: Path, target: packaging.Target) -> Path:
    """The function's package, built once for all regions, where no other synth builds its own."""
    folder = Path(tempfile.mkdtemp(prefix="eventing-package-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return packaging.build(name, catalogue=catalogue, target=target, output=folder / name)


def _architecture(configuration: Configuration) -> lambda_.Architecture:
    arm = not configuration.laptop or platform.machine() in ("arm64", "aarch64")
    return lambda_.Architecture.ARM_64 if arm else lambda_.Architecture.X86_64
