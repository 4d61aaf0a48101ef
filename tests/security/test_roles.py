"""What an insider can do with the role of a function: its job, and nothing that is on record is changed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from functions.contract import LEDGER_INDEX, STORED_MEMBERS, Objects, RegistryRows, Rows
from tests.infrastructure.synthesis import ACCOUNT, Template
from tests.security.attempts import CHANGES, FUNCTIONS, READS, keys
from tests.security.policies import Decisions, holds

LEDGER = "eventing-ledger"
EVENTS = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/eventing-events"
RECEIPTS = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/eventing-receipts"
REGISTRY = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/eventing-registry"
OPERATIONS = f"eventing-operations-{ACCOUNT}-us-east-1"
ARCHIVE = f"eventing-archive-{ACCOUNT}-us-east-1"

LETTER = "jZ3DYEr4yOfPpVvPsOrfI3XTEhh9UxYBvHV0sK1mJ2k"
AUDITED = f"{Rows.AUDIT}2026-11-27T16:21:00.123456+00:00#0b0ff4c6-7f5c-4dd4-8f41-2a8a4c2d7f55"
INCIDENT = f"{Rows.INCIDENT}publish"
LOCK = f"{Rows.LOCK}publish"
TRIAGE_LOCK = f"{Rows.TRIAGE_LOCK}publish"
TELL_LOCK = f"{Rows.TELL_LOCK}publish"
ALLOWANCE = f"{Rows.ALLOWANCE}publish"
ROWS = (LETTER, AUDITED, ALLOWANCE, INCIDENT, LOCK, TRIAGE_LOCK, TELL_LOCK, Rows.SUMMARY)

FIRST_WRITE = {"s3:if-none-match": "*"}


@pytest.fixture(scope="module")
def decisions(regional: Template) -> Decisions:
    return Decisions(regional)


def test_a_condition_on_all_values_holds_without_any() -> None:
    # Why each one needs a check that the key is there.
    assert holds("ForAllValues:StringLike", [f"{Rows.AUDIT}*"], None)
    assert holds("ForAllValues:StringLike", [f"{Rows.AUDIT}*"], [AUDITED])
    assert not holds("ForAllValues:StringLike", [f"{Rows.AUDIT}*"], [AUDITED, LETTER])


def test_no_condition_holds_because_its_key_is_missing(decisions: Decisions) -> None:
    checked = 0
    for statement in decisions.statements():
        conditions = statement.get("Condition", {})
        for operator, members in conditions.items():
            if operator.startswith("ForAllValues:"):
                for key in members:
                    checked += 1
                    assert conditions["Null"][key] == "false", statement
    assert checked >= 5


# What each function may change in the ledger: all else is refused.
ALLOWED = {
    ("triage", "UpdateItem", LETTER),
    ("triage", "UpdateItem", TRIAGE_LOCK),
    ("redrive", "PartiQLUpdate", LETTER),
    ("redrive", "PartiQLInsert", AUDITED),
    ("publishers", "PartiQLInsert", AUDITED),
    ("eraser", "PartiQLInsert", AUDITED),
    ("eraser", "PutItem", LETTER),
    ("redrive", "UpdateItem", INCIDENT),
    ("redrive", "UpdateItem", LOCK),
    ("redrive", "UpdateItem", ALLOWANCE),
    ("redrive", "UpdateItem", TRIAGE_LOCK),
    ("redrive", "UpdateItem", TELL_LOCK),
    ("redrive", "UpdateItem", Rows.SUMMARY),
    ("counter", "DeleteItem", INCIDENT),
    ("counter", "UpdateItem", Rows.SUMMARY),
}


def test_the_widget_reads_the_summary_and_nothing_else(decisions: Decisions) -> None:
    for action in READS:
        for row in ROWS:
            may = decisions.may("widget", f"dynamodb:{action}", LEDGER, keys(row))
            assert may == ((action, row) == ("GetItem", Rows.SUMMARY)), (action, row)
        # Neither more beside it, nor a key that only begins like it.
        for rows in ([Rows.SUMMARY, LETTER], [f"{Rows.SUMMARY}2"]):
            assert not decisions.may("widget", f"dynamodb:{action}", LEDGER, keys(*rows))
    index = f"{LEDGER}/index/{LEDGER_INDEX}"
    assert not decisions.may("widget", "dynamodb:Query", index)


def test_redrive_reads_the_doorkeeper_and_nothing_else_of_the_registry(
    decisions: Decisions,
) -> None:
    publisher = f"{RegistryRows.PUBLISHER}acme-web"
    for action in (*CHANGES, *READS):
        for row in (RegistryRows.DOORKEEPER, publisher, f"{RegistryRows.REGION}us-east-1"):
            may = decisions.may("redrive", f"dynamodb:{action}", REGISTRY, keys(row))
            assert may == ((action, row) == ("GetItem", RegistryRows.DOORKEEPER)), (action, row)
        for rows in ([RegistryRows.DOORKEEPER, publisher], [f"{RegistryRows.DOORKEEPER}2"]):
            assert not decisions.may("redrive", f"dynamodb:{action}", REGISTRY, keys(*rows))
        assert not decisions.may("redrive", f"dynamodb:{action}", REGISTRY)


# Who has published what, they may look up: all receipts, of any region.
LOOKING = ("inquiry", "publish", "redrive", "adopter", "prover")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_receipts_are_added_by_who_publishes_and_never_changed(
    decisions: Decisions, function: str
) -> None:
    own, others = ("us-east-1#2026-11-28T09:30#0", "eu-west-1#2026-11-28T09:30#0")
    for action in (*CHANGES, *READS):
        adds = action == "PartiQLInsert" and function in ("publish", "redrive")
        looks = action == "Query" and function in LOOKING
        for rows, allowed in (([own], adds), ([others], False), ([own, others], False)):
            may = decisions.may(function, f"dynamodb:{action}", RECEIPTS, keys(*rows))
            assert may == (allowed or looks), (action, rows)
        assert decisions.may(function, f"dynamodb:{action}", RECEIPTS) == looks


@pytest.mark.parametrize("attributes", [["event"], ["pk", "accepted_at", "event"], []])
def test_who_tells_what_became_of_an_event_never_reads_it(
    decisions: Decisions, attributes: list[str]
) -> None:
    seen = {"dynamodb:Attributes": ["pk", *STORED_MEMBERS]}
    chosen = {"dynamodb:Select": ["SPECIFIC_ATTRIBUTES"]}

    assert decisions.may("inquiry", "dynamodb:GetItem", EVENTS, {**seen, **chosen})
    asked = {"dynamodb:Attributes": attributes} if attributes else {}
    assert not decisions.may("inquiry", "dynamodb:GetItem", EVENTS, {**asked, **chosen})


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_changes_its_own_rows_of_the_ledger_only(
    decisions: Decisions, function: str
) -> None:
    for action in CHANGES:
        for row in ROWS:
            allowed = decisions.may(function, f"dynamodb:{action}", LEDGER, keys(row))
            assert allowed == ((function, action, row) in ALLOWED), (action, row)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("action", [*CHANGES, *READS])
def test_a_request_that_names_no_row_is_refused(
    decisions: Decisions, function: str, action: str
) -> None:
    assert not decisions.may(function, f"dynamodb:{action}", LEDGER)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_was_decided_is_added_to_and_nothing_else(decisions: Decisions, function: str) -> None:
    # An INSERT fails when there is such a row; each other action would write over it or remove it.
    for action in CHANGES:
        for rows in ([AUDITED], [f"{Rows.AUDIT}x"], [Rows.AUDIT], [LETTER, AUDITED]):
            allowed = decisions.may(function, f"dynamodb:{action}", LEDGER, keys(*rows))
            adds = function in ("redrive", "publishers", "eraser") and action == "PartiQLInsert"
            expected = adds and LETTER not in rows
            assert allowed == expected, (action, rows)
    assert not any(
        decisions.may(function, f"dynamodb:{action}", LEDGER, keys(AUDITED)) for action in READS
    )


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_event_is_added_and_never_changed_or_removed(
    decisions: Decisions, function: str
) -> None:
    changes = {
        a for a in CHANGES if decisions.may(function, f"dynamodb:{a}", EVENTS, keys("acme#x"))
    }

    # The eraser leaves tombstones, and can't add an event.
    own = {"ingest": {"PartiQLInsert"}, "redrive": {"PartiQLInsert"}, "eraser": {"UpdateItem"}}
    assert changes == own.get(function, set())


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("action", READS)
@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"dynamodb:Select": "ALL_ATTRIBUTES"},
        {"dynamodb:Attributes": ["pk", "event"], "dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
        {"dynamodb:Attributes": ["event"]},
        {"dynamodb:Attributes": ["pk"], "dynamodb:Select": "ALL_ATTRIBUTES"},
    ],
)
def test_no_role_reads_events_out_of_their_table(
    decisions: Decisions, function: str, action: str, attributes: Mapping[str, str | list[str]]
) -> None:
    context = {**keys("acme#x"), **attributes}

    assert not decisions.may(function, f"dynamodb:{action}", EVENTS, context)


@pytest.mark.parametrize("function", ["ingest", "redrive"])
def test_duplicates_are_recognised(decisions: Decisions, function: str) -> None:
    context = {
        **keys("acme#x", "acme#y"),
        "dynamodb:Attributes": ["pk", "digest", "accepted_at", "erased_at"],
        "dynamodb:Select": "SPECIFIC_ATTRIBUTES",
    }

    assert decisions.may(function, "dynamodb:BatchGetItem", EVENTS, context)


WRITERS = {
    "redrive": (f"{OPERATIONS}/{Objects.REPORTS}2026-11-27/run.json",
                f"{OPERATIONS}/{Objects.RUNS}run/plan.json",
                f"{OPERATIONS}/{Objects.APPROVALS}run/2026.json",
                f"{ARCHIVE}/{Objects.EVENTS}acme/date=2026-11-27/16/redrive-run.jsonl"),
    "eraser": (f"{OPERATIONS}/{Objects.REPORTS}2026-11-27/run.json",
               f"{OPERATIONS}/{Objects.RUNS}run/plan.json",
               f"{OPERATIONS}/{Objects.APPROVALS}run/2026.json",
               f"{OPERATIONS}/{Objects.JUNK}publish/1.json",
               f"{OPERATIONS}/{Objects.INVOCATION_RECORDS}eventing/2026.json",
               f"{ARCHIVE}/{Objects.EVENTS}acme/date=2026-11-27/16/id.jsonl"),
    "triage": (f"{OPERATIONS}/{Objects.JUNK}publish/1.json",
               f"{OPERATIONS}/{Objects.RUNS}run/triage-1.json"),
    "ingest": (f"{ARCHIVE}/{Objects.EVENTS}acme/date=2026-11-27/16/id.jsonl",),
}  # fmt: skip
OBJECTS = {
    *(object for objects in WRITERS.values() for object in objects),
    f"{OPERATIONS}/{Objects.INVOCATION_RECORDS}eventing/2026.json",
    f"{OPERATIONS}/access-logs/archive/2026",
    f"{OPERATIONS}/else.json",
    f"{ARCHIVE}/else.jsonl",
}


# Where the eraser takes events out.
SWEPT = (Objects.INVOCATION_RECORDS, Objects.JUNK, Objects.EVENTS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_objects_are_written_once_below_the_functions_own_prefixes(
    decisions: Decisions, function: str
) -> None:
    for object in OBJECTS:
        may = decisions.may(function, "s3:PutObject", object, FIRST_WRITE)
        # Lambda writes invocation records with the role of the publish function, without the header.
        record = function == "publish" and Objects.INVOCATION_RECORDS in object
        runs = function in ("redrive", "triage", "eraser") and Objects.RUNS in object
        archived = function in ("redrive", "ingest", "eraser") and Objects.EVENTS in object
        assert may == (record or runs or archived or object in WRITERS.get(function, ())), object
        assert decisions.may(function, "s3:PutObject", object) == record, object
        erases = function == "eraser" and any(prefix in object for prefix in SWEPT)
        for action in ("DeleteObject", "DeleteObjectVersion"):
            assert decisions.may(function, f"s3:{action}", object, FIRST_WRITE) == erases, object
        assert not decisions.may(function, "s3:PutObjectRetention", object, FIRST_WRITE)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_written_over_is_what_the_eraser_has_read(
    decisions: Decisions, function: str
) -> None:
    for object in OBJECTS:
        over = decisions.may(function, "s3:PutObject", object, {"s3:if-match": '"etag"'})
        erases = function == "eraser" and any(prefix in object for prefix in SWEPT)
        record = function == "publish" and Objects.INVOCATION_RECORDS in object
        assert over == (erases or record), object


@pytest.mark.parametrize("bucket", [OPERATIONS, ARCHIVE])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_role_changes_the_rules_of_a_bucket(
    decisions: Decisions, function: str, bucket: str
) -> None:
    for action in ("PutBucketPolicy", "DeleteBucketPolicy", "PutBucketVersioning",
                   "PutLifecycleConfiguration", "DeleteBucket"):  # fmt: skip
        assert not decisions.may(function, f"s3:{action}", bucket)


IN_THE_CODE = {"lambda:SourceFunctionArn": "eventing-publish"}


@pytest.mark.parametrize("prefix", ["", Objects.RUNS, Objects.REPORTS, "aws/", None])
def test_publish_lists_nothing_but_invocation_records(
    decisions: Decisions, prefix: str | None
) -> None:
    asked = {} if prefix is None else {"s3:prefix": prefix}

    assert not decisions.may("publish", "s3:ListBucket", OPERATIONS, {**IN_THE_CODE, **asked})


def test_lambda_finds_the_bucket_of_invocation_records(decisions: Decisions) -> None:
    records = {"s3:prefix": f"{Objects.INVOCATION_RECORDS}eventing"}

    # It asks for the bucket as such before it writes, and not from inside of the function.
    assert decisions.may("publish", "s3:ListBucket", OPERATIONS)
    assert decisions.may("publish", "s3:ListBucket", OPERATIONS, records)
    assert not decisions.may("publish", "s3:ListBucket", OPERATIONS, {"s3:prefix": "reports/"})


@pytest.mark.parametrize("prefix", ["", Objects.REPORTS, Objects.JUNK, None])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_lists_what_is_not_its_own(
    decisions: Decisions, function: str, prefix: str | None
) -> None:
    asked = {} if prefix is None else {"s3:prefix": prefix}
    context = {"lambda:SourceFunctionArn": f"eventing-{function}", **asked}

    # Junk is resubmitted by its kind: the redrive function looks which there is.
    own = (function, prefix) == ("redrive", Objects.JUNK)
    assert decisions.may(function, "s3:ListBucket", OPERATIONS, context) is own
    assert not decisions.may(function, "s3:ListBucket", ARCHIVE, context)


def test_nobody_reads_the_archive_but_the_eraser(decisions: Decisions) -> None:
    for function in FUNCTIONS:
        for object in OBJECTS:
            if object.startswith(ARCHIVE):
                assert not decisions.may(function, "s3:GetObject", object)
                reads = function == "eraser" and Objects.EVENTS in object
                assert decisions.may(function, "s3:GetObjectVersion", object) == reads, object


def test_the_eraser_lists_versions_where_an_event_may_be(decisions: Decisions) -> None:
    for bucket, prefixes in ((ARCHIVE, [Objects.EVENTS]), (OPERATIONS, SWEPT[:2])):
        for prefix in ("", Objects.REPORTS, Objects.APPROVALS, *SWEPT):
            asked = {"s3:prefix": prefix}
            may = decisions.may("eraser", "s3:ListBucketVersions", bucket, asked)
            assert may == (prefix in prefixes), (bucket, prefix)
        assert not decisions.may("eraser", "s3:ListBucketVersions", bucket)
