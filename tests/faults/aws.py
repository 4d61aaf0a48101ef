"""AWS at the SDK's HTTP layer, in memory: what it holds, what it was asked, and faults on demand.

botocore asks `before-send` handlers before it opens a connection, and takes an answer from them: all of
the SDK but the network runs, its retries and time-outs included.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import botocore.session
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.loaders import Loader

from functions.shared.clients import Clients
from tests.faults import (
    apigateway,
    cloudwatch,
    dynamodb,
    firehose,
    lambda_,
    macie,
    s3,
    sns,
    sqs,
    stepfunctions,
)
from tests.faults.http import Request, body
from tests.faults.memory import REGION, Memory
from tests.faults.sdk import fail
from tests.faults.vocabulary import Call, Faults, Service, nothing

READERS: dict[Service, Callable[[Memory, AWSPreparedRequest], Request]] = {
    "apigateway": apigateway.read,
    "dynamodb": dynamodb.read,
    "firehose": firehose.read,
    "lambda": lambda_.read,
    "macie2": macie.read,
    "monitoring": cloudwatch.read,
    "s3": s3.read,
    "sqs": sqs.read,
    "sns": sns.read,
    "states": stepfunctions.read,
}
# Of the SDK, its models read once for all tests: that takes most of the time in which clients are made.
_LOADER = Loader()
_HOST = re.compile(rf"https://(?:[^/]*\.)?({'|'.join(READERS)})\.")


def new_session(send: Callable[..., AWSResponse]) -> botocore.session.Session:
    """A session of the SDK whose requests `send` answers in place of the network."""
    session = botocore.session.get_session()
    session.register_component("data_loader", _LOADER)
    session.register("before-send", cast("Any", send))
    return session


def session_in_memory(send: Callable[..., AWSResponse]) -> botocore.session.Session:
    """The same with a region, and without signatures, which nobody reads here and which take time."""
    session = new_session(send)
    session.set_credentials("test", "test")
    session.set_config_variable("region", REGION)
    session.set_default_client_config(Config(signature_version=UNSIGNED))
    return session


@contextmanager
def no_pauses(sleep: Callable[[float], None] = lambda seconds: None) -> Iterator[None]:
    """Meanwhile the SDK does not wait between its attempts, but calls `sleep`."""
    with patch("botocore.endpoint.time", SimpleNamespace(sleep=sleep)):
        yield


@dataclass
class FakeAws(Memory):
    """The services' state, and what happens to calls."""

    fault: Faults = nothing
    """Decides what happens to a call; may change at any time."""
    calls: list[Call] = field(default_factory=list)
    slept: float = 0.0
    """Seconds that the SDK would have waited between its attempts."""
    released: threading.Event = field(default_factory=threading.Event)
    """Set it to let go of calls that hang."""
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    """A service does one call after the other, each whole."""

    @contextmanager
    def installed(self) -> Iterator[Clients]:
        """Clients whose calls come here; pauses between retries are counted, not waited for."""
        session = session_in_memory(self.send)

        def sleep(seconds: float) -> None:
            self.slept += seconds

        with no_pauses(sleep):
            yield Clients(session=session)

    def forget(self) -> None:
        """Begin anew, with the same clients."""
        super().forget()
        self.calls.clear()
        self._counts.clear()

    def count(self, *operations: str) -> int:
        """How many HTTP requests of these operations were made; of all, when none is named."""
        return sum(not operations or call.operation in operations for call in self.calls)

    def answer(self, request: AWSPreparedRequest) -> AWSResponse:
        """What AWS answers to a request that no fault happens to."""
        return self._do(self._read(request)[1])

    def send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """What becomes of a request; raises what the fault is that happens to it."""
        service, asked = self._read(request)
        text = body(request).decode(errors="replace")
        with self._lock:
            key = asked.operation, asked.target
            self._counts[key] += 1
            call = Call(service, *key, self._counts[key], text)
            self.calls.append(call)
        fault = self.fault(call)
        if fault is None:
            return self._do(asked)
        return fail(
            fault,
            request,
            service=service,
            act=lambda: self._do(asked),
            released=self.released,
        )

    def _read(self, request: AWSPreparedRequest) -> tuple[Service, Request]:
        found = _HOST.match(request.url)
        assert found, request.url
        service = cast("Service", found[1])
        return service, READERS[service](self, request)

    def _do(self, asked: Request) -> AWSResponse:
        with self._lock:
            return asked.act()
