"""The generated pages for publishers: every problem is explained, every limit is tried."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console.documents.limits import LIMITS, Limit, limits, usage_plans
from console.documents.problems import ADVICE, problems
from eventing.catalogue_check import load_catalogue
from eventing.gateway_answers import ANSWERS
from eventing.http_binding import read_http_request
from eventing.ingestion import admit
from eventing.problem import Kind, Problem, Refused
from eventing.schemas import Schemas

CATALOGUE = load_catalogue(Path("catalogue"))
SCHEMAS = Schemas(CATALOGUE)
PUBLISHER = "acme-web"
TYPE = "com.example.shop.customer.moved.v1"


def test_every_problem_that_can_be_told_is_explained_and_no_other() -> None:
    told = {kind.slug for kind in Kind} | {answer.slug for answer in ANSWERS} | {"request"}
    assert set(ADVICE) == told


@pytest.mark.parametrize("kind", Kind)
def test_a_problem_names_the_section_that_explains_it(kind: Kind) -> None:
    page, _, anchor = Problem(kind, "").body()["documentation"].partition("#")
    assert Path(page).read_text().partition("\n\n")[2] == problems()
    assert f"\n## {anchor}\n\n{kind.status}: {kind.title}\n" in problems()


def _event(**members: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": "1", "source": "/s", "type": TYPE, **members}


def _padded(bytes_: int, **members: Any) -> bytes:
    """An event that takes so many bytes as compact JSON."""
    text = json.dumps(_event(data="", **members), separators=(",", ":"))
    return (text[:-2] + "x" * (bytes_ - len(text)) + text[-2:]).encode()


def _body(most: int) -> bytes:
    return _padded(1000) + b" " * (most - 1000)


def _batch(most: int) -> bytes:
    return json.dumps([_event(id=str(number)) for number in range(most)]).encode()


def _attributes(most: int) -> bytes:
    counted = {"type": TYPE, "source": "/", "publisher": PUBLISHER, "subject": "x"}
    taken = sum(len(name) + len("String") + len(value) for name, value in counted.items())
    return json.dumps(_event(source="/", subject="x" * (most - taken + 1))).encode()


def _type(most: int) -> bytes:
    return json.dumps(_event(type=TYPE + "x" * (most - len(TYPE)))).encode()


def _deep(most: int) -> bytes:
    lists = most - 1
    return json.dumps(_event(data=None)).replace("null", "[" * lists + "]" * lists).encode()


def _digits(most: int) -> bytes:
    return json.dumps(_event(data=None)).replace("null", "9" * most).encode()


def _integer(most: int) -> bytes:
    return json.dumps(_event(priority=most)).encode()


BODIES: dict[str, Callable[[int], bytes]] = {
    "body": _body,
    "batch": _batch,
    "event": _padded,
    "attributes": _attributes,
    "type": _type,
    "depth": _deep,
    "digits": _digits,
    "integer": _integer,
}


def _admit(body: bytes) -> None:
    for document in read_http_request({"content-type": ["application/json"]}, body).documents:
        admit(document, publisher=PUBLISHER, schemas=SCHEMAS)


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_a_limit_is_where_the_page_says(limit: Limit) -> None:
    make = BODIES[limit.name]
    _admit(make(limit.most))
    with pytest.raises(Refused) as refused:
        _admit(make(limit.most + 1))
    assert refused.value.problem.kind is limit.problem
    assert f"| {limit.most} {limit.unit}".rstrip() + " |" in limits()


def test_the_smallest_integer_is_the_one_that_the_page_names() -> None:
    _admit(_integer(-2147483648))
    with pytest.raises(Refused):
        _admit(_integer(-2147483649))
    assert "from -2147483648 to" in limits()


def test_every_usage_plan_is_on_its_page() -> None:
    page = usage_plans(CATALOGUE)
    for name, plan in CATALOGUE.usage_plans.items():
        (row,) = (line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        _, rate, burst, quota, events, size, most = cells
        assert (float(rate), int(burst)) == (plan.rate_per_second, plan.burst)
        assert (int(events), int(size)) == (plan.max_events, plan.max_body_bytes)
        assert most == f"{plan.max_events * plan.rate_per_second:.0f} events a second"
        if plan.quota:
            assert quota.startswith(f"{plan.quota.limit} requests a ")
            assert quota.upper().endswith(plan.quota.period)
