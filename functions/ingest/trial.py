"""Trials: a request is judged as if it were taken in, and nothing of it is kept or counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from eventing.answer import Outcome, Rejected, Valid
from eventing.catalogue import Catalogue
from eventing.event import Event
from eventing.routing import NoRoute, Router
from functions.ingest.judging import Judging


class Trial:
    """Judges like ingestion, and looks where the events would go; it makes no call that changes anything."""

    def __init__(self, *, judge: Judging, catalogue: Catalogue) -> None:
        self._judge = judge
        self._catalogue = catalogue

    def __call__(
        self, headers: Mapping[str, Sequence[str]], body: bytes, publisher: str
    ) -> tuple[list[Outcome], bool]:
        """The outcome of each event, and whether they came as a batch."""
        judged = self._judge(headers, body, publisher)
        outcomes: list[Outcome] = [
            result if isinstance(result, Rejected) else self._valid(result)
            for result in judged.results
        ]
        return outcomes, judged.batched

    def _valid(self, event: Event) -> Valid:
        try:
            topic = self._router.route(event.type, event.value)
        except NoRoute:
            topic = None
        return Valid(event.id, event.source, topic)

    @cached_property
    def _router(self) -> Router:
        # Few processes ever see a trial.
        return Router(self._catalogue)
