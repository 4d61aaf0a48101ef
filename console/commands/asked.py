"""What commands ask of the state machine of publishers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from console.commands.publisher_tables import show_failures, show_publisher
from console.shell.failure import ExitCode, Failure, Misuse
from eventing.foreign_text import plain
from eventing.input import InvalidInput
from eventing.publishers.request import ACTIONS, Action, read_request

if TYPE_CHECKING:
    from console.deployed.deployment import Deployment
    from console.deployed.executions import Execution
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings

# So many looks, a second apart.
_LONG = 15
_CALLED_OFF = "Called off; nothing was changed."
# What shuts somebody out, or changes what a publisher may send, is asked about.
_ASKED: Sequence[Action] = ("retire-key", "suspend", "throttle", "revoke")


class Asked:
    """Something asked of the state machine of publishers, for one command."""

    def __init__(self, screen: Screen, deployment: Deployment, surroundings: Surroundings) -> None:
        self._screen = screen
        self._deployment = deployment
        self._surroundings = surroundings
        self._looks = 0

    def change(self, request: dict[str, Any], yes: bool, show_aws: bool) -> ExitCode:
        """Ask, start it, follow it to its end, and tell how it went."""
        screen, action, name = self._screen, request["action"], request["name"]
        if "started_by" not in request:
            request["started_by"] = self._deployment.aws.asker()
        asks = action in _ASKED and not yes and not show_aws
        if asks and (screen.as_json or not self._surroundings.at_terminal()):
            raise Misuse(f"{action} asks before it begins, and nobody is there: give --yes.")
        self._check(request)
        if show_aws:
            shown = self._deployment.start_command(self._deployment.changes, request)
            screen.command(shown)
            screen.document({"aws": shown})
            return ExitCode.DONE
        if asks and not self._agreed(f"{action.capitalize()} {name} on {self._deployment}?"):
            raise Failure(_CALLED_OFF, ExitCode.PARTIAL)
        output = self.result(request)
        screen.document({**output, "next": self._next(output)})
        show_publisher(screen, output["publisher"])
        show_failures(screen, output["failures"])
        done = output["outcome"] == "done"
        screen.say(f"{action} of {name}: {output['outcome']}.")
        screen.next(self._next(output))
        return ExitCode.DONE if done else ExitCode.PARTIAL

    def result(self, request: Mapping[str, Any]) -> Any:
        """The output of an execution, when it has ended; raises `Failure` where it failed."""
        self._check(request)
        changes = self._deployment.changes
        name = changes.new_name(str(request["action"]), self._surroundings.now())
        changes.start(name, request)
        if ACTIONS[request["action"]].changes:
            self._screen.note(f"{request['action']} {name} on {self._deployment}")
        execution = self._ended(name)
        if execution.status == "SUCCEEDED":
            return execution.output
        refused = execution.error in ("InvalidInput", "Locked")
        why = plain(execution.cause or execution.error or execution.status, most=2000)
        raise (Misuse(why) if refused else Failure(why))

    def everybody(self) -> Iterator[dict[str, Any]]:
        """All that is on record of publishers, in no order, page by page as it is wanted."""
        after = None
        while True:
            page = self.result({"action": "list", **({"after": after} if after else {})})
            yield from page["publishers"]
            after = page["after"]
            if after is None:
                return

    def _ended(self, name: str) -> Execution:
        from console.commands.following import until_ended

        try:
            return until_ended(
                self._deployment.changes, name, sleep=self._surroundings.sleep, wait=self._wait
            )
        except KeyboardInterrupt:
            raise Failure(
                f"Not followed any more. {name} goes on: `publishers show` tells how far it is.",
                ExitCode.PARTIAL,
            ) from None

    def _wait(self) -> None:
        self._looks += 1
        if self._looks == _LONG:
            self._screen.note(
                "API Gateway takes few changes at a time: this may take some minutes."
            )

    def _check(self, request: Mapping[str, Any]) -> None:
        try:
            read_request(request)
        except InvalidInput as error:
            raise Misuse(plain(str(error), most=2000)) from error

    def _agreed(self, question: str) -> bool:
        try:
            return self._surroundings.agrees(question)
        except KeyboardInterrupt:
            return False

    def _next(self, output: Mapping[str, Any]) -> list[str]:
        name, action = output["publisher"]["name"], output["action"]
        if output["outcome"] != "done":
            return [self._deployment.command("publishers", "show", name)]
        if action in ("register", "rotate"):
            return [self._deployment.command("publishers", "key", name)]
        return []
