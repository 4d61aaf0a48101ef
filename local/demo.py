"""The main job on a laptop: set everything up, send events, show each arriving, stay up."""

from __future__ import annotations

import json
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from eventing.foreign_text import plain
from eventing.http_binding import read_http_request
from eventing.ingestion import admit
from eventing.problem import Refused
from eventing.routing import NoRoute, Router
from eventing.schemas import Schemas
from local.cloud import ROOT, LocalCloud, StepFailedError
from local.deployment import STRUCTURED, Deployment
from local.foreign import json_object
from local.mailbox import Mailbox
from local.page_server import DashboardPage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from eventing.catalogue import Catalogue

SAMPLES = Path(__file__).parent / "samples"
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


def run(catalogue: Catalogue, folder: Path, *, outputs: Path, once: bool) -> int:
    """Set up, show the samples arriving and, unless `once`, stay up; 0 when all of them arrived.

    `outputs` is there from when all is ready until it ends.
    """
    _remove(outputs)
    began = time.monotonic()
    with LocalCloud(say=say) as cloud:
        stacks = cloud.deploy({"laptop": "true", "catalogue": str(folder)})
        deployment = Deployment(cloud, stacks)
        _call_canary(deployment)
        deployment.register(PUBLISHER)
        topics = {topic.name: deployment.topic_arn(topic.name) for topic in catalogue.topics}
        subscribers = {
            topic: deployment.subscribe(f"sample-subscriber-of-{topic}", [arn], raw=True)
            for topic, arn in topics.items()
        }
        watcher = deployment.subscribe(
            "sample-subscriber-of-all-topics", list(topics.values()), raw=False
        )
        say(f"set up in {time.monotonic() - began:.1f} s\n")
        complete = show(deployment, list(samples(catalogue)), subscribers, watcher)
        with (
            Mailbox(deployment, on_mail=lambda mail: say(str(mail))) as mailbox,
            DashboardPage(deployment, mailbox) as page,
        ):
            try:
                _write_outputs(outputs, deployment, subscribers, page)
                if not once:
                    _print_how_to_go_on(deployment, catalogue, outputs, page)
                    _stay_up(deployment, watcher)
            finally:
                _remove(outputs)
    return 0 if complete else 1


def _call_canary(deployment: Deployment) -> None:
    """Call it before its first minute has come: until it has said something, that is an alarm."""
    if name := deployment.outputs.get("CanaryFunction"):
        deployment.client("lambda").invoke(FunctionName=name, InvocationType="Event")


def _stay_up(deployment: Deployment, watcher: str) -> None:
    try:
        for arrival in arrivals(deployment, watcher, seconds=float("inf")):
            say(f"  {arrival}")
    except KeyboardInterrupt:
        say("\nstopping")
    except (BotoCoreError, ClientError) as error:
        raise StepFailedError("Keeping it up", str(error), "Start it again.") from None


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


def _write_outputs(
    outputs: Path, deployment: Deployment, subscribers: Mapping[str, str], page: DashboardPage
) -> None:
    """Write the file for programs, which has keys in it: nobody else may read it.

    Its appearing is the sign that everything is ready, so it appears complete.
    """
    content = {
        "endpoint_url": deployment.cloud.endpoint_url,
        "region": deployment.region,
        "api_url": deployment.api_url,
        "dashboard_url": page.url,
        "api_key": deployment.api_key(PUBLISHER),
        "publisher": PUBLISHER,
        "access_key_id": deployment.cloud.root_key.id,
        "secret_access_key": deployment.cloud.root_key.secret,
        "subscribers": subscribers,
        "stacks": deployment.stacks,
    }
    draft = _draft(outputs)
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(json.dumps(content, indent=2) + "\n")
    draft.replace(outputs)


def _draft(outputs: Path) -> Path:
    return outputs.with_suffix(".new")


def _remove(outputs: Path) -> None:
    for file in (outputs, _draft(outputs)):
        file.unlink(missing_ok=True)


def _print_how_to_go_on(
    deployment: Deployment, catalogue: Catalogue, outputs: Path, page: DashboardPage
) -> None:
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
    say(f"""
Ready. POST events to {deployment.api_url}/events
with the key of the publisher {PUBLISHER}, {deployment.api_key(PUBLISHER)}:

  {shlex.join(curl)}

The dashboards, with live data: {page.url}

The AWS CLI, in another terminal, after

{environment}
  export PATH={programs}:$PATH

More, such as the queues of the sample subscribers, is in {outputs}.
Ctrl-C ends it. What arrives at a topic is listed here, and every message to operators:
""")
