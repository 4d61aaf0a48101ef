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
from urllib.parse import parse_qs

from tests.faults.proxy import FunctionCall
from tests.faults.sns import batch_entries
from tests.faults.vocabulary import EntryRefusal, Fault
from tests.soak.reckoning import Happening, Journal, Sending
from tests.soak.weather import Spell

if TYPE_CHECKING:
    from local.deployment import Deployment

# SNS takes a message that a function sends to the operators; that would be another story.
_OPS = "ops"


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
        self._things = {
            outputs["EventsTable"]: "table",
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
        if call.operation == "PublishBatch" and (not fault or fault.startswith("done-")):
            self._sent(call, answered=fault is None)
        return fault

    def unheard(self, call: FunctionCall) -> None:
        """A call was done, and its function was gone: killed while it was on its way, or out of patience."""
        if call.operation != "PublishBatch" or not self._thing(call):
            return
        with self._lock:
            for id in _events(call):
                last = self._journal.sendings[id][-1:]
                if last and last[0].number == call.number:
                    self._journal.sendings[id][-1] = replace(last[0], answered=False)

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
        # Noted on both sides: the last that it sends may go through just before it is dead.
        self.happened(function, "killed", "functions")
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
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
        sending = Sending(time.monotonic(), call.function, answered, call.number)
        with self._lock:
            for id in _events(call):
                self._journal.sendings.setdefault(id, []).append(sending)

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


def _events(call: FunctionCall) -> Iterator[str]:
    """The ids of the events that a PublishBatch brings."""
    parameters = {name: values[0] for name, values in parse_qs(call.body).items()}
    for entry in batch_entries(parameters):
        yield json.loads(entry["Message"])["id"]
