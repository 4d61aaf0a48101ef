"""What goes wrong on purpose in a soak: the weather as calls meet it, and a journal of it."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.proxy import FunctionCall
from tests.faults.sns import batch_entries, parameters
from tests.faults.vocabulary import EntryRefusal, Fault
from tests.soak.reckoning import Happening, Journal, Sending
from tests.soak.weather import Spell

if TYPE_CHECKING:
    from local.deployment import Deployment

# SNS takes a message that a function sends to the operators; that would be another story.
_OPS = "ops"
# A process that is killed is gone in milliseconds, on a busy machine in some more.
DYING_SECONDS = 5


class Sickness:
    """Decides what happens to each call; `begin` a weather, and `end` it."""

    def __init__(self, deployment: Deployment, journal: Journal, *, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self._journal = journal
        self._endpoint_url = deployment.cloud.endpoint_url
        self._redrive = f"{deployment.name}-redrive"
        self._began = 0.0
        self._spells: Sequence[Spell] = ()
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        outputs = deployment.outputs
        # A letter of ingestion is no reason to publish again: what is stored is stored once.
        self._letters = outputs["PublishDlqUrl"].rpartition("/")[2]
        self._things = {
            outputs["EventsTable"]: "table",
            outputs["DeliveryStream"]: "stream",
            outputs["ArchiveBucket"]: "archive",
            outputs["LedgerTable"]: "ledger",
            **{
                outputs[url].rpartition("/")[2]: "queues"
                for url in ("IngestDlqUrl", "PublishDlqUrl")
            },
        }

    def begin(self, spells: Sequence[Spell]) -> None:
        """From now on it is this weather."""
        self._began, self._spells = time.monotonic(), spells

    def end(self) -> None:
        """From now on everything goes well."""
        self._spells = ()

    def fault(self, call: FunctionCall) -> Fault | None:
        """What happens to a call now."""
        things = ("functions", self._thing(call))
        drawn = (self._drawn(thing, call.function) for thing in things)
        fault = next((found for found in drawn if found), None)
        if not fault or fault.startswith("done-"):
            self._sent(call, answered=fault is None)
        return fault

    def unheard(self, call: FunctionCall) -> None:
        """A call was done, and its function was gone: killed while it was on its way, or out of patience."""
        of_letters = call.service == "sqs"
        with self._lock:
            for id in self._events(call):
                # What was refused was not sent. Who was out of patience may have sent it again by now.
                self._journal.sendings[id] = [
                    replace(one, answered=False)
                    if (one.letter, one.number) == (of_letters, call.number)
                    else one
                    for one in self._journal.sendings.get(id, [])
                ]

    def refuse_entry(self, target: str, text: str) -> EntryRefusal | None:
        """What happens to an entry of a batch now."""
        thing = self._things.get(target, "topics")
        for spell in self._now(thing):
            if spell.kind == "half" and self._random.random() < spell.share / 2:
                self.counts[f"{thing} half"] += 1
                if thing == "topics":
                    with self._lock:  # it was about to be sent
                        self._journal.sendings[json.loads(text)["id"]].pop()
                if thing == "ledger":  # no other function changes it in batches
                    self.happened(self._redrive, "half", thing)
                return EntryRefusal("InternalServerError" if thing != "topics" else "InternalError")
        return None

    def kill(self, function: str) -> None:
        """Kill the processes of a function."""
        # All are found first: it takes a while, and the next process may send again what this one forgets.
        processes = list(self._processes(function))
        # Noted on both sides: the last that it sends goes through while it dies.
        self.happened(function, "killed", "functions")
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        deadline = time.monotonic() + DYING_SECONDS
        while any(map(_is_alive, processes)) and time.monotonic() < deadline:
            time.sleep(0.001)
        self.happened(function, "killed", "functions")

    def _drawn(self, thing: str, function: str) -> Fault | None:
        for spell in self._now(thing):
            if spell.kind != "half" and self._random.random() < spell.share:
                if thing != "functions":
                    self.happened(function, spell.kind, thing)
                self.counts[f"{thing} {spell.kind}"] += 1
                return spell.kind
        return None

    def _now(self, thing: str) -> Iterator[Spell]:
        at = time.monotonic() - self._began
        return (s for s in self._spells if s.thing == thing and s.begins <= at < s.ends)

    def _thing(self, call: FunctionCall) -> str:
        if call.service == "sns":
            return "topics" if call.operation == "PublishBatch" and call.target != _OPS else ""
        return self._things.get(call.target, "")

    def happened(self, function: str, what: str, thing: str = "") -> None:
        """Note that this happened to a function now."""
        with self._lock:
            self._journal.happenings.append(Happening(time.monotonic(), function, what, thing))

    def _sent(self, call: FunctionCall, *, answered: bool) -> None:
        sending = Sending(
            time.monotonic(), call.function, answered, call.number, letter=call.service == "sqs"
        )
        with self._lock:
            for id in self._events(call):
                self._journal.sendings.setdefault(id, []).append(sending)

    def _events(self, call: FunctionCall) -> Iterator[str]:
        """The ids of the events that a call brings to a topic, or as letters to publication's queue."""
        if call.operation == "PublishBatch":
            for entry in batch_entries(parameters(call.body)):
                yield json.loads(entry["Message"])["id"]
        if call.operation == "SendMessageBatch" and call.target == self._letters:
            for entry in json.loads(call.body)["Entries"]:
                yield json.loads(entry["MessageBody"])["event"]["id"]

    def _processes(self, function: str) -> Iterator[int]:
        """The emulator's processes of a function, by their environment."""
        marks = (
            f"AWS_LAMBDA_FUNCTION_NAME={function}",
            f"AWS_ENDPOINT_URL={self._endpoint_url}",
        )
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                environment = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
                if all(mark in environment for mark in marks):
                    yield int(folder.name)


def _is_alive(process: int) -> bool:
    """Tell whether a process may still hold its connections; one that waits to be collected holds none."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    # Of proc(5): the state comes after the name, which is in parentheses.
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")
