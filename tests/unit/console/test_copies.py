"""Copies that did not get into the archive: they are put where they belong, and written again."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from console.deployed.aws import RIGHTS
from eventing.archive_line import archive_line
from functions.contract import Objects
from tests.console_rights import rights
from tests.unit.console.cloud import REGION, SECRET, Cloud, Refused
from tests.unit.console.given import Eventing

AT = "2026-11-27T15:30:00.000Z"
PLACE = f"{Objects.EVENTS}acme-web/date=2026-11-27/15/"
UNDELIVERED = f"{Objects.UNDELIVERED}processing-failed/2026-11-27/"
REWRITE = (
    "copies",
    "rewrite",
    "--since",
    "2026-11-27T15:00:00Z",
    "--until",
    "2026-11-27T16:00:00Z",
)


def line(number: int, publisher: str = "acme-web", at: str = AT) -> str:
    event = json.dumps({"id": str(number), "data": SECRET}, separators=(",", ":"))
    return archive_line(event, publisher=publisher, accepted_at=at)


def account(*lines: str) -> str:
    """What Firehose writes of what it could not deliver."""
    given = b64encode("".join(lines).encode()).decode()
    told = {"attemptsMade": 1, "errorCode": "x", "errorMessage": "y", "rawData": given}
    return json.dumps(told) + "\n"


def item(number: int, at: str = AT, region: str = REGION, **members: Any) -> dict[str, Any]:
    event = json.dumps({"id": str(number), "data": SECRET}, separators=(",", ":"))
    found = {"publisher": "acme-web", "accepted_at": at, "origin_region": region, "event": event}
    return {name: {"S": value} for name, value in {**found, **members}.items() if value}


def written(cloud: Cloud) -> dict[str, str]:
    return {key: text for key, text in cloud.objects.items() if key.startswith(Objects.EVENTS)}


def test_undelivered_copies_are_put_where_they_belong(cloud: Cloud, eventing: Eventing) -> None:
    cloud.objects |= {
        f"{UNDELIVERED}a": account(line(1)) + account(line(2), line(3, "globex")),
        # Of a partition too many, as it was given.
        f"{UNDELIVERED}b": line(4, at="2026-11-27T16:00:00.000Z"),
    }
    ended = eventing("copies", "recover", "--json")

    assert (ended.code, ended.document["events"], ended.document["left"]) == (0, 4, [])
    assert {key.rpartition("/")[0] + "/": text for key, text in written(cloud).items()} == {
        PLACE: line(1) + line(2),
        PLACE.replace("acme-web", "globex"): line(3, "globex"),
        PLACE.replace("/15/", "/16/"): line(4, at="2026-11-27T16:00:00.000Z"),
    }
    assert all(key.endswith(".jsonl") for key in written(cloud))
    assert not any(key.startswith(Objects.UNDELIVERED) for key in cloud.objects)
    assert {RIGHTS[operation] for operation in cloud.count()} == rights()["copies recover"]
    again = eventing("copies", "recover")
    assert (again.code, "0 copies" in again.out) == (0, True)


@pytest.mark.parametrize("text", ["no line", account("no line"), '{"rawData":"*"}', line(1) + "{}"])
def test_what_is_not_all_events_is_left(cloud: Cloud, eventing: Eventing, text: str) -> None:
    cloud.objects |= {f"{UNDELIVERED}a": text, f"{UNDELIVERED}b": account(line(2))}
    ended = eventing("copies", "recover", "--json")

    assert (ended.code, ended.document["events"]) == (3, 1)
    assert ended.document["left"] == [f"{UNDELIVERED}a"]
    assert cloud.objects[f"{UNDELIVERED}a"] == text
    assert list(written(cloud).values()) == [line(2)]


@pytest.mark.parametrize("operation", ["PutObject", "DeleteObject"])
def test_what_was_interrupted_is_done_again_and_no_copy_is_lost_or_doubled(
    cloud: Cloud, eventing: Eventing, operation: str
) -> None:
    cloud.objects |= {f"{UNDELIVERED}{n}": account(line(n)) for n in range(3)}

    def fails(called: str) -> None:
        if called == operation and cloud.count()[operation] == 2:
            raise Refused("AccessDenied")

    cloud.fault = fails
    assert eventing("copies", "recover").code != 0
    cloud.fault = lambda called: None
    assert eventing("copies", "recover").code == 0
    assert sorted(written(cloud).values()) == sorted(line(n) for n in range(3))


def test_copies_of_a_time_are_written_again(cloud: Cloud, eventing: Eventing) -> None:
    cloud.events = [
        item(1),
        item(2, publisher="globex"),
        # Accepted elsewhere, too early, too late; and one that was erased.
        item(3, region="eu-west-1"),
        item(4, at="2026-11-27T14:59:59.999Z"),
        item(5, at="2026-11-27T16:00:00.000Z"),
        item(6, event=""),
        item(7),
    ]
    ended = eventing(*REWRITE, "--json")

    assert (ended.code, ended.document["events"], ended.document["objects"]) == (0, 3, 2)
    assert {key.rpartition("/")[0] + "/": text for key, text in written(cloud).items()} == {
        PLACE: line(1) + line(7),
        PLACE.replace("acme-web", "globex"): line(2, "globex"),
    }
    assert {RIGHTS[operation] for operation in cloud.count()} == rights()["copies rewrite"]
    # The same again are there already.
    before = dict(cloud.objects)
    assert eventing(*REWRITE).code == 0
    assert cloud.objects == before


@pytest.mark.parametrize("given", ["yesterday", "2026-11-27", "2026-11-27T15:00:00"])
def test_a_time_is_a_moment(cloud: Cloud, eventing: Eventing, given: str) -> None:
    ended = eventing("copies", "rewrite", "--since", given, "--until", "2026-11-27T16:00:00Z")

    assert (ended.code, "--since" in ended.err) == (2, True)
    assert cloud.count()["Scan"] == 0
