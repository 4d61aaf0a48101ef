"""`python -m commands.catalogue list | check | docs`: a catalogue in words, checked, documented."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from commands.limits import limits, usage_plans
from commands.openapi import openapi
from commands.problems import problems
from eventing.catalogue import Catalogue, CatalogueError, EventType
from eventing.catalogue_check import load_catalogue, warnings
from eventing.type_patterns import covers

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs" / "generated"
_NOTE = "<!-- Made by `make docs` from the catalogue and the code: change these, not this. -->\n"


def documents(catalogue: Catalogue) -> dict[str, str]:
    """The generated documents, by their path below `docs/generated`."""
    pages = {
        "limits.md": limits(),
        "problems.md": problems(),
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


def _list(catalogue: Catalogue) -> None:
    print("topics, in the order in which they are asked:")
    for topic in catalogue.topics:
        print(f"  {topic.name}: {topic.description}")
        for rule in topic.rules:
            print(f"    {rule.type}" + (f"  when {rule.when}" if rule.when else ""))
    print("event types:")
    for entry in catalogue.event_types:
        schema = f"{entry.schema_file} ({entry.mode})" if entry.schema_file else "no schema"
        print(f"  {entry.type}: {entry.description}; {schema}")
    print("usage plans:")
    for name, plan in catalogue.usage_plans.items():
        quota = f", {plan.quota.limit} a {plan.quota.period.lower()}" if plan.quota else ""
        print(f"  {name}: {plan.rate_per_second} a second, bursts of {plan.burst}{quota}")


def _write(catalogue: Catalogue) -> None:
    made = documents(catalogue)
    for old in DOCS.rglob("*"):
        if old.is_file() and str(old.relative_to(DOCS)) not in made:
            old.unlink()
    for name, text in made.items():
        path = DOCS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    print(f"{len(made)} documents in {DOCS.relative_to(ROOT)}")


def main() -> None:
    """Exits with 1 and the file, entry and reason when the catalogue is faulty."""
    parser = argparse.ArgumentParser(prog="python -m commands.catalogue")
    parser.add_argument("command", choices=["list", "check", "docs"])
    parser.add_argument("--catalogue", type=Path, default=ROOT / "catalogue")
    arguments = parser.parse_args()
    try:
        catalogue = load_catalogue(arguments.catalogue)
    except CatalogueError as error:
        sys.exit(f"faulty catalogue: {error}")
    match arguments.command:
        case "list":
            _list(catalogue)
        case "check":
            print(
                f"the catalogue is sound: {len(catalogue.topics)} topics, digest {catalogue.digest}"
            )
            for warning in warnings(catalogue):
                print(f"  mind: {warning}")
        case "docs":
            _write(catalogue)


if __name__ == "__main__":
    main()
