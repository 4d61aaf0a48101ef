"""The page that explains every problem a publisher may be told, by the last part of its `type`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eventing.gateway_answers import ANSWERS
from eventing.problem import Kind

_INTRODUCTION = """# Problems

Every error is `application/problem+json` (RFC 9457). Its `type` is `urn:eventing:problem:` and one of the
words below, and so is the `type` of a refused event's result in a batch; `documentation` names the section
here. `detail` says what exactly is wrong, `errors` where: a JSON pointer (RFC 6901) into the event, and what
to fix there. `request_id` is what to quote to the operators.

"Send again: no" means that the same request gets the same answer. "Send again: yes" means as it is, after as
many seconds as `Retry-After` says."""


@dataclass(frozen=True)
class Advice:
    """What a problem means to a publisher, what to do, and whether to send again as it is."""

    meaning: str
    fix: str
    again: bool = False


ADVICE = {
    "not-json": Advice(
        "The body is no JSON text: a syntax error, not UTF-8, an object that repeats a name, an unpaired "
        "surrogate, NaN, or deeper or longer than the [limits](limits.md) allow. Nothing of the request "
        "was taken.",
        "Make the body with a JSON library, in UTF-8. `detail` has the line and column, or the offset.",
    ),
    "not-a-cloudevent": Advice(
        "It is JSON, but no CloudEvent 1.0.2: an attribute is missing or wrong, a name has other characters "
        "than a-z and 0-9, or `data` and `data_base64` don't fit.",
        "`errors` names every fault at once, up to 50. `specversion`, `id`, `source`, `type` are required.",
    ),
    "conflict": Advice(
        "You sent another event with this `source` and `id` before, and that one was accepted.",
        "Give each event an id of its own. If you meant to send the same event again, send it as it was: "
        "`time` and every number spelled as before.",
    ),
    "event-erased": Advice(
        "You sent this event before, and the operators have erased it since. Nothing of it is kept, but that "
        "there was one with this `source` and `id`.",
        "Don't send it again. What is to be said all the same is another event, with an id of its own.",
    ),
    "event-too-large": Advice(
        "The event is larger than the [limits](limits.md), or `type`, `source` and `subject` together are.",
        "Send less: put what is large where the subscriber can get it, and its address into the event.",
    ),
    "batch-too-large": Advice(
        "The batch holds more events than your [usage plan](usage-plans.md) allows. None of them was taken.",
        "Send it in several requests. `detail` has the number.",
    ),
    "body-too-large": Advice(
        "The body is larger than your [usage plan](usage-plans.md) allows, or than any body may "
        "be. Nothing of it was taken.",
        "Send fewer events at a time. A compressed body is not read.",
    ),
    "content-type": Advice(
        "No event is read from this content type, or the body is compressed.",
        "Send `application/cloudevents+json`, `application/cloudevents-batch+json` or `application/json`; "
        "any other content type needs the event's attributes in `ce-` headers. Leave `Content-Encoding` out.",
    ),
    "unknown-type": Advice(
        "The catalogue has no event of this `type`.",
        "Look it up in the [event types](event-types.md): upper and lower case differ, and so do versions. "
        "Ask the operators for a type that is missing.",
    ),
    "schema": Advice(
        "The `data` breaks the JSON Schema of its type.",
        "`errors` says where and why. The schema is on the type's page in the [event types](event-types.md).",
    ),
    "type-not-allowed": Advice(
        "The catalogue has the type, but the operators let you send others only.",
        "`detail` lists the types, or patterns of types, that you may send. Ask the operators for more.",
    ),
    "parameter": Advice(
        "`validate` is there more than once, or is neither `true` nor `false`; nothing was taken. Or "
        "`source` or `id` of `GET {url}/events` is missing, or there more than once.",
        "Send `validate=true` to try a request, and leave the parameter out to send it. Ask with one "
        "`source` and one `id`.",
    ),
    "unknown-event": Advice(
        "You asked what became of an event that you have not sent, or that has expired, or that was accepted "
        "some minutes ago while our store was out of reach.",
        "Ask with the `source` and the `id` of its 202, percent-encoded.",
    ),
    "inquiry-unavailable": Advice(
        "What `GET {url}/events` tells can't be looked up now. Events are taken and published all the same.",
        "Ask again later.",
        again=True,
    ),
    "registry-unavailable": Advice(
        "What `GET {url}/me` tells can't be looked up now. Events are taken all the same.",
        "Ask again later.",
        again=True,
    ),
    "suspended": Advice(
        "The operators have suspended you. Nothing of the request was looked at or taken; what was accepted "
        "before is published.",
        "Ask the operators why. Keep your events: they are taken when you are resumed.",
    ),
    "no-publisher": Advice(
        "The key is one of the API, but of no publisher.",
        "Ask the operators for a key of yours.",
    ),
    "several": Advice(
        "No event of the batch was accepted; all have the same status.",
        "Each of `results` says what is wrong with its event, in the order sent.",
    ),
    "unavailable": Advice(
        "The event could not be kept safe, or it is not known whether it was: the store and the queue behind "
        "it can't be reached, or the function was too busy or too slow.",
        "Nothing on your side, unless the body is larger than the [limits](limits.md): such a one never gets "
        "through, so send fewer events at a time. An event that was stored after all is recognised: it is "
        "not stored twice.",
        again=True,
    ),
    "no-key": Advice(
        "The header `x-api-key` is missing or has no valid key: it was revoked, or is of another region.",
        "Send the key that you were given for this URL. Ask the operators if it was good before.",
    ),
    "not-found": Advice(
        "The API has no such path or method.",
        "There are three: `POST {url}/events`, `GET {url}/events` and `GET {url}/me`.",
    ),
    "rate": Advice(
        "You sent more requests in a second than your [usage plan](usage-plans.md) allows.",
        "Send batches: all events of one count as one request. Spread requests over time. `GET {url}/me` has "
        "the numbers of your plan.",
        again=True,
    ),
    "quota": Advice(
        "You sent as many requests in this period as your [usage plan](usage-plans.md) allows.",
        "Wait for the next period, or ask the operators for another plan. `GET {url}/me` has its numbers.",
        again=True,
    ),
    "request": Advice(
        "API Gateway refused the request before it was looked at; `title` has its reason.",
        "Fix what `title` says.",
    ),
}


def problems() -> str:
    """The page, in Markdown: a section for each problem, named by the last part of its `type`."""
    sections = [_INTRODUCTION]
    for slug, heading in sorted(_headings()):
        advice = ADVICE[slug]
        sections.append(
            f"## {slug}\n\n{heading}\n\n{advice.meaning}\n\n"
            f"**Fix:** {advice.fix} **Send again:** {'yes' if advice.again else 'no'}."
        )
    return "\n\n".join(sections) + "\n"


def _headings() -> Iterator[tuple[str, str]]:
    """Status and title of each problem, by the last part of its `type`."""
    known = {answer.slug: (answer.status, answer.title) for answer in ANSWERS}
    known |= {kind.slug: (kind.status, kind.title) for kind in Kind}
    for slug, (status, title) in known.items():
        yield slug, f"{status}: {title}"
    yield "request", "4xx: API Gateway's own words"
