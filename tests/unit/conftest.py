"""The project's own catalogue, read once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventing.catalogue import Catalogue
from eventing.schemas import Schemas

FOLDER = Path(__file__).parents[2] / "catalogue"


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The catalogue that is deployed."""
    return Catalogue.load(FOLDER)


@pytest.fixture(scope="session")
def schemas(catalogue: Catalogue) -> Schemas:
    """Its event types with their schemas."""
    return Schemas(catalogue)
