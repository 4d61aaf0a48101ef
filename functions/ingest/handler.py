"""API Gateway (REST, Lambda proxy) in; Events table, archive and, failing these, the DLQ out."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from eventing.answer import Answer, Rejected, answer, refusal
from eventing.problem import Kind, Problem, Refused
from functions.contract import STANDING, Metric
from functions.ingest.copying import Copying
from functions.ingest.ingest import Ingest, Report
from functions.ingest.judging import Judging
from functions.shared.clock import Clock, Deadline
from functions.shared.doorkeeper import DoorkeeperReader
from functions.shared.entry import entry
from functions.shared.invocation import Context, trace_id, where
from functions.shared.metrics import Metrics
from functions.shared.parts import Parts
from functions.shared.sender import NO_PUBLISHER, sender

# Loaded by the first request that needs it.
if TYPE_CHECKING:
    from functions.ingest.standing import Standing
    from functions.ingest.trial import Trial

# Calls under way at once, at most: four PartiQL batches, the archive and the doorkeeper, which may hang,
# and ten of SendMessageBatch.
THREADS = 16
_CRASHED = Problem(Kind.UNAVAILABLE, "The request failed here; send it again.")
# The query parameter of a trial.
_TRIAL = "validate"


class Handler:
    """Turns API Gateway's requests into calls of `Ingest`, and its outcomes into responses.

    `trial` and `standing` give what few processes ever need, the same each time.
    """

    def __init__(
        self,
        *,
        ingest: Ingest,
        trial: Callable[[], Trial],
        standing: Callable[[], Standing],
        doorkeeper: DoorkeeperReader,
        canary_key_id: str | None,
        logger: Logger,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._ingest = ingest
        self._trial = trial
        self._standing = standing
        self._doorkeeper = doorkeeper
        self._canary_key_id = canary_key_id
        self._logger = logger
        self._metrics = metrics
        self._clock = clock

    def __call__(self, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """The response, whatever happens: an error that escaped would become a bare 502."""
        deadline = self._clock.deadline(context)
        # Of the two ids that API Gateway has, the one that whoever sends the request can't choose.
        request_id = event["requestContext"]["extendedRequestId"]
        try:
            response = self._answer(event, context, deadline, request_id)
        except Exception as error:
            self._logger.error("ingest crashed", error=type(error).__name__, at=where(error))
            response = refusal(_CRASHED, request_id=request_id)
        return {"statusCode": response.status, "headers": response.headers, "body": response.body}

    def _answer(
        self, event: Mapping[str, Any], context: Context, deadline: Deadline, request_id: str
    ) -> Answer:
        identity = event["requestContext"]["identity"]
        publisher = sender(identity, canary_key_id=self._canary_key_id)
        if publisher is None:
            return refusal(NO_PUBLISHER, request_id=request_id)
        if event["resource"] == STANDING:
            return self._tell_standing(publisher, request_id)
        try:
            trial = _is_trial(event.get("multiValueQueryStringParameters") or {})
        except Refused as refused:
            return refusal(refused.problem, request_id=request_id)
        headers, body = event.get("multiValueHeaders") or {}, event.get("body") or ""
        content = b64decode(body) if event.get("isBase64Encoded") else body.encode()
        if trial:
            return self._try(headers, content, publisher, request_id)
        report = self._ingest(
            headers=headers,
            body=content,
            publisher=publisher,
            # The request's id is API Gateway's, and no two invocations have this one.
            name=context.aws_request_id,
            deadline=deadline,
        )
        response = answer(report.outcomes, batched=report.batched, request_id=request_id)
        self._observe(
            report,
            response,
            publisher=publisher,
            request_id=request_id,
            function_request_id=context.aws_request_id,
            bytes=len(content),
        )
        return response

    def _tell_standing(self, publisher: str, request_id: str) -> Answer:
        response, cause = self._standing()(publisher, request_id=request_id)
        self._logger.info(
            "standing",
            publisher=publisher,
            request_id=request_id,
            status=response.status,
            cause=cause and cause.code,
        )
        return response

    def _try(
        self, headers: Mapping[str, Sequence[str]], body: bytes, publisher: str, request_id: str
    ) -> Answer:
        outcomes, batched = self._trial()(headers, body, publisher)
        response = answer(outcomes, batched=batched, request_id=request_id)
        self._logger.info(
            "trial",
            publisher=publisher,
            request_id=request_id,
            status=response.status,
            events=len(outcomes),
        )
        return response

    def _observe(self, report: Report, response: Answer, **request: Any) -> None:
        if cause := self._doorkeeper.cause:
            request["doorkeeper_failures"] = self._doorkeeper.failures
            request["doorkeeper_cause"] = cause.code
        if cause := report.stream_refused:
            request["stream_refused"] = cause.code
        if report.erased:
            # Hashes: whoever erases them again needs no more.
            request["erased_keys"] = report.erased
        self._metrics.write(
            {
                Metric.EVENTS_ACCEPTED: report.accepted,
                Metric.EVENTS_DUPLICATE: report.duplicate,
                Metric.EVENTS_REJECTED: report.rejected,
                Metric.ERASED_SENT_AGAIN: len(report.erased),
                Metric.EVENTS_STORED: report.stored,
            },
            at=report.accepted_at,
        )
        self._metrics.dead_lettered(report.letters)
        self._logger.info(
            "request",
            **request,
            status=response.status,
            events=len(report.outcomes),
            accepted=report.accepted,
            duplicate=report.duplicate,
            rejected=report.rejected,
            stored=report.stored,
            dead_lettered=len(report.letters),
            schema_warnings=report.warnings,
            problems=sorted(
                {o.problem.kind.slug for o in report.outcomes if isinstance(o, Rejected)}
            ),
            causes=sorted({f"{letter.step} {letter.cause.code}" for letter in report.letters}),
            usage=vars(report.usage),
            milliseconds=report.milliseconds,
            trace_id=trace_id(),
        )


def _is_trial(parameters: Mapping[str, Sequence[str]]) -> bool:
    """Tell whether a request with these query parameters is a trial; raises `Refused` where it is unclear."""
    given = parameters.get(_TRIAL)
    if not given:
        return False
    values = set(given)
    if values - {"true", "false"} or len(values) > 1:
        raise Refused(Kind.PARAMETER, f"{_TRIAL} is true or false.")
    return "true" in values


def make_handler(parts: Parts) -> Handler:
    """The function, put together from these parts."""
    judge = Judging(parts.schemas, parts.doorkeeper)

    @cache
    def trial() -> Trial:
        from functions.ingest.trial import Trial

        return Trial(judge=judge, catalogue=parts.catalogue)

    @cache
    def standing() -> Standing:
        from functions.ingest.standing import Standing

        return Standing(registry=parts.registry, catalogue=parts.catalogue, clock=parts.clock)

    return Handler(
        ingest=Ingest(
            judge=judge,
            store=parts.event_store,
            copying=Copying(archive=parts.archive, stream=parts.delivery_stream),
            queue=parts.ingest_queue,
            workers=parts.workers,
            clock=parts.clock,
        ),
        trial=trial,
        standing=standing,
        doorkeeper=parts.doorkeeper,
        canary_key_id=parts.canary_key_id,
        logger=parts.logger,
        metrics=parts.metrics,
        clock=parts.clock,
    )


handle = entry(lambda: make_handler(Parts(threads=THREADS)))
