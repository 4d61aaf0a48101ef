"""Mails: subjects that SNS takes, first things first, and nothing foreign that could lead astray."""

from __future__ import annotations

import json
import shlex

import pytest

from eventing.alarm_text import AlarmText
from eventing.foreign_text import quoted
from eventing.mail import MAIL_BYTES, SUBJECT_CHARACTERS, Mail, Sender

SENDER = Sender(
    deployment="shop",
    region="eu-west-1",
    options="--deployment shop --region eu-west-1",
    runbook="https://example.com/runbook",
    dashboard="https://eu-west-1.console.aws.amazon.com/x",
)
LAPTOP = Sender(
    deployment="shop", region="us-east-1", options="", runbook="docs/runbook.md", dashboard=""
)
MAIL = Mail(
    subject="3 dead letters at publish: ACCESS_DENIED, topic orders",
    first="3 events wait as dead letters of publish.",
    users="subscribers don't get these events until they are redriven.",
    next=(("letters", "--stage", "publish"), ("plan", "--fingerprint", "f1")),
    section="letters",
    details=("3 x ACCESS_DENIED", "  fingerprint f1"),
)
HOSTILE = (
    "x\r\nBcc: all@example.com",
    "\x00\x1b[2J\x7f",
    "x\u2028approve now: https://evil.example",
    "\u202e\u2066y\u2069",
    "<!channel> <https://evil.example|here> &",
    "`rm -rf /` $(reboot) ```",
    "Ω" * 500,
    "\U000e0041\u200b\ufeff",
)


def test_a_mail_says_first_what_then_what_to_do_and_then_all_else() -> None:
    assert SENDER.text(MAIL).split("\n") == [
        "3 events wait as dead letters of publish.",
        "Users: subscribers don't get these events until they are redriven.",
        "Next: eventing letters --stage publish --deployment shop --region eu-west-1",
        "Next: eventing plan --fingerprint f1 --deployment shop --region eu-west-1",
        "Runbook: https://example.com/runbook#letters",
        "Dashboard: https://eu-west-1.console.aws.amazon.com/x",
        "Where: shop in eu-west-1",
        "",
        "3 x ACCESS_DENIED",
        "  fingerprint f1",
    ]
    assert SENDER.subject(MAIL) == "shop: 3 dead letters at publish: ACCESS_DENIED, topic orders"


def test_on_a_laptop_a_command_has_no_options_and_nothing_links_to_a_console() -> None:
    text = LAPTOP.text(MAIL)

    assert "\nNext: eventing letters --stage publish\n" in text
    assert "Dashboard" not in text
    assert LAPTOP.text(Mail(subject="a", first="b")) == "b\nWhere: shop in us-east-1"


@pytest.mark.parametrize("foreign", HOSTILE)
def test_a_subject_is_what_sns_takes_whatever_is_in_it(foreign: str) -> None:
    for text in (foreign, f"3 dead letters: topic {foreign}", foreign * 50):
        subject = SENDER.subject(Mail(subject=text, first=""))

        assert 0 < len(subject) <= SUBJECT_CHARACTERS < 100
        assert subject.isascii()
        assert subject.isprintable()
        assert subject.startswith("shop: ")


def test_a_subject_that_is_cut_says_so() -> None:
    assert SENDER.subject(Mail(subject="x" * 93, first="")) == "shop: " + "x" * 93
    assert SENDER.subject(Mail(subject="x" * 94, first="")) == "shop: " + "x" * 90 + "..."


@pytest.mark.parametrize("foreign", HOSTILE)
def test_lines_above_the_details_stay_lines_whatever_is_in_them(foreign: str) -> None:
    mail = Mail(subject="", first=foreign, users=foreign, next=[("letter", foreign)], section="a")
    lines = SENDER.text(mail).split("\n")

    assert [line.partition(":")[0] for line in lines[1:]] == [
        "Users", "Next", "Runbook", "Dashboard", "Where",
    ]  # fmt: skip
    assert all(line.isprintable() for line in lines)


def test_a_mail_is_bounded_and_what_to_do_is_never_cut() -> None:
    long = Mail(subject="a", first="b" * 10_000, next=MAIL.next, section="c",
                details=["\U00010348" * 200] * 1000)  # fmt: skip
    text = SENDER.text(long)

    assert len(text.encode()) <= MAIL_BYTES
    assert "Next: eventing plan" in text
    assert text.endswith("more lines, which the report has")
    # SNS takes 256 KiB of the text for people and that for chats together, escaped.
    assert len(json.dumps({"default": text, "https": SENDER.chat(long)})) < 128 * 1024


@pytest.mark.parametrize("word", ["$(reboot)", "a b", "';id", "`id`", "--all"])
def test_a_command_is_quoted_for_a_shell(word: str) -> None:
    assert shlex.split(LAPTOP.command(("letter", word))) == ["eventing", "letter", word]


def test_a_chat_shows_the_same_in_amazon_qs_form() -> None:
    chat = json.loads(SENDER.chat(MAIL))

    assert (chat["version"], chat["source"]) == ("1.0", "custom")
    content = chat["content"]
    assert content["title"] == SENDER.subject(MAIL)
    assert content["description"].startswith(MAIL.first)
    assert "3 x ACCESS_DENIED" in content["description"]
    assert content["nextSteps"][0] == (
        "`eventing letters --stage publish --deployment shop --region eu-west-1`"
    )
    assert "Runbook: https://example.com/runbook#letters" in content["nextSteps"]


@pytest.mark.parametrize("foreign", HOSTILE)
def test_a_chat_sees_no_mention_link_or_end_of_the_block(foreign: str) -> None:
    shown = quoted(foreign)
    mail = Mail(subject=shown, first=shown, details=[f"type {shown}"], next=[("letter", shown)])
    content = json.loads(SENDER.chat(mail))["content"]

    for text in (content["title"], content["description"], *content["nextSteps"]):
        assert "<" not in text
        assert ">" not in text
    assert content["description"].count("```") == 2


def test_what_an_alarm_says_is_read_as_it_was_written() -> None:
    text = AlarmText(
        what="Events are not taken: requests are answered 503.",
        users="publishers have to send again.",
        next="letters --stage ingest",
        runbook="https://example.com/runbook#publishers-get-503",
    )

    assert AlarmText.read(str(text)) == text
    assert text.headline == "Events are not taken"
    assert "Next: eventing letters --stage ingest Runbook: https://example.com/" in str(text)


@pytest.mark.parametrize("text", ["", "Somebody's own.\nUsers", "Runbook: x", "a Users: "])
def test_what_somebody_else_wrote_is_what_an_alarm_says(text: str) -> None:
    found = AlarmText.read(text)

    assert found.what == text
    assert str(found) == text
