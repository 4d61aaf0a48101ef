"""People with one of the deployment's managed policies, and no other rights."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.deployment import Deployment


def environment_of(deployment: Deployment, name: str, policy: str) -> dict[str, str]:
    """What makes the AWS CLI and SDKs act as a new user with a policy, which is named by its output."""
    iam = deployment.client("iam")
    iam.create_user(UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn=deployment.outputs[policy])
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {
        **deployment.cloud.environment,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
