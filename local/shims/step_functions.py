"""Step Functions: the output of a Succeed state."""

from __future__ import annotations

from typing import Any

from ministack.services import stepfunctions

from .patching import Json


def succeed_state_has_an_output() -> None:
    """AWS evaluates a Succeed state's `Output` (JSONata). The emulator passes its input on."""
    stock = stepfunctions._apply_output_path

    def apply(state: Json, data: Any, context: Json | None = None) -> Any:
        if state.get("Type") == "Succeed" and "Output" in state:
            return stepfunctions._apply_jsonata_output(state, data, context)
        return stock(state, data, context)

    stepfunctions._apply_output_path = apply
