"""Nothing that is on record in a bucket is written over, and a task that is tried again is none the worse."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from eventing.cause import Code
from functions.shared.archive import Archive
from functions.shared.operations import OperationsBucket
from tests.faults.aws import FakeAws

KEY = "reports/2026-11-27/run.json"


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def bucket(aws: FakeAws) -> Iterator[OperationsBucket]:
    with aws.installed() as clients:
        yield OperationsBucket(clients.client("s3"), bucket="operations")


def test_the_first_object_under_a_key_stays(aws: FakeAws, bucket: OperationsBucket) -> None:
    assert bucket.put(KEY, "first") is True
    assert bucket.put(KEY, "second") is False
    assert bucket.get(KEY) == b"first"


def test_another_report_is_put_beside(aws: FakeAws, bucket: OperationsBucket) -> None:
    beside = KEY.replace(".json", "-2.json")

    assert bucket.add(KEY, "first") == KEY
    assert bucket.add(KEY, "second") == beside
    assert bucket.add(KEY, "third") == KEY.replace(".json", "-3.json")
    # Tried again, each finds itself.
    assert [bucket.add(KEY, text) for text in ("first", "second")] == [KEY, beside]
    assert len(aws.buckets["operations"]) == 3


def test_what_an_attempt_wrote_whose_answer_was_lost_is_found(
    aws: FakeAws, bucket: OperationsBucket
) -> None:
    aws.fault = lambda call: "done-then-timeout" if call.number == 1 else None

    assert bucket.add(KEY, "first") == KEY
    assert aws.count("PutObject") == 2


def test_a_refusal_is_not_taken_for_an_object_that_is_there(
    aws: FakeAws, bucket: OperationsBucket
) -> None:
    aws.fault = lambda call: "denied"

    with pytest.raises(ClientError, match="AccessDenied"):
        bucket.put(KEY, "first")
    assert not any(aws.buckets.values())


@pytest.mark.parametrize("fault", ["denied", "500", "missing"])
def test_events_are_archived_once_by_their_name(aws: FakeAws, fault: str) -> None:
    with aws.installed() as clients:
        archive = Archive(clients.client("s3"), bucket="archive")

        def put(*lines: bytes) -> Code | None:
            cause = archive.put(
                lines, publisher="acme", accepted_at="2026-11-27T16:21:00.000Z", name="n"
            )
            return cause.code if cause else None

        aws.fault = lambda call: fault  # type: ignore[return-value, assignment]
        assert put(b"{}\n") in (Code.ACCESS_DENIED, Code.UNAVAILABLE, Code.NOT_FOUND)
        aws.fault = lambda call: "done-then-timeout" if call.number % 2 else None
        assert put(b"{}\n") is None
        aws.fault = lambda call: None
        assert put(b"forged") is None
    (content,) = aws.buckets["archive"].values()
    assert content == b"{}\n"
