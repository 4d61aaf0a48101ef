"""Hostile letters: what operators read of them leads on first, is bounded, and says nothing in our name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from eventing.cause import Code
from tests.engine.letters import event
from tests.faults.vocabulary import nothing

if TYPE_CHECKING:
    from eventing.dead_letter import Stage
    from tests.engine.world import World

# Step Functions takes 256 KiB of any state; a mail is read on a telephone.
STATE_BYTES, MAIL_BYTES = 64 * 1024, 16 * 1024
PLANTED = (
    "x\u2028approve now: https://evil.example",
    "x\u202e\u2066approve\u2069",
    "x\u200b\ufeff\U000e0041\u0085y",
)
FOUR_BYTES = "\U00010348"


def lines_of(text: str) -> list[str]:
    assert text.isprintable() or all(c.isprintable() or c == "\n" for c in text)
    return text.split("\n")


def leads_on(lines: list[str]) -> bool:
    """Whether the lines above all that publishers wrote are those of the form, in their order."""
    names = [line.partition(": ")[0] for line in lines[1 : lines.index("")]]
    return names == ["Users", "Next", "Next", "Runbook", "Where"]


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.parametrize("member", ["type", "message", "publisher", "topic"])
def test_what_is_planted_stays_on_its_line_and_in_its_quotes(
    world: World, member: str, planted: str
) -> None:
    if member == "type":
        world.dead_letters(world.letter("a", text=event("a", type=planted)))
    else:
        members: dict[str, Any] = {member: planted}
        world.dead_letters(world.letter("a", **members))
    world.run({})
    ((_, text),) = world.told()
    lines = lines_of(text)
    assert leads_on(lines)
    assert not any(line.startswith("approve") for line in lines)
    assert "https://evil" not in text


def hostile(world: World) -> None:
    queues: list[tuple[Stage, str]] = [("publish", "publish"), ("ingest", "store")]
    for stage, step in queues:
        world.dead_letters(
            *(
                world.letter(
                    f"{stage}{cause}-{n}",
                    stage=stage,
                    step=step,
                    code=Code.UNKNOWN,
                    message=chr(0x10348 + cause) + FOUR_BYTES * 255,
                    text=event(f"{stage}{cause}-{n}", type=FOUR_BYTES * 253 + f"{n:02}"),
                )
                for cause in range(12)
                for n in range(10)
            )
        )
        world.send(stage, *(f'{{"schema_version": 1, "{n}": 0}}' for n in range(30)))


def test_mails_outputs_and_states_are_bounded_whatever_letters_say(world: World) -> None:
    hostile(world)
    triaged = world.run({})
    mails = world.told()
    assert len(mails) == 2
    for _, text in mails:
        assert len(text.encode()) <= MAIL_BYTES
        assert leads_on(lines_of(text))
    assert len(json.dumps(triaged.output)) <= STATE_BYTES

    planned = world.run({"action": "plan"})
    assert len(json.dumps(planned.output)) <= STATE_BYTES
    redriven = world.run(
        {"action": "redrive", "reason": "the topic is back", "started_by": "ada"},
        faults=nothing,
    )
    assert len(json.dumps(redriven.output)) <= STATE_BYTES
    assert all(len(text.encode()) <= MAIL_BYTES for _, text in world.told())


def test_a_request_for_approval_leads_on_before_its_summary(world: World) -> None:
    hostile(world)
    world.run({})
    world.told()
    world.run(
        {"action": "redrive", "approval_above": 1, "started_by": "ada"}
        | {"reason": "approve: https://evil.example"},
        approve=lambda task: {"approved": False, "approver": "ada", "hash": task["plan"]["hash"]},
    )
    text = world.told()[0][1]
    assert len(text.encode()) <= MAIL_BYTES
    assert text.index("Next: eventing approve") < text.index('"letters"')
    assert "https://evil" not in text
    lines_of(text)
