"""Changes of letters that the table refuses, or whose answers are lost, one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import islice
from random import Random
from typing import Any, cast

import pytest
from botocore.exceptions import ReadTimeoutError

from eventing.cause import Cause, Code
from eventing.redrive.changes import claim as claim_of
from eventing.redrive.filter import Filter
from eventing.redrive.groups import Waiting
from eventing.redrive.ledger import SHARDS, Outline, Row, State
from functions.shared.clock import Clock
from functions.shared.letter_index import GROUPED
from functions.shared.letters import Letters
from tests.unit.letters import row

Answer = str | None
"""The code of a statement's error, or None: it is carried out."""


@dataclass
class Table:
    """Stands for the table: versions by key, and what happens to each call's statements."""

    rows: dict[str, Row]
    happens: Callable[[int, str], Answer] = lambda call, key: None
    loses_answers: Sequence[int] = ()
    asked_twice: Sequence[int] = ()
    calls: list[list[str]] = field(default_factory=list)

    def batch_execute_statement(self, *, Statements: Sequence[Any]) -> Any:  # noqa: N803
        assert 1 <= len(Statements) <= 25
        number = len(self.calls)
        self.calls.append([statement["Parameters"][-2]["S"] for statement in Statements])
        answers = [self._execute(number, statement) for statement in Statements]
        if number in self.loses_answers:
            raise ReadTimeoutError(endpoint_url="https://dynamodb.test")
        if number in self.asked_twice:
            answers = [self._execute(number, statement) for statement in Statements]
        retries = int(number in self.asked_twice)
        return {"Responses": answers, "ResponseMetadata": {"RetryAttempts": retries}}

    def _execute(self, number: int, statement: Mapping[str, Any]) -> Any:
        *values, key, version = statement["Parameters"]
        code = self.happens(number, key["S"])
        there = self.rows[key["S"]]
        if code is None and int(version["N"]) != there.version:
            code = "ConditionalCheckFailed"
        if code:
            return {"Error": {"Code": code, "Message": "a fault of this test"}}
        state = cast("State", values[0]["S"])
        self.rows[key["S"]] = replace(there, state=state, version=there.version + 1, run="r1")
        return {"TableName": "ledger"}

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> Any:  # noqa: N803
        ((table, wanted),) = RequestItems.items()
        found = [self.rows[key["pk"]["S"]] for key in wanted["Keys"]]
        return {"Responses": {table: [_item(one) for one in found]}}


def _item(one: Row) -> dict[str, Any]:
    members = {name: value for name, value in asdict(one).items() if value is not None}
    return {"pk": {"S": members.pop("key")}} | {
        name: {"N": str(value)} if isinstance(value, int) else {"S": value}
        for name, value in members.items()
    }


@dataclass
class Index:
    """Stands for the index: each page of it has letters 0 to 2, and there is no end of pages."""

    asked: list[Mapping[str, Any]] = field(default_factory=list)

    def query(self, **request: Any) -> Any:
        self.asked.append(request)
        wanted = request["ExpressionAttributeNames"].values()
        items = [_item(row(number, publisher=f"p{number}")) for number in range(3)]
        found = [{k: v for k, v in item.items() if k in wanted} for item in items]
        # As JSON, in which the same text is another object each time.
        content: dict[str, Any] = json.loads(json.dumps({"Items": found}))
        return content | ({"LastEvaluatedKey": {"pk": {"S": "1"}}} if len(self.asked) < 200 else {})


@pytest.fixture
def workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as workers:
        yield workers


class Hasty(Clock):
    """Does not wait, but remembers for how long it should have."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def claim(
    workers: ThreadPoolExecutor, table: Table, clock: Clock | None = None
) -> list[bool | Cause]:
    """Claim all letters that were in the table as the test began, each at version 1."""
    clock = clock or Hasty()
    letters = Letters(cast("Any", table), table="ledger", workers=workers, clock=clock)
    claims = [claim_of(row(number), run="r1", days=180) for number in range(len(table.rows))]
    return letters.change(claims)


def table_of(count: int, **members: Any) -> Table:
    return Table({row(number).key: row(number) for number in range(count)}, **members)


def test_changes_go_twenty_five_in_a_call(workers: ThreadPoolExecutor) -> None:
    table = table_of(60)
    assert claim(workers, table) == [True] * 60
    assert [len(call) for call in table.calls] == [25, 25, 10]
    assert {one.state for one in table.rows.values()} == {"redriving"}


def test_one_that_is_throttled_is_tried_again_and_no_other(workers: ThreadPoolExecutor) -> None:
    busy = row(1).key
    table = table_of(
        3, happens=lambda call, key: "ThrottlingError" if call < 2 and key == busy else None
    )
    assert claim(workers, table) == [True] * 3
    assert table.calls == [[row(n).key for n in range(3)], [busy], [busy]]


def test_one_that_is_refused_for_good_is_told_with_its_cause(workers: ThreadPoolExecutor) -> None:
    table = table_of(3, happens=lambda call, key: "AccessDenied" if key == row(2).key else None)
    *others, refused = claim(workers, table)
    assert others == [True, True]
    assert isinstance(refused, Cause)
    assert refused.code is Code.ACCESS_DENIED
    assert len(table.calls) == 1


def test_a_table_that_stays_busy_is_not_asked_for_ever(workers: ThreadPoolExecutor) -> None:
    table = table_of(1, happens=lambda call, key: "ThrottlingError")
    clock = Hasty()
    (refused,) = claim(workers, table, clock)
    assert isinstance(refused, Cause)
    assert refused.code is Code.THROTTLED
    assert len(table.calls) == 4
    # For a moment, then longer, at random within these.
    assert all(0 < slept <= most for slept, most in zip(clock.slept, (0.2, 0.6, 1.8), strict=True))


def test_a_letter_that_somebody_else_changed_is_left_alone(workers: ThreadPoolExecutor) -> None:
    table = table_of(2)
    table.rows[row(0).key] = row(0, version=2, run="another", state="redriving")
    assert claim(workers, table) == [False, True]
    assert table.rows[row(0).key].run == "another"


@pytest.mark.parametrize("how", ["loses_answers", "asked_twice"])
def test_a_change_whose_answer_was_lost_is_known_to_be_made(
    workers: ThreadPoolExecutor, how: str
) -> None:
    table = table_of(3, **{how: [0]})
    table.rows[row(2).key] = row(2, version=2, run="another", state="redriving")
    # Tried again, both look like somebody else's: only the third is.
    assert claim(workers, table) == [True, True, False]
    assert table.rows[row(0).key].version == 2


def test_an_error_of_the_service_may_hide_a_change_that_was_made(
    workers: ThreadPoolExecutor,
) -> None:
    table = table_of(1)

    def happens(call: int, key: str) -> Answer:
        if call == 0:
            table.rows[key] = row(0, version=2, run="r1", state="redriving")
            return "InternalServerError"
        return None

    table.happens = happens
    assert claim(workers, table) == [True]


def test_no_change_is_no_call(workers: ThreadPoolExecutor) -> None:
    table = table_of(0)
    assert claim(workers, table) == []
    assert table.calls == []


def open_letters(workers: ThreadPoolExecutor, index: Index) -> Letters:
    return Letters(cast("Any", index), table="ledger", workers=workers, clock=Hasty())


def test_letters_are_given_as_they_are_read_and_the_filter_as_they_come(
    workers: ThreadPoolExecutor,
) -> None:
    index = Index()
    taken = open_letters(workers, index).fold(
        ["publish"],
        ["open"],
        Filter(publisher="p1"),
        Row,
        lambda letters: [letter.publisher for letter in islice(letters, 2)],
    )
    assert taken == [["p1"] * 2] * SHARDS
    # Two pages have two that are wanted: no page was read beyond these.
    assert len(index.asked) == 2 * SHARDS


def test_of_an_outline_no_more_is_read_than_it_has(workers: ThreadPoolExecutor) -> None:
    index = Index()
    letters = open_letters(workers, index)
    found = letters.fold(["publish"], ["open"], Filter(), Outline, lambda some: next(iter(some)))
    assert found == [Outline(**outlined(row(0, publisher="p0")))] * SHARDS
    assert index.asked[0]["ProjectionExpression"].count("#") == len(fields(Outline))


def outlined(one: Row) -> dict[str, Any]:
    return {member.name: getattr(one, member.name) for member in fields(Outline)}


def test_what_letters_have_in_common_is_in_memory_once(workers: ThreadPoolExecutor) -> None:
    letters = open_letters(workers, Index()).select(["publish"], ["open"], Filter())
    assert len(letters) > 500
    for name in ("type", "topic", "fingerprint", "judged_by", "target"):
        assert len({id(getattr(letter, name)) for letter in letters}) == 1


@dataclass
class Partition:
    """Stands for one partition of the index, in pages of a hundred letters, the oldest failure first."""

    rows: Sequence[Row]
    sent: int = 0
    """How many letters went over the wire."""
    pages: int = 0
    """How many pages were read."""

    def query(self, **request: Any) -> Any:
        values = request["ExpressionAttributeValues"]
        if not values[":shard"]["S"].endswith("#0"):
            return {"Items": [], "Count": 0, "ScannedCount": 0}
        start = int(request.get("ExclusiveStartKey", {"pk": {"S": "0"}})["pk"]["S"])
        self.pages += 1
        page = self.rows[start : start + 100]
        found = list(page)
        if condition := request.get("FilterExpression"):
            assert condition.startswith("#expires_at < :least OR #code IN (")
            codes = {value["S"] for name, value in values.items() if name.startswith(":code")}
            least = int(values[":least"]["N"])
            found = [one for one in page if one.expires_at < least or one.code in codes]
        answer: dict[str, Any] = {"Count": len(found), "ScannedCount": len(page)}
        answer["Items"] = [_item(one) for one in found]
        self.sent += len(found)
        if start + 100 < len(self.rows):
            answer["LastEvaluatedKey"] = {"pk": {"S": str(start + 100)}}
        return answer


def letters_in(partition: Partition, workers: ThreadPoolExecutor) -> Letters:
    client = cast("Any", partition)
    return Letters(client, table="ledger", workers=workers, clock=Hasty(), shards=1)


CODES = [code.value for code in Code]
OWN = ("INVALID", "NO_ROUTE", "TOO_LARGE", "CONFLICT")


def test_open_letters_are_counted_and_grouped_in_one_pass(workers: ThreadPoolExecutor) -> None:
    count = 50 * len(CODES)
    codes = [CODES[n % len(CODES)] for n in range(count)]
    partition = Partition([row(n, code=c, fingerprint=c) for n, c in enumerate(codes)])
    found = letters_in(partition, workers).open("publish")

    # Open ones and those that a redrive is at, of which this index has as many.
    assert found.letters == 2 * count
    assert found.own_fault == 2 * sum(one.code in OWN for one in partition.rows)
    assert found.failed_first == partition.rows[0].failed_at
    assert {f: group.letters for f, group in found.groups.items()} == dict.fromkeys(CODES, 100)
    assert found.ungrouped == 0
    assert partition.pages == 2 * -(-count // 100)


@pytest.mark.parametrize("seed", range(3))
def test_beyond_those_that_are_grouped_letters_are_counted_by_the_table(
    workers: ThreadPoolExecutor, seed: int
) -> None:
    more = 5000
    expiries = Random(seed).sample(range(2_000_000_000, 2_100_000_000), GROUPED + more)
    rows = [row(n, expires_at=at, code="TIMEOUT") for n, at in enumerate(expiries)]
    for n in Random(seed).sample(range(len(rows)), 50):
        rows[n] = replace(rows[n], code="INVALID")
    partition = Partition(rows)
    found = letters_in(partition, workers).parked("publish")

    assert (found.letters, found.ungrouped) == (GROUPED + more, more)
    assert (found.own_fault, found.first_expires_at) == (50, min(expiries))
    assert found.failed_first == rows[0].failed_at
    # A page at a time, and of those that are only counted what is remarkable.
    assert partition.sent < GROUPED + 200
    assert partition.pages == (GROUPED + more) // 100


def test_where_nothing_is_parked_nothing_goes(workers: ThreadPoolExecutor) -> None:
    letters = letters_in(Partition([]), workers)

    assert letters.parked("ingest") == Waiting()
    assert letters.open("ingest") == Waiting()
