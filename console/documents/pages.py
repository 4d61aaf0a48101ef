"""Makes the documents: pages for publishers, a page for each event type, and OpenAPI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from console.documents.limits import limits, usage_plans
from console.documents.openapi import openapi
from console.documents.problems import problems
from console.documents.retention import retention
from eventing.catalogue import Catalogue, EventType
from eventing.type_patterns import covers

_NOTE = "<!-- Made by `make docs` from the catalogue and the code: change these, not this. -->\n"


def documents(catalogue: Catalogue) -> dict[str, str]:
    """The generated documents, by their path below the folder they are written into."""
    pages = {
        "limits.md": limits(),
        "problems.md": problems(),
        "retention.md": retention(),
        "usage-plans.md": usage_plans(catalogue),
    }
    made = {name: f"{_NOTE}\n{page}" for name, page in pages.items()}
    made["openapi.json"] = json.dumps(openapi(catalogue), indent=2) + "\n"
    index = [_NOTE, "# Event types\n", "| type | what happened | topics |", "|---|---|---|"]
    for entry in catalogue.event_types:
        page = f"event-types/{entry.type.replace('*', 'any')}.md"
        made[page] = _page(catalogue, entry)
        topics = ", ".join(f"`{topic}`" for topic, _ in _topics(catalogue, entry))
        index.append(f"| [`{entry.type}`]({page}) | {entry.description} | {topics} |")
    made["event-types.md"] = "\n".join(index) + "\n"
    return made


def _page(catalogue: Catalogue, entry: EventType) -> str:
    lines = [_NOTE, f"# `{entry.type}`\n", entry.description + ".\n", "## Topics\n"]
    lines.append("An event goes to the first of these that takes it:\n")
    for number, (topic, when) in enumerate(_topics(catalogue, entry), 1):
        lines.append(f"{number}. `{topic}`" + (f", when `{when}`" if when else ""))
    lines.append("\n## Data\n")
    if entry.schema is None:
        lines.append("Any; the catalogue has no schema for it.")
    else:
        mode = {
            "enforce": "An event that breaks this schema is refused with 422.",
            "warn": "An event that breaks this schema is accepted; it will be refused later.",
        }
        lines.append(mode[entry.mode] + "\n")
        lines.append("```json\n" + json.dumps(entry.schema, indent=2) + "\n```")
    return "\n".join(lines) + "\n"


def _topics(catalogue: Catalogue, entry: EventType) -> Iterator[tuple[str, str | None]]:
    """Topics that events of this type may go to, each with its condition, up to one without."""
    for topic in catalogue.topics:
        for rule in topic.rules:
            if covers(rule.type, entry.type) or covers(entry.type, rule.type):
                yield topic.name, rule.when
                if rule.when is None and covers(rule.type, entry.type):
                    return


def write(catalogue: Catalogue, folder: Path) -> int:
    """Write the documents into a folder that holds nothing else; how many there are."""
    made = documents(catalogue)
    for old in folder.rglob("*"):
        if old.is_file() and str(old.relative_to(folder)) not in made:
            old.unlink()
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return len(made)
