"""Queries of CloudWatch Logs Insights over one log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from console.shell.failure import Failure
from eventing.foreign_text import plain

# Of StartQuery: rows that an answer has at most.
MOST_ROWS = 10_000
# A query is ended by then, whatever it has found.
_SECONDS = 120
_PENDING = ("Scheduled", "Running", "Unknown")


class Insights:
    """The log of one function; the methods raise what the SDK raises."""

    def __init__(self, client: Any, *, log: str, sleep: Callable[[float], None]) -> None:
        self._client = client
        self._log = log
        self._sleep = sleep

    def rows(
        self, query: Sequence[str], *, since: datetime, until: datetime
    ) -> list[Mapping[str, str]]:
        """The rows that a query finds in this time, by their columns; `Failure` where it finds no end."""
        started = self._client.start_query(
            logGroupName=self._log,
            startTime=int(since.timestamp()),
            endTime=int(until.timestamp()),
            queryString=" | ".join(query),
            limit=MOST_ROWS,
        )
        for _ in range(_SECONDS):
            answer = self._client.get_query_results(queryId=started["queryId"])
            if answer["status"] == "Complete":
                return [
                    {cell["field"]: cell["value"] for cell in row if "value" in cell}
                    for row in answer["results"]
                ]
            if answer["status"] not in _PENDING:
                raise Failure(f"The query of {self._log} ended as {plain(answer['status'])}.")
            self._sleep(1)
        raise Failure(f"The query of {self._log} was not done in {_SECONDS} s: take fewer hours.")
