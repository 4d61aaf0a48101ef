"""`eventing event`: what became of one event."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from eventing.event import event_key
from eventing.receipts import Taken, receipts
from eventing.timestamps import timestamp
from tests.unit.console.cloud import NOW, REGION, SECRET, Cloud, Refused, event_item, item
from tests.unit.console.given import Eventing

ACCEPTED = NOW - timedelta(days=1)
WORDS = ("event", "/shop", "1", "--publisher", "acme-web")
KEY = event_key("acme-web", "/shop", "1")


def store(cloud: Cloud, *, region: str = REGION) -> None:
    """Put the event into the table."""
    cloud.events.append(event_item(KEY, origin_region=region))


def prove(cloud: Cloud, *topics: str, region: str = REGION) -> None:
    """Put a receipt of the event for each topic."""
    for number, topic in enumerate(topics):
        (one,) = receipts([Taken(KEY, topic, ACCEPTED)], region=region)
        cloud.receipts.append(
            {
                "pk": {"S": one.partition},
                "published_at": {"S": timestamp(ACCEPTED + timedelta(seconds=number))},
                "topics": {"M": {topic: {"B": hashes} for topic, hashes in one.hashes.items()}},
            }
        )


def letter(cloud: Cloud, number: int = 1, **members: Any) -> str:
    """Put a letter of the event into the ledger; its id."""
    cloud.items.append(item(number, event_key=KEY, digest="digest", **members))
    return f"{number:043}"


def test_a_published_event(cloud: Cloud, eventing: Eventing) -> None:
    store(cloud)
    prove(cloud, "orders")

    told = eventing(*WORDS, "--json").document
    assert (told["status"], told["topic"], told["region"]) == ("published", "orders", REGION)
    assert told["receipts"] == [{"topic": "orders", "published_at": timestamp(ACCEPTED)}]
    assert told["expires_at"] == timestamp(ACCEPTED + timedelta(days=90))
    assert (told["letters"], told["next"]) == ([], [])
    shown = eventing(*WORDS)
    assert shown.code == 0
    assert "published" in shown.out
    assert SECRET not in shown.out


def test_an_event_that_was_published_twice_has_two_receipts(
    cloud: Cloud, eventing: Eventing
) -> None:
    store(cloud)
    prove(cloud, "orders", "orders-priority")

    told = eventing(*WORDS, "--json").document
    assert [receipt["topic"] for receipt in told["receipts"]] == ["orders", "orders-priority"]


def test_a_dead_letter_and_the_run_that_had_it_come_next(cloud: Cloud, eventing: Eventing) -> None:
    store(cloud)
    open_letter = letter(cloud, 1, run="run-1")
    archived = letter(cloud, 2, stage="ingest", step="archive", state="resolved", run="run-1")

    told = eventing(*WORDS, "--json").document
    assert (told["status"], told["stage"], told["code"]) == (
        "dead-lettered",
        "publish",
        "ACCESS_DENIED",
    )
    assert {(one["letter"], one["step"], one["run"]) for one in told["letters"]} == {
        (open_letter, "publish", "run-1"),
        (archived, "archive", "run-1"),
    }
    assert told["next"] == [
        f"eventing letter {open_letter}",
        f"eventing letter {archived}",
        "eventing report run-1",
    ]


def test_an_event_of_another_region_is_asked_for_there(cloud: Cloud, eventing: Eventing) -> None:
    store(cloud, region="us-east-1")

    told = eventing(*WORDS, "--json").document
    assert (told["status"], told["region"]) == ("accepted", "us-east-1")
    assert "us-east-1" in told["detail"]


def test_an_event_that_is_not_there(cloud: Cloud, eventing: Eventing) -> None:
    store(cloud)

    for words in (("event", "/shop", "2", *WORDS[3:]), (*WORDS[:3], "--publisher", "globex")):
        told = eventing(*words)
        assert told.code == 2
        assert "There is no such event here" in told.err


def test_an_id_that_looks_like_an_option(cloud: Cloud, eventing: Eventing) -> None:
    told = eventing("event", "/shop", "--1", "--publisher", "acme-web")

    assert told.code == 2
    assert "no such event" in told.err


@pytest.mark.parametrize("operation", ["GetItem", "Query"])
def test_a_right_that_is_missing(cloud: Cloud, eventing: Eventing, operation: str) -> None:
    def refuse(called: str) -> None:
        if called == operation:
            raise Refused("AccessDenied")

    store(cloud)
    cloud.fault = refuse
    assert eventing(*WORDS).code == 2
