"""Credentials: which ones there are."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from ministack.core import iam_evaluator, lambda_runtime
from ministack.services import lambda_svc as lambdas
from ministack.services import s3, sts

from .patching import rebound


@dataclass(frozen=True)
class Root:
    """The root user's key."""

    key_id: str
    secret: str


# Those that the emulator knows by itself, until it is told others.
root = Root("test", "test")


def issue_root(key_id: str, secret: str) -> None:
    """Say which key is the root user's; to be called before the shims are put in place."""
    global root
    root = Root(key_id, secret)


def only_issued_credentials_work() -> None:
    """AWS knows the credentials that it has issued, and no others.

    The emulator takes `test`, any number of 12 digits and no credentials at all for the root user's, and
    derives those of a function's role from its name. Whoever reaches the port would be root.
    """

    def is_root(access_key_id: str) -> bool:
        return hmac.compare_digest(access_key_id.encode(), root.key_id.encode())

    environment = {"AWS_ACCESS_KEY_ID": root.key_id, "AWS_SECRET_ACCESS_KEY": root.secret}
    resolve = rebound(
        iam_evaluator.resolve_credential,
        is_root_access_key=is_root,
        os=SimpleNamespace(environ=environment),
    )
    for module in (iam_evaluator, sts):
        module.is_root_access_key = is_root
    for module in (iam_evaluator, sts, s3):
        module.resolve_credential = resolve

    salt = secrets.token_bytes(32)

    def salted(content: bytes) -> Any:
        return hashlib.sha256(salt + content)

    issue = rebound(lambda_runtime.execution_credentials, hashlib=SimpleNamespace(sha256=salted))
    for module in (lambda_runtime, lambdas):
        module.execution_credentials = issue
