"""The CDK example of the subscribers' guide, as it is written there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from infrastructure.packaging import ROOT
from tests.infrastructure.synthesis import Template

EXAMPLE = re.compile(r"<!-- tested: [\w/.]+ -->\n```python\n(.*?)```", re.DOTALL)


def test_the_example_subscribes_a_queue_and_a_function(tmp_path: Path) -> None:
    (code,) = EXAMPLE.findall((ROOT / "docs" / "subscribers.md").read_text())
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - our own documentation
    app = cdk.App(outdir=str(tmp_path))
    names["Subscriber"](app, "subscriber")
    app.synth()
    template = Template(
        json.loads((tmp_path / "subscriber.template.json").read_text()), "us-east-1"
    )

    by_protocol = {s.raw["Protocol"]: s.raw for s in template.all("AWS::SNS::Subscription")}
    assert set(by_protocol) == {"sqs", "lambda"}
    queue, function = by_protocol["sqs"], by_protocol["lambda"]
    assert queue["TopicArn"] == function["TopicArn"]
    assert queue["TopicArn"]["Fn::Join"][1][-1] == ":eventing-topic-orders"
    assert queue["RawMessageDelivery"] is True
    assert queue["FilterPolicy"] == {"publisher": ["acme-web"]}
    assert "deadLetterTargetArn" in queue["RedrivePolicy"]
    assert function["FilterPolicyScope"] == "MessageBody"
    assert function["FilterPolicy"] == {"data": {"total": [{"numeric": [">=", 1000]}]}}
