"""Calls: a record of what functions, custom resources and people ask of AWS, as IAM sees it."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from ministack.core import iam_evaluator
from ministack.services import iam

if TYPE_CHECKING:
    from pathlib import Path


def record_calls(path: Path) -> None:
    """Append each call that is allowed, once, as a line of JSON; root's calls are left out.

    This is no shim: it changes nothing. Several emulators may append to one file.
    """
    stock, seen, lock = iam_evaluator.enforce, set(), threading.Lock()

    def enforce(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        denied = stock(access_key_id, iam_action, service, region, resource_arn, service_context)
        caller = iam_evaluator.caller_arn()
        if denied is None and not caller.endswith(":root"):
            call = {
                "caller": caller,
                "policies": _policies(caller),
                "action": iam_action,
                "resource": resource_arn,
                "region": region,
                "context": service_context or {},
            }
            line = json.dumps(call, sort_keys=True) + "\n"
            with lock:
                if line not in seen:
                    seen.add(line)
                    with path.open("a", encoding="utf-8") as file:
                        file.write(line)
        return denied

    iam_evaluator.enforce = enforce


def _policies(caller: str) -> list[str]:
    """The managed policies of a user."""
    user = iam._users.get(caller.partition(":user/")[2])
    return list(user["AttachedPolicies"]) if user else []
