"""The story of a lost region: it stops publishing, another one adopts what it took, and it comes back."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventing.cause import Code
from eventing.timestamps import timestamp
from functions.publish.late import LATE
from local.deployment import BATCH
from local.foreign import json_object
from local.programs import ROOT, StepFailedError, clean_environment
from local.publishing import set_publishing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from local.deployment import Deployment

EVENTS = 20
_SECONDS = 60.0
_COMMAND_SECONDS = 120.0
_REASON = "the story of a lost region"
_REDRIVE = ("redrive", "--stage", "publish", "--cause", Code.REGION_LOST)


class Story:
    """Walks through the story in two regions of a deployment that is up.

    `outputs` is the file by which `eventing` finds it. Each step that does not hold what it promises raises
    `StepFailedError`.
    """

    def __init__(
        self,
        here: Deployment,
        lost: Deployment,
        *,
        publisher: str,
        outputs: Path,
        say: Callable[[str], None],
    ) -> None:
        self._here = here
        self._lost = lost
        self._publisher = publisher
        self._outputs = outputs
        self._say = say

    def walk(self, sample: Mapping[str, Any], topic: str) -> list[str]:
        """Live through it with copies of an event that goes to this topic; the ids of those that were lost.

        In the end the region publishes again.
        """
        here, lost = self._here, self._lost
        self._queues = {
            one.region: one.subscribe(f"story-{uuid.uuid4()}", [one.topic_arn(topic)], raw=True)
            for one in (here, lost)
        }
        self._seen: dict[str, list[str]] = {one.region: [] for one in (here, lost)}
        self._say(f"\nThe story of a lost region, {lost.region}:")
        began = datetime.now(UTC)
        self._publishing(on=False)
        try:
            ids = self._send(lost, sample, EVENTS)
            accepted = datetime.now(UTC)
            self._say(f"  {lost.region} accepts {EVENTS} events and publishes none")
            self._wait_for(here, self._send(here, sample, 1))
            self._hold(ids, here=0, lost=0)
            self._adopt(ids, timestamp(began), timestamp(accepted))
            # Only what is older is held against the receipts when the region is back.
            young = LATE + accepted - datetime.now(UTC)
            time.sleep(max(0.0, young.total_seconds() + 1))
        finally:
            self._publishing(on=True)
        self._say(f"  {lost.region} is back, and goes on where it stopped")
        # This one is behind all others in the streams of both.
        for one in (here, lost):
            self._wait_for(one, self._send(one, sample, 1))
        self._hold(ids, here=1, lost=0)
        self._say(f"  each of the {EVENTS} events was delivered once, by {here.region}")
        # The canary's event of this minute is not in the window: none is on its way.
        window = ("--from", timestamp(began), "--to", timestamp(accepted))
        outcome = self._eventing("prove", *window, "--now")["outcome"]
        _check(outcome == "proven", "proving it", f"its outcome is {outcome}")
        self._say("  proven, by the receipts of both")
        return ids

    def _adopt(self, ids: Sequence[str], start: str, end: str) -> None:
        decided = ("--region", self._here.region, "--reason", _REASON, "--yes")
        window = ("--from", start, "--to", end)
        adopt = ("regions", "adopt", self._lost.region, *window, "--now", *decided)
        adopted = self._eventing(*adopt)["counts"].get("adopted", 0)
        # The canary's are among them.
        _check(adopted >= len(ids), "adopting", f"{adopted} events of {len(ids)} were adopted")
        redriven = self._eventing(*_REDRIVE, *decided)["counts"]
        _check(redriven == {"resolved": adopted}, "redriving", f"it came to {redriven}")
        self._wait_for(self._here, ids)
        self._hold(ids, here=1, lost=0)
        outcome = self._eventing(*adopt)["outcome"]
        _check(outcome == "nothing", "adopting once more", f"its outcome is {outcome}")

    def _publishing(self, *, on: bool) -> None:
        functions = self._lost.client("lambda")
        set_publishing(functions, self._lost.outputs["PublishFunction"], on=on)

    def _send(self, deployment: Deployment, sample: Mapping[str, Any], count: int) -> list[str]:
        ids = [str(uuid.uuid4()) for _ in range(count)]
        body = json.dumps([{**sample, "id": id} for id in ids])
        key = deployment.api_key(self._publisher)
        answer = deployment.post(body, key=key, content_type=BATCH)
        said = answer.data.decode(errors="replace")
        _check(answer.status == 202, f"sending events to {deployment.region}", said)
        return ids

    def _wait_for(self, deployment: Deployment, ids: Sequence[str]) -> None:
        """Take what arrives in a region until all of these have."""
        deadline = time.monotonic() + _SECONDS
        while missing := set(ids) - set(self._seen[deployment.region]):
            late = f"{len(missing)} of {len(ids)} events did not arrive within {_SECONDS:.0f} s"
            _check(time.monotonic() < deadline, f"publishing in {deployment.region}", late)
            self._take(deployment)

    def _take(self, deployment: Deployment) -> None:
        messages = deployment.receive(self._queues[deployment.region], seconds=1)
        seen = (json_object(message["Body"]).get("id") for message in messages)
        self._seen[deployment.region] += [str(id) for id in seen]

    def _hold(self, ids: Sequence[str], *, here: int, lost: int) -> None:
        """Make sure that each of the events was delivered so often in each region."""
        for deployment, times in ((self._here, here), (self._lost, lost)):
            while deployment.depth(self._queues[deployment.region]):
                self._take(deployment)
            seen = self._seen[deployment.region]
            wrong = [f"{id}: {seen.count(id)} times" for id in ids if seen.count(id) != times]
            what = f"delivering each event {times} times in {deployment.region}"
            _check(not wrong, what, "\n".join(wrong))

    def _eventing(self, *words: str) -> Any:
        """What a command puts out, typed where the run is found."""
        self._say(f"  $ {shlex.join(('eventing', *words))}")
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder) / ".local"
            local.mkdir()
            (local / "outputs.json").symlink_to(self._outputs.resolve())
            done = subprocess.run(
                [sys.executable, "-m", "console", *words, "--json"],
                cwd=folder,
                env=clean_environment() | {"PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                timeout=_COMMAND_SECONDS,
            )
        _check(done.returncode == 0, f"`eventing {words[0]}`", done.stdout + done.stderr)
        return json.loads(done.stdout)


def _check(holds: bool, step: str, said: str) -> None:
    if not holds:
        raise StepFailedError(
            f"The story of a lost region: {step}", said, "docs/regions.md says how it should go."
        )


def commands(
    here: Deployment, lost: Deployment, *, key: str, sample: Mapping[str, Any], began: str
) -> str:
    """The same for whoever wants to type it; what is found is what was taken since `began`."""
    event = json.dumps({**sample, "id": "ID"})
    before, after = (shlex.quote(part)[1:-1] for part in event.split('"ID"'))
    url = f"{lost.api_url}/events"
    headers = f"-H 'x-api-key: {key}' -H 'content-type: application/cloudevents+json'"
    now = '"$(date -u +%FT%TZ)" --now'
    return f"""\
  make lose REGION={lost.region}    # it goes on accepting events, and publishes none
  for n in 1 2 3 4 5; do
    curl -s {url} {headers} \\
      -d '{before}"lost-'"$(date +%s)-$n"'"{after}'; echo
  done
  eventing regions adopt {lost.region} --from {began} --to {now} --region {here.region}
  eventing {shlex.join(_REDRIVE)} --region {here.region}
  sleep {LATE.seconds + 1}    # what is younger is published without a look at who has adopted it
  make back REGION={lost.region}    # it goes on where it stopped, and publishes none of them again
  eventing prove --from {began} --to {now}    # each event by one region; one on its way is unproven
"""
