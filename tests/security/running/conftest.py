"""An emulator as `make run` has it, and an API in it that publishers may POST to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from local.cloud import ACCOUNT, LocalCloud
from local.deployment import Deployment
from tests.end_to_end.lab import Api, Lab, policy
from tests.security.running.attack import ROLE

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """One for all attacks."""
    with LocalCloud() as cloud:
        cloud.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=policy())
        yield Lab(cloud)


@pytest.fixture(scope="session")
def api(lab: Lab) -> Api:
    """A deployed API whose function answers 200."""
    return lab.api(lab.function('return {"statusCode": 200, "body": "taken"}'))


@pytest.fixture(scope="session")
def system(lab: Lab) -> Deployment:
    """A topic and a state machine in place of the deployed ones."""
    states = {"Echo": {"Type": "Pass", "End": True}}
    machine = lab.client("stepfunctions").create_state_machine(
        name=lab.name(),
        definition=json.dumps({"QueryLanguage": "JSONata", "StartAt": "Echo", "States": states}),
        roleArn=lab.role(),
    )["stateMachineArn"]
    outputs = {
        "RedriveStateMachineArn": machine,
        "ApiUrl": "https://api.example/v1/",
        "TopicArnPrefix": f"arn:aws:sns:{lab.cloud.region}:{ACCOUNT}:{lab.name()}-",
    }
    return Deployment(lab.cloud, {f"eventing-{lab.cloud.region}": outputs})
