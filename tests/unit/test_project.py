"""The project's own files: what they promise to contributors is so."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infrastructure.packaging import ROOT

GITHUB = ROOT / ".github"
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", ".github/**/*.md", "benchmarks/*.md", "tests/*.md")
    for path in ROOT.glob(pattern)
)


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def _anchors(document: Path) -> set[str]:
    """The anchors that GitHub makes of headings."""
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = link.partition("#")
        if re.match(r"https?:", file):
            continue
        target = document.parent / file if file else document
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


def _held_by() -> Iterator[str]:
    table = (ROOT / "SECURITY.md").read_text().partition("## Which test holds which rule")[2]
    for line in re.findall(r"^\| (?!rule |---)(.+) \|$", table, re.MULTILINE):
        rule, _, tests = line.partition(" | ")
        names = re.findall(r"`(tests/[^`]+)`", tests)
        assert names, f"no test holds: {rule}"
        yield from names


@pytest.mark.parametrize("name", sorted(set(_held_by())))
def test_a_rule_of_security_is_held_by_a_test_that_is_there(name: str) -> None:
    file, _, function = name.partition("::")
    tests = {
        node.name
        for node in ast.parse((ROOT / file).read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    assert function in tests if function else tests


def test_the_changelog_keeps_its_format() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## (.+)$", text, re.MULTILINE)
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))

    assert versions[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", v) for v in versions[1:])
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert "Added" in kinds


def test_every_change_is_tested_with_the_oldest_python_and_that_of_the_runtime() -> None:
    jobs = _read(GITHUB / "workflows" / "ci.yml")["jobs"]
    job = jobs["test"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime = re.search(r"Runtime\.PYTHON_(\d+)_(\d+)", _function_construct())
    assert runtime

    assert job["strategy"]["matrix"]["python"] == [
        project["requires-python"].removeprefix(">="),
        ".".join(runtime.groups()),
    ]
    assert job["steps"][-1] == {"run": "make test"}
    # Beside it, since it takes as long again.
    assert jobs["coverage"]["steps"][-1] == {"run": "make coverage"}
    assert not [name for name, one in jobs.items() if "needs" in one]


def _function_construct() -> str:
    return (ROOT / "infrastructure" / "constructs" / "function.py").read_text()


def test_a_build_may_read_the_sources_and_nothing_else() -> None:
    for workflow in (GITHUB / "workflows").glob("*.yml"):
        content = _read(workflow)
        assert content["permissions"] == {"contents": "read"}
        for job in content["jobs"].values():
            assert "permissions" not in job
            assert job["timeout-minutes"] <= 120


def test_actions_are_pinned_by_their_commit() -> None:
    used = [
        line
        for workflow in (GITHUB / "workflows").glob("*.yml")
        for line in re.findall(r"uses: (.+)", workflow.read_text())
    ]
    assert used
    for action in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_dependencies_of_every_kind_are_kept_up_to_date() -> None:
    updates = _read(GITHUB / "dependabot.yml")["updates"]
    folders = {
        update["package-ecosystem"]: set(update.get("directories", [update.get("directory")]))
        for update in updates
    }
    # As git sees it: what set-up unpacked has lock files too.
    locks = {
        f"/{path.parent.relative_to(ROOT)}".replace("/.", "/")
        for path in (ROOT / "package-lock.json", *(ROOT / "tests").glob("*/package-lock.json"))
    }
    assert folders == {"pip": {"/requirements"}, "npm": locks, "github-actions": {"/"}}


def test_no_package_of_npm_runs_a_script_when_it_is_installed() -> None:
    # npm reads the file of the folder that it installs into, and no other.
    for lock in (ROOT / "package-lock.json", *(ROOT / "tests").glob("*/package-lock.json")):
        assert "ignore-scripts=true" in (lock.parent / ".npmrc").read_text().splitlines(), lock


def test_every_environment_begins_with_the_pip_that_is_pinned() -> None:
    makefile = (ROOT / "Makefile").read_text()
    made = re.findall(r"^.*-m venv.*\n(.*)\n", makefile, re.MULTILINE)

    assert made
    assert all(line.endswith("$(PIP) -r requirements/pip.txt") for line in made)
    assert "--require-hashes" in re.findall(r"^PIP := (.*)$", makefile, re.MULTILINE)[0]


@pytest.mark.parametrize("requirements", sorted((ROOT / "requirements").glob("*.txt")))
def test_every_package_is_pinned_with_a_hash(requirements: Path) -> None:
    entries = re.split(
        r"\n(?=\S)", re.sub(r"^\s*#.*\n", "", requirements.read_text(), flags=re.MULTILINE)
    )
    packages = [entry for entry in entries if entry.strip() and not entry.startswith("#")]

    assert packages
    for package in packages:
        assert re.match(r"[\w.\-\[\]]+==[^\s;]+", package), package
        assert "--hash=sha256:" in package, package


def test_a_form_asks_for_what_is_needed_to_see_the_fault() -> None:
    for form in (GITHUB / "ISSUE_TEMPLATE").glob("[!c]*.yml"):
        content = _read(form)
        fields = [field for field in content["body"] if field["type"] != "markdown"]
        assert content["name"]
        assert content["description"]
        assert len({field["id"] for field in fields}) == len(fields)
        assert any(field.get("validations", {}).get("required") for field in fields)
