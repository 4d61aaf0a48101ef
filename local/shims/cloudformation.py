"""CloudFormation: not a difference, but the longest wait in a deployment."""

from __future__ import annotations

import asyncio
import time

from ministack import app
from ministack.services.cloudformation import _stacks as stacks

from .patching import Json


def stack_status_waits_for_a_change() -> None:
    """AWS answers DescribeStacks at once; here the answer waits, briefly, for the stack to settle.

    The CDK CLI asks every five seconds, and our stacks take two.
    """
    stock = app.SERVICE_HANDLERS["cloudformation"]

    def busy() -> bool:
        statuses = [stack.get("StackStatus", "") for stack in stacks.values()]
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
