"""What a verification sends: events of the canary's type, and a dead letter of one of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from eventing.canary import PUBLISHER, TOPIC, TYPE
from eventing.cause import Cause, Code
from eventing.dead_letter import STAGES, STEPS, DeadLetter
from eventing.event import event_key
from eventing.mail import Mail

_BEGAN = "%Y%m%d-%H%M%S"
# Of a dead letter that nothing has caused; no dependency's code, so that none is taken for down.
INJECTED = Cause(Code.UNKNOWN, "Verification", "injected by eventing verify: nothing has failed")


def new_run(began: datetime, token: str) -> str:
    """The name of a verification, which no other has, and that tells when it began."""
    return f"{began:{_BEGAN}}-{token}"


def began_at(run: str) -> datetime:
    """When a verification began, by its name; raises ValueError for what is no such name."""
    return datetime.strptime(run.rpartition("-")[0], _BEGAN).replace(tzinfo=UTC)


@dataclass(frozen=True)
class SentEvent:
    """An event of the verification `run`."""

    run: str
    name: str
    """Which one of them it is."""
    note: str = "sent by eventing verify; nobody has to do anything"

    @property
    def source(self) -> str:
        """The same for all of a run, and for no other."""
        return f"urn:eventing:verify:{self.run}"

    @property
    def text(self) -> str:
        """The CloudEvent, as JSON."""
        event = {
            "specversion": "1.0",
            "id": self.name,
            "source": self.source,
            "type": TYPE,
            "data": {"note": self.note},
        }
        return json.dumps(event)

    @property
    def key(self) -> str:
        """The key that it is stored under."""
        return event_key(PUBLISHER, self.source, self.name)

    def is_in(self, text: str) -> bool:
        """True when a text is this event and no other, however it is written."""
        return bool(json.loads(text) == json.loads(self.text))

    def injected(self, at: str) -> DeadLetter:
        """A dead letter of it, as publish writes them; `at` is a time as `timestamp` writes it."""
        return DeadLetter(
            stage="publish",
            step="publish",
            publisher=PUBLISHER,
            event=self.text,
            accepted_at=at,
            cause=INJECTED,
            failed_at=at,
            topic=TOPIC,
        )

    def letters(self, at: str) -> list[str]:
        """The keys of all dead letters that it can become."""
        return [
            DeadLetter(
                stage=stage,
                step=step,
                publisher=PUBLISHER,
                event=self.text,
                accepted_at=at,
                cause=INJECTED,
                failed_at=at,
            ).key
            for stage in STAGES
            for step in STEPS[stage]
        ]


def announcement(caller: str, *, run: str, load: tuple[int, int] | None) -> Mail:
    """What operators are told before anything is sent; `load` is the events a second, and for how long."""
    details = [
        f"Run: {run}",
        f"By: {caller}",
        f"Events: of the publisher {PUBLISHER} to the topic {TOPIC}, which nobody else is subscribed to",
        "Dead letter: one is injected into publish and redriven: the alarm publish-dead-letters may go off, "
        "and triage and redrive tell of it",
    ]
    if load:
        details.append(f"Load: {load[0]} events a second for {load[1]} s")
    return Mail(
        subject="verification begins",
        first="Somebody verifies this deployment: what comes of the publisher "
        f"{PUBLISHER} in the next minutes is theirs.",
        users="none.",
        details=details,
    )
