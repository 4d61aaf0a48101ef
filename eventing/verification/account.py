"""How an account, its quotas and what was deployed into it are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from eventing.verification.check import Check, failed, names, ok, skipped
from eventing.verification.events import began_at

# A new account may have 10. Ingestion and publication each take what a burst needs, and what is in use
# elsewhere in the account is taken from the same number.
LEAST_CONCURRENCY = 100
# Of API Gateway: usage plans in a region, unless the quota was raised. Every publisher has one.
USAGE_PLANS = 300
_PLANS_LEFT = 10
_OK = 200
# A load takes an hour at most.
_UNDER_WAY = timedelta(hours=2)

_IN_PROGRESS = "_IN_PROGRESS"
# How a stack is after a deployment that did what it was to do.
_WHOLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
_UNDONE = ("UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE")


@dataclass(frozen=True)
class Mail:
    """A subscription of the ops topic."""

    endpoint: str
    confirmed: bool


@dataclass(frozen=True, kw_only=True)
class Running:
    """A function, as Lambda tells of it."""

    name: str
    state: str | None
    """`Active` when it can be invoked; None where Lambda does not tell."""
    last_update: str | None
    """`Successful` when what was deployed last is what runs."""
    reserved: int | None
    """So many invocations at a time are set aside for it, and it has no more; None when none are."""


def concurrency(quota: int) -> Check:
    """Judge Lambda's quota of concurrent executions in the region."""
    name = "quota: Lambda"
    if quota < LEAST_CONCURRENCY:
        return failed(
            name,
            f"{quota} concurrent executions, and {LEAST_CONCURRENCY} are the least",
            fix="ask for 1,000 in Service Quotas (AWS Lambda, Concurrent executions)",
        )
    return ok(name, f"{quota:,} concurrent executions")


def usage_plans(used: int) -> Check:
    """Judge how many usage plans the region has left."""
    name = "quota: API Gateway"
    if used > USAGE_PLANS - _PLANS_LEFT:
        return failed(
            name,
            f"{used} of {USAGE_PLANS} usage plans are taken",
            fix="delete those that nobody uses, or ask for more in Service Quotas (Amazon API Gateway)",
        )
    return ok(name, f"{used} of {USAGE_PLANS} usage plans are taken")


def urls(statuses: Mapping[str, int | None]) -> Check:
    """Judge what each URL answers whoever asks for its health: a status of HTTP, or nothing."""
    name = "URLs"
    wrong = [
        f"{url} {f'answers {status}' if status else 'does not answer'}"
        for url, status in statuses.items()
        if status != _OK
    ]
    if wrong:
        return failed(
            name,
            names(wrong),
            fix="a new name takes minutes to get about; then look at its records and its certificate",
        )
    return ok(name, names(list(statuses)))


def macie(*, wanted: bool, session: str | None) -> Check:
    """Judge the session of Macie: `session` is its status, None when Macie is off."""
    name = "Macie"
    if not wanted:
        return skipped(name, "this deployment goes without")
    if session != "ENABLED":
        return failed(
            name,
            "it is paused: nothing looks at the archive" if session else "it is off in this region",
            fix="switch it on (`aws macie2 enable-macie`), then deploy with another `macie` for a new job",
        )
    return ok(name, "its session is on")


def mails(found: Sequence[Mail]) -> Check:
    """Judge who hears of alarms."""
    name = "mails to operators"
    waiting = [one.endpoint for one in found if not one.confirmed]
    if waiting:
        return failed(
            name,
            f"not confirmed: {names(waiting)}",
            fix="each follows the link in AWS's mail; after three days, deploy without it and with it again",
        )
    if not found:
        return failed(
            name,
            "nobody is subscribed to the ops topic: no alarm reaches anybody",
            fix="set `ops_emails` in cdk.json and deploy, or subscribe a tool of yours",
        )
    return ok(name, f"{len(found)} confirmed")


def stacks(statuses: Mapping[str, str], faulty: Mapping[str, str]) -> Check:
    """Judge how the last deployment has ended: the status of each stack, and of each faulty resource."""
    name = "last deployment"
    for stack, status in statuses.items():
        if status.endswith(_IN_PROGRESS):
            return failed(
                name, f"{stack} is {status}", fix="wait until it has ended, then verify again"
            )
        if status in _UNDONE:
            return failed(
                name,
                f"{stack} is {status}: what runs is the deployment before",
                fix="its events in CloudFormation say why; put that right and deploy again",
            )
        if status not in _WHOLE:
            return failed(
                name,
                f"{stack} is {status}",
                fix="put right what its events in CloudFormation say, and deploy again",
            )
    if faulty:
        told = [f"{one} is {status}" for one, status in faulty.items()]
        return failed(name, names(told), fix="deploy again; what stays so, delete by hand")
    return ok(name, names([f"{stack} is {status}" for stack, status in statuses.items()]))


def leftovers(queues: Sequence[str], *, now: datetime) -> Check:
    """Judge what verifications have left: the names of their queues, which end with their own names.

    One that may still be under way has its queue by right.
    """
    name = "leftovers of verifications"
    left = [queue for queue in queues if now - _began(queue) > _UNDER_WAY]
    if left:
        return failed(
            name,
            names(left),
            fix="delete these queues and their subscriptions to the canary's topic",
        )
    return ok(name, "none")


def _began(queue: str) -> datetime:
    try:
        return began_at(queue.partition("-verify-")[2])
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def functions(found: Sequence[Running], *, reads_stream: bool | None) -> Check:
    """Judge whether functions can run, and whether the stream is read (None: that is not known)."""
    name = "functions"
    faults = [
        f"{one.name} {why}"
        for one in found
        if (
            why := "is switched off: its reserved concurrency is 0"
            if one.reserved == 0
            else f"is {one.state}"
            if one.state not in (None, "Active")
            else f"runs what was deployed before: its last update is {one.last_update}"
            if one.last_update not in (None, "Successful")
            else ""
        )
    ]
    if reads_stream is False:
        faults.append("the event source mapping of publish is off")
    if faults:
        return failed(
            name,
            names(faults),
            fix="switch on what somebody has switched off (`aws lambda delete-function-concurrency`, "
            "`update-event-source-mapping --enabled`), or deploy again",
        )
    return ok(name, f"{len(found)} can run")


def there(what: str, expected: Sequence[str], found: Mapping[str, bool]) -> Check:
    """Judge whether all that was deployed is there, by name; one that is `False` is there and muted."""
    missing = [name for name in expected if name not in found]
    muted = [name for name in expected if found.get(name) is False]
    faults = [f"missing: {names(missing)}"] if missing else []
    faults += [f"without actions: {names(muted)}"] if muted else []
    if faults:
        return failed(
            what,
            "; ".join(faults),
            # CloudFormation makes nothing anew whose properties have not changed.
            fix="somebody has changed this by hand: detect the stack's drift in CloudFormation, which shows "
            "all of it; take each back, or rename it in a deployment and name it back in another",
        )
    return ok(what, f"all {len(expected)} are there")
