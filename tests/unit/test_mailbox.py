"""The mailbox of the laptop: whatever comes, it is shown as lines, and nothing ends it."""

from __future__ import annotations

import json
import threading
from typing import Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError

from local.mailbox import Mailbox, ShownMail

HOSTILE = (
    "hello",
    "",
    "null",
    "[1]",
    "9" * 5000,
    "[" * 100_000,
    '{"Message": null}',
    '{"Message": {"a": [1]}, "Subject": {"b": 1}}',
    json.dumps({"Subject": "\x1b[2J\r\nx", "Message": "a\u202e\u2028b\x1b[2J\r\nc\ud800"}),
    json.dumps({"Subject": "s" * 100_000, "Message": "x" * 200_000}),
    json.dumps({"Subject": "s", "Message": "x\n" * 100_000}),
)


class Deployment:
    """Hands out what it was given, and then nothing."""

    def __init__(self, *answers: Any) -> None:
        self.outputs = {"OpsTopicArn": "arn:aws:sns:us-east-1:000000000000:eventing-ops"}
        self.answers = list(answers)
        self.empty = threading.Event()

    def subscribe(self, queue: str, topic_arns: Any, *, raw: bool) -> str:
        assert topic_arns == [self.outputs["OpsTopicArn"]]
        assert not raw
        return queue

    def receive(self, queue_url: str, *, seconds: float) -> list[dict[str, Any]]:
        if not self.answers:
            self.empty.set()
            threading.Event().wait(0.01)
            return []
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [{"Body": body} for body in answer]


def notification(subject: str, text: str) -> str:
    return json.dumps({"Subject": subject, "Message": text})


@pytest.mark.parametrize(
    "body", HOSTILE, ids=lambda body: body[:20].encode("unicode_escape").decode()
)
def test_whatever_comes_is_shown_as_lines(body: str) -> None:
    mail = ShownMail.read(body, at=1.0)

    assert mail.subject.isprintable()
    assert len(mail.subject) <= 200
    assert len(mail.lines) <= 201
    assert all(line.isprintable() and len(line) <= 400 for line in mail.lines)
    assert all(line.isprintable() for line in str(mail).split("\n"))


def test_a_mail_is_shown_as_it_is() -> None:
    mail = ShownMail.read(
        notification("eventing: 3 dead letters", "first\nNext: eventing x"), at=1.0
    )

    assert mail == ShownMail(1.0, "eventing: 3 dead letters", ["first", "Next: eventing x"])
    assert str(mail) == "✉ eventing: 3 dead letters\n    first\n    Next: eventing x"


def test_what_came_without_the_notifier_is_readable() -> None:
    mail = ShownMail.read(notification("ALARM: x", '{"AlarmName": "x", "State": {"a": 1}}'), at=1.0)

    assert '  "AlarmName": "x",' in mail.lines


def test_the_newest_is_first_and_each_is_told_once_whatever_happens() -> None:
    lost = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
    deployment = Deployment([notification("1", "a")], lost, ["{", notification("3", "c")])
    told: list[str] = []

    def tell(mail: ShownMail) -> None:
        told.append(mail.subject)
        raise BrokenPipeError

    with Mailbox(cast("Any", deployment), on_mail=tell) as mailbox:
        assert deployment.empty.wait(10)
        shown = mailbox.newest_first()
    assert [(mail["number"], mail["subject"]) for mail in shown] == [
        (2, "3"),
        (1, "without a subject"),
        (0, "1"),
    ]
    assert told == ["1", "without a subject", "3"]


def test_only_the_last_ones_are_kept() -> None:
    deployment = Deployment([notification(str(n), "x") for n in range(250)])
    with Mailbox(cast("Any", deployment)) as mailbox:
        assert deployment.empty.wait(10)
        shown = mailbox.newest_first()

    assert [mail["number"] for mail in shown] == list(range(249, 149, -1))
    assert json.loads(json.dumps(shown))[0]["subject"] == "249"
