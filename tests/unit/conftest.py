"""The project's own catalogue, read once for all tests, and how hypothesis runs.

With the same examples each time, so that a change is red for what it changed;
`pytest tests/unit --hypothesis-profile explore` looks for new ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from eventing.catalogue import Catalogue
from eventing.catalogue_check import load_catalogue
from eventing.schemas import Schemas
from functions.publish.handler import THREADS
from tests.faults.aws import FakeAws
from tests.unit.stream import Stream, StreamClock, new_function

# No limits of time: the machine may be busy with something else.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("project", _PATIENT, derandomize=True, database=None)
settings.register_profile("explore", _PATIENT, max_examples=2000)
settings.load_profile("project")

FOLDER = Path(__file__).parents[2] / "catalogue"


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The catalogue that is deployed."""
    return load_catalogue(FOLDER)


@pytest.fixture(scope="session")
def schemas(catalogue: Catalogue) -> Schemas:
    """Its event types with their schemas."""
    return Schemas(catalogue)


@pytest.fixture
def stream() -> Iterator[Stream]:
    """The publish function with an AWS of its own."""
    aws, log = FakeAws(), StringIO()
    clock = StreamClock(aws)
    with aws.installed() as clients, ThreadPoolExecutor(THREADS) as workers:
        yield Stream(aws, new_function(clients, workers, log, clock), log, clock)
