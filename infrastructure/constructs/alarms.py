"""The alarms of a region: each says what it means, to whom it matters, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from eventing.alarm_text import AlarmText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import Construct

    from infrastructure.configuration import Configuration

# What CloudWatch waits for a suppressor to go on: its metric may come later than the one it mutes.
_SUPPRESSOR_WAIT = cdk.Duration.minutes(2)
# What publishers and subscribers notice when the handling of dead letters does not work.
DEAD_LETTERS_WAIT = "they notice nothing, but dead letters wait for longer."


class Part(IntEnum):
    """The parts of the system that alarms are about, in the order in which boards show them."""

    CANARY = auto()
    INGESTION = auto()
    ARCHIVE = auto()
    PUBLICATION = auto()
    DELIVERY = auto()
    CONSERVATION = auto()
    DEAD_LETTERS = auto()
    ATTENTION = auto()
    HANDLING = auto()
    RUNS = auto()
    INQUIRY = auto()
    PUBLISHERS = auto()
    ERASURES = auto()
    SENSITIVE_DATA = auto()
    REGIONS = auto()


# What these are about waits for a person while events flow; all else stops the flow or slows it down.
_WAITING = (
    *(Part.ARCHIVE, Part.ATTENTION, Part.RUNS, Part.INQUIRY, Part.PUBLISHERS),
    *(Part.ERASURES, Part.SENSITIVE_DATA, Part.REGIONS),
)


class Missing(Enum):
    """The meaning of no data; there is no default, so that each alarm decides."""

    IS_FINE = cloudwatch.TreatMissingData.NOT_BREACHING
    """The metric has no data while all is well."""
    CHANGES_NOTHING = cloudwatch.TreatMissingData.IGNORE
    """The metric has data always; a minute that was skipped neither begins nor ends an alarm."""
    IS_BAD = cloudwatch.TreatMissingData.BREACHING
    """The metric has data always, and its absence is as bad as any value."""
    IS_UNKNOWN = cloudwatch.TreatMissingData.MISSING
    """The metric has data always, and nobody may take its absence for health."""


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """The text that operators read when an alarm goes off."""

    what: str
    """The fact, as a sentence."""
    users: str
    """Its effect on publishers and subscribers."""
    section: str
    """The section of the runbook to open."""
    next: str = "status"
    """The command of `eventing` that comes next."""

    def text(self, configuration: Configuration) -> str:
        """The description of an alarm."""
        address = runbook(configuration, self.section)
        return str(AlarmText(what=self.what, users=self.users, next=self.next, runbook=address))


def runbook(configuration: Configuration, section: str) -> str:
    """The address of a section of the runbook."""
    return f"{configuration.runbook}#{section}"


def reported(
    scope: Construct,
    metric: cloudwatch.Metric,
    *,
    configuration: Configuration,
    name: str,
    what: str,
    section: str,
) -> cloudwatch.Alarm:
    """An alarm that only mutes another: it is on while operators have been told of `what` by triage.

    It is none of the region's `Alarms`: it is on while all goes as it should.
    """
    return metric.create_alarm(
        scope,
        "Reported",
        alarm_name=configuration.name(name),
        alarm_description=str(
            AlarmText(
                what=f"Operators have been told of {what}, by triage. No reason to worry: it keeps the "
                "alarm from telling them again.",
                runbook=runbook(configuration, section),
            )
        ),
        threshold=1,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        # The counter repeats it every minute, and may miss one.
        evaluation_periods=3,
        datapoints_to_alarm=1,
        # Nothing is reported while all is well.
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )


class Alarms:
    """Makes and collects the alarms of a region, so that none is forgotten on the board or in the health.

    An alarm notifies operators itself, or it is a component of a composite that does, or it is only shown.
    Reading one of the three lists ends the making: an alarm that is in none of them by then, or that comes
    later, raises RuntimeError.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._action: cloudwatch.IAlarmAction | None = None
        self._unassigned: dict[str, cloudwatch.Alarm] = {}
        self._notifying: list[tuple[Part, cloudwatch.AlarmBase]] = []
        self._components: list[tuple[Part, cloudwatch.AlarmBase]] = []
        self._shown: list[tuple[Part, cloudwatch.AlarmBase]] = []
        self._complete = False

    @property
    def action(self) -> cloudwatch.IAlarmAction:
        """Sends operators a mail; raises RuntimeError before `tell_by` has said how."""
        if self._action is None:
            raise RuntimeError("an alarm is to tell operators before the notifier is made")
        return self._action

    def tell_by(self, action: cloudwatch.IAlarmAction) -> None:
        """Let all alarms that come from now on tell operators in this way."""
        self._action = action

    @property
    def notifying(self) -> list[cloudwatch.IAlarm]:
        """The alarms that send operators a message."""
        return self._in_order(self._notifying)

    @property
    def of_the_flow(self) -> list[cloudwatch.IAlarm]:
        """Those of `notifying` that are about what stops the flow of events, or slows it down."""
        return self._in_order([one for one in self._notifying if one[0] not in _WAITING])

    @property
    def components(self) -> list[cloudwatch.IAlarm]:
        """The alarms that composites are made of."""
        return self._in_order(self._components)

    @property
    def shown(self) -> list[cloudwatch.IAlarm]:
        """The alarms that are only on the board."""
        return self._in_order(self._shown)

    def alarm(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        metric: cloudwatch.Metric,
        above: float | None = None,
        below: float | None = None,
        minutes: int = 1,
        of: int | None = None,
        missing: Missing,
        meaning: Meaning,
    ) -> cloudwatch.Alarm:
        """An alarm without an action, on while the metric is `above` a value, or `below` it, whichever is
        given: in `minutes`, or in so many of `of`.
        """
        self._check_open()
        if below is None and above is not None:
            threshold, operator = above, cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
        elif above is None and below is not None:
            threshold, operator = below, cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
        else:
            raise ValueError(f"the alarm {name} begins above a value or below one")
        made = metric.create_alarm(
            scope,
            id,
            alarm_name=self._configuration.name(name),
            alarm_description=meaning.text(self._configuration),
            threshold=threshold,
            comparison_operator=operator,
            evaluation_periods=of or minutes,
            datapoints_to_alarm=minutes,
            treat_missing_data=missing.value,
        )
        self._unassigned[made.node.path] = made
        return made

    def composite(
        self,
        scope: Construct,
        id: str,
        *,
        part: Part,
        name: str,
        components: Sequence[cloudwatch.AlarmBase],
        meaning: Meaning,
        off_while: cloudwatch.IAlarm | None = None,
        muted_while: cloudwatch.IAlarm | None = None,
        wait: cdk.Duration = _SUPPRESSOR_WAIT,
        action: cloudwatch.IAlarmAction | None = None,
    ) -> cloudwatch.CompositeAlarm:
        """One alarm that notifies operators, for several that do not.

        It notifies them by `action` if there is one, else as all others do. It is off while `off_while` is
        on, which says more. It sends nothing while `muted_while` is on, of
        which operators hear in another way; it waits so long for that, after both its beginning and the
        other's end.
        """
        rule = cloudwatch.AlarmRule.any_of(*components)
        if off_while:
            on = cloudwatch.AlarmRule.from_alarm(off_while, cloudwatch.AlarmState.ALARM)
            rule = cloudwatch.AlarmRule.all_of(rule, cloudwatch.AlarmRule.not_(on))
        made = cloudwatch.CompositeAlarm(
            scope,
            id,
            composite_alarm_name=self._configuration.name(name),
            alarm_description=meaning.text(self._configuration),
            alarm_rule=rule,
            actions_suppressor=muted_while,
            actions_suppressor_wait_period=wait if muted_while else None,
            actions_suppressor_extension_period=wait if muted_while else None,
        )
        for component in components:
            self._assign(self._components, part, component)
        self.notify(made, part=part, action=action)
        return made

    def notify(
        self,
        alarm: cloudwatch.AlarmBase,
        *,
        part: Part,
        action: cloudwatch.IAlarmAction | None = None,
    ) -> None:
        """Let an alarm send operators a message when it goes off, by `action` if there is one."""
        alarm.add_alarm_action(action or self.action)
        self._assign(self._notifying, part, alarm)

    def show(self, alarm: cloudwatch.AlarmBase, *, part: Part) -> None:
        """Put an alarm on the board only: operators hear in another way of what it sees."""
        self._assign(self._shown, part, alarm)

    def _assign(
        self,
        role: list[tuple[Part, cloudwatch.AlarmBase]],
        part: Part,
        alarm: cloudwatch.AlarmBase,
    ) -> None:
        self._check_open()
        role.append((part, alarm))
        self._unassigned.pop(alarm.node.path, None)

    def _check_open(self) -> None:
        if self._complete:
            raise RuntimeError(
                "an alarm is made after the board or the health has read all of them"
            )

    def _in_order(
        self, role: Sequence[tuple[Part, cloudwatch.AlarmBase]]
    ) -> list[cloudwatch.IAlarm]:
        if self._unassigned:
            paths = ", ".join(self._unassigned)
            raise RuntimeError(f"alarms that neither notify nor are a component: {paths}")
        self._complete = True
        return [alarm for _, alarm in sorted(role, key=lambda entry: entry[0])]
