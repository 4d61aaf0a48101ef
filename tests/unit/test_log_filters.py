"""The filters that the runbook has for logs find what the functions write."""

from __future__ import annotations

import io
import json
import re

from aws_lambda_powertools import Logger

from tests.shown import commands

# Of Lambda, for an invocation that crashed or ran out of time: "Lambda, JSON log format": level is a member.
CRASHED = (
    '{"timestamp": "2026-11-27T12:00:00Z", "level": "ERROR", "message": "boom", "errorType": "E"}'
)


def found(pattern: str, line: str) -> bool:
    """Whether a pattern of FilterLogEvents selects a line, for the kind of pattern that the runbook has.

    A pattern for JSON compares members; a bare word compares words of a text, which JSON is not.
    (CloudWatch Logs, "Filter pattern syntax", JSON.)
    """
    conditions = re.fullmatch(r"\{ (.*) \}", pattern)
    if conditions is None:
        return False
    members = json.loads(line)
    for condition in conditions[1].split(" || "):
        comparison = re.fullmatch(r'\$\.(\w+) = "(\w+)"', condition)
        assert comparison, condition
        if members.get(comparison[1]) == comparison[2]:
            return True
    return False


def test_the_last_errors_are_those_of_json_logs() -> None:
    (pattern,) = re.findall(r"--filter-pattern ('.*?'|\S+)", commands("docs/runbook.md")["errors"])
    written = io.StringIO()
    logger = Logger(service="log-filters", stream=written)
    logger.error("ingest crashed")
    logger.critical("worse")
    logger.info("an ERROR of somebody else's")
    error, critical, info = written.getvalue().splitlines()

    lines = {line: found(pattern.strip("'"), line) for line in (error, critical, info, CRASHED)}
    assert lines == {error: True, critical: True, info: False, CRASHED: True}
