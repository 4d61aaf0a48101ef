"""CloudFormation: what it takes over, and the longest wait in a deployment, which is no difference."""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from typing import Any

from ministack import app
from ministack.services.cloudformation import _stacks as all_stacks
from ministack.services.cloudformation import changesets, stacks

from .patching import Json


def imported_bucket_is_not_in_the_way() -> None:
    """With `ImportExistingResources` AWS takes a bucket over that is there.

    The emulator's change set says so, and its execution then finds the name taken. Buckets outlive their
    stacks, and the next deployment takes them over.
    """
    stock_deploy, stock_errors = changesets._deploy_stack_async, stacks._validation_errors
    imported: ContextVar[Json] = ContextVar("imported")

    async def deploy(*args: Any, imports: Json | None = None, **kwargs: Any) -> None:
        imported.set(imports or {})
        await stock_deploy(*args, imports=imports, **kwargs)

    def errors(*args: Any) -> list[Any]:
        return [error for error in stock_errors(*args) if error[0] not in imported.get({})]

    changesets._deploy_stack_async = deploy
    stacks._validation_errors = errors


def stack_status_waits_for_a_change() -> None:
    """AWS answers DescribeStacks at once; here the answer waits, briefly, for the stack to settle.

    The CDK CLI asks every five seconds, and our stacks take two.
    """
    stock = app.SERVICE_HANDLERS["cloudformation"]

    def busy() -> bool:
        statuses = [stack.get("StackStatus", "") for stack in all_stacks.values()]
        return any(status.endswith("_IN_PROGRESS") for status in statuses)

    async def handle(
        method: str, path: str, headers: Json, body: bytes, query_params: Json
    ) -> tuple[int, Json, bytes]:
        if b"Action=DescribeStacks&" in body:
            deadline = time.monotonic() + 4
            while busy() and time.monotonic() < deadline:
                await asyncio.sleep(0.05)
        return await stock(method, path, headers, body, query_params)

    app.SERVICE_HANDLERS["cloudformation"] = handle
