"""What measurements in one process share: a run and its calls, and clients whose calls cost nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from benchmarks import events
from benchmarks.environment import control
from benchmarks.measuring import Run

CONTEXT = events.Context()


def timed(call: Callable[[], object], sink: str, *, number: int, repeat: int = 1) -> Run:
    """One run of `repeat` calls with `number` events each, and the AWS calls that it made."""
    before = _calls(sink)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeat):
        call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Run(wall, cpu, events=number * repeat, calls=_calls(sink) - before)


def _calls(sink: str) -> int:
    return sum(count for name, count in control(sink).items() if name != "connections")


class Stub:
    """A client whose calls cost nothing."""

    def get_item(self, **_: Any) -> Any:
        return {}

    def execute_statement(self, **_: Any) -> Any:
        return {}

    def put_object(self, **_: Any) -> Any:
        return {}

    def put_record_batch(self, **_: Any) -> Any:
        return {"FailedPutCount": 0}

    def batch_execute_statement(self, **arguments: Any) -> Any:
        return {"Responses": [{"TableName": "events"}] * len(arguments["Statements"])}

    def publish_batch(self, **arguments: Any) -> Any:
        entries = arguments["PublishBatchRequestEntries"]
        return {"Successful": [{"Id": entry["Id"], "MessageId": "0"} for entry in entries]}


def stubbed(stub: Stub | None = None) -> Any:
    from functions.shared.clients import Clients

    class Stubbed(Clients):
        """Clients whose calls cost nothing."""

        def client(self, service: Any) -> Any:  # noqa: ARG002
            return stub or Stub()

    return Stubbed()


class InLine(Executor):
    """An executor that hands nothing over to another thread."""

    def submit(self, fn: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*arguments, **named))
        return future
