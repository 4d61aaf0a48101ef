"""Copies of an event in texts (archive lines, invocation records, junk), and what is left without them.

An event is told by its key alone, so that nothing here needs to know its source or id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from eventing.event import event_key

# JSON in a text in JSON: an envelope in an envelope in an envelope, as for junk.
_MOST_TEXTS = 4


class Unreadable(ValueError):  # noqa: N818 - what was found
    """The text can't be read, so nobody can tell whether it holds the event."""


def holds_line(line: bytes, key: str) -> bool:
    """True for a line of the archive with the event; raises `Unreadable` for what is no line.

    Also for one of before lines named their publisher, which is the bare event.
    """
    try:
        content: Any = json.loads(line)
        event = content["event"] if "accepted_at" in content else content
        return event_key(_publisher(key), event["source"], event["id"]) == key
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Unreadable("no line of the archive") from None


def without_record(content: bytes, key: str) -> tuple[bytes | None, int]:
    """An invocation record of Lambda without the stream records of the event, and how many it had of them.

    With none left it stays, empty: a reference to it may wait in the queue. The first is None where there
    were none. Raises `Unreadable`.
    """
    try:
        record: Any = json.loads(content)
        payload = record["payload"]
        batch = json.loads(payload) if isinstance(payload, str) else payload
        records = batch["Records"]
        kept = [one for one in records if _record_key(one) != key]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Unreadable("no invocation record") from None
    if len(kept) == len(records):
        return None, 0
    rest = {**batch, "Records": kept}
    # In the form that it had: Lambda writes the payload as a text in the JSON.
    payload = json.dumps(rest) if isinstance(payload, str) else rest
    return json.dumps({**record, "payload": payload}).encode(), len(records) - len(kept)


def events_in(content: bytes, key: str) -> tuple[bool, bool]:
    """Tell of a JSON text if it holds the event, anywhere in it, and if it holds others.

    Raises `Unreadable`.
    """
    try:
        keys = set(_keys(json.loads(content), _publisher(key), _MOST_TEXTS))
    except (ValueError, RecursionError):
        raise Unreadable("not JSON") from None
    return key in keys, bool(keys - {key})


def _publisher(key: str) -> str:
    return key.partition("#")[0]


def _record_key(record: Any) -> Any:
    content = record.get("dynamodb", {})
    keys = content.get("Keys") or content.get("NewImage") or {}
    return keys.get("pk", {}).get("S")


def _keys(value: Any, publisher: str, texts: int) -> Iterator[str]:
    """The keys of all events in a value; of whoever they are, they are taken for this publisher's."""
    if isinstance(value, Mapping):
        source, id = value.get("source"), value.get("id")
        if isinstance(source, str) and isinstance(id, str) and "specversion" in value:
            yield event_key(publisher, source, id)
        for member in value.values():
            yield from _keys(member, publisher, texts)
    elif isinstance(value, list):
        for member in value:
            yield from _keys(member, publisher, texts)
    elif isinstance(value, str) and texts and value.lstrip()[:1] in ("{", "["):
        try:
            inner = json.loads(value)
        except ValueError:
            return
        yield from _keys(inner, publisher, texts - 1)
