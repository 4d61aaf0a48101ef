"""Mutation testing: would the fast tests notice a change of the code?

A seeded sample of the mutants of `eventing/` and `functions/` is applied, one at a time, in copies of
the project. A mutant is killed when one of the tests that execute its lines fails; those are known from
one run of all fast tests with coverage by test. What lives on is listed with a reason in
`survivors.json`, or the run fails.

An own tool, as mutmut (3.8) changes functions only, and half of the rules here are tables; cosmic-ray
(8.7) knows neither samples nor which test reaches what, and works in the tree itself.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory

import coverage

from tests.mutants.chosen import DIED
from tests.mutants.operators import Mutant, mutants

ROOT = Path(__file__).parents[2]
SURVIVORS = Path(__file__).with_name("survivors.json")
MUTATED = ("eventing", "functions")
# Names that the CDK and the functions both take from here: another name is no fault.
NOT_MUTATED = "functions/contract.py"
FAST_TESTS = (
    *("tests/unit", "tests/engine", "tests/workflows", "tests/security"),
    "--ignore=tests/security/running",
)
PROCESSES = 2
# The whole fast suite takes a minute; a test that never ends is stopped long before (chosen.py).
SECONDS = 900
LEAST_KILLED = 0.9
_LEFT_OUT = (
    ".git",
    ".venv",
    "node_modules",
    ".local",
    "build",
    "cdk.out",
    ".*_cache",
    ".hypothesis",
)


@dataclass(frozen=True)
class Reached:
    """Which tests execute which lines."""

    by_line: Mapping[tuple[str, int], frozenset[str]]
    outside_tests: frozenset[tuple[str, int]]
    """Lines that are executed by what tests share: an import, a fixture of a session."""
    lines: Counter[str]
    """How many lines a test executes."""

    def by(self, mutant: Mutant, importing: frozenset[str]) -> list[str]:
        """The tests that may notice it: those that execute it, the most specific first."""
        places = [(mutant.path, line) for line in mutant.lines]
        direct = frozenset[str]().union(*(self.by_line.get(place, frozenset()) for place in places))
        shared = mutant.at_import or not self.outside_tests.isdisjoint(places)
        indirect = (
            {test for test in self.lines if test.partition("::")[0] in importing}
            if shared
            else set()
        )
        near = {
            test
            for (path, _), tests in self.by_line.items()
            if path == mutant.path
            for test in tests
        }
        return sorted(
            direct | indirect,
            key=lambda test: (test not in direct, test not in near, self.lines[test], test),
        )


def copy_of_project(folder: Path) -> None:
    """Copy what tests need; what set-up made is shared."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*_LEFT_OUT), symlinks=True)
    (folder / "build").symlink_to(ROOT / "build")


def see_what_tests_reach(data: Path) -> None:
    """Run all fast tests with coverage by test; raises when one of them fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(PROCESSES), "--dist", "loadfile"]
    measured = [f"--cov={room}" for room in MUTATED]
    subprocess.run(
        [*command, *measured, "--cov-context=test", "--cov-report=", *FAST_TESTS],
        cwd=ROOT,
        env={**os.environ, "COVERAGE_FILE": str(data)},
        check=True,
    )


def reached(data: Path) -> Reached:
    """What a run with coverage by test has seen."""
    content = coverage.CoverageData(str(data))
    content.read()
    by_line: dict[tuple[str, int], frozenset[str]] = {}
    outside: set[tuple[str, int]] = set()
    lines: Counter[str] = Counter()
    for file in content.measured_files():
        path = str(Path(file).relative_to(ROOT))
        for line, contexts in content.contexts_by_lineno(file).items():
            parts = [context.rpartition("|") for context in contexts]
            tests = frozenset(test for test, _, _ in parts if test)
            by_line[path, line] = tests
            lines.update(tests)
            if any(phase != "run" for _, _, phase in parts):
                outside.add((path, line))
    return Reached(by_line, frozenset(outside), lines)


def importers() -> Mapping[str, frozenset[str]]:
    """For each file of the project, the files that import it, however indirectly."""
    paths = [path for room in (*MUTATED, "tests") for path in (ROOT / room).rglob("*.py")]
    by_module = {_module(path): str(path.relative_to(ROOT)) for path in paths}
    direct: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        # A conftest.py is part of each test below its folder.
        below = path.parent.rglob("test_*.py") if path.name == "conftest.py" else ()
        here = {str(one.relative_to(ROOT)) for one in below} | {str(path.relative_to(ROOT))}
        for name in _imported(path):
            if name in by_module:
                direct[by_module[name]] |= here
    return {path: frozenset(_closure(path, direct)) for path in by_module.values()}


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _closure(path: str, direct: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [path]
    while waiting:
        new = direct.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


class Worker:
    """A copy of the project, in which one mutant lives at a time."""

    def __init__(self, folder: Path) -> None:
        copy_of_project(folder)
        self._folder = folder
        self._written = 0

    def killer(self, mutant: Mutant, tests: Sequence[str]) -> str | None:
        """What fails with it: a test, an import, the time; None: nothing, it lives."""
        file = self._folder / mutant.path
        source = file.read_bytes()
        chosen = self._folder / "chosen.txt"
        chosen.write_text("\n".join(tests))
        self._write(file, mutant.applied_to(source))
        plugins = ("-p", "tests.mutants.chosen", "-p", "no:cacheprovider")
        command = [sys.executable, "-m", "pytest", "-x", "-q", *plugins]
        try:
            done = subprocess.run(
                [*command, *dict.fromkeys(test.partition("::")[0] for test in tests)],
                cwd=self._folder,
                env={**os.environ, "CHOSEN_TESTS": str(chosen), "PYTHONDONTWRITEBYTECODE": ""},
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "time"
        finally:
            self._write(file, source)
        if done.returncode == 0:
            return None
        # No test that was found would be a fault of this tool; a conftest.py that cannot be imported is not.
        found = done.returncode != 5 and (done.returncode != 4 or "conftest" in done.stderr)
        assert found, f"{mutant.name}: {done.stdout} {done.stderr}"
        failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
        return failed[1] if failed else "time" if done.returncode == DIED else "import"

    def _write(self, file: Path, content: bytes) -> None:
        file.write_bytes(content)
        # Python takes a module that was compiled for this time and size for this one.
        self._written += 1
        os.utime(file, (self._written, self._written))


def sample(seed: int, count: int, only: str) -> list[Mutant]:
    """This many of all mutants, the same for a seed."""
    files = sorted(path for room in MUTATED for path in (ROOT / room).rglob("*.py"))
    files.remove(ROOT / NOT_MUTATED)
    found = [
        one for path in files for one in mutants(str(path.relative_to(ROOT)), path.read_bytes())
    ]
    unknown = survivors().keys() - {one.name for one in found}
    if unknown:
        sys.exit("survivors.json lists what is no mutant any more:\n" + "\n".join(sorted(unknown)))
    print(f"{len(found)} mutants", flush=True)
    # By their names, so that a change of the code changes the sample where it changes the code.
    found.sort(key=lambda one: sha256(f"{seed} {one.name}".encode()).digest())
    return sorted(
        (one for one in found[:count] if only in one.name),
        key=lambda one: (one.path, one.start, one.after),
    )


def survivors() -> dict[str, str]:
    """Mutants that no fast test can or should kill, and why."""
    listed: dict[str, str] = json.loads(SURVIVORS.read_text())
    return listed


def main() -> int:
    """Run the sample; the status is 0 when enough are killed and each other one is listed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--only", default="", help="mutants of the sample with this in their names")
    parser.add_argument("--reached", type=Path, help="coverage data of a run before this one")
    options = parser.parse_args()
    began = time.monotonic()
    chosen = sample(options.seed, options.count, options.only)
    with TemporaryDirectory() as folder:
        data = options.reached or Path(folder) / "coverage"
        if not data.exists():
            see_what_tests_reach(data)
        print(f"tests have run, {time.monotonic() - began:.0f} s", flush=True)
        alive = _run(chosen, reached(data), Path(folder))
    print(f"seed {options.seed}: {len(chosen) - len(alive)} of {len(chosen)} killed"
          f" in {time.monotonic() - began:.0f} s")  # fmt: skip
    unlisted = [one for one in alive if one.name not in survivors()]
    for one in unlisted:
        print(f"lives: {one.path}:{one.line} in {one.scope or 'the module'}\n  {one.name}")
    return int(bool(unlisted) or len(alive) > (1 - LEAST_KILLED) * len(chosen))


def _run(chosen: Sequence[Mutant], tests: Reached, folder: Path) -> list[Mutant]:
    importing = importers()
    free: Queue[Worker] = Queue()
    for number in range(PROCESSES):
        free.put(Worker(folder / f"copy-{number}"))

    def lives(mutant: Mutant) -> bool:
        near = tests.by(mutant, importing[mutant.path])
        worker = free.get()
        began = time.monotonic()
        try:
            killer = worker.killer(mutant, near) if near else None
        finally:
            free.put(worker)
        word = "killed" if killer else "LIVES " if near else "UNSEEN"
        seconds = time.monotonic() - began
        by = f" by {killer}" if killer else f" of {len(near)} tests"
        print(f"{word} {seconds:5.1f} s  {mutant.name}{by}", flush=True)
        return killer is None

    with ThreadPoolExecutor(PROCESSES) as pool:
        return [one for one, alive in zip(chosen, pool.map(lives, chosen), strict=True) if alive]


if __name__ == "__main__":
    sys.exit(main())
