"""Thousands of made-up requests: what fits the OpenAPI description is taken, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from jsonschema_rs import validator_for
from schemathesis import GenerationMode
from schemathesis.core import NotSet

from eventing.catalogue import Catalogue
from eventing.http_binding import read_http_request
from eventing.ingestion import admit
from eventing.problem import Refused
from eventing.schemas import Schemas

ROOT = Path(__file__).parents[2]
DESCRIPTION = json.loads((ROOT / "docs" / "generated" / "openapi.json").read_text())
OPERATION = schemathesis.openapi.from_dict(DESCRIPTION)["/events"]["POST"]
COMPONENTS = DESCRIPTION["components"]["schemas"]
KNOWN = Schemas(Catalogue.read(ROOT / "catalogue"))
EXAMPLES = settings(
    max_examples=2000,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
VALIDATORS = {
    media_type: validator_for(
        {**content["schema"], "components": {"schemas": COMPONENTS}}, validate_formats=True
    )
    for media_type, content in DESCRIPTION["paths"]["/events"]["post"]["requestBody"][
        "content"
    ].items()
}


def taken(media_type: str, body: bytes) -> bool:
    """Whether every event of a request is taken, as far as that depends on the request alone."""
    try:
        for document in read_http_request({"content-type": [media_type]}, body).documents:
            admit(document, publisher="acme-web", schemas=KNOWN)
    except Refused:
        return False
    return True


def agree(media_type: str, content: Any) -> bool:
    """What the description and ingestion both say of a request with this content.

    Whole numbers in attributes are left out: the description says why it does not take them.
    """
    for event in content if isinstance(content, list) else [content]:
        if isinstance(event, dict):
            assume(not any(type(v) is int for name, v in event.items() if name != "data"))
    fits = VALIDATORS[media_type].is_valid(content)
    assert taken(media_type, json.dumps(content).encode()) == fits, (media_type, content)
    return fits


def contents(mode: GenerationMode) -> st.SearchStrategy[tuple[Any, Any]]:
    """Content types and contents that schemathesis makes up from the description."""
    cases = OPERATION.as_strategy(generation_mode=mode)
    return cases.map(lambda case: (case.media_type, case.body)).filter(
        lambda made: made[0] in VALIDATORS and not isinstance(made[1], (NotSet, bytes))
    )


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: not x.is_integer())
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
NAMES = st.sampled_from(
    [
        *("specversion", "id", "source", "type", "subject", "time", "datacontenttype"),
        *("dataschema", "data", "data_base64", "ext", "publisher", "Ext", ""),
    ]
)
VALUES = JSON | st.sampled_from(
    [
        *("", " ", "a", "/", "a:", "//[::1]", "//[::", "%41", "%4", "text/plain", "a/b+json;c=d"),
        *("AAE=", "AAF=", "AAE", "2026-11-24T09:30:00Z", "2026-02-29T00:00:00Z", "1.0", "1.1"),
        *(
            "com.example.shop.order.placed.v1",
            "com.example.shop.customer.a",
            "\u202e",
            "é",
            "\ufdd0",
        ),
    ]
)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_what_schemathesis_makes_up_is_taken_if_and_only_if_it_fits(mode: GenerationMode) -> None:
    seen: set[bool] = set()

    @given(made=contents(mode))
    @EXAMPLES
    def run(made: tuple[str, Any]) -> None:
        seen.add(agree(*made))

    run()
    assert (mode is GenerationMode.POSITIVE) in seen


@given(
    contents(GenerationMode.POSITIVE),
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.sets(NAMES, max_size=2),
)
@EXAMPLES
def test_an_event_that_is_changed_is_taken_if_and_only_if_it_fits(
    made: tuple[str, Any], changed: Mapping[str, Any], removed: set[str]
) -> None:
    media_type, content = made
    for event in content if isinstance(content, list) else [content]:
        event.update(changed)
        for name in removed:
            event.pop(name, None)
    agree(media_type, content)


@given(st.sampled_from(sorted(VALIDATORS)), JSON)
@EXAMPLES
def test_any_json_is_taken_if_and_only_if_it_fits(media_type: str, content: Any) -> None:
    agree(media_type, content)
