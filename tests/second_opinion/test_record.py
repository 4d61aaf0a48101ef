"""The record of calls: made of what the emulator writes down, one of each kind."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tests.infrastructure.synthesis import ACCOUNT
from tests.second_opinion.calls import calls_in, main, one_of_each_kind, recorded
from tests.second_opinion.iam import Call


def _line(key: str, *, session: str = "eventing-triage", region: str = "us-east-1") -> str:
    """What the emulator writes down."""
    return json.dumps(
        {
            "caller": f"arn:aws:sts::000000000000:assumed-role/role/{session}",
            "policies": [],
            "action": "dynamodb:UpdateItem",
            "region": region,
            "resource": f"arn:aws:dynamodb:{region}:000000000000:table/eventing-ledger",
            "context": {"dynamodb:LeadingKeys": [key]},
        }
    )


def _keys(calls: Iterable[Call]) -> list[str]:
    return [call.context["dynamodb:LeadingKeys"][0] for call in calls]


def test_of_each_kind_of_call_one_is_kept() -> None:
    letters = [_line(letter * 43) for letter in "ab"]
    another = _line("summary", session="a test")
    kept = one_of_each_kind(calls_in([*letters, _line("triage#publish"), another]))

    assert _keys(kept) == ["a" * 43, "triage#publish"]
    assert {call.caller for call in kept} == {"triage"}
    assert all(ACCOUNT in call.resource for call in kept)


def test_hashes_make_no_kinds_whatever_they_begin_with() -> None:
    keys = ("finding-bb3425a29a87da80", "finding-581f2866530b160222890a73339e6a78", "finding-late")

    assert len(one_of_each_kind(calls_in([_line(key) for key in keys]))) == 2


def test_a_call_in_another_region_is_as_good() -> None:
    kept = one_of_each_kind(
        calls_in([_line("summary"), _line("summary", region="eu-west-1"), _line("lock#publish")])
    )

    assert _keys(kept) == ["lock#publish", "summary"]
    (call,) = calls_in([_line("summary", region="eu-west-1")])
    assert ":us-east-1:" in call.resource


def test_a_person_is_known_by_the_managed_policy() -> None:
    user = {
        **json.loads(_line("a" * 43)),
        "caller": "arn:aws:iam::000000000000:user/dana",
        "policies": ["arn:aws:iam::000000000000:policy/eventing-operator-us-east-1"],
    }
    both = {**user, "policies": [*user["policies"], "arn:aws:iam::aws:policy/PowerUserAccess"]}

    assert [call.caller for call in calls_in([json.dumps(user), json.dumps(both)])] == [
        "policy operator"
    ]


def test_a_call_that_is_not_on_record_is_named_with_the_command_that_records_it(
    tmp_path: Path,
) -> None:
    record, seen = tmp_path / "calls.json", tmp_path / "calls.jsonl"
    record.write_text("[]")
    seen.write_text(_line("a" * 43) + "\n")
    main("add", seen, record)
    seen.write_text(f"{_line('b' * 43)}\n{_line('lock#publish')}\n")

    told = main("missing", seen, record)

    assert told is not None
    assert '"triage", "dynamodb:UpdateItem"' in told
    assert "`make seen-calls`" in told
    assert _keys(recorded(record)) == ["a" * 43]
    main("add", seen, record)
    assert main("missing", seen, record) is None


def test_a_new_record_drops_what_is_no_longer_called_and_leaves_the_rest_alone(
    tmp_path: Path,
) -> None:
    record, seen = tmp_path / "calls.json", tmp_path / "calls.jsonl"
    record.write_text("[]")
    seen.write_text(f"{_line('a' * 43)}\n{_line('lock#publish')}\n")
    main("anew", seen, record)
    seen.write_text(f"{_line('b' * 43)}\n{_line('triage#publish')}\n")
    main("anew", seen, record)

    assert _keys(recorded(record)) == ["a" * 43, "triage#publish"]
