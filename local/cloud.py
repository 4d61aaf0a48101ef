"""An AWS of one's own on this machine, with our CDK app deployed into it."""

from __future__ import annotations

import contextlib
import json
import os
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import boto3
from botocore.config import Config

from local.emulator import Emulator, RootKey
from local.programs import LOCAL, ROOT, StepFailedError, clean_environment, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["ACCOUNT", "LOCAL", "ROOT", "LocalCloud", "Outputs", "StepFailedError"]

ACCOUNT = "000000000000"
CDK_SECONDS = 300.0

Outputs = dict[str, dict[str, str]]


class LocalCloud:
    """The emulator with our app in it, while the context is open."""

    def __init__(
        self,
        *,
        region: str = "us-east-1",
        say: Callable[[str, str], None] = lambda *_: None,
        without: Sequence[str] = (),
    ) -> None:
        """`without` names shims of the emulator to leave out."""
        self.region = region
        self._say = say
        self._emulator = Emulator(region=region, without=without)
        self._clients: dict[tuple[str, str], Any] = {}
        self.assembly: Path | None = None
        """The folder of the synthesised app, once it is deployed."""

    def __enter__(self) -> Self:
        with self._step("starting the emulator"):
            self._emulator.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._emulator.__exit__(*exception)

    @property
    def endpoint_url(self) -> str:
        """Where every service answers."""
        return self._emulator.url

    @property
    def root_key(self) -> RootKey:
        """The key of this cloud's root user."""
        return self._emulator.root_key

    @property
    def environment(self) -> dict[str, str]:
        """What makes an AWS SDK or the AWS CLI talk to this cloud."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.root_key.id,
            "AWS_SECRET_ACCESS_KEY": self.root_key.secret,
            "AWS_DEFAULT_REGION": self.region,
        }

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client of this cloud, as its root user."""
        key = (service, region or self.region)
        if key not in self._clients:
            self._clients[key] = self._new_client(self._session, *key)
        return self._clients[key]

    def client_of(self, service: str, credentials: Mapping[str, str]) -> Any:
        """A boto3 client of this cloud, with the credentials that `AssumeRole` has answered."""
        session = boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )
        return self._new_client(session, service, self.region)

    def _new_client(self, session: boto3.Session, service: str, region: str) -> Any:
        return session.client(  # type: ignore[call-overload]
            service,
            region_name=region,
            endpoint_url=self.endpoint_url,
            config=Config(read_timeout=40, retries={"mode": "standard"}),
        )

    def deploy(
        self,
        context: Mapping[str, str],
        *,
        regions: Sequence[str] = (),
        assembly: Path | None = None,
    ) -> Outputs:
        """Bootstrap `regions` (default: the cloud's own) and deploy the whole app with the CDK CLI.

        The app is synthesised into the folder `assembly` (default: one of the cloud's own), unless it is
        in there. Returns the outputs of each stack.
        """
        regions = regions or (self.region,)
        self.assembly = assembly = assembly or self._emulator.folder / "cdk.out"
        with self._step(f"bootstrapping {', '.join(regions)}"):
            self._bootstrap(regions)
        if not (assembly / "manifest.json").exists():
            with self._step("synthesising the app"):
                self.cdk("synth", "--quiet", "--output", str(assembly), context=context)
        outputs = self._emulator.folder / "outputs.json"
        with self._step("deploying with the CDK CLI"):
            self.cdk(
                "deploy", "--all", "--require-approval", "never", "--method", "direct",
                "--outputs-file", str(outputs), "--app", str(assembly),
            )  # fmt: skip
        found: Outputs = json.loads(outputs.read_text())
        return found

    def cdk(self, *arguments: str, context: Mapping[str, str] | None = None) -> str:
        """Run the CDK CLI against this cloud and return what it printed."""
        command = [str(ROOT / "node_modules" / ".bin" / "cdk"), *arguments, "--no-notices"]
        # Whatever regions cdk.json has for AWS: here there is one, unless a caller wants more.
        here = {"primary_region": self.region, "replica_regions": "[]"}
        for key, value in (here | dict(context) if context else {}).items():
            command += ["--context", f"{key}={value}"]
        if not {"--app", "--output"} & set(arguments):
            command += ["--output", str(self._emulator.folder / "cdk.out")]
        environment = clean_environment() | {
            **self.environment,
            "AWS_REGION": self.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
            "CI": "true",  # plain lines on stdout
        }
        return run(
            f"cdk {arguments[0]}",
            command,
            environment,
            seconds=CDK_SECONDS,
            advice="The lines above say what was wrong; `make synth` shows faults of the app alone.",
        )

    @cached_property
    def _session(self) -> boto3.Session:
        key = self.root_key
        return boto3.Session(
            aws_access_key_id=key.id, aws_secret_access_key=key.secret, region_name=self.region
        )

    def _bootstrap(self, regions: Sequence[str]) -> None:
        """Make what the CDK CLI looks for: the asset bucket and the version of the bootstrap stack.

        `cdk bootstrap` does the same here in ten times the time; its roles have no use where
        everything is done as root.
        """
        for region in regions:
            bucket: dict[str, Any] = {"Bucket": f"cdk-hnb659fds-assets-{ACCOUNT}-{region}"}
            if region != "us-east-1":
                bucket["CreateBucketConfiguration"] = {"LocationConstraint": region}
            self.client("s3", region).create_bucket(**bucket)
            self.client("ssm", region).put_parameter(
                Name="/cdk-bootstrap/hnb659fds/version", Type="String", Value="30"
            )

    @contextlib.contextmanager
    def _step(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        self._say(f"{what} ...", " ")
        yield
        self._say(f"{time.monotonic() - began:.1f} s", "\n")
