"""The main job on a laptop: set everything up, send events, show each arriving, stay up."""

from __future__ import annotations

import json
import shlex
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from eventing.foreign_text import plain
from eventing.http_binding import read_http_request
from eventing.ingestion import admit
from eventing.problem import Refused
from eventing.routing import NoRoute, Router
from eventing.schemas import Schemas
from eventing.timestamps import timestamp
from local.cloud import ROOT, LocalCloud, StepFailedError
from local.deployment import STRUCTURED, Deployment
from local.foreign import json_object
from local.mailbox import Mailbox
from local.outputs import Site, remove, write
from local.page_server import DashboardPage
from local.story import Story, commands

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from eventing.catalogue import Catalogue

SAMPLES = Path(__file__).parent / "samples"
# Of which the first is the primary one.
REGIONS = ("us-east-1", "eu-west-1")
PUBLISHER = "acme-web"
ARRIVAL_SECONDS = 30.0


def say(text: str, end: str = "\n") -> None:
    """Print, at once: whoever runs this may be reading from a pipe. What two threads say stays apart."""
    print(f"{text}{end}", end="", flush=True)


@dataclass(frozen=True)
class Sample:
    """A sample event that the catalogue takes, and the topic that it has to arrive at."""

    id: str
    type: str
    body: str
    topic: str


@dataclass(frozen=True)
class Arrival:
    """A message at a subscriber of all topics: which event, by which topic, and when.

    Anybody who may publish can have sent it, so it may be no event: then `id` is what came instead.
    """

    id: str
    type: str
    topic: str
    at: float

    @classmethod
    def read(cls, body: str, *, topic_prefix: str, at: float) -> Arrival:
        """Read a message's body, which is to be a notification of SNS with an event in it."""
        notification = json_object(body)
        message = notification.get("Message", body)
        event = json_object(message)
        id, type = event.get("id"), event.get("type")
        if not (isinstance(id, str) and isinstance(type, str)):
            id, type = str(message), "no event:"
        topic = str(notification.get("TopicArn", "-")).removeprefix(topic_prefix)
        return cls(id, type, topic, at)

    def __str__(self) -> str:
        topic, type, id = map(plain, (self.topic, self.type, self.id))
        return f"{topic:20} {type}  {id}"


def samples(catalogue: Catalogue) -> Iterator[Sample]:
    """The sample events that this catalogue takes; of any other it is said why it is left out."""
    schemas, router = Schemas(catalogue), Router(catalogue)
    for file in sorted(SAMPLES.glob("*.json")):
        body = file.read_text()
        request = read_http_request({"content-type": [STRUCTURED]}, body.encode())
        try:
            event = admit(request.documents[0], publisher=PUBLISHER, schemas=schemas).event
            topic = router.route(event.type, event.value)
        except (Refused, NoRoute) as reason:
            say(f"  left out {file.name}, which this catalogue does not take: {reason}")
            continue
        yield Sample(event.id, event.type, body, topic)


def run(
    catalogue: Catalogue,
    folder: Path,
    *,
    outputs: Path,
    once: bool,
    regions: Sequence[str] = REGIONS[:1],
) -> int:
    """Set up, show the samples arriving and, unless `once`, stay up; 0 when all of them arrived.

    The samples are sent to the first of the regions. `once`, with two, walks through the story of a lost
    region. `outputs` is there from when all is ready until it ends.
    """
    remove(outputs)
    began = time.monotonic()
    with LocalCloud(say=say) as cloud, ExitStack() as up:
        context = {"laptop": "true", "catalogue": str(folder)}
        context["replica_regions"] = json.dumps(regions[1:])
        stacks = cloud.deploy(context, regions=regions)
        deployments = [Deployment(cloud, stacks, region=region) for region in regions]
        for deployment in deployments:
            _call_canary(deployment)
        deployments[0].register(PUBLISHER)
        sites = [Site.of(deployment, catalogue) for deployment in deployments]
        say(f"set up in {time.monotonic() - began:.1f} s\n")
        sent = list(samples(catalogue))
        complete = show(deployments[0], sent, sites[0].subscribers, sites[0].watcher)
        mailboxes = [
            (one, up.enter_context(Mailbox(one, on_mail=lambda mail: say(str(mail)))))
            for one in deployments
        ]
        page = up.enter_context(DashboardPage(*mailboxes[0], others=mailboxes[1:]))
        try:
            write(outputs, sites, publisher=PUBLISHER, dashboard_url=page.url)
            if not once:
                _print_how_to_go_on(deployments, catalogue, outputs, page)
                _stay_up(sites)
            elif len(deployments) > 1:
                _tell_story(deployments, sent, outputs)
        finally:
            remove(outputs)
    return 0 if complete else 1


def _tell_story(deployments: Sequence[Deployment], sent: Sequence[Sample], outputs: Path) -> None:
    if not sent:
        raise StepFailedError(
            "The story of a lost region",
            "no sample event fits this catalogue, so there is none to send",
            f"Add one to {SAMPLES.relative_to(ROOT)}, or leave out --once.",
        )
    here, lost = deployments
    story = Story(here, lost, publisher=PUBLISHER, outputs=outputs, say=say)
    story.walk(json.loads(sent[0].body), sent[0].topic)


def _call_canary(deployment: Deployment) -> None:
    """Call it before its first minute has come: until it has said something, that is an alarm."""
    if name := deployment.outputs.get("CanaryFunction"):
        deployment.client("lambda").invoke(FunctionName=name, InvocationType="Event")


def _stay_up(sites: Sequence[Site]) -> None:
    for site in sites[1:]:
        threading.Thread(target=_list_beside, args=(site,), daemon=True, name="arrivals").start()
    try:
        _list(sites[0])
    except KeyboardInterrupt:
        say("\nstopping")
    except (BotoCoreError, ClientError) as error:
        raise StepFailedError("Keeping it up", str(error), "Start it again.") from None


def _list_beside(site: Site) -> None:
    # The run has a look of its own at whether the emulator still answers.
    with suppress(BotoCoreError, ClientError):
        _list(site)


def _list(site: Site) -> None:
    """List what arrives, without an end."""
    deployment = site.deployment
    where = "" if deployment.region == deployment.cloud.region else f" {deployment.region}"
    for arrival in arrivals(deployment, site.watcher, seconds=float("inf")):
        say(f"  {arrival}{where}")


def show(
    deployment: Deployment, sent: list[Sample], subscribers: Mapping[str, str], watcher: str
) -> bool:
    """POST the samples and show each arriving; whether each reached its topic's subscriber, only."""
    key, complete = deployment.api_key(PUBLISHER), True
    if not sent:
        say("  no sample event fits this catalogue, so none is sent")
        return True
    say(f"  {'arrived at topic':20} {'after':>8}  event (the first one starts the functions)")
    for sample in sent:
        posted = time.monotonic()
        answer = deployment.post(sample.body, key=key)
        awaited = arrivals(deployment, watcher, seconds=ARRIVAL_SECONDS)
        arrival = next((a for a in awaited if answer.status == 202 and a.id == sample.id), None)
        if arrival is None:
            complete = False
            reason = answer.data.decode(errors="replace")
            say(f"  {'-':20} {'-':>8}  {sample.type}  {sample.id}: {answer.status} {reason}")
        else:
            latency = f"{(arrival.at - posted) * 1000:.0f} ms"
            say(f"  {arrival.topic:20} {latency:>8}  {sample.type}  {sample.id}")
    for topic, queue in subscribers.items():
        expected = sorted(sample.id for sample in sent if sample.topic == topic)
        found = deployment.take(queue, len(expected), seconds=ARRIVAL_SECONDS)
        ids = sorted(str(json_object(message["Body"]).get("id")) for message in found)
        if ids != expected or deployment.depth(queue):
            say(f"  the subscriber of {topic} has not exactly {expected}")
            complete = False
    return complete


def arrivals(deployment: Deployment, watcher: str, *, seconds: float) -> Iterator[Arrival]:
    """What arrives at the subscriber of all topics."""
    prefix = deployment.topic_arn("")
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        for message in deployment.receive(watcher, seconds=left):
            yield Arrival.read(message["Body"], topic_prefix=prefix, at=time.monotonic())


def _print_how_to_go_on(
    deployments: Sequence[Deployment], catalogue: Catalogue, outputs: Path, page: DashboardPage
) -> None:
    deployment = deployments[0]
    known = catalogue.event_types[0].type.replace("*", "example")
    data = {"order_id": "order-1", "total": 19.9, "currency": "EUR"}
    event = json.dumps(
        {"specversion": "1.0", "id": "1", "source": "urn:curl", "type": known, "data": data}
    )
    curl = [
        "curl", "-i", f"{deployment.api_url}/events",
        "-H", f"x-api-key: {deployment.api_key(PUBLISHER)}",
        "-H", f"content-type: {STRUCTURED}", "-d", event,
    ]  # fmt: skip
    environment = "\n".join(f"  export {k}={v}" for k, v in deployment.cloud.environment.items())
    programs = shlex.quote(str(ROOT / "local" / "bin"))
    others = "".join(f"\n(in {one.region}: {one.api_url}/events)" for one in deployments[1:])
    say(f"""
Ready. POST events to {deployment.api_url}/events{others}
with the key of the publisher {PUBLISHER}, {deployment.api_key(PUBLISHER)}:

  {shlex.join(curl)}

The dashboards, with live data: {page.url}

The AWS CLI, in another terminal, after

{environment}
  export PATH={programs}:$PATH

More, such as the queues of the sample subscribers, is in {outputs}.
{_story(deployments, json.loads(event))}\
Ctrl-C ends it. What arrives at a topic is listed here, and every message to operators:
""")


def _story(deployments: Sequence[Deployment], event: Mapping[str, str]) -> str:
    if len(deployments) == 1:
        return ""
    here, lost = deployments
    key, began = here.api_key(PUBLISHER), timestamp(datetime.now(UTC))
    typed = commands(here, lost, key=key, sample=event, began=began)
    return f"""
Lose {lost.region}, and look at the row of it on the page. In another terminal, after `. .venv/bin/activate`:

{typed}
"""
