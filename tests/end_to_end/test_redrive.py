"""Triage and redrive in the deployed system; tests/engine has all that can go wrong.

What is here is what the engine's tests stand in for: the state machine as Step Functions runs it, the
functions' own rights, the alarm that starts triage, and the rule that releases what was stopped.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from eventing.cause import Cause, Code
from eventing.dead_letter import DeadLetter, Stage
from eventing.timestamps import timestamp
from tests.end_to_end.conftest import eventually, execute, items, new_event, payment, put_messages

if TYPE_CHECKING:
    from local.deployment import Deployment
    from tests.end_to_end.conftest import Subscriber

PUBLISHERS = ("acme-web", "acme-pay", "nordic-crm")


def letter(
    event: dict[str, Any],
    *,
    stage: Stage,
    step: Any,
    publisher: str,
    message: str,
    code: Code = Code.NOT_FOUND,
    topic: str | None = None,
) -> DeadLetter:
    """A dead letter as the functions would have written it a minute ago."""
    failed_at = timestamp(datetime.now(UTC) - timedelta(minutes=1))
    return DeadLetter(
        stage=stage,
        step=step,
        publisher=publisher,
        event=json.dumps(event, ensure_ascii=False, separators=(",", ":")),
        accepted_at=failed_at,
        cause=Cause(code, code.title(), message),
        failed_at=failed_at,
        topic=topic,
    )


def send(deployment: Deployment, letters: list[DeadLetter]) -> None:
    for stage, queue in (("ingest", "IngestDlqUrl"), ("publish", "PublishDlqUrl")):
        texts = [one.text() for one in letters if one.stage == stage]
        put_messages(deployment.client("sqs"), deployment.outputs[queue], texts)


def rows(deployment: Deployment, keys: set[str]) -> dict[str, dict[str, Any]]:
    """The ledger's rows with these keys."""
    found = items(deployment, "LedgerTable")
    return {item["pk"]["S"]: item for item in found if item["pk"]["S"] in keys}


def states(deployment: Deployment, letters: list[DeadLetter]) -> Counter[str]:
    """How many of these letters are in which state; each is in the ledger once."""
    found = rows(deployment, {one.key for one in letters})
    return Counter(item["state"]["S"] for item in found.values())


def output(execution: dict[str, Any]) -> dict[str, Any]:
    """What an execution that ended well puts out."""
    assert execution["status"] == "SUCCEEDED", execution
    content: dict[str, Any] = json.loads(execution["output"])
    return content


def test_a_thousand_letters(deployment: Deployment, subscriber: Subscriber) -> None:
    kinds: list[dict[str, Any]] = [
        {"stage": "publish", "step": "publish", "topic": "orders"},
        {"stage": "publish", "step": "publish", "topic": "payments", "code": Code.ACCESS_DENIED},
        {"stage": "ingest", "step": "store", "code": Code.THROTTLED},
        {"stage": "ingest", "step": "archive", "code": Code.UNAVAILABLE},
    ]
    letters = []
    for number in range(1000):
        kind = kinds[number // 3 % 4]
        event = payment() if kind.get("topic") == "payments" else new_event()
        letters.append(
            letter(event, publisher=PUBLISHERS[number % 3], message="a thousand letters", **kind)
        )
    # By their message these groups are the test's own.
    expected = Counter(one.fingerprint for one in letters)
    send(deployment, letters)

    def drained() -> bool:
        execute(deployment)
        return states(deployment, letters)["open"] == 1000

    eventually(drained, bool)
    for queue in ("IngestDlqUrl", "PublishDlqUrl"):
        eventually(partial(deployment.depth, deployment.outputs[queue]), lambda depth: depth == 0)
    # It is skipped while another one runs, which the alarm may have started.
    triaged = eventually(
        lambda: output(execute(deployment)), lambda output: output["outcome"] == "triaged"
    )
    address = triaged["report"].removeprefix(f"s3://{deployment.outputs['OperationsBucket']}/")
    body = deployment.client("s3").get_object(
        Bucket=deployment.outputs["OperationsBucket"], Key=address
    )["Body"]
    groups = {g["fingerprint"]: g["letters"] for g in json.loads(body.read())["groups"]}
    assert {f: n for f, n in groups.items() if f in expected} == expected

    (chosen,) = {one.fingerprint for one in letters if one.topic == "payments"}
    wanted = {"publisher": "acme-pay", "fingerprint": chosen}
    mine = [o for o in letters if o.publisher == "acme-pay" and o.fingerprint == chosen]
    redriven = output(
        execute(deployment, stage="publish", action="redrive", filter=wanted, reason="a test")
    )
    assert redriven["counts"] == {"resolved": len(mine)}
    for one in mine:
        deliveries = subscriber.wait_for(json.loads(one.event)["id"])
        assert [d.topic for d in deliveries] == ["payments"]
        assert deliveries[0].attributes["redrive_episode"] == "1"
    others = [one for one in letters if one not in mine]
    assert states(deployment, others) == {"open": len(others)}
    assert not any(subscriber.seen(json.loads(one.event)["id"]) for one in others)

    # What is stored is taken from there by the stream, as if ingestion had stored it.
    stores = [one for one in others if one.step == "store"][:20]
    ids = [one.key for one in stores]
    stored = execute(deployment, stage="ingest", action="redrive", filter={"letter_ids": ids})
    assert output(stored)["counts"] == {"resolved": 20}
    for one in stores:
        assert [d.topic for d in subscriber.wait_for(json.loads(one.event)["id"])] == ["orders"]

    # Whatever other tests may have left is discarded with them.
    rest = execute(
        deployment,
        action="discard",
        everything=True,
        rate_per_second=1000,
        reason="the end",
    )
    assert output(rest)["outcome"] == "done"
    assert states(deployment, letters)["open"] == 0


def test_a_faulty_input_is_named_and_changes_nothing(deployment: Deployment) -> None:
    for request, field in (
        ({"rate_per_second": -1}, "rate_per_second"),
        ({"filter": {"publishr": "acme-web"}}, "filter.publishr"),
        ({"reason": "r" * (1024 + 2048)}, "reason"),
        ({"action": "redrive", "filter": {"publisher": "nobody"}}, "filter"),
    ):
        failed = execute(deployment, **request)
        assert (failed["status"], failed["error"]) == ("FAILED", "InvalidInput")
        assert failed["cause"].startswith(f"{field}: ")
