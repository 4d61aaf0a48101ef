"""The summary as HTML of the kind that CloudWatch's custom widgets take: words and tables.

It has no colours, styles, links or actions of its own, so that it looks like the rest of a dashboard, light
or dark, and does nothing. Whatever is not written here is escaped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from html import escape

from eventing.dead_letter import Stage
from eventing.foreign_text import name_counts, plain, quoted
from eventing.redrive.next_command import follow_command, next_command
from eventing.redrive.remedies import remedy_of
from eventing.redrive.summary import (
    GroupSummary,
    LettersSummary,
    PlanSummary,
    RunSummary,
    StageSummary,
)
from eventing.timestamps import read_moment
from eventing.words import counted, duration

# The counter counts every minute: after so long it has missed some.
OLD = timedelta(minutes=5)
# Characters of a line.
_LINE = 600
_COLUMNS = ("Letters", "Why", "Where", "Since", "What comes next")


def draw(
    summary: Mapping[Stage, StageSummary], *, now: datetime, command_options: Sequence[str]
) -> str:
    """The widget: a line when nothing waits, otherwise groups of letters, the largest first."""
    told = {stage: found.letters for stage, found in summary.items() if found.letters}
    unknown = [stage for stage in summary if stage not in told]
    parts = [_first_line(told.values(), now, whole=not unknown)] if told else []
    if unknown:
        parts.append(cannot(f"Not counted yet: dead letters of {' and '.join(unknown)}"))
    # One of both stages is in both.
    runs = {found.run.execution: found.run for found in summary.values() if found.run}
    parts += [_paragraph(_under_way(run, now, command_options)) for run in runs.values()]
    groups = [(stage, group) for stage, letters in told.items() for group in letters.groups]
    groups.sort(key=lambda one: -(one[1].open + one[1].parked))
    if groups:
        rows = [_row(stage, group, summary[stage], now, command_options) for stage, group in groups]
        heads = "".join(f'<th scope="col">{_text(column)}</th>' for column in _COLUMNS)
        parts.append(
            f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        )
    more = sum(letters.more_letters for letters in told.values())
    if more:
        rest = sum(letters.more_groups for letters in told.values())
        of = f", with {counted(rest, 'more root cause')}" if rest else ""
        parts.append(_paragraph([_text(f"and {counted(more, 'more letter')}{of}")]))
    return "".join(parts)


def cannot(why: str) -> str:
    """The widget where there is nothing to draw, and why, without a full stop."""
    return _paragraph([_text(f"{why}.")])


def _first_line(told: Collection[LettersSummary], now: datetime, *, whole: bool) -> str:
    open, parked, queued = (
        sum(getattr(one, count) for one in told) for count in ("open", "parked", "queued")
    )
    age = now - min(read_moment(one.at) for one in told)
    sentences = []
    if open or parked:
        wait = "waits" if open + parked == 1 else "wait"
        of = f", {parked:,} parked" if parked else ""
        sentences.append(_strong(f"{counted(open + parked, 'dead letter')} {wait}{of}."))
    elif whole and not queued:
        sentences.append(_strong("No dead letter waits."))
    if queued:
        sentences.append(_text(f"In the queues, for triage: {counted(queued, 'message')}."))
    sentences.append(_text(f"Counted {duration(age)} ago."))
    if age > OLD:
        sentences.append(_strong("That is old: the counter or the ledger does not work."))
    return _paragraph([" ".join(sentences)])


def _under_way(run: RunSummary, now: datetime, options: Sequence[str]) -> list[str]:
    name = f"{run.action.capitalize()} {quoted(run.execution)}"
    if run.waits_for_approval:
        said = f"waits for the approval of {counted(run.letters, 'letter')}"
    else:
        failed = f", {run.failed:,} of them failed again" if run.failed else ""
        rate = f", {run.rate:,.0f} a second" if run.rate else ""
        said = f"is under way: {run.done:,} of {counted(run.letters, 'letter')} done{failed}{rate}"
    age = duration(now - read_moment(run.at))
    return [_text(f"{name} {said}, {age} ago. "), _code(follow_command(run.execution, options))]


def _row(
    stage: Stage, group: GroupSummary, found: StageSummary, now: datetime, options: Sequence[str]
) -> str:
    cells = (
        _letters(group),
        [_strong(group.cause), _text(remedy_of(group.cause))],
        _where(stage, group),
        _times(group, now),
        [_code(next_command(stage, group, found, options)), *_forecast(group, found.plan, now)],
    )
    return f"<tr>{''.join(map(_cell, cells))}</tr>"


def _letters(group: GroupSummary) -> list[str]:
    both = ((group.open, "open"), (group.parked, "parked"))
    return [f"<strong>{number:,}</strong> {state}" for number, state in both if number]


def _where(stage: Stage, group: GroupSummary) -> list[str]:
    at = f"{stage}, {group.step}" if group.step != stage else stage
    called = " ".join(map(quoted, group.resource.split(" ", 1)))
    resource = f": {called}" if group.resource not in ("", "-") else ""
    return [
        _text(f"{at}{resource}"),
        _text(f"topics: {name_counts(group.topics)}"),
        _text(f"publishers: {name_counts(group.publishers)}"),
    ]


def _times(group: GroupSummary, now: datetime) -> list[str]:
    since = duration(now - read_moment(group.failed_first))
    left = duration(datetime.fromtimestamp(group.first_expires_at, UTC) - now)
    return [_text(f"{since} ago"), _text(f"first gone in {left}")]


def _forecast(group: GroupSummary, plan: PlanSummary | None, now: datetime) -> Iterator[str]:
    if not plan or not plan.covers(group) or not plan.letters:
        return
    through, letters = plan.will_go_through, plan.letters
    share = f"all {letters:,}" if through == letters else f"{through:,} of {letters:,}"
    again = f"; again {name_counts(plan.will_fail)}" if plan.will_fail else ""
    age = duration(now - read_moment(plan.at))
    takes = duration(timedelta(seconds=plan.seconds))
    yield _text(f"plan of {age} ago: {share} go through, in {takes}{again}")


def _text(text: str) -> str:
    return escape(plain(text, _LINE))


def _cell(lines: Iterable[str]) -> str:
    return f"<td>{'<br>'.join(filter(None, lines))}</td>"


def _paragraph(pieces: Sequence[str]) -> str:
    return f"<p>{''.join(pieces)}</p>"


def _strong(text: str) -> str:
    return f"<strong>{_text(text)}</strong>"


def _code(command: str) -> str:
    return f"<code>{escape(command)}</code>"
