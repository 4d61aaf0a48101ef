"""Examines a case: from its findings to the object, the publisher, the events and everybody who got them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from eventing.cause import Cause, cause_of
from eventing.detection import Detection
from eventing.routing import Router
from eventing.sensitive_data.case import Policy
from eventing.sensitive_data.decision import why_nobody_is_asked
from eventing.sensitive_data.evidence import Evidence, HourCount
from eventing.sensitive_data.finding import Finding, worst
from functions.shared.archive_objects import ArchiveObjects, Hour, hour_of
from functions.shared.clock import Clock
from functions.shared.registry import Registry
from functions.shared.topics import Topics

# Of the count of an hour: what is beyond is not read, and the count is "at least".
HOUR_OBJECTS = 500
HOUR_BYTES = 64 * 1024 * 1024
HOUR_SECONDS = 20


class Examiner:
    """Looks, and changes nothing. What it does not need, it may fail to see, and says so."""

    def __init__(
        self,
        *,
        archive: ArchiveObjects,
        topics: Topics,
        registry: Registry,
        router: Router,
        policy: Policy,
        detection: Detection,
        deployment: str,
        clock: Clock,
    ) -> None:
        self._archive = archive
        self._topics = topics
        self._registry = registry
        self._router = router
        self._policy = policy
        self._detection = detection
        self._deployment = deployment
        self._clock = clock

    def examine(self, findings: Sequence[Finding]) -> dict[str, Any]:
        """What findings on one object lead to, as JSON, with nothing of what is in the events.

        Raises what the SDK raises for the object and for the registry; topics and counts that can't be
        read are `unknown`, and say why.
        """
        key, version = findings[0].key, findings[0].version
        hour = hour_of(key)
        evidence = Evidence(findings, self._router, hour.publisher if hour else None, self._expects)
        opened = self._archive.open(key, version)
        if opened:
            for number, line in enumerate(opened.lines):
                if evidence.wants(number):
                    evidence.take(number, line)
                if evidence.complete:
                    break
            evidence.end()
        # A name that the object's key and lines agree on.
        publisher = evidence.publisher
        row = self._registry.find(publisher).publisher if publisher else None
        severity = worst([one.severity for one in findings])
        return {
            "object": {
                "key": key,
                "version": version or (opened.version if opened else None),
                "gone": opened is None,
            },
            "findings": [_outline(one) for one in findings],
            "type": findings[0].type,
            "severity": severity,
            "kinds": _kinds(findings),
            "publisher": publisher,
            "contact": row.contact if row else None,
            "status": row.status if row else None,
            "hour": hour.text if hour else None,
            "events": [asdict(one) for one in evidence.events],
            "count": evidence.count,
            "at_least": evidence.at_least or opened is None,
            "unread_lines": evidence.unread,
            # Of a sample nobody knows what the rest is.
            "expected": evidence.expected and not evidence.at_least,
            "topics": [self._topic(name, count) for name, count in evidence.topics.items()],
            "same_hour": self._same_hour(hour, list(evidence.types)),
            "why_not_asked": why_nobody_is_asked(
                severity,
                self._policy,
                object_read=evidence.count > 0,
                expected=evidence.expected,
                publisher=publisher,
                status=row.status if row else None,
            ),
        }

    def _expects(self, type: str, path: str, kind: str) -> bool:
        # Identifiers of the catalogue have their deployment's name in Macie.
        kind = kind.removeprefix(f"{self._deployment}-")
        return self._detection.is_expected(type=type, path=path, kind=kind)

    def _topic(self, name: str, events: int) -> dict[str, Any]:
        found = self._topics.subscribers(name)
        if isinstance(found, Cause):
            return {
                "topic": name,
                "events": events,
                "subscriptions": [],
                "complete": False,
                "unknown": f"{found.code}: {found.error_class}",
            }
        subscriptions = [
            {"protocol": protocol, "account": account, "count": count}
            for (protocol, account), count in sorted(found.counts.items())
        ]
        return {
            "topic": name,
            "events": events,
            "subscriptions": subscriptions,
            "complete": found.complete,
            "unknown": "",
        }

    def _same_hour(self, hour: Hour | None, types: Sequence[str]) -> Mapping[str, Any]:
        """Events of that publisher and these types in the hour, as far as they can be counted in time."""
        if hour is None or not types:
            return {"types": {}, "at_least": True, "unknown": ""}
        unknown = ""
        count, read, until = HourCount(types), 0, self._clock.monotonic() + HOUR_SECONDS
        try:
            keys, complete = self._archive.keys(hour.prefix, most=HOUR_OBJECTS)
            for key in keys:
                if read >= HOUR_BYTES or count.full or self._clock.monotonic() >= until:
                    complete = False
                    break
                if opened := self._archive.open(key, None):
                    read += opened.size
                    count.take(opened.lines)
        except Exception as error:  # a case without that number is worth more than none
            complete, unknown = False, str(cause_of(error).code)
        return {
            "types": dict(count.counts),
            "at_least": not complete or count.full,
            "unknown": unknown,
        }


def _outline(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "type": finding.type,
        "severity": finding.severity,
        "created_at": finding.created_at,
    }


def _kinds(findings: Sequence[Finding]) -> dict[str, int]:
    # Of findings that name the same kind, each has its own.
    kinds: dict[str, int] = {}
    for finding in findings:
        for kind, count in finding.kinds.items():
            kinds[kind] = kinds.get(kind, 0) + count
    return kinds


def unreadable(why: str) -> dict[str, Any]:
    """What a finding leads to that could not be read: nowhere."""
    return {
        "object": None,
        "findings": [],
        "type": "unknown",
        "severity": "high",
        "kinds": {},
        "publisher": None,
        "contact": None,
        "status": None,
        "hour": None,
        "events": [],
        "count": 0,
        "at_least": True,
        "unread_lines": 0,
        "expected": False,
        "topics": [],
        "same_hour": {"types": {}, "at_least": True, "unknown": ""},
        "why_not_asked": why,
    }
