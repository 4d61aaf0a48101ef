"""Pairs of runs, and the table that is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

Measure = Literal["wall", "cpu"]


@dataclass(frozen=True)
class Run:
    """One run: seconds of the clock and of a processor, for `events` events and with `calls` calls."""

    wall: float
    cpu: float
    events: int = 1
    calls: int = 0

    def per_event(self, measure: Measure = "wall") -> float:
        """Seconds that an event took."""
        return (self.wall if measure == "wall" else self.cpu) / self.events

    @property
    def calls_per_event(self) -> float:
        """AWS calls for each event."""
        return self.calls / self.events


def rounds(variants: Mapping[str, Callable[[], Run]], count: int) -> dict[str, list[Run]]:
    """Each variant `count` times, round robin, the order reversed each round."""
    runs: dict[str, list[Run]] = {name: [] for name in variants}
    for number in range(count):
        names = list(variants) if number % 2 == 0 else list(variants)[::-1]
        for name in names:
            runs[name].append(variants[name]())
    return runs


def typical(runs: Sequence[Run]) -> float:
    """Seconds of a processor that an event takes: the median."""
    return median(run.per_event("cpu") for run in runs)


def ratio(runs: Sequence[Run], base: Sequence[Run], measure: Measure = "wall") -> float:
    """The median of the paired ratios of what an event costs."""
    return median(
        run.per_event(measure) / other.per_event(measure)
        for run, other in zip(runs, base, strict=True)
    )


def table(runs: Mapping[str, Sequence[Run]], *, base: str) -> str:
    """A line for each variant: times per run, paired ratios to `base`, calls per event."""
    width = max(map(len, runs))
    lines = [
        f"  {'':{width}}  {'median ms':>10} {'minimum':>10} {'x wall':>8} {'x CPU':>8} {'calls/event':>12}"
    ]
    for name, all_of in runs.items():
        walls = [run.wall * 1000 for run in all_of]
        calls = f"{all_of[0].calls_per_event:12.3f}" if all_of[0].calls else ""
        lines.append(
            f"  {name:{width}}  {median(walls):10.2f} {min(walls):10.2f} "
            f"{ratio(all_of, runs[base]):8.3f} {ratio(all_of, runs[base], 'cpu'):8.3f} {calls}"
        )
    return "\n".join(lines)


def at_most(what: str, value: float, limit: float, unit: str = "x") -> str:
    """Whether a figure keeps below its limit, in words."""
    return _verdict(what, value, limit, unit, "at most", reached=value <= limit)


def at_least(what: str, value: float, limit: float, unit: str = "x") -> str:
    """Whether a figure gets as far as its limit, in words."""
    return _verdict(what, value, limit, unit, "at least", reached=value >= limit)


def _verdict(what: str, value: float, limit: float, unit: str, how: str, *, reached: bool) -> str:
    word = "reached" if reached else "MISSED "
    return f"  {word}  {what}: {value:.3g} {unit} ({how} {limit:g})"
