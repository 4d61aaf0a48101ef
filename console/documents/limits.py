"""The pages of limits and of usage plans, from the numbers that the code goes by."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from eventing.answer import MAX_ANSWER_BYTES
from eventing.catalogue import Catalogue, UsagePlan
from eventing.event import MAX_ATTRIBUTE_BYTES, MAX_EVENT_BYTES, MAX_INTEGER
from eventing.json_text import MAX_DEPTH
from eventing.limits import MAX_BATCH, MAX_BODY_BYTES
from eventing.problem import MAX_FAULTS, Kind
from eventing.type_patterns import MAX_WILD_TYPE

_LIMITS_INTRODUCTION = """# Limits

What is at a limit is accepted; what is over it is answered with the [problem](problems.md) beside it. The
numbers are those of the code, and a test tries each from both sides."""

_LIMITS_END = f"""
An answer names at most {MAX_FAULTS} faults of an event. An answer that would be larger than
{MAX_ANSWER_BYTES:,} bytes comes without `id`, `source` and `errors`; its results are in the order sent. A
request is answered within 29 s: wait for 30 before you send again."""

_PLANS_INTRODUCTION = """# Usage plans

Each publisher has one of these; ask the operators which. They limit **requests**, and a request counts as
one whether it brings one event or a batch: send batches, and a plan carries many times as many events. A
plan also says how much one request may hold: so many events, and so many bytes of its body. A request that
is refused for what it holds counts too.

The rate is what you may send on average; the burst is what may come at once, and fills up again at the
rate. Over one of them, the answer is 429 [`rate`](problems.md#rate), over the quota 429
[`quota`](problems.md#quota), both with `Retry-After`. API Gateway enforces them as well as it can, so a
little more may pass."""


@dataclass(frozen=True)
class Limit:
    """A limit that publishers can run into, and the problem that tells them."""

    name: str
    of: str
    most: int
    unit: str
    problem: Kind


LIMITS = (
    Limit("body", "A request's body", MAX_BODY_BYTES, "bytes, not compressed", Kind.BODY_TOO_LARGE),
    Limit("batch", "A batch", MAX_BATCH, "events", Kind.BATCH_TOO_LARGE),
    Limit(
        "event",
        "An event, as compact JSON in UTF-8, binary data as Base64",
        MAX_EVENT_BYTES,
        "bytes",
        Kind.EVENT_TOO_LARGE,
    ),
    Limit(
        "attributes",
        "`type`, `source`, `subject` and your name together, as SNS counts message attributes: of each the "
        "name, the value and the word `String`",
        MAX_ATTRIBUTE_BYTES,
        "bytes",
        Kind.EVENT_TOO_LARGE,
    ),
    Limit(
        "type",
        "A `type` that an [event type](event-types.md) with a wildcard takes, of letters, digits, `.`, `_` "
        "and `-`",
        MAX_WILD_TYPE,
        "characters",
        Kind.UNKNOWN_TYPE,
    ),
    Limit(
        "depth",
        "Arrays and objects within each other, the event itself and the batch included",
        MAX_DEPTH,
        "levels",
        Kind.NOT_JSON,
    ),
    Limit("digits", "A whole number", sys.int_info.default_max_str_digits, "digits", Kind.NOT_JSON),
    Limit(
        "integer",
        "An extension attribute that is a number: whole, and from -2147483648 to",
        MAX_INTEGER,
        "",
        Kind.NOT_A_CLOUDEVENT,
    ),
)


def limits() -> str:
    """The page of limits, in Markdown."""
    lines = [_LIMITS_INTRODUCTION, "", "| what | at most | over it |", "|---|---|---|"]
    for limit in LIMITS:
        slug = limit.problem.slug
        problem = f"{limit.problem.status} [`{slug}`](problems.md#{slug})"
        lines.append(f"| {limit.of} | {limit.most} {limit.unit}".rstrip() + f" | {problem} |")
    return "\n".join([*lines, _LIMITS_END]) + "\n"


def usage_plans(catalogue: Catalogue) -> str:
    """The page of usage plans, in Markdown."""
    lines = [
        _PLANS_INTRODUCTION,
        "",
        "| plan | requests a second | burst | quota | events a request | bytes a request | at most |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, plan in catalogue.usage_plans.items():
        most = f"{plan.rate_per_second * plan.max_events:g} events a second"
        cells = (
            f"`{name}`",
            f"{plan.rate_per_second:g}",
            plan.burst,
            _quota(plan),
            plan.max_events,
            plan.max_body_bytes,
            most,
        )
        lines.append("".join(f"| {cell} " for cell in cells) + "|")
    return "\n".join(lines) + "\n"


def _quota(plan: UsagePlan) -> str:
    if plan.quota is None:
        return "none"
    return f"{plan.quota.limit} requests a {plan.quota.period.lower()}"
