"""The widget of the dashboards: which dead letters wait, why, and what comes next. It reads one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_lambda_powertools import Logger

from eventing.cause import cause_of
from eventing.redrive.summary import read_summary
from functions.shared.clock import Clock
from functions.shared.entry import entry
from functions.shared.invocation import Context
from functions.shared.parts import Parts
from functions.shared.summary_row import SummaryRow
from functions.widget.drawing import cannot, draw

DOCUMENTATION = """## What waits

Dead letters that are open or parked, in groups with the same root cause, the largest first: how many, why, \
where, since when, when the first is gone for good, what the last plan forecasts, and the command of \
`eventing` that comes next. A run that is under way stands above them.

It reads the summary that triage, redrive and the counter keep, and says how old that is. It has no \
parameters and changes nothing.
"""


class Handler:
    """Answers CloudWatch with HTML; what a dashboard's author or viewer gives is not looked at."""

    def __init__(
        self, *, row: SummaryRow, command_options: Sequence[str], logger: Logger, clock: Clock
    ) -> None:
        self._row = row
        self._command_options = command_options
        self._logger = logger
        self._clock = clock

    def __call__(self, event: Mapping[str, Any], context: Context) -> str | dict[str, str]:
        """The widget, or its documentation where CloudWatch asks to `describe` it."""
        if event.get("describe"):
            return {"markdown": DOCUMENTATION}
        try:
            summary = read_summary(self._row.read())
        except Exception as error:
            cause = cause_of(error)
            self._logger.warning("widget", code=cause.code, error=cause.error_class)
            return cannot(f"The summary can't be read just now: {cause.code}")
        now = self._clock.now()
        return draw(summary, now=now, command_options=self._command_options)


def make_handler(parts: Parts) -> Handler:
    """The function, put together from these parts."""
    return Handler(
        row=parts.summary_row,
        command_options=parts.command_options,
        logger=parts.logger,
        clock=parts.clock,
    )


handle = entry(lambda: make_handler(Parts(threads=1)))
