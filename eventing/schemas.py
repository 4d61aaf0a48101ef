"""Checks that the catalogue knows an event's type, and that its data fits the type's JSON Schema."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from itertools import islice
from typing import Any

import jsonschema_rs

from eventing.catalogue import EVENT_TYPES, Catalogue, CatalogueError, Mode
from eventing.event import Event
from eventing.json_text import parse
from eventing.media_type import declares_json
from eventing.problem import MAX_FAULTS, Fault, pointer
from eventing.type_patterns import TypePatterns


class UnknownType(Exception):  # noqa: N818 - what the publisher is told
    """The catalogue has no event type that matches."""


@dataclass(frozen=True)
class _Compiled:
    mode: Mode
    validator: Any


@dataclass(frozen=True)
class SchemaCheck:
    """The faults that a schema finds in an event: they refuse it, or in `warn` mode are only counted."""

    faults: tuple[Fault, ...]
    mode: Mode
    complete: bool = True
    """False when there may be more faults than these."""

    @property
    def refuses(self) -> bool:
        """True when the event is to be refused."""
        return bool(self.faults) and self.mode == "enforce"


# Members and elements, told by the commas between them.
_FEW_PARTS = 64
_FITS = SchemaCheck((), "enforce")


class Schemas:
    """The event types of a catalogue with their schemas (JSON Schema, draft 2020-12), compiled once."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._types = TypePatterns(
            [
                (entry.type, _Compiled(entry.mode, _compile(entry.type, entry.schema)))
                for entry in catalogue.event_types
            ]
        )

    def check(self, event: Event) -> SchemaCheck:
        """Check the event's data; faults are pointers into the event. Raises `UnknownType`.

        Data under `data_base64` is checked when it declares itself JSON. Of data that has more than
        `_FEW_PARTS`, the first fault is found alone: to list them costs far more than to read the event.
        """
        entry = next(iter(self._types.matches(event.type)), None)
        if entry is None:
            raise UnknownType(event.type)
        if entry.validator is None:
            return _FITS
        if "data" in event.document.exact:
            member, data, text = "/data", event.value["data"], event.text
        elif event.value.get("data_base64") is None:
            return SchemaCheck(
                (Fault("/data", "is required by the schema of this type"),), entry.mode
            )
        else:
            member = "/data_base64"
            if not declares_json(event.value.get("datacontenttype")):
                return SchemaCheck(
                    (Fault(member, "must be JSON, which this type has a schema for"),), entry.mode
                )
            try:
                text = b64decode(event.value["data_base64"]).decode("utf-8-sig")
                data = parse(text).value
            except ValueError:
                return SchemaCheck((Fault(member, "does not hold JSON"),), entry.mode)
        if entry.validator.is_valid(data):
            return _FITS
        few = text.count(",") <= _FEW_PARTS
        errors = _errors(entry.validator, data) if few else [_first_error(entry.validator, data)]
        faults = tuple(Fault(member + _pointer(error), _detail(error)) for error in errors)
        return SchemaCheck(faults[:MAX_FAULTS], entry.mode, few and len(faults) <= MAX_FAULTS)


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


def _errors(validator: Any, data: Any) -> list[Any]:
    return list(islice(validator.iter_errors(data), MAX_FAULTS + 1))


def _first_error(validator: Any, data: Any) -> Any:
    try:
        validator.validate(data)
    except jsonschema_rs.ValidationError as error:
        return error
    raise AssertionError("data that is not valid has an error")


def _refuse_reference(uri: str) -> Any:
    raise ValueError(f"a schema is complete in its file, it cannot refer to {uri}")


def _pointer(error: Any) -> str:
    return pointer(*error.instance_path)


def _detail(error: Any) -> str:
    return str(error.message)[:300]
