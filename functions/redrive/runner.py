"""Takes letters up, a chunk at a time: read, claim, make the step that failed, record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from eventing.cause import Cause, cause_of
from eventing.redrive.changes import Change, claim, claimed, close, fail_again, give_back
from eventing.redrive.forecast import Forecaster
from eventing.redrive.health import Health
from eventing.redrive.ledger import Row, State
from eventing.redrive.steps import STEPS, Dependency
from eventing.timestamps import minute_of, read_moment, timestamp
from functions.redrive.dependencies import OTHER_EVENT, Attempt, Dependencies, Made
from functions.redrive.run import Run
from functions.redrive.tally import ADOPTED, Tally, fate_of
from functions.shared.clock import Clock
from functions.shared.letter_items import Entry
from functions.shared.letters import Letters


class Runner:
    """Does to letters what a run's action says."""

    def __init__(
        self,
        *,
        letters: Letters,
        forecaster: Forecaster,
        dependencies: Dependencies,
        open_days: int,
        closed_days: int,
        clock: Clock,
    ) -> None:
        self._letters = letters
        self._forecaster = forecaster
        self._dependencies = dependencies
        self._open_days = open_days
        self._closed_days = closed_days
        self._clock = clock

    def take_up(self, letters: Sequence[tuple[str, int]], run: Run, health: Health) -> Tally:
        """Take up these letters, each as it was planned (key and version); others are left alone.

        `health` is what the run has seen so far, and learns what comes to be known. A failure of what
        letters need is charged to a letter only while it works for others. Claimed before, recorded
        after: a letter whose process dies in between is open again when its run is released, and may
        reach its topic twice.
        """
        tally = Tally()
        entries = self._letters.read([key for key, _ in letters])
        waiting: list[Entry] = []
        for key, version in letters:
            entry = entries.get(key)
            if entry is None:
                tally.fates["changed"] += 1
            elif entry.row.version == version and entry.row.state in run.request.rules.asked_by_id:
                waiting.append(entry)
            elif entry.row.run == run.execution and entry.row.state == "redriving":
                waiting.append(entry)  # this very page, before it died
            elif _was_given_back(entry.row, version, run):
                waiting.append(entry)
            elif entry.row.run == run.execution:
                tally.add_replayed(entry.row, entry.reason)
            else:
                tally.add(entry.row, "changed")
        closes_as = run.request.rules.closes_as
        if closes_as:
            self._close(waiting, closes_as, run, tally)
        else:
            self._make_steps(waiting, run, tally, health)
        return tally

    def _close(self, entries: Sequence[Entry], state: State, run: Run, tally: Tally) -> None:
        now, reason = self._clock.now(), run.request.reason
        changes = [
            close(
                entry.row,
                state,
                run=run.execution,
                now=now,
                days=self._closed_days,
                reason=reason,
            )
            for entry in entries
        ]
        for change in self._made(changes, tally):
            tally.add(change.row, fate_of(state))

    def _make_steps(self, entries: Sequence[Entry], run: Run, tally: Tally, health: Health) -> None:
        by_key = {entry.row.key: entry for entry in entries}
        claims = [claim(entry.row, run=run.execution, days=self._open_days) for entry in entries]
        attempts = [
            self._attempt(by_key[change.row.key], run) for change in self._made(claims, tally)
        ]
        ended, kept = self._try(attempts, health)
        self._record(ended, run, tally)
        # One that cannot be given back now is open again when the run ends.
        self._letters.change([give_back(attempt.row) for attempt, _ in kept])
        for attempt, cause in kept:
            tally.leave_out(attempt.needed, cause)

    def _try(
        self, attempts: Sequence[Attempt], health: Health
    ) -> tuple[list[tuple[Attempt, Made]], list[tuple[Attempt, Cause]]]:
        """Make the steps in rounds, as `health` has it: those that ended, and those kept from theirs."""
        ended: list[tuple[Attempt, Made]] = []
        held: dict[str, list[tuple[Attempt, Cause]]] = defaultdict(list)
        waiting = attempts
        while waiting:
            trying, waiting = _round(waiting, health)
            tried: dict[str, list[tuple[Attempt, Made]]] = defaultdict(list)
            for attempt, made in zip(trying, self._make(trying), strict=True):
                # One that was not sent says nothing of what it would have needed.
                (ended if made.adopted else tried[attempt.needed]).append((attempt, made))
            for needed, results in tried.items():
                health.note(needed, [made.cause for _, made in results])
                if health.works(needed):
                    # What failed, failed while it worked for others.
                    ended += results
                    ended += [(attempt, Made(cause)) for attempt, cause in held.pop(needed, ())]
                    continue
                for attempt, made in results:
                    if made.cause and made.cause.of_a_dependency:
                        held[needed].append((attempt, made.cause))
                    else:
                        ended.append((attempt, made))
            for attempt in waiting:
                if cause := health.down.get(attempt.needed):
                    held[attempt.needed].append((attempt, cause))
            waiting = [attempt for attempt in waiting if attempt.needed not in health.down]
        return ended, [kept for some in held.values() for kept in some]

    def _record(self, results: Sequence[tuple[Attempt, Made]], run: Run, tally: Tally) -> None:
        now = self._clock.now()
        days = self._closed_days
        records = [_recorded(attempt.row, made, run, now, days=days) for attempt, made in results]
        written = self._letters.change(records)
        for (attempt, made), record, result in zip(results, records, written, strict=True):
            cause = made.cause
            if attempt.cause is None and not made.adopted:
                tally.attempted += 1
                tally.refused += cause is not None and cause is not OTHER_EVENT
            if made.stored:
                tally.stored[minute_of(read_moment(attempt.row.accepted_at))] += 1
            if result is True:
                fate = "adopted" if made.adopted else fate_of(record.state)
                tally.add(attempt.row, fate, cause)
            else:
                tally.unwritten = result or tally.unwritten
                tally.add(attempt.row, "unrecorded", cause or (result or None))

    def _made(self, changes: Sequence[Change], tally: Tally) -> list[Change]:
        """The changes that the ledger has made; of the others it is noted what became of their letters."""
        made: list[Change] = []
        for change, result in zip(changes, self._letters.change(changes), strict=True):
            if result is True:
                made.append(change)
            elif result is False:
                tally.add(change.row, "changed")
            else:
                tally.unwritten = result
                tally.add(change.row, "left", result)
        return made

    def _attempt(self, entry: Entry, run: Run) -> Attempt:
        attempt = Attempt(entry, run.execution)
        try:
            forecast = self._forecaster.forecast(entry.row, entry.document)
            if forecast.cause:
                return replace(attempt, cause=forecast.cause)
            steps = self._dependencies[STEPS[entry.row.step].dependency]
            return steps.prepare(replace(attempt, topic=forecast.topic))
        except Exception as error:
            # Whatever is wrong with one letter, the others of the chunk must not suffer for it.
            return replace(attempt, cause=cause_of(error))

    def _make(self, attempts: Sequence[Attempt]) -> list[Made]:
        """Make every step that can be made; how each went."""
        made = [Made(attempt.cause) for attempt in attempts]
        ready: dict[Dependency, list[int]] = defaultdict(list)
        for number, attempt in enumerate(attempts):
            if attempt.cause is None:
                ready[STEPS[attempt.row.step].dependency].append(number)
        for dependency, steps in self._dependencies.items():
            if numbers := ready[dependency]:
                results = steps.make([attempts[n] for n in numbers])
                for number, result in zip(numbers, results, strict=True):
                    made[number] = result
        return made


def _round(waiting: Sequence[Attempt], health: Health) -> tuple[list[Attempt], list[Attempt]]:
    """Those to try now, and those that wait for what becomes of them."""
    now: list[Attempt] = []
    later: list[Attempt] = []
    firsts: set[str] = set()
    for attempt in waiting:
        alone = not health.works(attempt.needed)
        (later if alone and attempt.needed in firsts else now).append(attempt)
        firsts.add(attempt.needed)
    return now, later


def _was_given_back(row: Row, version: int, run: Run) -> bool:
    """True for a letter that this very page has claimed and given back before it died."""
    return (
        row.version == version + 2
        and not row.run
        and row.state in ("open", "parked")
        and row.failed_at < timestamp(run.started_at)
    )


def _recorded(row: Row, made: Made, run: Run, now: datetime, *, days: int) -> Change:
    """The change that says what became of a claimed letter."""
    row, execution, cause = claimed(row), run.execution, made.cause
    if cause is None:
        reason = ADOPTED if made.adopted else ""
        return close(row, "resolved", run=execution, now=now, days=days, reason=reason)
    most = run.request.max_episodes
    return fail_again(row, cause, run=execution, now=now, max_episodes=most)
