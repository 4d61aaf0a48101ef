"""`make run`, and what the CDK CLI says of the deployment."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import urllib3

from eventing.catalogue_check import load_catalogue
from local.cloud import ROOT
from tests.end_to_end.conftest import CONTEXT

if TYPE_CHECKING:
    from pathlib import Path

    from local.deployment import Deployment

# Of the issue: a run from a warm cache takes less than 45 s on two cores.
RUN_SECONDS = 120.0


def test_a_diff_after_the_deployment_is_of_the_look_up_alone(deployment: Deployment) -> None:
    output = deployment.cloud.cdk("diff", "--method=template", context=CONTEXT)
    changed = [line for line in output.splitlines() if re.search(r"\[[-+~]\] [A-Z]\w+::", line)]
    assert [line.split()[1:3] for line in changed] == [
        ["Custom::AWS", "EventStore/Stream/Resource"]
    ]
    # Made anew at each deployment: the value says when (README).
    assert "DeployedAt" in output


def _send_nonsense(ready: dict[str, Any]) -> None:
    """What no event is on a topic, and an execution with the input `null`."""
    (stack,) = (outputs for outputs in ready["stacks"].values() if "TopicArnPrefix" in outputs)
    session = boto3.Session(
        aws_access_key_id=ready["access_key_id"],
        aws_secret_access_key=ready["secret_access_key"],
        region_name=ready["region"],
    )
    topic = f"{stack['TopicArnPrefix']}{next(iter(ready['subscribers']))}"
    sns = session.client("sns", endpoint_url=ready["endpoint_url"])
    for message in ("hello", "null"):
        sns.publish(TopicArn=topic, Message=message)
    sns.publish(TopicArn=stack["OpsTopicArn"], Subject="nonsense", Message="a\x1b[2J\nb")
    states = session.client("stepfunctions", endpoint_url=ready["endpoint_url"])
    states.start_execution(stateMachineArn=stack["RedriveStateMachineArn"], input="null")


def _words(log: Path) -> set[str]:
    """Those of the awaited words that the terminal shows."""
    text = log.read_text()
    return {word for word in ("no event:", "nonsense") if word in text}


def test_run_shows_each_sample_arriving_stays_up_and_cleans_up(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs.json"
    log = tmp_path / "log"
    with (
        log.open("w") as file,
        subprocess.Popen(
            [sys.executable, "-m", "local", "--outputs", str(outputs)],
            stdout=file, stderr=subprocess.STDOUT, cwd=ROOT,
        ) as process,
    ):  # fmt: skip
        try:
            deadline = time.monotonic() + RUN_SECONDS
            while not outputs.exists():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            ready = json.loads(outputs.read_text())
            body = (ROOT / "local" / "samples" / "order-placed.json").read_bytes()
            answer = urllib3.request(
                "POST",
                f"{ready['api_url']}/events",
                body=body.replace(b"order-10046/placed", b"another"),
                headers={
                    "x-api-key": ready["api_key"],
                    "content-type": "application/cloudevents+json",
                },
            )
            assert answer.status == 202
            assert outputs.stat().st_mode & 0o777 == 0o600
            _send_nonsense(ready)
            deadline = time.monotonic() + RUN_SECONDS
            while not {"no event:", "nonsense"} <= _words(log):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            page = ready["dashboard_url"]
            assert "    a\\x1b[2J\n    b\n" in log.read_text()
            mails = json.loads(urllib3.request("GET", f"{page}api/mails").data)
            assert "nonsense" in [mail["subject"] for mail in mails]
            executions = json.loads(urllib3.request("GET", f"{page}api/live").data)["executions"]
            assert executions[0]["input"] == {}
            assert urllib3.request("GET", page).status == 200
            # Some other site's name that was made to point here.
            assert urllib3.request("GET", page, headers={"host": "example.com"}).status == 403
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, log.read_text()
    assert not outputs.exists()
    assert set(ready["subscribers"]) == {t.name for t in load_catalogue(ROOT / "catalogue").topics}
    for sample in sorted((ROOT / "local" / "samples").glob("*.json")):
        assert json.loads(sample.read_text())["id"] in log.read_text()
    with pytest.raises(urllib3.exceptions.HTTPError):
        urllib3.request("GET", ready["endpoint_url"], retries=False, timeout=2)
    with pytest.raises(urllib3.exceptions.HTTPError):
        urllib3.request("GET", ready["dashboard_url"], retries=False, timeout=2)
