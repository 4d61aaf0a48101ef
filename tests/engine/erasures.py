"""Erasures without a deployment: the real state machines and function, in a `World`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from eventing.archive_line import archive_line
from eventing.event import event_key
from eventing.timestamps import timestamp
from functions.shared.archive import object_key
from tests.engine.clouds import InMemory
from tests.engine.letters import event
from tests.engine.process import Faults, Process
from tests.engine.world import World
from tests.faults.vocabulary import Killed, nothing
from tests.workflows.asl import Execution, ExecutionFailed, Json, TaskFailed
from workflows.approval import DEFINITION as APPROVAL_FILE
from workflows.erasure import DEFINITION

MACHINE: Json = json.loads(DEFINITION.read_text(encoding="utf-8"))
APPROVAL: Json = json.loads(APPROVAL_FILE.read_text(encoding="utf-8"))
PUBLISHER, SOURCE = "acme-web", "/shop"
ACCEPTED_AT = "2026-11-27T09:30:00.000Z"


def key_of(id: str) -> str:
    """The key of an event of the one publisher and source here."""
    return event_key(PUBLISHER, SOURCE, id)


def yes(task: Json) -> Json:
    """An approver's plain yes to this very plan."""
    told = {"approver": "dana", "reason": "the person asked for it"}
    return {"approved": True, "hash": task["plan"]["hash"], **told}


def nobody(task: Json) -> Json:
    """A day without an answer."""
    raise TaskFailed("States.Timeout")


@dataclass
class Ended:
    """How an execution ended."""

    output: Json = None
    error: str | None = None
    texts: list[str] = field(default_factory=list)
    """All that Step Functions has of it: inputs, results, output."""
    waited: float = 0
    tasks: list[str] = field(default_factory=list)


class Erasures:
    """What is erased in a world, and what is left there."""

    def __init__(self, world: World) -> None:
        assert isinstance(world.cloud, InMemory)
        self.world = world
        world.regions = [world.cloud.region, "eu-west-1"]
        self.aws = world.cloud.aws

    # What is put in

    def stored(self, id: str, text: str | None = None, *, accepted_at: str = ACCEPTED_AT) -> None:
        """An event is in the table."""
        from eventing.event import event_digest
        from eventing.json_text import parse

        text = text or event(id)
        document = parse(text)
        self.aws.items(self.world.events)[key_of(id)] = {
            "pk": {"S": key_of(id)},
            "event": {"S": text},
            "publisher": {"S": PUBLISHER},
            "type": {"S": document.value["type"]},
            "origin_region": {"S": self.world.cloud.region},
            "accepted_at": {"S": accepted_at},
            "digest": {"S": event_digest(document.exact)},
            "expires_at": {"N": "1803000000"},
        }

    def archived(self, name: str, *ids: str, accepted_at: str = ACCEPTED_AT) -> str:
        """An object of the archive with lines of these events; its key."""
        lines = [
            archive_line(event(id), publisher=PUBLISHER, accepted_at=accepted_at) for id in ids
        ]
        key = object_key(PUBLISHER, accepted_at, name)
        self.aws.buckets.setdefault(self.world.archive, {})[key] = "".join(lines).encode()
        self.aws.types[key] = "application/jsonl"
        return key

    # What is done

    def erase(
        self,
        id: str,
        *,
        faults: Faults = nothing,
        approve: Callable[[Json], Json] = yes,
        name: str = "erase-1",
        input: Mapping[str, Any] | None = None,
    ) -> Ended:
        """An execution of the state machine, to its end."""
        self.world.clock.passed += 1
        asked = {"key": key_of(id), "reason": "a request of the person", "started_by": "ada"}
        ended = Ended()
        machine = _Machine(self.world, faults, approve, ended)

        def wait(seconds: float) -> None:
            ended.waited += seconds
            self.world.clock.sleep(seconds)

        started = timestamp(self.world.clock.now())
        execution = Execution(MACHINE, machine, name=name, started_at=started, wait=wait)
        asked = dict(input) if input is not None else asked
        ended.texts.append(json.dumps(asked))
        try:
            ended.output = execution.run(asked)
            ended.texts.append(json.dumps(ended.output))
        except ExecutionFailed as failed:
            ended.error = failed.error
            ended.texts.append(str(failed))
        return ended

    def ended(self, name: str, status: str) -> None:
        """What EventBridge has done about an execution that came to another end."""
        members = {"execution": name, "execution_arn": f"arn:{name}", "status": status}
        task = {"task": "ended", "started_at": 1_795_000_000_000, **members}
        self.world.process().invoke(task, eraser=True)

    def report(self, ended: Ended) -> Json:
        """The report that an execution's output tells of."""
        return self.world.read(
            ended.output["report"].removeprefix(f"s3://{self.world.operations}/")
        )

    # What is left

    def lines(self) -> dict[str, list[str]]:
        """The ids in the archive's current objects, by their keys."""
        objects = self.aws.buckets.get(self.world.archive, {})
        return {
            key: [json.loads(line)["event"]["id"] for line in content.splitlines()]
            for key, content in objects.items()
        }

    def everything(self) -> str:
        """All that AWS holds, but for the queues: tables, versions of objects, mails, metrics, the log."""
        tables = json.dumps(self.aws.tables)
        versions = [
            content
            for objects in self.aws.older.values()
            for some in objects.values()
            for content in some
        ]
        versions += [one for objects in self.aws.buckets.values() for one in objects.values()]
        texts = [tables, *(one.decode() for one in versions), json.dumps(self.aws.told)]
        return "\n".join([*texts, self.world.log.getvalue()])


class _Machine:
    """Calls tasks as Step Functions does: in a process that lives on, until it dies, with retries."""

    def __init__(
        self, world: World, faults: Faults, approve: Callable[[Json], Json], ended: Ended
    ) -> None:
        self._world = world
        self._faults = faults
        self._approve = approve
        self._ended = ended
        self._process: Process | None = None

    def __call__(self, arguments: Json) -> Json:
        if "StateMachineArn" in arguments:
            asked = Execution(APPROVAL, self, name=arguments["Name"])
            return {"Output": asked.run(arguments["Input"])}
        task = arguments["Payload"]
        for attempts_left in (3, 2, 1, 0):
            self._ended.tasks.append(task["task"])
            try:
                result = self._invoke(task)
            except TaskFailed as failed:
                if failed.error == "InvalidInput" or not attempts_left:
                    raise
                continue
            return self._approve(task) if task["task"] == "ask" else {"Payload": result}
        raise AssertionError

    def _invoke(self, task: Json) -> Json:
        if self._process is None or self._process.dead:
            self._process = self._world.process(self._faults)
        self._ended.texts.append(json.dumps(task))
        try:
            # What a function is given and gives is JSON.
            result = self._process.invoke(json.loads(json.dumps(task)), eraser=True)
        except Killed:
            raise TaskFailed("Runtime.ExitError") from None
        except Exception as error:
            name = type(error).__name__
            cause = {"errorType": name, "errorMessage": str(error)}
            raise TaskFailed(name, json.dumps(cause)) from error
        self._ended.texts.append(json.dumps(result))
        return json.loads(json.dumps(result))
