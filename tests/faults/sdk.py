"""Faults inside the SDK: its `before-send` handlers may answer in place of the network, or raise."""

from __future__ import annotations

import threading
from collections.abc import Callable

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from tests.faults.http import error
from tests.faults.vocabulary import Fault, Killed, refusal

# Calls that hang are let go of by then, whatever a test does.
HANG_SECONDS = 10


def fail(
    fault: Fault,
    request: AWSPreparedRequest,
    *,
    service: str,
    act: Callable[[], AWSResponse],
    released: threading.Event,
) -> AWSResponse:
    """A refusal, or the exception that the fault is; `act` does what was asked for.

    Raises `Killed`, or what botocore raises when no answer comes. A call that hangs waits for `released`.
    """
    if refused := refusal(fault, service):
        return error(request, refused)
    match fault:
        case "unreachable":
            raise EndpointConnectionError(endpoint_url=request.url)
        case "killed":
            raise Killed
        case "done-then-killed":
            act()
            raise Killed
        case "done-then-timeout":
            act()
        case "hang":
            released.wait(HANG_SECONDS)
    raise ReadTimeoutError(endpoint_url=request.url)
