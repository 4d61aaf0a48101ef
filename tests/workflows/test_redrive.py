"""The redrive state machine, run with a function that is told what its pages give."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.workflows.asl import Execution, ExecutionFailed, Json
from workflows.redrive import DEFINITION


class Pages:
    """Stands for the redrive function: each call gives the next page, and is written down."""

    def __init__(self, *pages: Json) -> None:
        self._pages: Iterator[Json] = iter(pages)
        self.calls: list[Json] = []

    def __call__(self, arguments: Json) -> Json:
        self.calls.append(arguments)
        return {"StatusCode": 200, "Payload": next(self._pages)}


def _page(redriven: int, failed: int, *, drained: bool) -> Json:
    return {
        "received": redriven + failed,
        "redriven": redriven,
        "failed": failed,
        "drained": drained,
    }


def _execution(pages: Pages) -> Execution:
    return Execution(json.loads(DEFINITION.read_text(encoding="utf-8")), pages)


@pytest.mark.parametrize("stage", ["ingest", "publish"])
def test_pages_follow_each_other_until_the_queue_is_empty(stage: str) -> None:
    pages = Pages(
        _page(10, 2, drained=False), _page(0, 0, drained=False), _page(3, 1, drained=True)
    )
    output = _execution(pages).run({"stage": stage})

    assert output == {"stage": stage, "redriven": 13, "failed": 3}
    assert len(pages.calls) == 3


def test_an_empty_queue_takes_one_page() -> None:
    pages = Pages(_page(0, 0, drained=True))

    assert _execution(pages).run({"stage": "publish"}) == {
        "stage": "publish",
        "redriven": 0,
        "failed": 0,
    }


def test_every_page_is_told_when_the_execution_began() -> None:
    pages = Pages(_page(1, 0, drained=False), _page(1, 0, drained=True))
    execution = _execution(pages)
    execution.run({"stage": "ingest"})

    # So that what fails again during the execution is left alone by it.
    assert (
        pages.calls
        == [
            {
                "FunctionName": "${RedriveFunction}",
                "Payload": {"stage": "ingest", "started_at": execution.started_at},
            }
        ]
        * 2
    )


@pytest.mark.parametrize(
    "input", [{}, {"stage": "ledger"}, {"stage": None}, {"stage": ["ingest"]}, {"Stage": "ingest"}]
)
def test_an_unknown_stage_fails_before_a_queue_is_touched(input: Json) -> None:
    pages = Pages()

    with pytest.raises(ExecutionFailed) as failed:
        _execution(pages).run(input)

    assert failed.value.error == "UnknownStage"
    assert '{"stage": "ingest"} or {"stage": "publish"}' in failed.value.cause
    assert json.dumps(input, separators=(",", ":")) in failed.value.cause
    assert pages.calls == []
