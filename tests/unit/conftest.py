"""The project's own catalogue, read once for all tests, and how hypothesis runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from eventing.catalogue import Catalogue
from eventing.schemas import Schemas

# No deadline: the machine may be busy with something else.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

FOLDER = Path(__file__).parents[2] / "catalogue"


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The catalogue that is deployed."""
    return Catalogue.load(FOLDER)


@pytest.fixture(scope="session")
def schemas(catalogue: Catalogue) -> Schemas:
    """Its event types with their schemas."""
    return Schemas(catalogue)
