"""API Gateway (REST, Lambda proxy) in; what became of an event out. It changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

from aws_lambda_powertools import Logger

from eventing.answer import Answer, refusal, reply
from eventing.cause import cause_of
from eventing.event import event_key
from eventing.problem import Kind, Problem, Refused
from eventing.publishers.doorkeeper import SUSPENDED
from eventing.publishers.inquiry import asked_for, told
from functions.shared.clock import Clock
from functions.shared.doorkeeper import DoorkeeperReader
from functions.shared.entry import entry
from functions.shared.event_records import EventRecords
from functions.shared.invocation import Context, trace_id, where
from functions.shared.parts import Parts
from functions.shared.sender import NO_PUBLISHER, sender

# The event, its letters, and the doorkeeper, each of which may hang.
THREADS = 6
_UNKNOWN = Problem(
    Kind.UNKNOWN_EVENT,
    "Ask with the source and the id of its 202. What was accepted while the store was out of reach is known "
    "some minutes later, and what has expired is not known any more.",
)
_NOT_NOW = Problem(Kind.INQUIRY, "Ask again. Events are taken and published all the same.")


class Handler:
    """Answers `GET events` for the publisher whose key it is.

    The key of an event has its publisher in it: for another's event the same is read as for none.
    """

    def __init__(
        self,
        *,
        records: EventRecords,
        doorkeeper: DoorkeeperReader,
        canary_key_id: str | None,
        region: str,
        workers: Executor,
        logger: Logger,
        clock: Clock,
    ) -> None:
        self._records = records
        self._doorkeeper = doorkeeper
        self._canary_key_id = canary_key_id
        self._region = region
        self._workers = workers
        self._logger = logger
        self._clock = clock

    def __call__(self, event: Mapping[str, Any], _context: Context) -> dict[str, Any]:
        """The response, whatever happens: an error that escaped would become a bare 502."""
        began = self._clock.monotonic()
        context = event["requestContext"]
        request_id = context["extendedRequestId"]
        publisher = sender(context["identity"], canary_key_id=self._canary_key_id)
        failure: dict[str, Any] = {}
        try:
            response = self._answer(event, publisher, request_id)
        except Refused as refused:
            response = refusal(refused.problem, request_id=request_id)
        except Exception as error:
            cause = cause_of(error)
            failure = {"cause": cause.code, "error": cause.error_class, "at": where(error)}
            response = refusal(_NOT_NOW, request_id=request_id)
        log = self._logger.error if failure else self._logger.info
        log(
            "inquiry",
            publisher=publisher,
            request_id=request_id,
            status=response.status,
            milliseconds=round((self._clock.monotonic() - began) * 1000, 2),
            trace_id=trace_id(),
            **failure,
        )
        return {"statusCode": response.status, "headers": response.headers, "body": response.body}

    def _answer(self, event: Mapping[str, Any], publisher: str | None, request_id: str) -> Answer:
        if publisher is None:
            return refusal(NO_PUBLISHER, request_id=request_id)
        self._doorkeeper.refresh()
        asked = asked_for(event.get("multiValueQueryStringParameters") or {})
        key = event_key(publisher, asked.source, asked.id)
        reading = self._workers.submit(self._records.letters, key)
        stored = self._records.stored(key)
        letters = reading.result()
        self._doorkeeper.settle()
        if self._doorkeeper.entry(publisher).suspended:
            return refusal(SUSPENDED, request_id=request_id)
        proof = None
        if stored and not stored.erased_at:
            proof = self._records.proof(key, stored)
        body = told(asked, here=self._region, stored=stored, letters=letters, proof=proof)
        if body is None:
            return refusal(_UNKNOWN, request_id=request_id)
        return reply(body, request_id=request_id)


def make_handler(parts: Parts) -> Handler:
    """The function, put together from these parts."""
    return Handler(
        records=parts.event_records,
        doorkeeper=parts.doorkeeper,
        canary_key_id=parts.canary_key_id,
        region=parts.clients.region,
        workers=parts.workers,
        logger=parts.logger,
        clock=parts.clock,
    )


handle = entry(lambda: make_handler(Parts(threads=THREADS)))
