"""What all commands have in common: which deployment, tables or JSON, how they end."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.shell.failure import ExitCode, Failure
from console.shell.surroundings import Surroundings

if TYPE_CHECKING:
    from console.deployed.deployment import Deployment, Target

_TARGET = "Which deployment"
_DEPLOYMENT = typer.Option(
    help="Its name; `eventing` if left out.", rich_help_panel=_TARGET, show_default=False
)
_REGION = typer.Option(
    help="Its region; that of your AWS configuration if left out.",
    rich_help_panel=_TARGET,
    show_default=False,
)
_PROFILE = typer.Option(
    help="A profile of your AWS configuration.", rich_help_panel=_TARGET, show_default=False
)
_JSON = typer.Option("--json", help="One JSON document instead of tables.")


def _option(name: str, annotation: Any, default: Any = None) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


_CHOICE = [
    _option("deployment", Annotated[str | None, _DEPLOYMENT]),
    _option("region", Annotated[str | None, _REGION]),
    _option("profile", Annotated[str | None, _PROFILE]),
]
_COMMON = {
    "deployment": _CHOICE,
    "target": _CHOICE,
    "screen": [_option("as_json", Annotated[bool, _JSON], default=False)],
    "surroundings": [],
    "given": [],
}


def command(
    app: typer.Typer,
    name: str,
    *,
    panel: str | None = None,
    options: Sequence[inspect.Parameter] = (),
    help: str | None = None,
    dashes: bool = False,
) -> Callable[[Callable[..., ExitCode | None]], Callable[..., ExitCode | None]]:
    """Make a function a command of `app`.

    It is given what its parameters are named for: `screen` (and has the option `--json`), `deployment`
    (and has the options that choose one), `target` (the same options, for what may not be there),
    `surroundings`, and `given` (the values of `options` by name).
    Its other parameters are options of its own. It returns its exit code, None for 0. With `dashes`, its
    argument may begin with a dash: what is no option of the command is taken for it.
    """

    def made(function: Callable[..., ExitCode | None]) -> Callable[..., ExitCode | None]:
        own = inspect.signature(function).parameters
        shared = {name: _COMMON[name] for name in own if name in _COMMON}
        parameters = [
            inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context),
            *(_resolved(p, function) for name, p in own.items() if name not in shared),
            *options,
            *(parameter for added in shared.values() for parameter in added),
        ]

        def run(context: typer.Context, **values: Any) -> None:
            surroundings: Surroundings = context.obj or Surroundings()
            arguments = {name: values[name] for name in own if name not in shared}
            if "given" in shared:
                arguments["given"] = {option.name: values[option.name] for option in options}
            try:
                raise typer.Exit(_run(function, arguments, shared, values, surroundings))
            except KeyboardInterrupt:
                raise Failure("Interrupted; nothing was changed.", ExitCode.PARTIAL) from None

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        app.command(
            name,
            help=help or inspect.getdoc(function),
            rich_help_panel=panel,
            context_settings={"ignore_unknown_options": dashes},
        )(run)
        return function

    return made


def _resolved(parameter: inspect.Parameter, function: Callable[..., Any]) -> inspect.Parameter:
    """The parameter with its annotation itself in place of the annotation's text."""
    annotation = eval(parameter.annotation, function.__globals__)  # noqa: S307 - of our own source
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=annotation)


def _run(
    function: Callable[..., ExitCode | None],
    arguments: dict[str, Any],
    shared: dict[str, Any],
    values: dict[str, Any],
    surroundings: Surroundings,
) -> int:
    from console.shell.screen import Screen

    screen = Screen(as_json=values.get("as_json", False))
    arguments |= {"screen": screen} if "screen" in shared else {}
    arguments |= {"surroundings": surroundings} if "surroundings" in shared else {}
    if not {"deployment", "target"} & shared.keys():
        return function(**arguments) or ExitCode.DONE
    from console.deployed.aws import explained
    from console.deployed.deployment import find

    with explained():
        if "target" in shared:
            return function(**arguments, target=_target(values)) or ExitCode.DONE
        found: Deployment = find(_target(values), surroundings)
        return function(**arguments, deployment=found) or ExitCode.DONE


def _target(values: dict[str, Any]) -> Target:
    from console.deployed.deployment import Target

    return Target(values["deployment"], values["region"], values["profile"])
