"""`python -m benchmarks [NUMBER ...]`: measure these targets, or all of them."""

from __future__ import annotations

import argparse

from benchmarks import cold, hostile, redrive, warm
from benchmarks.environment import PACKAGES, Environment

COLD = {1: cold.target_1, 2: cold.target_2, 3: cold.target_3, 8: cold.target_8}
APART = {**COLD, 9: redrive.target_9, 10: hostile.target_10}
TARGETS = sorted({*APART, *(number for number, _ in warm.MEASUREMENTS)})


def _warm(environment: Environment, number: int, function: str) -> None:
    title = warm.MEASUREMENTS[number, function].__doc__
    print(f"\nTarget {number}. {title}", flush=True)
    with environment.sink() as sink:
        arguments = ["-m", "benchmarks.warm", str(number), function, sink.http]
        process = environment.start(arguments, package=PACKAGES / function, sink=sink.http)
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
        if process.wait():
            raise SystemExit(f"benchmarks: target {number} failed")


def main() -> None:
    """Print, for each target, medians, minima, paired ratios and calls, and the limits beneath."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("targets", nargs="*", type=int, help=f"of {TARGETS}; all by default")
    chosen = parser.parse_args().targets or TARGETS
    if unknown := sorted(set(chosen) - set(TARGETS)):
        parser.error(f"there is no target {unknown[0]}")
    environment = Environment.prepare()
    for number in chosen:
        if number in APART:
            print(f"\nTarget {number}. {APART[number].__doc__}", flush=True)
            for line in APART[number](environment):
                print(line, flush=True)
        for target, function in warm.MEASUREMENTS:
            if target == number:
                _warm(environment, number, function)


if __name__ == "__main__":
    main()
