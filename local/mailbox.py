"""The mailbox: what operators are told of this machine's deployment, as a mail program shows it."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from eventing.foreign_text import plain
from local.foreign import json_object

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from local.deployment import Deployment

# More than anybody reads, of a message and of messages.
_LINES, _LINE, _KEPT = 200, 400, 100
# Of a wait for messages; and before another try where the emulator does not answer.
_WAIT_SECONDS, _PAUSE_SECONDS = 5.0, 1.0


@dataclass(frozen=True)
class ShownMail:
    """A message on the ops topic, as it may be shown: whatever it is, each line stays one."""

    at: float
    """When it came, as seconds since 1970."""
    subject: str
    lines: Sequence[str]

    @classmethod
    def read(cls, body: str, *, at: float) -> Self:
        """Read a notification of SNS; anything else is shown as it is."""
        notification = json_object(body)
        text = notification.get("Message", body)
        text = text if isinstance(text, str) else json.dumps(text)
        subject = plain(notification.get("Subject") or "without a subject")
        if document := json_object(text):
            # CloudWatch's or Lambda's own: what the notifier could not tell.
            text = json.dumps(document, indent=2)
        lines = text.split("\n")
        more = len(lines) - _LINES
        shown = [plain(line, _LINE) for line in lines[:_LINES]]
        return cls(at, subject, [*shown, *([f"… and {more} more lines"] if more > 0 else [])])

    def __str__(self) -> str:
        return "\n".join([f"✉ {self.subject}", *(f"    {line}" for line in self.lines)])


class Mailbox:
    """Subscribes to the ops topic, and takes what comes while the context is open.

    `on_mail` is called with each message. Nothing that arrives ends it, nor what `on_mail` raises.
    """

    def __init__(
        self, deployment: Deployment, *, on_mail: Callable[[ShownMail], None] = lambda _: None
    ) -> None:
        self._deployment = deployment
        self._on_mail = on_mail
        self._mails: deque[ShownMail] = deque(maxlen=_KEPT)
        self._taken = 0
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        topic = self._deployment.outputs["OpsTopicArn"]
        self._queue = self._deployment.subscribe("mailbox-of-this-machine", [topic], raw=False)
        self._thread = threading.Thread(target=self._look, daemon=True, name="mailbox")
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._closed.set()
        self._thread.join(_WAIT_SECONDS + _PAUSE_SECONDS)

    def newest_first(self) -> Sequence[Mapping[str, Any]]:
        """The last messages for the page, each with a number that no other has."""
        numbered = enumerate([*self._mails], start=self._taken - len(self._mails))
        return [{"number": number, **asdict(mail)} for number, mail in numbered][::-1]

    def _look(self) -> None:
        while not self._closed.is_set():
            try:
                found = self._deployment.receive(self._queue, seconds=_WAIT_SECONDS)
            except (BotoCoreError, ClientError):
                # The run has a look of its own at whether the emulator still answers.
                self._closed.wait(_PAUSE_SECONDS)
                continue
            for message in found:
                self._take(ShownMail.read(message.get("Body", ""), at=time.time()))

    def _take(self, mail: ShownMail) -> None:
        self._taken += 1
        self._mails.append(mail)
        # Where the terminal is gone, the page has it.
        with contextlib.suppress(OSError, ValueError):
            self._on_mail(mail)
