"""Whether the catalogue knows an event's type, and whether its data fits the type's JSON Schema."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from itertools import islice
from typing import Any

import jsonschema_rs

from eventing.catalogue import EVENT_TYPES, Catalogue, CatalogueError, Mode, TypePatterns
from eventing.event import Event, declares_json
from eventing.json_text import parse
from eventing.problem import MAX_FAULTS, Fault, pointer


class UnknownType(Exception):  # noqa: N818 - what the publisher is told
    """The catalogue has no event type that matches."""


@dataclass(frozen=True)
class _Compiled:
    mode: Mode
    validator: Any


@dataclass(frozen=True)
class Verdict:
    """What the schema says of an event: faults, and whether they refuse it or are only counted."""

    faults: tuple[Fault, ...]
    mode: Mode

    @property
    def refuses(self) -> bool:
        """Whether the event is to be refused."""
        return bool(self.faults) and self.mode == "enforce"


_FITS = Verdict((), "enforce")


class Schemas:
    """The event types of a catalogue with their schemas (JSON Schema, draft 2020-12), compiled once."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._types = TypePatterns(
            [
                (entry.type, _Compiled(entry.mode, _compile(entry.type, entry.schema)))
                for entry in catalogue.event_types
            ]
        )

    def check(self, event: Event) -> Verdict:
        """Every fault of the event's data, as pointers into the event.

        Data under `data_base64` is checked when it declares itself JSON. Raises `UnknownType`.
        """
        entry = next(iter(self._types.matches(event.type)), None)
        if entry is None:
            raise UnknownType(event.type)
        if entry.validator is None:
            return _FITS
        if "data" in event.value:
            member, data = "/data", event.value["data"]
        elif event.value.get("data_base64") is None:
            return Verdict((Fault("/data", "is required by the schema of this type"),), entry.mode)
        else:
            member = "/data_base64"
            if not declares_json(event.value.get("datacontenttype")):
                return Verdict(
                    (Fault(member, "must be JSON, which this type has a schema for"),), entry.mode
                )
            try:
                data = parse(b64decode(event.value["data_base64"]).decode("utf-8-sig")).value
            except ValueError:
                return Verdict((Fault(member, "does not hold JSON"),), entry.mode)
        if entry.validator.is_valid(data):
            return _FITS
        errors = islice(entry.validator.iter_errors(data), MAX_FAULTS)
        return Verdict(
            tuple(Fault(member + _pointer(error), _detail(error)) for error in errors), entry.mode
        )


def _compile(type: str, schema: Any) -> Any:
    if schema is None:
        return None
    try:
        # Masked, so that no message quotes what the event's data holds.
        return jsonschema_rs.validator_for(
            schema, mask="this", validate_formats=True, retriever=_refuse_reference
        )
    except (ValueError, jsonschema_rs.ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise CatalogueError(EVENT_TYPES, type, f"the schema is faulty: {reason}") from None


def _refuse_reference(uri: str) -> Any:
    raise ValueError(f"a schema is complete in its file, it cannot refer to {uri}")


def _pointer(error: Any) -> str:
    return pointer(*error.instance_path)


def _detail(error: Any) -> str:
    return str(error.message)[:300]
