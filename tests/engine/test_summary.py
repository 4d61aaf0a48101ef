"""The summary of what waits, as the dashboards' widget shows it, through an incident."""

from __future__ import annotations

import json
import re
import shlex
from datetime import timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from eventing.redrive.groups import Waiting
from eventing.redrive.summary import summed_up
from functions.contract import Rows
from tests.engine.clouds import InMemory
from tests.engine.letters import event
from tests.faults.choosing import meanwhile

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.process import TaskCall
    from tests.engine.world import World
    from tests.faults.vocabulary import Fault

pytestmark = pytest.mark.memory
REDRIVE = {"action": "redrive"}
HEALTHY = re.compile(r"<p><strong>No dead letter waits\.</strong> Counted \d+ s ago\.</p>")
# All that the widget is made of: no attribute but this one.
TAGS = {"p", "strong", "code", "table", "thead", "tbody", "tr", "th", "td", "br"}


class Seen(HTMLParser):
    """The text of a piece of HTML, what marks it up, and its rows."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.marks: set[str] = set()
        self.rows: list[list[str]] = []
        self.commands: list[str] = []
        self.paragraphs: list[str] = []
        self._into: list[list[str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.marks |= {tag, *(f"{tag} {name}={value}" for name, value in attrs)}
        match tag:
            case "tr":
                self.rows.append([])
            case "td" | "th":
                self.rows[-1].append("")
                self._into.append(self.rows[-1])
            case "code" | "p":
                texts = self.commands if tag == "code" else self.paragraphs
                texts.append("")
                self._into.append(texts)
            case "br":
                self.handle_data("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "code", "p"):
            self._into.pop()

    def handle_data(self, data: str) -> None:
        for texts in self._into:
            texts[-1] += data


def look(world: World) -> Seen:
    """What the widget shows, which is well formed and nothing but words and a table."""
    # Ages of a second or so differ from run to run.
    seen = Seen(re.sub(r"\b\d s ago", "N s ago", world.widget()))
    assert seen.marks <= TAGS | {"th scope=col"}
    return seen


def items(world: World) -> dict[str, dict[str, Any]]:
    """The ledger's items by their keys."""
    assert isinstance(world.cloud, InMemory)
    return world.cloud.aws.items(world.ledger)


def summary(world: World) -> Any:
    return items(world)[Rows.SUMMARY]


def is_of_summary(call: TaskCall) -> bool:
    return call.service == "dynamodb" and f'"{Rows.SUMMARY}"' in call.body


def test_before_the_first_count_it_says_so(world: World) -> None:
    assert world.widget() == "<p>Not counted yet: dead letters of ingest and publish.</p>"


def test_without_letters_it_is_one_line(world: World) -> None:
    world.count()
    assert HEALTHY.fullmatch(world.widget())


def test_an_incident_from_its_queue_to_its_end(world: World) -> None:
    world.dead_letters(*(world.letter(f"o{n}", age=timedelta(hours=3)) for n in range(4)))
    counted = world.count()
    assert look(world).paragraphs == ["In the queues, for triage: 4 messages. Counted N s ago."]

    world.run(counted["started"][0])
    seen = look(world)
    assert seen.paragraphs == ["4 dead letters wait. Counted N s ago."]
    (group,) = json.loads(summary(world)["letters_publish"]["S"])["groups"]
    heads, (letters, why, where, since, next) = seen.rows
    assert heads == ["Letters", "Why", "Where", "Since", "What comes next"]
    assert letters == "4 open"
    assert why == "NOT_FOUND\na topic, table or bucket is gone: deploy, then redrive"
    assert where == "publish\ntopics: orders 4\npublishers: acme-web 4"
    assert since == "3 h ago\nfirst gone in 180 d"
    chosen = f"--stage publish --fingerprint {group['fingerprint']}"
    assert next == f"eventing plan {chosen}"

    world.run({"action": "plan", "stage": "publish"})
    assert look(world).rows[1][4] == (
        f"eventing redrive {chosen}\nplan of N s ago: all 4 go through, in 0 s"
    )

    shown: list[Seen] = []
    world.run(
        {**REDRIVE, "stage": "publish"},
        name="back-again",
        faults=meanwhile(
            lambda call: call.operation == "PublishBatch", lambda: shown.append(look(world))
        ),
    )
    assert shown[0].paragraphs[1].startswith("Redrive back-again is under way: 0 of 4 letters done")
    assert "eventing follow back-again" in shown[0].commands
    assert HEALTHY.fullmatch(world.widget())


def test_parked_letters_are_told_with_how_to_list_them(world: World) -> None:
    world.dead_letters(world.letter("a"), world.letter("b"))
    world.run({**REDRIVE, "max_episodes": 1}, faults=too_large)
    seen = look(world)
    assert seen.paragraphs == ["2 dead letters wait, 2 parked. Counted N s ago."]
    assert [row[0] for row in seen.rows[1:]] == ["2 parked"]
    assert seen.commands[0].startswith("eventing letters --parked --ids --stage publish ")


def too_large(call: TaskCall) -> Fault | None:
    return "too-large" if call.operation == "PublishBatch" else None


def test_a_run_that_waits_for_approval_says_so_and_goes_when_it_ends(world: World) -> None:
    world.dead_letters(world.letter("a"), world.letter("b"))
    shown: list[Seen] = []

    def refuse(task: Any) -> Any:
        shown.append(look(world))
        assert len(shown[0].commands) == 1
        return {"approved": False, "approver": "bob", "hash": task["plan"]["hash"]}

    world.run({**REDRIVE, "approval_above": 1}, name="asks", approve=refuse)
    assert "asks waits for the approval of 2 letters" in shown[0].paragraphs[1]
    assert "asks" not in " ".join(look(world).paragraphs)


def test_the_counter_forgets_a_run_that_nothing_ended(world: World) -> None:
    world.dead_letters(world.letter("a"))
    world.run({})
    world.run({**REDRIVE, "stage": "publish"}, name="gone", faults=never_summed_up_at_its_end)
    assert "gone" in summary(world)["run_publish"]["S"]
    world.count()
    assert "run_publish" not in summary(world)


def never_summed_up_at_its_end(call: TaskCall) -> Fault | None:
    ends = call.task in ("report", "finish", "release")
    return "denied" if ends and is_of_summary(call) else None


@pytest.mark.parametrize("fault", ["denied", "throttle", "timeout"])
def test_a_summary_that_cannot_be_written_fails_nothing_and_is_counted(
    world: World,
    fault: Fault,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def faults(call: TaskCall) -> Fault | None:
        return fault if is_of_summary(call) else None

    world.dead_letters(world.letter("a"))
    assert world.run({}, faults=faults).output["outcome"] == "triaged"
    assert world.run(REDRIVE, faults=faults).output["outcome"] == "done"
    assert world.rows(Rows.SUMMARY) == []
    capsys.readouterr()
    assert world.count(faults=faults)["publish"]["open"] == 0
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    # For both stages, and for the runs.
    assert [line["SummaryUnwritten"] for line in lines if "SummaryUnwritten" in line] == [[1]] * 3
    assert ("summary", "WARNING") in {(r.getMessage(), r.levelname) for r in caplog.records}


def test_an_old_summary_says_so(world: World) -> None:
    world.count()
    world.clock.passed += 3600
    assert (
        "Counted 1 h ago. That is old: the counter or the ledger does not work."
        in (look(world).paragraphs[0])
    )


@pytest.mark.parametrize(
    ("fault", "code"),
    [("denied", "ACCESS_DENIED"), ("throttle", "THROTTLED"), ("timeout", "TIMEOUT")],
)
def test_a_summary_that_cannot_be_read_is_one_line(world: World, fault: Fault, code: str) -> None:
    world.count()
    shown = world.widget(faults=lambda _: fault)
    assert shown == f"<p>The summary can&#x27;t be read just now: {code}.</p>"


def test_a_part_of_another_version_is_written_again(world: World) -> None:
    world.count()
    summary(world)["letters_publish"] = {"S": '{"unknown": [1]}'}
    assert "Not counted yet: dead letters of publish." in world.widget()
    world.count()
    assert HEALTHY.fullmatch(world.widget())


def test_it_describes_itself_and_looks_at_no_parameter(world: World) -> None:
    world.count()
    described = world.widget({"describe": True})
    assert described.keys() == {"markdown"}
    assert not world.calls(operation="GetItem")[-1].task
    given = {"widgetContext": {"params": {"html": "<b>"}}, "html": "<b>", "describe": False}
    assert HEALTHY.fullmatch(world.widget(given))


def test_of_ten_thousand_letters_it_reads_one_row(world: World) -> None:
    world.count()
    process, now = world.process(), world.clock.now()
    open = Waiting(
        letters=10_000, failed_first="2026-11-27T11:00:00.000Z", first_expires_at=2 * 10**9
    )
    letters = summed_up(open, Waiting(), at=now, queued=0, resources={})
    process.parts(threads=1).summary_row.write("letters", "publish", letters.text(), at=now)
    process.calls.clear()
    shown = process.widget({"widgetContext": {}}, process.context(10))
    assert "10,000 dead letters wait." in shown
    assert [call.operation for call in process.calls] == ["GetItem"]
    assert f'"{Rows.SUMMARY}"' in process.calls[0].body


def multiply(world: World, letters: int, **members: Callable[[int], str]) -> None:
    """Let there be so many letters like the one that is there, each with members of its own."""
    found = items(world)
    (like,) = (item for item in found.values() if "stage" in item)
    for n in range(1, letters):
        key = f"{n:043}"
        own = {name: {"S": made(n)} for name, made in members.items()}
        found[key] = {**like, "pk": {"S": key}, **own}


def test_of_many_root_causes_the_largest_are_told_and_the_counts_are_exact(world: World) -> None:
    world.record(world.letter("a"))
    long = "\U00010348" * 200
    multiply(
        world,
        400,
        fingerprint=lambda n: f"f{n % 100:02}",
        topic=lambda n: f"{n}{long}",
        publisher=lambda n: f"{n}{long}",
    )
    world.count()
    seen = look(world)
    assert seen.paragraphs[0] == "400 dead letters wait. Counted N s ago."
    told = sum(int(row[0].split()[0]) for row in seen.rows[1:])
    groups = len(seen.rows) - 1
    assert 1 <= groups <= 10
    assert (
        seen.paragraphs[-1]
        == f"and {400 - told} more letters, with {101 - groups} more root causes"
    )
    assert len(json.dumps(summary(world))) < 40_000


SECRET = "4111-1111-1111-1111"
HOSTILE = "<img src=x onerror=alert(1)>$(reboot)`id`; & \u202e\"'</td></table><script>"


def test_foreign_text_is_neither_markup_nor_a_command(world: World) -> None:
    world.record(world.letter("a", text=event("a", data={"card": SECRET})))
    hostile = dict.fromkeys(
        ("fingerprint", "topic", "publisher", "type", "code", "resource", "message"),
        lambda _: HOSTILE,
    )
    multiply(world, 3, **hostile)
    world.count()
    before = look(world)
    world.run(
        {**REDRIVE, "stage": "publish"}, name=f"a{HOSTILE}", faults=never_summed_up_at_its_end
    )
    html = world.widget()
    seen = look(world)
    assert seen.marks <= TAGS | {"th scope=col"}
    assert "\u202e" not in html
    assert SECRET not in html
    assert "\\u202e" in html
    # Nothing that a shell would take for more than a word.
    assert {command.split()[1] for command in before.commands} == {"plan"}
    assert {command.split()[1] for command in seen.commands} == {"status"}
    for command in (*before.commands, *seen.commands):
        assert command.split()[0] == "eventing"
        assert shlex.join(shlex.split(command)) == command
        assert re.fullmatch(r"[\w -]+", command)
