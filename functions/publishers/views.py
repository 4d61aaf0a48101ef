"""What operators see of a publisher: nothing of a key's value, which is nowhere here."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from eventing.publishers.doorkeeper import Entry, entry_of
from eventing.publishers.registry import Publisher
from eventing.publishers.steps import Found, next_step, rates_of
from functions.publishers.regions import Round


def listed(publisher: Publisher) -> dict[str, Any]:
    """What is on record of a publisher, as JSON."""
    content = asdict(publisher)
    content["in_force"] = asdict(publisher.in_force)
    return content


def shown(publisher: Publisher, round: Round, entry: Entry) -> dict[str, Any]:
    """What is on record of a publisher, and in what each region and the doorkeeper differ from it."""
    differences = [
        difference
        for region, found in round.found.items()
        for difference in _differences(publisher, region, found)
    ]
    if entry != entry_of(publisher):
        differences.append("ingestion goes by another status, or by other types or limits")
    return {
        "publisher": listed(publisher),
        "regions": {
            region: _region(publisher, found) for region, found in round.found.items() if found
        },
        "differences": differences,
        "failures": [failure.members() for failure in round.failures],
    }


def _region(publisher: Publisher, found: Found) -> dict[str, Any]:
    return {
        "rates": asdict(found.plan.rates) if found.plan else None,
        "keys": {
            str(key.number): "none"
            if key.number not in found.keys
            else "enabled"
            if found.keys[key.number].enabled
            else "disabled"
            for key in publisher.keys
            if key.state != "retired"
        },
    }


def _differences(publisher: Publisher, region: str, found: Found | None) -> list[str]:
    if found is None:
        return [f"{region}: could not be looked at"]
    if found.plan and publisher.status != "revoked" and found.plan.rates != rates_of(publisher):
        return [f"{region}: the usage plan has other limits"]
    step = next_step(publisher, found)
    return [f"{region}: {step.operation} is missing"] if step else []
