"""The reckoning of a soak tells lost, doubled and unexplained events apart; the seed makes the weather."""

from __future__ import annotations

from itertools import pairwise

from tests.soak.reckoning import Happening, Journal, Sending, reckon
from tests.soak.weather import FAULTS, spells

REDRIVE = "eventing-redrive"


def _journal(
    *arrivals: str, sendings: list[Sending], happened: list[Happening] | None = None
) -> Journal:
    return Journal(
        accepted={"e"},
        arrived={"e": set(arrivals)} if arrivals else {},
        sendings={"e": sendings},
        happenings=happened or [],
    )


def test_what_arrived_once_is_well() -> None:
    found = reckon(_journal("m1", sendings=[Sending(1, REDRIVE)]))

    assert found.is_good
    assert (found.accepted, dict(found.doubled)) == (1, {})


def test_what_was_accepted_and_did_not_arrive_is_lost() -> None:
    found = reckon(_journal(sendings=[Sending(1, REDRIVE)]))

    assert found.lost == ["e"]
    assert not found.is_good


def test_what_nobody_had_accepted_is_strange() -> None:
    found = reckon(Journal(arrived={"x": {"m1"}}))

    assert found.strange == ["x"]
    assert not found.is_good


def test_a_message_that_a_queue_gives_twice_is_no_double() -> None:
    assert reckon(_journal("m1", "m1", sendings=[Sending(1, REDRIVE)])).doubled == {}


def test_a_double_has_the_reason_that_its_sender_did_not_know() -> None:
    twice = [Sending(1, REDRIVE), Sending(5, REDRIVE)]
    reasons = {
        "lost": _journal(
            "m1", "m2", sendings=[Sending(1, REDRIVE, answered=False), Sending(2, REDRIVE)]
        ),
        "killed": _journal("m1", "m2", sendings=twice, happened=[Happening(2, REDRIVE, "killed")]),
        "stopped": _journal(
            "m1", "m2", sendings=twice, happened=[Happening(2, REDRIVE, "stopped")]
        ),
        "record": _journal(
            "m1", "m2", sendings=twice, happened=[Happening(2, REDRIVE, "denied", "ledger")]
        ),
    }
    for word, journal in reasons.items():
        found = reckon(journal)
        assert found.is_good
        ((reason, count),) = found.doubled.items()
        assert word in reason
        assert count == 1


PUBLISH = "eventing-publish"


def test_a_letter_is_a_reason_where_its_writer_did_not_know_of_it() -> None:
    again = [Sending(5, PUBLISH), Sending(9, REDRIVE)]
    lost = [Sending(1, PUBLISH, answered=False, letter=True), *again]
    killed = [Sending(1, PUBLISH, letter=True), *again]
    reasons = {
        "lost": _journal("m1", "m2", sendings=lost),
        "killed": _journal(
            "m1", "m2", sendings=killed, happened=[Happening(2, PUBLISH, "killed", "functions")]
        ),
    }
    for word, journal in reasons.items():
        ((reason, _),) = reckon(journal).doubled.items()
        assert word in reason
        assert "letter" in reason


def test_a_letter_alone_is_no_reason() -> None:
    written = Sending(1, PUBLISH, letter=True)
    happened = [Happening(2, PUBLISH, "killed", "functions")]
    for sendings in (
        # Two redrives of one letter, and one sending after a letter that is known to be written.
        [written, Sending(5, REDRIVE), Sending(9, REDRIVE)],
        [written, Sending(3, PUBLISH), Sending(9, REDRIVE)],
    ):
        told = happened if sendings[1].function == REDRIVE else []
        found = reckon(_journal("m1", "m2", sendings=sendings, happened=told))
        assert "e" in found.unexplained


def test_a_double_that_nothing_explains_is_a_fault() -> None:
    twice = [Sending(10, REDRIVE), Sending(15, REDRIVE)]
    others = [
        # Before, after, another function's, and of something that is not where it is recorded.
        Happening(9, REDRIVE, "killed"),
        Happening(16, REDRIVE, "killed"),
        Happening(12, "eventing-publish", "killed"),
        Happening(12, REDRIVE, "denied", "topics"),
    ]
    found = reckon(_journal("m1", "m2", sendings=twice, happened=others))

    assert found.unexplained == {
        "e": [
            "-1.000 s eventing-redrive: killed",
            "+0.000 s eventing-redrive sent it",
            "+2.000 s eventing-publish: killed",
            "+2.000 s eventing-redrive: denied topics",
            "+5.000 s eventing-redrive sent it",
            "+6.000 s eventing-redrive: killed",
        ]
    }
    assert not found.is_good


def test_the_same_seed_makes_the_same_weather_and_everything_fails_in_it() -> None:
    weather = list(spells(1, 1200))

    assert weather == list(spells(1, 1200)) != list(spells(2, 1200))
    assert {spell.thing for spell in weather} == set(FAULTS)
    for thing, kinds in FAULTS.items():
        assert {spell.kind for spell in weather if spell.thing == thing} == set(kinds)
    assert all(0 <= spell.begins < spell.ends <= 1200 and 0 < spell.share <= 1 for spell in weather)


def test_there_is_calm_between_spells_of_one_thing() -> None:
    for thing in FAULTS:
        own = [spell for spell in spells(3, 1200) if spell.thing == thing]
        assert all(one.ends < other.begins for one, other in pairwise(own))
