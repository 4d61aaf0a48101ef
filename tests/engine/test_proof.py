"""Proof: what was stored has a receipt or a letter; what has neither, or two receipts, is named."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from eventing.timestamps import timestamp
from tests.engine.proofs import PEER, Proofs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.process import TaskCall
    from tests.engine.world import World
    from tests.faults.vocabulary import Fault


@pytest.fixture
def proofs(world: World) -> Proofs:
    """A world in which this region takes events."""
    return Proofs(world)


def numbered(count: int, prefix: str = "e") -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def named(proofs: Proofs, *ids: str) -> list[str]:
    return sorted(proofs.events.key(id) for id in ids)


def keys(output: Any, kind: str = "unproven") -> list[str]:
    return sorted(one["key"] for one in output["found"]["named"][kind])


def test_events_with_a_receipt_or_a_letter_are_proven_and_the_table_is_not_read(
    proofs: Proofs,
) -> None:
    world = proofs.world
    proofs.accept(*numbered(20))
    proofs.publish(*numbered(20))
    proofs.accept("later", "dead", minute=3)
    proofs.publish("later")
    proofs.dead_letter("dead", minute=3)

    ended = proofs.run()

    output = ended.output
    assert output["outcome"] == "proven"
    assert output["minutes"] == []
    totals = output["totals"]
    assert (totals["stored"], totals["proven"], totals["published"], totals["letters"]) == (
        22,
        22,
        21,
        1,
    )
    assert (totals["unproven"], totals["twice"], totals["in_two_regions"]) == (0, 0, 0)
    assert world.calls(operation="Scan") == []
    assert output["regions"] == [proofs.here, PEER]


def test_an_event_without_a_receipt_is_named_and_adoption_would_send_it_again(
    proofs: Proofs,
) -> None:
    """A process died after SNS had taken the event, before the receipt."""
    proofs.accept(*numbered(20))
    proofs.publish(*numbered(19))
    proofs.accept("fine", minute=2)
    proofs.publish("fine")

    output = proofs.run().output

    assert output["outcome"] == "differs"
    assert keys(output) == named(proofs, "e19")
    (minute,) = output["minutes"]
    assert (minute["at"], minute["stored"], minute["unproven"]) == (timestamp(proofs.start), 20, 1)
    assert output["found"]["unproven"] == 1
    assert output["found"]["not_there"] == 0
    assert output["found"]["read"]["units"] > 0
    (event,) = output["found"]["named"]["unproven"]
    assert event["publisher"] == "acme"


def test_counting_alone_names_the_minutes_and_does_not_read_the_table(proofs: Proofs) -> None:
    """Receipts were denied for two minutes."""
    for minute in range(5):
        ids = numbered(3, f"m{minute}-")
        proofs.accept(*ids, minute=minute)
        if minute not in (1, 2):
            proofs.publish(*ids)

    output = proofs.run("count").output

    assert [minute["at"] for minute in output["minutes"]] == [
        timestamp(proofs.start + timedelta(minutes=minute)) for minute in (1, 2)
    ]
    assert output["totals"]["unproven"] == 6
    assert output["totals"]["differing_minutes"] == 2
    assert output["found"] is None
    assert proofs.world.calls(operation="Scan") == []


def test_what_two_regions_have_published_is_named(proofs: Proofs) -> None:
    """The filter of a stream's mapping is gone, say: each region publishes what both took."""
    proofs.accept(*numbered(10))
    proofs.publish(*numbered(10))
    proofs.publish("e3", "e4", by=PEER)

    output = proofs.run().output

    assert output["outcome"] == "differs"
    assert output["totals"]["twice"] == 2
    assert output["totals"]["unproven"] == 0
    assert keys(output, "twice") == named(proofs, "e3", "e4")
    assert output["found"]["unproven"] == 0


def test_what_was_accepted_in_two_regions_is_told_apart_from_what_was_published_twice(
    proofs: Proofs,
) -> None:
    proofs.accept(*numbered(10))
    proofs.publish(*numbered(10))
    # The publisher has sent them to the other region as well, which had not heard of them.
    world = proofs.world
    table = world.cloud.aws.items(world.events)  # type: ignore[attr-defined]
    for id in ("e1", "e2"):
        del table[proofs.events.key(id)]
        later = proofs.start + timedelta(minutes=3)
        proofs.events.accept(id, region=PEER, at=later)
        proofs.events.publish(id, region=PEER, origin=PEER)

    output = proofs.run().output

    assert output["outcome"] == "proven"
    assert output["totals"]["in_two_regions"] == 2
    assert output["totals"]["twice"] == 0


def test_what_one_region_has_sent_again_is_counted_and_no_reason_to_worry(proofs: Proofs) -> None:
    """The stream gave a part of a batch once more: another receipt, by the same region."""
    proofs.accept(*numbered(10))
    proofs.publish(*numbered(10))
    proofs.publish("e3")
    proofs.publish(*numbered(10))

    output = proofs.run().output

    assert output["outcome"] == "proven"
    assert output["totals"]["sent_again"] == 1
    assert output["totals"]["published"] == 10


def test_what_was_adopted_and_published_elsewhere_is_proven(proofs: Proofs) -> None:
    proofs.accept("e0", "e1")
    proofs.publish("e0", "e1", by=PEER)

    assert proofs.run().output["outcome"] == "proven"


def test_letters_of_what_another_region_took_say_nothing_of_this_ones_events(
    proofs: Proofs,
) -> None:
    proofs.accept("e0")
    proofs.events.accept("theirs", at=proofs.at(0))
    window: dict[str, Any] = {"from": timestamp(proofs.start)}
    proofs.events.run(**window)
    assert [letter.code for letter in proofs.world.letters] == ["REGION_LOST"]

    assert keys(proofs.run().output) == named(proofs, "e0")


@pytest.mark.parametrize(("state", "proven"), [("discarded", True), ("resolved", False)])
def test_a_letter_that_was_resolved_needs_a_receipt_and_one_that_was_discarded_does_not(
    proofs: Proofs, state: str, proven: bool
) -> None:
    world = proofs.world
    proofs.accept("e0")
    proofs.dead_letter("e0")
    action = "redrive" if state == "resolved" else "discard"
    world.run({"action": action, "stage": "publish", "filter": {"publisher": "acme"}})
    assert world.states() == {state: 1}
    if state == "resolved":
        receipts = world.cloud.aws.items(world.receipts)  # type: ignore[attr-defined]
        receipts.clear()

    assert (proofs.run().output["outcome"] == "proven") is proven


def test_what_was_erased_or_is_not_in_the_table_is_counted_and_not_named(proofs: Proofs) -> None:
    proofs.accept("gone", erased=True)
    proofs.accept("fine")
    proofs.publish("fine")

    output = proofs.run().output

    assert output["outcome"] == "proven"
    assert output["found"]["erased"] == 1
    assert keys(output) == []

    proofs.count(2)
    output = proofs.run().output
    assert output["outcome"] == "differs"
    assert output["found"]["not_there"] == 2


def test_an_event_whose_storing_was_not_counted_is_no_difference(proofs: Proofs) -> None:
    """The process of ingestion died before its metric, or the table answered late."""
    proofs.accept("e0", counted=False)
    proofs.publish("e0")

    output = proofs.run().output

    assert output["outcome"] == "proven"
    assert output["totals"]["uncounted"] == 1


def test_of_many_events_the_first_hundred_are_named_and_all_are_counted(proofs: Proofs) -> None:
    proofs.accept(*numbered(250))

    found = proofs.run().output["found"]

    assert found["unproven"] == 250
    assert len(found["named"]["unproven"]) == 100


def test_a_deployment_of_one_region_is_proven_as_well(proofs: Proofs) -> None:
    proofs.world.regions = [proofs.here]
    proofs.accept("e0", "e1")
    proofs.publish("e0")

    output = proofs.run().output

    assert output["regions"] == [proofs.here]
    assert keys(output) == named(proofs, "e1")


def test_only_whole_minutes_of_the_window_are_looked_at(proofs: Proofs) -> None:
    for minute in range(4):
        proofs.accept(f"e{minute}", minute=minute)

    begin = proofs.start + timedelta(minutes=1, seconds=30)
    window: dict[str, Any] = {
        "from": timestamp(begin),
        "to": timestamp(begin + timedelta(minutes=1)),
    }
    output = proofs.run(**window).output

    assert keys(output) == named(proofs, "e1", "e2")


# Metrics of each night


def gauges(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    names = ("EventsUnproven", "EventsPublishedTwice", "ProofFailed")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {name: line[name][0] for line in lines for name in names if name in line}


def test_a_proof_of_yesterday_writes_metrics_and_another_does_not(
    proofs: Proofs, capsys: pytest.CaptureFixture[str]
) -> None:
    world = proofs.world
    world.regions = [proofs.here]
    proofs.accept("e0", "e1")
    proofs.publish("e0")
    proofs.run("count")
    assert gauges(capsys) == {}
    world.clock.passed += 86400

    # As the schedule asks.
    ended = proofs.run(**_yesterday(proofs))
    assert ended.output["totals"]["unproven"] == 1
    assert gauges(capsys) == {"EventsUnproven": 1, "EventsPublishedTwice": 0, "ProofFailed": 0}


def _yesterday(proofs: Proofs) -> dict[str, Any]:
    today = proofs.world.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return {"from": timestamp(today - timedelta(days=1)), "to": timestamp(today)}


def test_a_proof_that_came_to_no_end_is_written_down(
    proofs: Proofs, capsys: pytest.CaptureFixture[str]
) -> None:
    task = {"task": "ended", "execution": "p", "started_at": 1764331200000, "status": "TIMED_OUT"}

    proofs.world.process().prove(task)

    assert gauges(capsys) == {"ProofFailed": 1}


# Failures


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"action": "guess"}, "action: must be one of count, find"),
        ({"to": "2026-11-01T00:00:00Z"}, "to: must be later than from"),
        ({"to": "2027-01-01T00:00:00Z", "from": "2026-12-31T12:00:00Z"}, "to: must not lie"),
        ({"from": "2026-11-26T00:00:00Z"}, "to: must be a day after from at most"),
        ({"from": "2026-11-01T00:00:00Z", "to": "2026-11-01T01:00:00Z"}, "from: must be 14 days"),
        ({"from": "yesterday"}, "from: must be a time with its offset"),
        ({"now": "yes"}, "now: must be true or false"),
        ({"region": "eu-west-1"}, "region: there is no such field"),
    ],
)
def test_a_faulty_request_is_refused_before_anything_is_read(
    proofs: Proofs, members: dict[str, Any], fault: str
) -> None:
    output = proofs.run(**members).output

    assert output["outcome"] == "refused"
    assert fault in output["cause"]
    assert proofs.world.calls() == []


def test_what_is_a_moment_old_waits_or_counts_as_unproven(proofs: Proofs) -> None:
    def window() -> dict[str, Any]:
        now = proofs.world.clock.now()
        return {"from": timestamp(now - timedelta(minutes=3)), "to": timestamp(now)}

    assert "15 minutes ago" in proofs.run(**window()).output["cause"]
    assert proofs.run(**window(), now=True).output["outcome"] == "proven"


@pytest.mark.parametrize("fault", ["killed", "done-then-killed", "throttle", "timeout"])
def test_whichever_call_fails_once_the_proof_is_the_same(
    new_world: Callable[[], World], fault: Fault
) -> None:
    def prepared() -> Proofs:
        proofs = Proofs(new_world())
        proofs.accept(*numbered(8))
        proofs.publish(*numbered(6))
        proofs.publish("e2", by=PEER)
        return proofs

    first = prepared()
    expected = first.run(minutes=1).output
    assert (expected["totals"]["unproven"], expected["totals"]["twice"]) == (2, 1)
    places: dict[tuple[str, str], int] = {}
    for call in first.world.calls():
        places.setdefault((call.task, call.operation), call.number)
    assert {operation for _, operation in places} == {
        *("DescribeTable", "GetMetricData", "Query", "Scan"),
    }
    for (task, operation), number in places.items():
        proofs = prepared()
        hit: list[TaskCall] = []

        def faults(
            call: TaskCall,
            at: tuple[str, str, int] = (task, operation, number),
            hit: list[TaskCall] = hit,
        ) -> Fault | None:
            if not hit and (call.task, call.operation, call.number) == at:
                hit.append(call)
                return fault
            return None

        output = proofs.run(minutes=1, faults=faults).output
        assert hit, (task, operation)
        assert output["totals"] == expected["totals"]
        assert Counter(keys(output)) == Counter(keys(expected))
        assert keys(output, "twice") == keys(expected, "twice")


@pytest.mark.parametrize("operation", ["DescribeTable", "Query", "GetMetricData", "Scan"])
def test_denied_it_fails_and_names_what(proofs: Proofs, operation: str) -> None:
    proofs.accept("e0")

    ended = proofs.run(faults=lambda call: "denied" if call.operation == operation else None)

    assert ended.error == "DependencyDown"
    assert "ACCESS_DENIED" in str(ended.cause)


def test_a_window_that_takes_too_long_fails_at_once_and_says_so(proofs: Proofs) -> None:
    proofs.accept("e0")

    def slow(call: TaskCall) -> None:
        proofs.world.clock.passed += 400 if call.task == "count" else 0

    ended = proofs.run("count", faults=slow)

    assert ended.error == "TooLarge"
    assert "prove it in several steps" in str(ended.cause)
    assert list(ended.tasks) == ["begin", "count"]


def test_a_table_of_many_pages_is_read_in_several_tasks(proofs: Proofs) -> None:
    proofs.accept(*numbered(400))
    proofs.publish(*numbered(350))

    def slow(call: TaskCall) -> None:
        proofs.world.clock.passed += 20 if call.operation == "Scan" else 0

    ended = proofs.run(faults=slow)

    assert list(ended.tasks).count("find") > 2
    assert ended.output["found"]["unproven"] == 50
    assert keys(ended.output) == named(proofs, *numbered(400)[350:])
