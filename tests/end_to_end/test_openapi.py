"""Requests made up from the OpenAPI description: no 5xx, and no answer outside of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from console.commands.catalogue import DOCS
from tests.end_to_end.conftest import PUBLISHER

if TYPE_CHECKING:
    from local.deployment import Deployment

SCHEMA = schemathesis.openapi.from_dict(json.loads((DOCS / "openapi.json").read_text()))
OPERATION = SCHEMA["/events"]["POST"]
BOUNDED = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_described(deployment: Deployment, mode: GenerationMode) -> None:
    seen: set[int] = set()

    @given(case=OPERATION.as_strategy(generation_mode=mode))
    @BOUNDED
    def run(case: Any) -> None:
        response = case.call(
            base_url=deployment.api_url,
            headers={"x-api-key": deployment.api_key(PUBLISHER)},
            timeout=35,
        )
        seen.add(response.status_code)
        assert response.status_code < 500
        case.validate_response(
            response,
            checks=[
                schemathesis.checks.CHECKS.get_one("status_code_conformance"),
                schemathesis.checks.CHECKS.get_one("content_type_conformance"),
                schemathesis.checks.CHECKS.get_one("response_schema_conformance"),
            ],
        )

    run()
    assert 202 in seen if mode is GenerationMode.POSITIVE else {400, 415} & seen, seen


def test_bodies_of_any_bytes_get_an_answer_of_the_contract(deployment: Deployment) -> None:
    contents = st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode))
    types = st.sampled_from(
        ["application/cloudevents+json", "application/json", "application/cloudevents-batch+json"]
    )

    @given(content=contents, content_type=types)
    @BOUNDED
    def run(content: bytes, content_type: str) -> None:
        key = deployment.api_key(PUBLISHER)
        answer = deployment.post(content, key=key, content_type=content_type)
        assert answer.status in (202, 400)
        assert json.loads(answer.data)

    run()
