"""The entry point of a function, as Lambda calls it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from functions.shared.invocation import Context

Handler = Callable[[Mapping[str, Any], Context], Any]


def entry(make: Callable[[], Handler]) -> Handler:
    """Calls the handler that `make` returns, made once.

    In Lambda it is made while the function initialises: that time has a whole processor, and the
    first invocation does not wait for it. Elsewhere the first call makes it.
    """
    made = cache(make)

    def handle(event: Mapping[str, Any], context: Context) -> Any:
        return made()(event, context)

    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        made()
    return handle
