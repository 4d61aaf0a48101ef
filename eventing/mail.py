"""Mails to operators: the one form that every message on the ops topic has."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eventing.foreign_text import plain, within

# Of SNS (Publish, "Subject"): less than 100 characters, no line breaks and no control characters.
SUBJECT_CHARACTERS = 99
# A mail is read on a telephone: SNS would take 256 KiB, of a mail and of what a chat shows together.
MAIL_BYTES = 16 * 1024
_CHAT_BYTES = 3 * 1024
# Of a line above the details, which none of our own comes near.
_LINE = 600

Command = Sequence[str]
"""What is typed after `eventing`: options, ids and fingerprints, nothing that a publisher wrote."""


@dataclass(frozen=True, kw_only=True)
class Mail:
    """What operators are told. Its texts are ours, or foreign ones as `foreign_text` shows them."""

    subject: str
    """How many of what, where and why."""
    first: str
    """What has happened, as a sentence."""
    users: str = ""
    """What publishers and subscribers notice of it."""
    next: Sequence[Command] = ()
    """The commands that come next, the likeliest first."""
    section: str = ""
    """The section of the runbook to open."""
    runbook: str = ""
    """Its whole address, where that is all that is known."""
    details: Sequence[str] = ()
    """All that may be long, the most important lines first."""


@dataclass(frozen=True, kw_only=True)
class Sender:
    """The deployment and region that mails are from, and how their readers get there."""

    deployment: str
    region: str
    options: str
    """The options of `eventing` that name this deployment, as they are typed; may be none on a laptop."""
    runbook: str
    """The address of the runbook."""
    dashboard: str
    """The address of the dashboard `operations`; empty where there is no console."""

    def subject(self, mail: Mail) -> str:
        """The subject, as SNS takes it: printable ASCII of at most `SUBJECT_CHARACTERS`."""
        whole = plain(f"{self.deployment}: {mail.subject}", 10 * SUBJECT_CHARACTERS)
        text = whole.replace("…", "...").encode("ascii", "backslashreplace").decode()
        return text if len(text) <= SUBJECT_CHARACTERS else f"{text[: SUBJECT_CHARACTERS - 3]}..."

    def text(self, mail: Mail) -> str:
        """The mail as people read it, in at most `MAIL_BYTES`."""
        return within([*self._head(mail), *_below(mail)], MAIL_BYTES)

    def chat(self, mail: Mail) -> str:
        """The mail as Amazon Q Developer in chat applications shows it in a channel, as JSON.

        Its form is that of "Custom notifications" in the administrator guide.
        """
        shown = [mail.first, *([f"Users: {mail.users}"] if mail.users else [])]
        below = within(list(mail.details), _CHAT_BYTES)
        lines = [_escaped(plain(line, _LINE)) for line in shown]
        # In a block, which shows what is in it as it is.
        lines += ["```", _escaped(below), "```"] if below else []
        links = [_escaped(f"{name}: {address}") for name, address in self._links(mail)]
        content: dict[str, Any] = {
            "textType": "client-markdown",
            "title": _escaped(self.subject(mail)),
            "description": "\n".join(lines),
            "nextSteps": [*(f"`{_escaped(self.command(one))}`" for one in mail.next), *links],
        }
        return json.dumps({"version": "1.0", "source": "custom", "content": content})

    def command(self, words: Command) -> str:
        """A command of `eventing` for this deployment, as it is typed."""
        typed = shlex.join(["eventing", *words])
        return f"{typed} {self.options}" if self.options else typed

    def _head(self, mail: Mail) -> list[str]:
        lines = [
            mail.first,
            *([f"Users: {mail.users}"] if mail.users else []),
            *(f"Next: {self.command(command)}" for command in mail.next),
            *(f"{name}: {address}" for name, address in self._links(mail)),
            f"Where: {self.deployment} in {self.region}",
        ]
        return [plain(line, _LINE) for line in lines]

    def _links(self, mail: Mail) -> list[tuple[str, str]]:
        runbook = f"{self.runbook}#{mail.section}" if mail.section else mail.runbook
        found = [("Runbook", runbook)] if runbook else []
        return [*found, *([("Dashboard", self.dashboard)] if self.dashboard else [])]


def _below(mail: Mail) -> list[str]:
    return ["", *mail.details] if mail.details else []


def _escaped(text: str) -> str:
    """The text in which Slack sees no mention, link or block (Slack, "Escaping text")."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")
