"""Target 9: the redrive function's page against a plain loop. Its runs happen in the built package.

python -m benchmarks.redrive [SINK]
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import events
from benchmarks.environment import PACKAGES, Environment, control
from benchmarks.measuring import Run, at_least, at_most, ratio, rounds, table
from functions.contract import Variable
from infrastructure.packaging import ROOT

LETTERS, LOOPED = 2000, 50
_TOPIC = "orders"
VARIABLES = {
    Variable.LEDGER_TABLE: "ledger",
    Variable.OPEN_LETTER_DAYS: "180",
    Variable.CLOSED_LETTER_DAYS: "30",
    Variable.OPERATIONS_BUCKET: "operations",
    Variable.OPS_TOPIC_ARN: "arn:aws:sns:eu-north-1:123456789012:shop-ops",
    Variable.DEPLOYMENT: "shop",
    Variable.STATE_MACHINE_ARN: "arn:aws:states:eu-north-1:123456789012:stateMachine:shop-redrive",
    Variable.RUNBOOK: "docs/runbook.md",
    Variable.COMMAND_OPTIONS: "",
    Variable.DASHBOARD: "",
}
_QUEUE = "https://sqs.eu-north-1.amazonaws.com/123456789012/publish-dlq"
_STARTED = "2026-11-24T10:00:00.000Z"


def target_9(environment: Environment) -> Iterator[str]:
    """Redrive letters: against receive, publish and delete, one message at a time."""
    with environment.sink() as sink:
        process = environment.start(
            ["-m", "benchmarks.redrive", sink.http],
            package=PACKAGES / "redrive",
            sink=sink.http,
            variables={**VARIABLES, "AWS_DATA_PATH": str(_all_services(environment))},
        )
        assert process.stdout
        # Without the function's own lines, its metrics.
        yield from (line.rstrip() for line in process.stdout if not line.startswith("{"))
        if process.wait():
            raise SystemExit("benchmarks: target 9 failed")
    yield at_most("state transitions per 1,000 letters", transitions(pages=1), 20, "")


def _all_services(environment: Environment) -> Path:
    """The SDK's data on SQS too, which the loop needs and the function's own SDK leaves out."""
    (folder,) = environment.python.parents[1].glob("lib/python3*/site-packages/botocore/data")
    return folder


def transitions(*, pages: int) -> int:
    """States that an execution enters which redrives letters in so many pages, its triage included."""
    from tests.workflows.asl import Execution

    machine = json.loads((ROOT / "workflows" / "redrive.asl.json").read_text(encoding="utf-8"))
    left = iter(range(pages - 1, -1, -1))
    answers: dict[str, Any] = {
        "begin": {"stages": ["publish"], "action": "redrive", "approval_above": 1000},
        "triage": {"drained": True, "skipped": False},
        "plan": {"count": 1000, "hash": "h"},
        "lock": {"token": {"lock#publish": 1}},
        "probe": {"position": {}},
    }

    def task(arguments: Any) -> Any:
        name = arguments["Payload"]["task"]
        if name == "page":
            payload = {"position": {}, "done": next(left) == 0, "stop": None}
        else:
            payload = answers.get(name, {})
        return {"Payload": payload}

    execution = Execution(machine, task)
    execution.run({"action": "redrive"})
    return len(execution.visited)


def _row(event: str) -> dict[str, Any]:
    texts = {
        "stage": "publish", "step": "publish", "state": "open", "publisher": "acme",
        "type": json.loads(event)["type"], "topic": _TOPIC, "code": "NOT_FOUND",
        "fingerprint": "0123456789abcdef", "failed_at": "2026-11-24T09:30:00.000Z",
        "accepted_at": "2026-11-24T09:29:59.000Z", "event_key": "acme#1", "digest": "d",
        "verdict": "ok", "judged_by": "c", "target": _TOPIC, "event": event,
    }  # fmt: skip
    numbers = {"version": 1, "episode": 0, "expires_at": 2_000_000_000, "size": len(event)}
    return {
        **{name: {"S": value} for name, value in texts.items()},
        **{name: {"N": str(value)} for name, value in numbers.items()},
    }


def _measure(sink: str) -> Iterator[str]:
    import boto3

    from eventing.redrive.plan import Plan
    from functions.redrive.handler import THREADS, make_handler
    from functions.shared.clock import Clock
    from functions.shared.parts import Parts

    class Unpaced(Clock):
        """The engine itself: how fast it may go is its pace's business, see eventing/redrive/pace.py."""

        def sleep(self, seconds: float) -> None:
            pass

    event = json.dumps(events.event(), ensure_ascii=False, separators=(",", ":"))
    request = {
        "action": "redrive",
        "stage": "publish",
        "rate_per_second": 10_000,
        "reason": "a benchmark",
        "started_by": "benchmarks",
    }
    letters = [(f"{number:043}", 1) for number in range(LETTERS)]
    plan = Plan(request, "c", letters, {}, ["topic orders"] * LETTERS)
    handle = make_handler(Parts(threads=THREADS, clock=Unpaced()))
    task = {
        "task": "page",
        "execution": "run-1", "execution_arn": "arn:run-1", "started_at": _STARTED,
        "request": {**request, "stages": ["publish"]},
        "plan": {"hash": plan.hash, "object": "plan.json"},
        "token": {"lock#publish": 1}, "position": None,
    }  # fmt: skip
    sqs, sns = boto3.client("sqs"), boto3.client("sns")

    def engine() -> None:
        result = handle(task, events.Context())
        position = result["position"]
        assert result["done"], result
        assert (position["attempted"], position["failed"]) == (LETTERS, 0)

    def loop() -> None:
        for _ in range(LOOPED):
            (message,) = sqs.receive_message(QueueUrl=_QUEUE)["Messages"]
            body = json.loads(message["Body"])
            topic = f"arn:aws:sns:eu-north-1:123456789012:shop-topic-{_TOPIC}"
            attributes: Any = {
                name: {"DataType": "String", "StringValue": body[name]}
                for name in ("type", "source", "subject")
            }
            sns.publish(TopicArn=topic, Message=message["Body"], MessageAttributes=attributes)
            sqs.delete_message(QueueUrl=_QUEUE, ReceiptHandle=message["ReceiptHandle"])

    def timed(call: Any, number: int, content: str) -> Run:
        settings = {"delays": {"*": 0.010}, "item": _row(event), "content": content}
        control(sink, settings)
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        calls = sum(n for name, n in control(sink).items() if name != "connections")
        return Run(wall, cpu, events=number, calls=calls)

    runners = {
        "receive, publish, delete": partial(timed, loop, LOOPED, event),
        "redrive function": partial(timed, engine, LETTERS, plan.text()),
    }
    rounds(runners, 1)
    runs = rounds(runners, 5)
    yield f"  10 ms a call; {LOOPED} messages by the loop, {LETTERS} letters by a page, not paced"
    yield table(runs, base="receive, publish, delete")
    ours, base = runs["redrive function"], runs["receive, publish, delete"]
    # The table's times are of runs of unlike length.
    speed = 1 / median(run.per_event() for run in ours)
    yield at_least("letters a second", speed, 500, "")
    yield at_least("faster than the loop", ratio(base, ours), 20)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        for line in _measure(sys.argv[1]):
            print(line, flush=True)
    else:
        for line in target_9(Environment.prepare()):
            print(line, flush=True)
