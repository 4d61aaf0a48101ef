"""The dead letter: an event that could not make its next step, whole, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal

from eventing.cause import Cause, Code, clip
from eventing.event import event_digest, event_key, sha256_text
from eventing.json_text import Document, parse
from eventing.members import Members, moment, nullable, text, whole
from eventing.message import makes_message

SCHEMA_VERSION = 1

Stage = Literal["ingest", "publish"]
Step = Literal["store", "archive", "route", "publish"]
STAGES: tuple[Stage, ...] = ("ingest", "publish")
STEPS: Mapping[Stage, tuple[Step, ...]] = {
    "ingest": ("store", "archive"),
    "publish": ("route", "publish"),
}
USERS: Mapping[Stage, str] = {
    "ingest": "none yet: what was answered 202 is safe, but not published until it is redriven.",
    "publish": "subscribers don't get these events until they are redriven.",
}
"""By stage, what publishers and subscribers notice of its dead letters."""


class NoDeadLetter(ValueError):  # noqa: N818 - what was found in a queue
    """The text is no dead letter of a version that this code reads; the message says why."""


@dataclass(frozen=True)
class DeadLetter:
    """One event that failed at one step.

    `event` is the CloudEvent's text as it was accepted; `accepted_at` is what its publisher was told,
    so that an event which is stored by a redrive keeps it. Times are as `timestamp`
    writes them. `episode` counts the redrives that failed before.
    """

    stage: Stage
    step: Step
    publisher: str
    event: str
    accepted_at: str
    cause: Cause
    failed_at: str
    topic: str | None = None
    episode: int = 0
    trace_id: str | None = None

    @property
    def fingerprint(self) -> str:
        """The same for letters with the same root cause."""
        return fingerprint_of(self.stage, self.step, self.topic, self.cause)

    @cached_property
    def document(self) -> Document:
        """The event, read once; raises `InvalidJson` where it is no JSON."""
        return parse(self.event)

    def carrying(self, document: Document) -> DeadLetter:
        """This letter, whose event somebody has read already."""
        vars(self)["document"] = document  # where the cached property looks first
        return self

    @property
    def event_key(self) -> str:
        """The key that the event is, or is to be, stored under."""
        source, id = (str(self.document.value.get(name)) for name in ("source", "id"))
        return event_key(self.publisher, source, id)

    @cached_property
    def digest(self) -> str:
        """The event's."""
        return event_digest(self.document.exact)

    @property
    def key(self) -> str:
        """The same for every receipt of this letter, and for no other event, stage or step."""
        return letter_key(self.stage, self.step, self.event_key, self.digest)

    def text(self) -> str:
        """The body of the SQS message. The event stands in it as JSON, its numbers as they were."""
        cause: dict[str, Any] = {
            "code": self.cause.code,
            "class": self.cause.error_class,
            "message": self.cause.message,
            "retryable": self.cause.retryable,
        }
        if self.cause.resource:
            cause["resource"] = self.cause.resource
        members: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "stage": self.stage,
            "step": self.step,
            "publisher": self.publisher,
            "accepted_at": self.accepted_at,
            "cause": cause,
            "fingerprint": self.fingerprint,
            "failed_at": self.failed_at,
            "episode": self.episode,
        }
        if self.topic:
            members["topic"] = self.topic
        if self.trace_id:
            members["trace_id"] = self.trace_id
        envelope = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
        return f'{envelope[:-1]},"event":{self.event}}}'


def letter_key(stage: Stage, step: Step, event_key: str, digest: str) -> str:
    """The key of a letter, see `DeadLetter.key`."""
    return sha256_text(json.dumps([stage, step, event_key, digest]).encode())


def letter_keys(event_key: str, digest: str) -> list[str]:
    """The keys of all letters that there can be of an event."""
    return [letter_key(stage, step, event_key, digest) for stage in STAGES for step in STEPS[stage]]


def fingerprint_of(stage: Stage, step: Step, topic: str | None, cause: Cause) -> str:
    """The same for letters with the same root cause.

    A dependency that failed is one, whichever step, process or call noticed it.
    """
    parts = (
        [cause.code, cause.family, cause.resource]
        if cause.of_a_dependency and cause.resource
        else [stage, step, topic or "", cause.code, cause.error_class, cause.pattern()]
    )
    return sha256(json.dumps(parts).encode()).hexdigest()[:16]


def read_dead_letter(body: str) -> DeadLetter:
    """The dead letter in a message body; raises `NoDeadLetter`, which names the member at fault."""
    return letter_in(read_document(body))


def read_document(body: str) -> Document:
    """The JSON of a message body; raises `NoDeadLetter` where it is none."""
    try:
        return parse(body)
    except ValueError as error:
        raise NoDeadLetter(f"not JSON: {error}") from None


def letter_in(document: Document) -> DeadLetter:
    """The dead letter that a document is; raises `NoDeadLetter`, which names the member at fault."""
    content = document.value
    if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
        raise NoDeadLetter(f"schema_version is not {SCHEMA_VERSION}")
    members = Members(content, lambda name, reason: NoDeadLetter(f"{name} {reason}"))
    stage, step, cause = content.get("stage"), content.get("step"), content.get("cause")
    if stage not in STAGES or step not in STEPS[stage]:
        raise NoDeadLetter("stage and step name no step of the walk")
    if not isinstance(content.get("event"), dict) or not isinstance(cause, dict):
        raise NoDeadLetter("event and cause must be objects")
    # An item that ingestion did not write has no event in it, and its letter says so at this step.
    if step != "route" and not makes_message(content["event"]):
        raise NoDeadLetter("event lacks an attribute that its message needs")
    event = document.member("event")
    return DeadLetter(
        stage=stage,
        step=step,
        publisher=members.read("publisher", text),
        event=event.text,
        accepted_at=members.read("accepted_at", moment),
        cause=_cause(cause),
        failed_at=members.read("failed_at", moment),
        topic=members.read("topic", nullable(text)),
        episode=members.read("episode", whole(0)),
        trace_id=members.read("trace_id", nullable(text)),
    ).carrying(event)


def _cause(content: Mapping[str, Any]) -> Cause:
    try:
        code = Code(str(content.get("code")))
    except ValueError:
        raise NoDeadLetter("cause.code is none of the list") from None
    resource = content.get("resource")
    return Cause(
        code,
        clip(str(content.get("class", ""))),
        clip(str(content.get("message", ""))),
        clip(resource) if resource and isinstance(resource, str) else None,
    )
