"""Every mail that triage and redrive send is in the guide, with the command that comes next."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from eventing.cause import Code
from tests.engine.adoption import Adoption
from tests.engine.casebook import ARCHIVE, Casebook, finding, no, yes
from tests.engine.casebook import event as order
from tests.engine.letters import ROOT, event, other_catalogue
from tests.faults.aws import FakeAws
from tests.faults.choosing import meanwhile
from tests.faults.vocabulary import nothing
from tests.workflows.asl import ExecutionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.engine.process import TaskCall
    from tests.engine.world import World
    from tests.faults.vocabulary import Fault

REDRIVE: dict[str, Any] = {
    "action": "redrive", "stage": "publish", "reason": "it is back", "started_by": "ada",
}  # fmt: skip
# Told by the notifier and by `eventing verify`, whose own tests look at them.
BY_OTHERS = ("all is well again", "verification begins")


def rows() -> Iterator[tuple[str, str]]:
    """Subjects of the guide's first table, and the commands beside them."""
    table = (ROOT / "docs" / "mails.md").read_text().partition("## Every mail")[2]
    for line in re.findall(r"^\|( `.*)\|$", table.partition("These alarms")[0], re.MULTILINE):
        subjects, _, next = line.split("|")
        first, *others = re.findall("`(.*?)`", subjects)
        yield first, next
        for other in others:
            yield f"ACTION {other}", next


ROWS = dict(rows())


def pattern(shown: str) -> str:
    """A regular expression for what the guide shows, in which words in CAPITALS stand for others."""
    escaped = re.sub(r"\bACTION\b", r"\\w+", re.escape(shown).replace(r"\ ", " "))
    return re.sub(r"\b[A-Z]+\b", r"[^`\\n]+", escaped)


def row_of(subject: str) -> str:
    """The row of a subject: the longest that fits. The guide shows more than one of everything."""
    subject = subject.replace("message is no dead letter", "messages are no dead letters")
    subject = re.sub(r"\b1 (dead letter|letter)\b", r"1 \1s", subject)
    fitting = [row for row in ROWS if re.match(rf"{pattern(row)}(: |$|; |, )?", subject)]
    assert fitting, subject
    return max(fitting, key=len)


def publishing(call: TaskCall) -> bool:
    return call.operation == "PublishBatch"


def denied(call: TaskCall) -> Fault | None:
    return "denied" if publishing(call) else None


def answering(approved: bool) -> Callable[[Any], Any]:
    return lambda task: {"approved": approved, "approver": "bob", "hash": task["plan"]["hash"]}


def incident(world: World) -> None:
    world.dead_letters(world.letter("a"), world.letter("s", stage="ingest", code=Code.UNAVAILABLE))
    world.run({})


def junk(world: World) -> None:
    world.send("publish", "hello")
    world.run({})


def unrecorded(world: World) -> None:
    world.dead_letters(world.letter("a"))
    world.run({}, faults=lambda call: "throttle" if call.operation == "UpdateItem"
              and '"verdict"' in call.body else None)  # fmt: skip


def done(world: World) -> None:
    world.dead_letters(world.letter("a"))
    world.run(REDRIVE)


def failed_again(world: World) -> None:
    letter = world.letter("a", code=Code.NO_ROUTE, step="route", text=event("a", "org.unknown"))
    world.dead_letters(letter)
    world.run(REDRIVE)


def aborted(world: World) -> None:
    world.dead_letters(*(world.letter(f"e{n}") for n in range(20)))
    world.run(REDRIVE, faults=denied)


def partial(world: World) -> None:
    world.dead_letters(world.letter("a"), world.letter("b"))
    world.stopped_because = "wrong one"
    world.run({**REDRIVE, "canary": 1}, faults=meanwhile(publishing, world.stop))


def unanswered(world: World) -> None:
    world.dead_letters(world.letter("a"))
    world.run({**REDRIVE, "approval_above": 0})


def refused(world: World) -> None:
    world.dead_letters(world.letter("a"))
    world.run({**REDRIVE, "approval_above": 0}, approve=answering(False))


def broken(world: World) -> None:
    world.dead_letters(world.letter("a"))
    world.run({})
    world.run({**REDRIVE, "action": "plan"}, faults=lambda call: "denied"
              if call.operation == "Query" and call.task == "plan" else None)  # fmt: skip


def changed(world: World) -> None:
    world.dead_letters(world.letter("a"))
    world.run({})

    def another(call: TaskCall) -> bool:
        return call.task == "lock" and call.operation == "UpdateItem"

    world.run(REDRIVE, faults=meanwhile(another, lambda: world.deploy(other_catalogue())))


def locked(world: World) -> None:
    world.dead_letters(world.letter("a"), world.letter("b"))
    world.run({})
    another = meanwhile(publishing, lambda: world.run(REDRIVE))
    world.run({**REDRIVE, "canary": 1}, faults=another)


def empty(world: World) -> None:
    world.run(REDRIVE, faults=nothing)


STORIES: dict[Callable[[World], None], str] = {
    incident: "N dead letters at STAGE: CAUSE",
    junk: "N messages are no dead letters at STAGE",
    unrecorded: "dead letters could not be recorded at STAGE",
    unanswered: "ACTION not approved",
    refused: "ACTION refused",
    done: "ACTION done: COUNTS",
    failed_again: "ACTION done: COUNTS failed",
    aborted: "ACTION aborted: WHY",
    partial: "ACTION partial: WHY",
    broken: "ACTION failed: WHY",
    changed: "ACTION changed: WHY",
    locked: "ACTION locked: WHY",
    empty: "ACTION nothing",
}


def in_the_guide(told: Sequence[tuple[str, str]], deployment: str) -> set[str]:
    """The rows of these mails, each of which names the commands that its row does."""
    seen = set()
    for subject, text in told:
        row = row_of(subject.removeprefix(f"{deployment}: "))
        seen.add(row)
        # More follow while letters are parked.
        names = re.findall(r"^Next: eventing (.*)$", text, re.MULTILINE)
        names = [name for name in names if name != "letters --parked --ids"]
        shown = re.findall("`(.*?)`", ROWS[row])
        assert len(names) == len(shown), subject
        for name, expected in zip(names, shown, strict=True):
            assert re.fullmatch(pattern(expected), name), subject
    return seen


@pytest.mark.memory
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_mail_is_in_the_guide_with_what_comes_next(world: World, story: Any) -> None:
    story(world)
    assert STORIES[story] in in_the_guide(world.told(), world.name)


def asked_about(book: Casebook) -> None:
    book.found(finding(book.archive(order("o-1")), (0, "$.event.data.card")), no)


def told_of(book: Casebook) -> None:
    key = book.archive(order("o-1"))
    book.found(finding(key, (0, "$.event.data.card"), severity="Low"))


def of_nobody(book: Casebook) -> None:
    key = book.archive(order("o-1"))
    book.aws.buckets[ARCHIVE]["elsewhere.jsonl"] = book.aws.buckets[ARCHIVE].pop(key) * 2
    book.archive(order("o-2"), publisher="other")
    mixed = b"".join(book.aws.buckets[ARCHIVE].values())
    book.aws.buckets[ARCHIVE]["elsewhere.jsonl"] = mixed
    book.found(finding("elsewhere.jsonl", count=9))


def done_in_part(book: Casebook) -> None:
    key = book.archive(order("o-1"))
    book.before["quarantine"] = book.aws.buckets[ARCHIVE].clear
    book.found(finding(key, (0, "$.event.data.card")), yes)


def unreadable(book: Casebook) -> None:
    book.found({**finding("x", (0, "")), "id": None})


def not_worked_off(book: Casebook) -> None:
    key = book.archive(order("o-1"))
    book.faults = lambda call: "denied" if call.operation == "GetItem" else None
    with pytest.raises(ExecutionFailed):
        book.found(finding(key, (0, "$.event.data.card")))


_IN_EVENTS = "sensitive data in events of PUBLISHER, severity SEVERITY"
OF_CASES: dict[Callable[[Casebook], None], str] = {
    asked_about: f"{_IN_EVENTS}: stop the publisher?",
    told_of: _IN_EVENTS,
    of_nobody: "sensitive data in the archive, severity SEVERITY",
    done_in_part: "sensitive data of PUBLISHER was dealt with in part",
    unreadable: "a finding of sensitive data could not be read",
    not_worked_off: "a finding of sensitive data was not worked off",
}


@pytest.mark.memory
@pytest.mark.parametrize("story", OF_CASES, ids=lambda story: story.__name__)
def test_a_mail_of_a_case_is_in_the_guide_with_what_comes_next(story: Any) -> None:
    aws = FakeAws()
    with aws.installed() as clients:
        book = Casebook(clients, aws)
        story(book)
    assert OF_CASES[story] in in_the_guide(book.told(), "shop")


def adopts(adoption: Adoption) -> None:
    adoption.accept("a", "b")
    adoption.run()


def adopts_nothing(adoption: Adoption) -> None:
    adoption.accept("a")
    adoption.publish("a")
    adoption.run()


def does_not_adopt(adoption: Adoption) -> None:
    adoption.accept("a")
    adoption.run(faults=lambda call: "denied" if call.operation == "Scan" else None)


OF_ADOPTIONS: dict[Callable[[Adoption], None], str] = {
    adopts: "adopted N events of REGION",
    adopts_nothing: "adopted 0 events of REGION",
    does_not_adopt: "adopting REGION failed",
}


@pytest.mark.parametrize("story", OF_ADOPTIONS, ids=lambda story: story.__name__)
def test_a_mail_of_an_adoption_is_in_the_guide_with_what_comes_next(
    world: World, story: Any
) -> None:
    story(Adoption(world))
    assert OF_ADOPTIONS[story] in in_the_guide(world.told(), world.name)


def test_letters_that_could_not_be_recorded_are_counted_by_cause(world: World) -> None:
    unrecorded(world)
    ((_, text),) = world.told()
    line = re.compile(r"\d+ receipts? of letters could not be recorded: THROTTLED \d+")
    assert any(map(line.fullmatch, text.splitlines()))


def test_every_row_of_the_guide_is_a_mail_that_is_sent() -> None:
    sent = {
        *STORIES.values(),
        *OF_CASES.values(),
        *OF_ADOPTIONS.values(),
        *BY_OTHERS,
        "approve ACTION of N letters? CAUSE",
        "ACTION resubmitted",
        "sensitive data of PUBLISHER: OUTCOME",
    }
    assert set(ROWS) == sent
