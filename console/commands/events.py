"""Commands about events: send one as a publisher would, and see where it goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from console.commands.catalogue import CATALOGUE, Folder, loaded
from console.commands.command import command
from console.shell.failure import ExitCode, Failure, Misuse
from eventing.foreign_text import plain

if TYPE_CHECKING:
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings

PANEL = "Events and catalogue"
File = Annotated[str, typer.Argument(metavar="FILE", help="A CloudEvent in JSON; - for stdin.")]

_KEY = "EVENTING_API_KEY"
_URL = "EVENTING_API_URL"
_BATCH = "application/cloudevents-batch+json"
_ACCEPTED = (200, 299)
# Where a key may go without TLS.
_LOCAL = (("http", "127.0.0.1"), ("http", "localhost"))


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    command(app, "send", panel=PANEL)(send)
    command(app, "route", panel=PANEL)(route)


def send(
    screen: Screen,
    surroundings: Surroundings,
    file: File,
    url: Annotated[
        str | None,
        typer.Option(
            envvar=_URL, help="The API's URL; the laptop's if left out.", show_default=False
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(help="A region of the laptop, when it has two.", show_default=False),
    ] = None,
) -> ExitCode:
    """Send an event, or a JSON array of them, as a publisher does. Needs no AWS credentials.

    The API key is read from the environment variable EVENTING_API_KEY; the laptop's is known.
    """
    import urllib3

    from console.deployed.front_door import STRUCTURED, FrontDoor

    body = _read(file)
    url, key = _door(url, region, surroundings)
    kind = _BATCH if body.lstrip().startswith(b"[") else STRUCTURED
    try:
        answer = FrontDoor(url, key).post(body, kind=kind)
    except urllib3.exceptions.HTTPError as error:
        raise Failure(
            f"No answer from {plain(url)} ({type(error).__name__}): send it again; an event that was "
            "stored is recognised."
        ) from error
    return _tell(screen, answer.status, answer.content)


def _door(url: str | None, region: str | None, surroundings: Surroundings) -> tuple[str, str]:
    """The URL and the key to send with."""
    from console.deployed.laptop import laptop_outputs

    laptop = laptop_outputs(surroundings.folder, region) if region or not url else None
    if laptop:
        return laptop["api_url"], os.environ.get(_KEY) or laptop["api_key"]
    if region:
        raise Misuse("--region is for a laptop with two regions; on AWS, give --url.")
    if not url:
        raise Misuse(f"No URL is known: give --url, or set {_URL}.")
    parts = urlsplit(url)
    if parts.scheme != "https" and (parts.scheme, parts.hostname) not in _LOCAL:
        raise Misuse("--url must begin with https://: the key would be sent for all to read.")
    key = os.environ.get(_KEY)
    if not key:
        raise Misuse(f"No API key is known: set {_KEY}.")
    return url, key


def _tell(screen: Screen, status: int, content: Mapping[str, Any]) -> ExitCode:
    results = content.get("results", [content])
    accepted = [result for result in results if result.get("status") in ("accepted", "duplicate")]
    screen.document({"status": status, "answer": content, "next": []})
    screen.say(f"{status}: {len(accepted)} of {len(results)} accepted")
    others = [result for result in results if result not in accepted]
    if shown := results if len(results) == 1 else others:
        screen.table(
            ("id", "status", "detail"),
            [(r.get("id", ""), r.get("status", status), _detail(r)) for r in shown],
        )
    if not _ACCEPTED[0] <= status <= _ACCEPTED[1] or not accepted:
        return ExitCode.FAILED
    return ExitCode.DONE if len(accepted) == len(results) else ExitCode.PARTIAL


def _detail(result: Mapping[str, Any]) -> str:
    faults = [f"{fault['pointer']} {fault['detail']}" for fault in result.get("errors", ())]
    return "; ".join([str(result.get("detail") or result.get("title") or ""), *faults]).strip("; ")


def route(screen: Screen, file: File, catalogue: Folder = CATALOGUE) -> ExitCode:
    """Tell which topic takes an event, and why the others don't."""
    from eventing.event import read_event
    from eventing.json_text import InvalidJson, parse
    from eventing.problem import Refused
    from eventing.routing import Router

    router = Router(loaded(catalogue))
    try:
        event = read_event(parse(_read(file).decode()))
    except (InvalidJson, UnicodeDecodeError) as error:
        raise Failure(f"not JSON: {plain(error)}") from error
    except Refused as refused:
        faults = "".join(
            f"\n  {plain(f.pointer)} {plain(f.detail)}" for f in refused.problem.faults
        )
        raise Failure(f"no CloudEvent: {plain(refused.problem.detail)}{faults}") from refused
    explanations = router.explain(event.type, event.value)
    taken = [explanation.topic for explanation in explanations if explanation.takes]
    screen.document(
        {
            "topic": taken[0] if taken else None,
            "reasons": {explanation.topic: explanation.reason for explanation in explanations},
            "next": [],
        }
    )
    for explanation in explanations:
        screen.say(f"{explanation.topic}: {plain(explanation.reason)}")
    if not taken:
        raise Failure(f"no topic takes {plain(event.type)}")
    return ExitCode.DONE


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Misuse(f"{plain(file)} can't be read: {plain(error.strerror)}.") from error
