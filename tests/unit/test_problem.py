"""Problem details (RFC 9457) and the pointers in them (RFC 6901)."""

from __future__ import annotations

import re

import pytest

from eventing.problem import MAX_FAULTS, Fault, Kind, Problem, Refused, pointer


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), ""),
        (("a", 0, "b"), "/a/0/b"),
        (("",), "/"),
        (("a/b", "c~d", "~1"), "/a~1b/c~0d/~01"),
        (('é "', "%"), '/é "/%'),
        (("x" * 200,), "/" + "x" * 128),
        (("/" * 200,), "/" + "~1" * 128),
    ],
)
def test_pointers(path: tuple[str | int, ...], expected: str) -> None:
    assert pointer(*path) == expected


def test_kinds_are_told_apart_by_their_uri() -> None:
    slugs = [kind.slug for kind in Kind]
    assert len(set(slugs)) == len(slugs)
    assert all(re.fullmatch(r"[a-z-]+", slug) for slug in slugs)
    assert all(400 <= kind.status <= 503 and kind.title for kind in Kind)


def test_a_problem_without_faults_has_no_list_of_them() -> None:
    assert Problem(Kind.CONFLICT, "Give it an id of its own.").body() == {
        "type": "urn:eventing:problem:conflict",
        "documentation": "docs/generated/problems.md#conflict",
        "title": "Another event with this source and id was accepted before",
        "status": 409,
        "detail": "Give it an id of its own.",
    }


def test_a_refusal_names_the_event_by_what_is_text_and_bounds_its_faults() -> None:
    faults = [Fault(f"/{number}", "") for number in range(MAX_FAULTS + 1)]
    refused = Refused(Kind.SCHEMA, "d", faults, id="1", source=None)
    assert refused.identity == {"id": "1"}
    assert refused.problem.faults == tuple(faults[:MAX_FAULTS])
    assert str(refused) == "d"
    assert Refused(Kind.SCHEMA, "d", id=7, source=["x"]).identity == {}
