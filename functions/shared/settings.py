"""What a function is told by its environment, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from functions.contract import Variable

if TYPE_CHECKING:
    from eventing.conservation import Window
    from eventing.redrive.allowance import Ceilings
    from eventing.sensitive_data.case import Policy


class Settings:
    """The settings of one function, each read when it is asked for; KeyError for what it was not told."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    @property
    def canary_key_id(self) -> str | None:
        """The id of the canary's API key, which names no publisher; None where there is no canary."""
        return self.environment.get(Variable.CANARY_KEY_ID)

    @property
    def registry_table(self) -> str:
        """The name of the registry, in every region."""
        return self.environment[Variable.REGISTRY_TABLE]

    @property
    def ceilings(self) -> Ceilings:
        """By action: more letters than this need an approval."""
        ceilings: Ceilings = json.loads(self.environment[Variable.APPROVAL_ABOVE])
        return ceilings

    @cached_property
    def conservation_window(self) -> Window:
        from eventing.conservation import Window

        return Window(
            int(self.environment[Variable.CONSERVATION_FROM_MINUTES]),
            int(self.environment[Variable.CONSERVATION_UNTIL_MINUTES]),
        )

    @cached_property
    def shards(self) -> int:
        """Into how many partitions the ledger's index divides each stage and state."""
        from eventing.redrive.ledger import SHARDS

        return SHARDS

    @cached_property
    def page_seconds(self) -> float:
        """Seconds after which a page of a redrive takes up no more."""
        from eventing.redrive.pace import PAGE_SECONDS

        return PAGE_SECONDS

    @property
    def event_retention_days(self) -> int:
        """How long the Events table keeps an event, from its acceptance on."""
        return int(self.environment[Variable.EVENT_RETENTION_DAYS])

    @property
    def backup_days(self) -> int:
        """How far back the tables can be restored."""
        return int(self.environment[Variable.BACKUP_DAYS])

    @property
    def open_letter_days(self) -> int:
        """How long the ledger keeps a letter that is open."""
        return int(self.environment[Variable.OPEN_LETTER_DAYS])

    @property
    def closed_letter_days(self) -> int:
        """How long the ledger keeps on record what became of a letter."""
        return int(self.environment[Variable.CLOSED_LETTER_DAYS])

    @cached_property
    def poll_seconds(self) -> int:
        """Seconds that triage waits for messages of an empty queue."""
        return 1

    @property
    def command_options(self) -> list[str]:
        """The options that tell the command line which deployment is meant."""
        return self.environment[Variable.COMMAND_OPTIONS].split()

    @property
    def deployment(self) -> str:
        """The name that every resource's name begins with."""
        return self.environment[Variable.DEPLOYMENT]

    @cached_property
    def regions(self) -> Sequence[str]:
        """All regions of the deployment, the primary one first."""
        regions: list[str] = json.loads(self.environment[Variable.REGIONS])
        return regions

    @property
    def has_peers(self) -> bool:
        """True where other regions may publish what this one has taken."""
        return Variable.REGIONS in self.environment and len(self.regions) > 1

    @property
    def account(self) -> str:
        """The AWS account that it is deployed into."""
        return self.environment[Variable.ACCOUNT]

    @property
    def findings_policy(self) -> Policy:
        """By severity, whether operators are told of a finding or asked as well."""
        from eventing.sensitive_data.case import policy_of

        return policy_of(json.loads(self.environment[Variable.FINDINGS_POLICY]))

    @property
    def gather_seconds(self) -> int:
        """How long a case waits for further findings on its object."""
        return int(self.environment[Variable.GATHER_SECONDS])

    @property
    def longest_kept_days(self) -> int:
        """No copy of an event is anywhere for longer."""
        return int(self.environment[Variable.LONGEST_KEPT_DAYS])

    @property
    def control_plane_limited(self) -> bool:
        """False where API Gateway's control plane takes any number of calls, as an emulator's does."""
        return self.environment[Variable.CONTROL_PLANE_LIMITED] == "true"

    @property
    def namespace(self) -> str:
        return self.environment[Variable.NAMESPACE]

    @property
    def service(self) -> str:
        return self.environment[Variable.SERVICE]
