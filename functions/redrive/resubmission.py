"""Resubmission of junk: what is a dead letter after all goes into its queue, where triage takes it in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from eventing.dead_letter import DeadLetter, NoDeadLetter, Stage, read_dead_letter
from eventing.input import InvalidInput
from eventing.redrive.junk import NOT_LOOKED_AT, left_for, letters_in
from eventing.timestamps import timestamp
from functions.contract import Objects
from functions.redrive.run import Run
from functions.shared.clock import Clock
from functions.shared.dead_letter_queue import DeadLetterQueue
from functions.shared.operations import OperationsBucket

# Each up to 1 MiB: so many are in memory at a time.
_AT_ONCE = 50
_SECONDS = 60.0
_SEND_SECONDS = 20.0


@dataclass(frozen=True)
class _Kept:
    """Junk as it was kept, with the letters in it, or why there are none."""

    name: str
    stage: Stage
    letters: Sequence[DeadLetter] = ()
    fault: str = ""


class Resubmission:
    """Puts letters that were found in junk into their queue. Sent first, marked after: junk stays."""

    def __init__(
        self,
        *,
        bucket: OperationsBucket,
        queues: Mapping[Stage, DeadLetterQueue],
        workers: Executor,
        clock: Clock,
    ) -> None:
        self._bucket = bucket
        self._queues = queues
        self._workers = workers
        self._clock = clock

    def by_ids(self, run: Run, ids: Sequence[str]) -> dict[str, Any]:
        """Resubmit the letters in junk that somebody has looked at, also wrapped ones.

        Raises `InvalidInput` where one of them is no junk, or not a letter of its stage: nothing is sent.
        """
        keys = [key for stage in run.request.stages for key in self._junk(stage)]
        by_id = {_id_of(key): key for key in keys}
        faults = [f"{id}: there is no such junk" for id in ids if id not in by_id]
        kept = [
            one
            for some in _chunks([by_id[i] for i in ids if i in by_id])
            for one in self._read(some, wrapped=True)
        ]
        faults += [f"{_id_of(one.name)}: {one.fault}" for one in kept if one.fault]
        if faults:
            raise InvalidInput(f"junk_ids: {'; '.join(faults)}")
        return _summed([self._send(run, kept)])

    def by_kind(self, run: Run, kind: str) -> dict[str, Any]:
        """Read all junk of a kind again that was not resubmitted yet, and resubmit what is a letter by now.

        Only what is a letter itself: what is wrapped is for somebody to look at first.
        """
        keys = [key for stage in run.request.stages for key in self._unmarked(stage, kind)]
        ends = self._clock.monotonic() + _SECONDS
        results: list[Counter[str]] = []
        for chunk in _chunks(keys):
            if self._clock.monotonic() > ends:
                results.append(Counter({NOT_LOOKED_AT: len(keys) - len(results) * _AT_ONCE}))
                break
            results.append(self._send(run, self._read(chunk, wrapped=False)))
        return _summed(results)

    def _junk(self, stage: Stage, kind: str = "") -> list[str]:
        return self._bucket.keys(f"{Objects.JUNK}{stage}/{kind}{'/' if kind else ''}")

    def _unmarked(self, stage: Stage, kind: str) -> list[str]:
        marks = {
            _name_of(key) for key in self._bucket.keys(f"{Objects.RESUBMITTED}{stage}/{kind}/")
        }
        return [key for key in self._junk(stage, kind) if _name_of(key) not in marks]

    def _read(self, keys: Sequence[str], *, wrapped: bool) -> list[_Kept]:
        def read(key: str) -> _Kept:
            content = json.loads(self._bucket.get(key))
            name, stage = _name_of(key), content["stage"]
            try:
                body = content["body"]
                letters = letters_in(body) if wrapped else [read_dead_letter(body)]
            except NoDeadLetter as error:
                return _Kept(name, stage, fault=f"no dead letter: {error}")
            if any(letter.stage != stage for letter in letters):
                return _Kept(name, stage, fault=f"not a dead letter of {stage}")
            return _Kept(name, stage, letters)

        return list(self._workers.map(read, keys))

    def _send(self, run: Run, kept: Sequence[_Kept]) -> Counter[str]:
        counts = Counter(still_junk=sum(bool(one.fault) for one in kept))
        for one in kept:
            if one.fault:
                continue
            deadline = self._clock.monotonic() + _SEND_SECONDS
            causes = self._queues[one.stage].send(one.letters, deadline=deadline)
            counts["letters"] += sum(cause is None for cause in causes)
            failed = [cause for cause in causes if cause]
            if failed:
                counts[left_for(failed[0].code)] += 1
                continue
            counts["resubmitted"] += 1
            mark = {
                "execution": run.arn,
                "resubmitted_at": timestamp(self._clock.now()),
                "letters": [letter.key for letter in one.letters],
            }
            self._bucket.put(f"{Objects.RESUBMITTED}{one.name}", json.dumps(mark))
        return counts


def _name_of(key: str) -> str:
    """The key of a junk object, or of its mark, without the prefix that tells them apart."""
    return key.partition("/")[2]


def _id_of(key: str) -> str:
    return key.rpartition("/")[2].removesuffix(".json")


def _chunks(keys: Sequence[str]) -> list[Sequence[str]]:
    return [keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE)]


def _summed(results: Sequence[Counter[str]]) -> dict[str, Any]:
    total = sum(results, Counter[str]())
    return {"resubmitted": 0, "letters": 0, "still_junk": 0, **total}
