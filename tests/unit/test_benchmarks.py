"""The benchmarks, which `make test` does not run, keep up with what they measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.environment import FUNCTION
from benchmarks.events import PUBLISHER_KEY
from benchmarks.redrive import VARIABLES, transitions
from eventing.catalogue import Catalogue
from eventing.publishers.keys import publisher_of
from functions.redrive.handler import make_handler
from functions.shared.parts import Parts
from infrastructure.packaging import ROOT

if TYPE_CHECKING:
    import pytest


def test_the_redrive_function_can_be_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in FUNCTION.items():
        monkeypatch.setenv(name, value)
    catalogue = Catalogue.read(ROOT / "catalogue")
    assert make_handler(
        Parts(threads=1, environment=FUNCTION | VARIABLES, catalogue=catalogue, code_digest="c")
    )


def test_requests_are_of_a_publisher() -> None:
    assert publisher_of(PUBLISHER_KEY) == "acme"


def test_an_execution_is_walked_to_its_end() -> None:
    assert 5 < transitions(pages=1) <= 20
    assert transitions(pages=2) > transitions(pages=1)
