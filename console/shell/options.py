"""Options made from the fields of a redrive's input, so that none is missing and none is another's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer

from console.shell.failure import Misuse
from eventing.cause import Code
from eventing.foreign_text import plain
from eventing.input import InvalidInput
from eventing.redrive.actions import ACTIONS, Action
from eventing.redrive.filter import Filter
from eventing.redrive.request import RedriveRequest, read_request

# One sentence for each field. A field without one is an option all the same.
HELP: Mapping[str, str] = {
    "stage": "The stage of the walk.",
    "limit": "So many letters, the oldest first.",
    "rate_per_second": "The rate that a redrive climbs to; a discard has it from its start.",
    "canary": "So many letters go first, alone.",
    "abort_failure_percent": "Stop when more than that share has failed.",
    "max_episodes": "Park a letter that has failed in so many redrives.",
    "everything": "Discard all open letters, without a filter.",
    "junk_ids": "Only this junk; may be given several times.",
    "junk_kind": "All junk of this kind that is a letter by now.",
    "approval_above": "More letters than this need an approval.",
    "without_subscribers": "Publish to topics that nobody is subscribed to as well.",
    "reason": "Why; for the report and the audit.",
    "started_by": "Who asks; the ARN of your credentials if left out.",
    "publisher": "Only letters of this publisher.",
    "type": "Only events of this type.",
    "topic": "Only letters of this topic.",
    "cause": f"Only letters with this cause: {', '.join(Code)}.",
    "fingerprint": "Only letters of this group.",
    "failed_before": "Only letters that failed before this time, 2026-11-24T09:30:00Z.",
    "failed_after": "Only letters that failed after this time.",
    "letter_ids": "Only this letter, also when it is parked or discarded; may be given several times.",
}
_JUNK = ("junk_ids", "junk_kind")
# Said by the command itself.
_NOT_OPTIONS = ("action", "filter")
_FILTER = tuple(member.name for member in fields(Filter))
_COMPLETIONS: Mapping[str, tuple[str, ...]] = {"cause": tuple(code.value for code in Code)}


def request_options(action: Action = "redrive") -> list[inspect.Parameter]:
    """A parameter for each field of an action's input, its filter included; None when not given."""
    return [
        _option(member, get_type_hints(kind)[member.name])
        for kind in (Filter, RedriveRequest)
        for member in fields(kind)
        if member.name not in _NOT_OPTIONS and _is_for(action, member.name)
    ]


def _is_for(action: Action, name: str) -> bool:
    rules = ACTIONS[action]
    if rules.takes_junk:
        return name in (*_JUNK, "stage", "reason", "started_by")
    return name not in _JUNK and (name != "everything" or rules.needs_choice)


def filter_options(*names: str) -> list[inspect.Parameter]:
    """Those parameters of `request_options` that have these names."""
    return [parameter for parameter in request_options() if parameter.name in names]


def request_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The input in the options that were given, as its JSON has it."""
    members = {name: value for name, value in given.items() if value not in (None, [], ())}
    wanted = {name: members.pop(name) for name in _FILTER if name in members}
    return members | ({"filter": wanted} if wanted else {})


def words_of(request: Mapping[str, Any]) -> list[str]:
    """The options that make this input, without those that have their default and without who asks."""
    content = {**request, **request.get("filter", {})}
    defaults = {member.name: member.default for member in fields(RedriveRequest)}
    words: list[str] = []
    for kind in (RedriveRequest, Filter):
        for member in fields(kind):
            value = content.get(member.name)
            if member.name in (*_NOT_OPTIONS, "started_by") or value in (None, ""):
                continue
            if value == defaults.get(member.name):
                continue
            for one in value if isinstance(value, list) else [value]:
                words.append(_name(member.name, isinstance(value, list)))
                words += [] if one is True else [str(one)]
    return words


def _name(member: str, many: bool) -> str:
    """The option's name; one that may be given several times is named for one of its values."""
    return f"--{member.removesuffix('s') if many else member}".replace("_", "-")


def checked(members: Mapping[str, Any]) -> RedriveRequest:
    """The request in an input; raises `Misuse`, which names every option at fault."""
    try:
        return read_request(members)
    except InvalidInput as error:
        raise Misuse(plain(str(error).replace("filter.", ""), most=2000)) from error


def _option(member: Field[Any], hint: Any) -> inspect.Parameter:
    choices = _choices(hint) or _COMPLETIONS.get(member.name, ())
    many = "tuple" in str(hint)
    kind: Any = list[str] if many else _kind(hint)
    default = None if member.default is MISSING else member.default
    shown = default not in (None, "", "unknown", False)
    option = typer.Option(
        _name(member.name, many),
        help=HELP.get(member.name, ""),
        show_default=str(default) if shown else False,
        autocompletion=_completion(choices) if choices else None,
        metavar="|".join(choices) if _choices(hint) else None,
        rich_help_panel="Which letters" if member.name in _FILTER else "How",
    )
    return inspect.Parameter(
        member.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, option],
    )


def _kind(hint: Any) -> type:
    """A flag, a number or a text."""
    return next((kind for kind in (bool, int) if kind in (hint, *get_args(hint))), str)


def _choices(hint: Any) -> tuple[str, ...]:
    """The texts that a hint of literals allows."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        return tuple(text for part in get_args(hint) for text in _choices(part))
    return ()


def _completion(choices: tuple[str, ...]) -> Callable[[str], list[str]]:
    return lambda incomplete: [choice for choice in choices if choice.startswith(incomplete)]
