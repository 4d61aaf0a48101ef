"""A Lambda function of this project, with the settings that all of them share."""

from __future__ import annotations

import atexit
import platform
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from functions.contract import Variable
from infrastructure import packaging
from infrastructure.constructs.alarms import Meaning, Missing
from infrastructure.constructs.checks import accept, accept_wildcard
from infrastructure.constructs.region import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constructs import Construct

    from infrastructure.configuration import Configuration
    from infrastructure.constructs.region import Region

# An invocation that takes so much of its time has little left for a day when AWS is slower.
_LONG = 0.8

_MINUTE = cdk.Duration.minutes(1)


class Function(lambda_.Function):
    """The function in `functions/{name}`: it may write its own log and trace, and nothing else yet.

    `alarms` are on invocations that fail, are turned away, or nearly run out of time; `harm` says what
    these do to publishers and subscribers, and without any there are none. One that `refuses` raises what
    its caller did wrong, which is no failure of it: whoever calls it watches for those.
    """

    log_name: str

    execution_role: iam.Role
    alarms: tuple[cloudwatch.Alarm, ...]
    errors: cloudwatch.Metric
    throttles: cloudwatch.Metric
    duration: cloudwatch.Metric
    seconds_before_alarm: float

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        name: str,
        description: str,
        memory_size: int,
        timeout: cdk.Duration,
        environment: Mapping[str, str],
        harm: str | None,
        refuses: bool = False,
        disk: cdk.Size | None = None,
    ) -> None:
        configuration = region.configuration
        function_name = configuration.name(name)
        target = packaging.LAPTOP if configuration.laptop else packaging.LAMBDA
        roots = configuration.amazon_roots
        code = _package(name, configuration.catalogue_folder, target, roots)
        log_name = f"/aws/lambda/{function_name}"
        log_group = log_group_of(scope, f"{id}Log", log_name, configuration=configuration)
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
            ephemeral_storage_size=disk,
            reserved_concurrent_executions=configuration.reserved_concurrency.get(name),
            role=role,
            tracing=lambda_.Tracing.ACTIVE,
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            # Lambda's own lines of an invocation that went well say what metrics and our line do, and cost
            # half as much again; those of one that failed, ran out of time or memory are still there.
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            environment={
                Variable.SERVICE: configuration.deployment,
                Variable.NAMESPACE: NAMESPACE,
                Variable.LOG_LEVEL: "INFO",
                **({Variable.CANARY: "on"} if configuration.canary else {}),
                # Of the SDK: "The path to a certificate bundle to validate TLS certificates".
                **({"AWS_CA_BUNDLE": f"/var/task/{packaging.AMAZON_ROOTS}"} if roots else {}),
                **environment,
            },
        )
        self.execution_role = role
        self.log_name = log_name
        if packaging.interpreter(target.python) is None:
            cdk.Annotations.of(self).add_warning_v2(
                "eventing:not-compiled",
                f"There is no Python {target.version} on this machine, so the package has no .pyc files: it "
                "starts at half the speed, and is another one than a machine with it makes.",
            )
        accept(self, "L1", "Python 3.13 is what the packages are compiled for and measured on.")
        accept_wildcard(
            role, "*", "X-Ray's trace segments are no resources that a policy could name."
        )
        minute = cdk.Duration.minutes(1)
        self.errors = self.metric_errors(period=minute)
        self.throttles = self.metric_throttles(period=minute)
        self.duration = self.metric_duration(period=minute, statistic=cloudwatch.Stats.MAXIMUM)
        self.seconds_before_alarm = timeout.to_seconds() * _LONG
        self.alarms = ()
        if harm is not None:
            self._watch(region, name, timeout, harm, refuses=refuses)

    def _watch(
        self,
        region: Region,
        name: str,
        timeout: cdk.Duration,
        harm: str,
        *,
        refuses: bool,
    ) -> None:
        watched = (
            ("errors", self.errors, 0.0, 1, "failed: it crashed or ran out of time or memory."),
            ("throttles", self.throttles, 0.0, 2, "was not run: too many ran at once."),
            (
                "duration",
                self.duration,
                self.seconds_before_alarm * 1000,
                2,
                f"took longer than {self.seconds_before_alarm:.0f} s, and at "
                f"{timeout.to_seconds():.0f} s it is ended.",
            ),
        )
        self.alarms = tuple(
            region.alarms.alarm(
                self,
                f"{what.capitalize()}Alarm",
                name=f"{name}-{what}",
                metric=metric,
                above=above,
                minutes=minutes,
                of=3,
                # A function that is not called has no data.
                missing=Missing.IS_FINE,
                meaning=Meaning(
                    what=f"An invocation of the {name} function {happened}",
                    users=harm,
                    section=f"{name}-function",
                ),
            )
            for what, metric, above, minutes, happened in watched
            if what != "errors" or not refuses
        )


def every_minute(
    scope: Construct, *, region: Region, function: Function, name: str, description: str
) -> None:
    """Call the function each minute, once.

    A call that comes late says nothing of its minute, and the next one is there by then: none is repeated.
    """
    function.configure_async_invoke(retry_attempts=0, max_event_age=_MINUTE)
    events.Rule(
        scope,
        "EveryMinute",
        rule_name=region.configuration.name(name),
        description=description,
        schedule=events.Schedule.rate(_MINUTE),
        targets=[targets.LambdaFunction(function, retry_attempts=0, max_event_age=_MINUTE)],
    )


def log_group_of(
    scope: Construct, id: str, name: str, *, configuration: Configuration
) -> logs.LogGroup:
    """A log that is kept for as long as all logs here; it goes with its stack, so that a stack that
    is deployed again does not find its name taken."""
    group = logs.LogGroup(scope, id, log_group_name=name, removal_policy=cdk.RemovalPolicy.DESTROY)
    # The CDK has a name for each number that CloudWatch offers, and takes no number.
    made = cast("logs.CfnLogGroup", group.node.default_child)
    made.retention_in_days = configuration.retention.logs
    return group


@cache
def _package(name: str, catalogue: Path, target: packaging.Target, amazon_roots: bool) -> Path:
    """The function's package, built once for all regions, where no other synth builds its own."""
    folder = Path(tempfile.mkdtemp(prefix="eventing-package-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return packaging.build(
        name,
        catalogue=catalogue,
        target=target,
        output=folder / name,
        amazon_roots=amazon_roots,
    )


def _architecture(configuration: Configuration) -> lambda_.Architecture:
    arm = not configuration.laptop or platform.machine() in ("arm64", "aarch64")
    return lambda_.Architecture.ARM_64 if arm else lambda_.Architecture.X86_64
