"""Calls of AWS that functions and people make: one of each kind is on record.

The emulator writes down what it asks IAM about. `make calls` makes the record of that, from the end-to-end
tests.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from eventing.canary import with_canary
from eventing.catalogue_check import load_catalogue
from infrastructure.packaging import ROOT
from local.cloud import ACCOUNT as LOCAL_ACCOUNT
from tests.infrastructure.synthesis import ACCOUNT, Json
from tests.second_opinion.iam import AND, ID, Call, managed_policy

RECORD = Path(__file__).parent / "calls.json"
REGION = "us-east-1"
TOPICS = f"arn:aws:sns:{REGION}:{ACCOUNT}:eventing-topic-"
# What differs from one call of a kind to the next, after a group that stays.
PARTICULARS = (
    r"()(?<![0-9a-f])[0-9a-f]{16,64}(?![0-9a-f])",
    r"()\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    r"()(?:[\w.-]+#)?(?<![\w-])[\w-]{43}(?![\w-])",
    r"(#).+",
    r"(publisher=|aws/lambda/|reports/|approvals/|junk/|resubmitted/).+",
    r"(redrive/)[^/]+",
    r"(:execution:[^:]+:).+",
    rf"({TOPICS}).+",
    r"()\d[\w-]*",
)
# Ids that CloudFormation gives.
IDS = r"(:event-source-mapping:|/apikeys/|/usageplans/|:role/eventing-[\w-]+-(?=\w+$))[^/]+"
# Whoever has credentials may ask whose they are.
NEEDS_NO_PERMISSION = "sts:GetCallerIdentity"


def recorded(record: Path = RECORD) -> list[Call]:
    """The calls on record."""
    return [Call(**one) for one in json.loads(record.read_text(encoding="utf-8"))]


def calls_in(lines: Sequence[str]) -> list[Call]:
    """What functions and people of the deployment have called, of what the emulator wrote down."""
    found = []
    for line in sorted(set(lines)):
        # Every region has the same policies; one is judged.
        line = line.replace(json.loads(line)["region"], REGION)
        one = json.loads(line.replace(LOCAL_ACCOUNT, ACCOUNT))
        # Some tests have a catalogue of their own.
        ours = _topic(one["resource"]) in {"", *_topics()}
        caller = _caller(one) if ours and one["action"] != NEEDS_NO_PERMISSION else None
        if caller:
            context = one["context"]
            if caller in _functions():
                # Lambda says which function's code calls (developer guide, "Using source function ARN").
                arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:eventing-{caller}"
                context = {**context, "lambda:SourceFunctionArn": arn}
            resource = re.sub(IDS, rf"\1{ID}", one["resource"])
            found.append(Call(caller, one["action"], resource, context))
    return found


def _caller(one: Mapping[str, Json]) -> str | None:
    # Tests take functions' roles as well, by sessions with names of their own.
    session = one["caller"].partition(":assumed-role/")[2].partition("/")[2]
    if session.removeprefix("eventing-") in _functions():
        return str(session.removeprefix("eventing-"))
    policies = [arn.partition(":policy/")[2] for arn in one["policies"]]
    if not policies or not all(policy.startswith("eventing-") for policy in policies):
        return None
    return AND.join(sorted(managed_policy(policy, REGION) for policy in policies))


def _topic(resource: str) -> str:
    return resource.removeprefix(TOPICS) if resource.startswith(TOPICS) else ""


@cache
def _topics() -> set[str]:
    return {topic.name for topic in with_canary(load_catalogue(ROOT / "catalogue")).topics}


@cache
def _functions() -> set[str]:
    return {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}


def kind(call: Call) -> str:
    """What calls that differ in nothing but keys, times and numbers have in common."""
    context = {
        key: sorted({_general(one) for one in ([value] if isinstance(value, str) else value)})
        for key, value in call.context.items()
    }
    of_kind = (call.caller, call.action, _general(call.resource), context)
    return json.dumps(of_kind, sort_keys=True)


def _general(text: str) -> str:
    for particular in PARTICULARS:
        text = re.sub(particular, r"\1*", text)
    return text


def one_of_each_kind(calls: Sequence[Call]) -> list[Call]:
    """The first of each kind, ordered by kind."""
    kinds: dict[str, Call] = {}
    for call in calls:
        kinds.setdefault(kind(call), call)
    return [kinds[name] for name in sorted(kinds)]


def missing(calls: Sequence[Call], on_record: Sequence[Call]) -> list[Call]:
    """One of each kind that is not on record."""
    known = {kind(call) for call in on_record}
    return [call for call in one_of_each_kind(calls) if kind(call) not in known]


def main(do: str, path: Path, record: Path = RECORD) -> str | None:
    """Make the record `anew` of a file, `add` what the file has, or say what is `missing`."""
    calls = calls_in(path.read_text(encoding="utf-8").splitlines())
    on_record = recorded(record)
    new = missing(calls, on_record)
    match do:
        case "anew":
            seen = {kind(call) for call in calls}
            # The same line for what was there, so that a change shows nothing else.
            _write(record, [*(call for call in on_record if kind(call) in seen), *new])
        case "add":
            _write(record, [*on_record, *new])
        case "missing" if new:
            lines = "".join(f"\n  {kind(one)}" for one in new)
            return (
                f"Calls that are not on record:{lines}\n"
                "Look at them, and put them on record: `make seen-calls` after this run, or"
                ' `make calls ONLY="the tests that make them"`.'
            )
    return None


def _write(record: Path, calls: Sequence[Call]) -> None:
    text = ",\n".join(json.dumps(vars(one), sort_keys=True) for one in one_of_each_kind(calls))
    record.write_text(f"[\n{text}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
