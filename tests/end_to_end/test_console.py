"""`eventing` in the deployed system, used by people who have its managed policies and no other rights."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infrastructure.packaging import ROOT
from tests.end_to_end.conftest import (
    PUBLISHER,
    Subscriber,
    counted,
    denied,
    deployed,
    eventually,
    in_the_ledger,
    new_event,
    park_letter,
    short_periods,
)
from tests.end_to_end.people import environment_of
from tests.shown import terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from local.deployment import Deployment

TYPE = "com.example.shop.order.shipped.v1"
YES = ("--yes", "--reason", "the policy is back")
SECRET = "SECRET-carrier-4711"


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it put out as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Operator:
    """Types commands in a terminal with credentials of their own."""

    deployment: Deployment
    environment: dict[str, str]
    folder: Path

    def __call__(self, command: str, *more: str) -> Ended:
        """Run a command as it is written, with more options."""
        process = self.begin(command, *more)
        out, err = process.communicate(timeout=120)
        assert SECRET not in out + err
        return Ended(process.returncode, out, err)

    def begin(self, command: str, *more: str) -> subprocess.Popen[str]:
        """Begin a command."""
        return subprocess.Popen(
            [*shlex.split(command), *more],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def status(self) -> Any:
        """The status, for programs."""
        return self("eventing status", "--json").document

    def see_letters(self, events: Sequence[dict[str, Any]]) -> None:
        """See that the status has these events as open letters, once triage has taken them in."""
        in_the_ledger(self.deployment, *events)
        assert sum(group["letters"] for group in self.status()["open"]) == len(events)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The app in a cloud of its own: nobody else's letters are in the way of *healthy*."""
    with deployed(tmp_path_factory) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def operator(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """Somebody with the policy of operators, and no other."""
    return person(deployment, "dana", "OperatorPolicyArn", tmp_path_factory.mktemp("terminal"))


@pytest.fixture(scope="module")
def approver(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """Somebody with the policy of approvers, and no other."""
    return person(deployment, "bob", "ApproverPolicyArn", tmp_path_factory.mktemp("approver"))


def person(deployment: Deployment, name: str, policy: str, folder: Path) -> Operator:
    """A user with one of the deployment's managed policies."""
    environment = terminal(
        {
            **environment_of(deployment, name, policy),
            "EVENTING_API_URL": deployment.api_url,
            "EVENTING_API_KEY": deployment.api_key(PUBLISHER),
            "PYTHONPATH": str(ROOT),
        }
    )
    return Operator(deployment, environment, folder)


def shipped() -> dict[str, Any]:
    """An event of the topic `orders`."""
    return new_event(TYPE, order_id="1", carrier=SECRET)


def send(operator: Operator, events: Sequence[dict[str, Any]]) -> None:
    """Send events as a publisher, a hundred at a time."""
    for start in range(0, len(events), 100):
        file = operator.folder / "batch.json"
        file.write_text(json.dumps(events[start : start + 100]))
        sent = operator("eventing send", str(file))
        assert sent.code == 0, sent.err


def break_down(operator: Operator, events: Sequence[dict[str, Any]]) -> None:
    """Send events while their topic is denied, and see them in the ledger."""
    deployment = operator.deployment
    topic = deployment.topic_arn("orders")
    with denied(deployment, deployment.outputs["PublishFunction"], "sns:Publish", topic):
        send(operator, events)
        operator.see_letters(events)
    # Triage goes on for a moment, and nobody's execution but the test's own is to be under way.
    machine = deployment.outputs["RedriveStateMachineArn"]
    eventually(
        lambda: deployment.client("stepfunctions").list_executions(
            stateMachineArn=machine, statusFilter="RUNNING"
        )["executions"],
        lambda running: not running,
    )


def test_incident_a_is_walked_by_the_commands_that_each_names_next(
    operator: Operator, deployment: Deployment, subscriber: Subscriber
) -> None:
    """One topic is denied for publish and redrive, 300 events wait: alarm to verified.

    The raw walk of the runbook took 11 commands: set-up, alarms, triage, letter, plan and its follow,
    redrive and its follow, report, alarms, and the look at what is left.
    """
    events = [shipped() for _ in range(300)]
    topic, walked, times = deployment.topic_arn("orders"), [], {}
    with (
        denied(deployment, deployment.outputs["PublishFunction"], "sns:Publish", topic),
        denied(deployment, f"{deployment.name}-redrive", "sns:Publish", topic),
    ):
        began = time.monotonic()
        send(operator, events)
        eventually(
            operator.status,
            lambda status: status["health"] == "unhealthy" and status["next"],
            seconds=120,
        )
        operator.see_letters(events)
        times["alarm"] = time.monotonic() - began

        began = time.monotonic()
        alarm = operator("eventing status", "--json")
        walked.append("eventing status")
        (told,) = alarm.document["alarms"]
        assert told["name"] == "publish-dead-letters"

        diagnosis = operator(alarm.document["next"][0], "--json")
        walked.append(alarm.document["next"][0])
        (group,) = diagnosis.document["groups"]
        assert (group["letters"], group["cause"], group["topics"]) == (
            300,
            "ACCESS_DENIED",
            {"orders": 300},
        )
        assert group["remedy"] == "a policy or a key was changed: fix it, then redrive"
        times["diagnosed"] = time.monotonic() - began

        began = time.monotonic()
        plan = operator(diagnosis.document["next"][0], "--json")
        walked.append(diagnosis.document["next"][0])
        assert plan.code == 0, plan.err
        assert plan.document["plan"]["will_go_through"] == 300
        times["planned"] = time.monotonic() - began
    # The cause is gone: the policy is as it was.
    began = time.monotonic()
    redrive = operator(plan.document["next"][0], *YES, "--json")
    walked.append(plan.document["next"][0])
    assert redrive.code == 0, redrive.err
    assert redrive.document["counts"] == {"resolved": 300}
    times["redriven"] = time.monotonic() - began

    began = time.monotonic()
    walked.append(redrive.document["next"][0])
    with short_periods(deployment, "publish-dead-lettered", "publish-open-dead-letters"):
        eventually(
            lambda: (
                counted(deployment)
                and operator(redrive.document["next"][0], "--json").document["health"]
            ),
            lambda health: health == "healthy",
        )
    times["verified"] = time.monotonic() - began
    assert [shlex.split(command)[1] for command in walked] == [
        "status", "letters", "plan", "redrive", "status",
    ]  # fmt: skip
    print("\n".join(f"{step}: {seconds:.1f} s" for step, seconds in times.items()))
    for event in events:
        assert [d.topic for d in subscriber.wait_for(event["id"])] == ["orders"]


def test_a_redrive_that_begins_too_early_is_aborted_and_says_so(
    operator: Operator, deployment: Deployment, subscriber: Subscriber
) -> None:
    events = [shipped() for _ in range(12)]
    break_down(operator, events)
    topic = deployment.topic_arn("orders")
    with denied(deployment, f"{deployment.name}-redrive", "sns:Publish", topic):
        early = operator("eventing redrive --stage publish --json", *YES)
    assert early.code == 3, early.out
    assert early.document["outcome"] == "aborted"
    assert early.document["next"][0].startswith("eventing letters")

    assert operator("eventing redrive --stage publish", *YES).code == 0
    for event in events:
        assert subscriber.wait_for(event["id"])


def test_a_run_is_left_to_itself_stopped_and_continued(
    operator: Operator, deployment: Deployment, subscriber: Subscriber
) -> None:
    # Half a minute's worth, so that it is under way when it is interrupted.
    events = [shipped() for _ in range(60)]
    break_down(operator, events)
    process = operator.begin(
        "eventing redrive --stage publish --rate-per-second 2 --canary 1 --json", *YES
    )
    eventually(lambda: operator.status()["executions"], bool)
    ids = [event["id"] for event in events]
    eventually(lambda: deployment.depth(subscriber.queue), lambda arrived: arrived >= 2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (3, "")
    # It goes on, and both commands are as they are typed.
    follow, stop = re.findall(r"(eventing (?:follow|stop) \S+)", err.splitlines()[-1])
    assert operator.status()["next"][0] == follow

    stopped = operator(stop, "--reason", "too slow", "--json")
    assert stopped.code == 0, stopped.err
    assert stopped.document["outcome"] == "partial"
    assert stopped.document["not_taken_up"] > 0
    resumed = operator(stopped.document["next"][0], *YES, "--rate-per-second", "50", "--json")
    assert resumed.code == 0, resumed.err
    assert resumed.document["counts"] == {"resolved": stopped.document["not_taken_up"]}
    for id in ids:
        assert subscriber.wait_for(id)
    audited = operator("eventing audit --since 1h --json").document["audit"]
    assert {"partial", "done"} <= {entry["outcome"] for entry in audited}
    assert all(entry["started_by"].endswith(":user/dana") for entry in audited)


def test_what_show_aws_prints_does_the_same(operator: Operator) -> None:
    shown = operator('eventing triage --stage ingest --reason "it\'s $(false) `false`" --show-aws')
    assert operator.status()["executions"] == []
    started = subprocess.run(
        ["bash", "-c", shown.out], env=operator.environment, capture_output=True, text=True
    )
    assert started.returncode == 0, started.stderr
    followed = operator("eventing follow", json.loads(started.stdout)["executionArn"], "--json")
    assert followed.code == 0
    assert followed.document["reason"] == "it's $(false) `false`"


def test_parked_letters_come_back_and_unwanted_ones_go(
    operator: Operator, deployment: Deployment, subscriber: Subscriber
) -> None:
    wanted, unwanted = shipped(), shipped()
    break_down(operator, [wanted])
    (key,) = operator("eventing letters --stage publish --topic orders --ids --json").document[
        "ids"
    ]
    park_letter(deployment, key)
    assert operator.status()["health"] in ("needs attention", "unhealthy")
    found = operator("eventing letters --parked --ids --json").document
    assert len(found["ids"]) == 1
    assert operator(found["next"][0], "--json").document["state"] == "parked"
    assert operator(found["next"][-1], *YES).code == 0
    assert subscriber.wait_for(wanted["id"])

    break_down(operator, [unwanted])
    refused = operator("eventing discard --topic orders --yes")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert refused.err.startswith("eventing: reason: ")
    gone = operator("eventing discard --topic orders --yes --json", "--reason", "nobody wants it")
    assert gone.document["counts"] == {"discarded": 1}
    assert subscriber.seen(unwanted["id"]) == []


def asked(operator: Operator, approver: Operator, *options: str) -> str:
    """The name of a redrive that waits for an approval, as an approver sees it."""
    started = operator(
        "eventing redrive --stage publish --approval-above 0 --detach --json", *YES, *options
    )
    name: str = started.document["execution"]
    eventually(
        lambda: approver("eventing approvals --json").document["approvals"],
        lambda waiting: name in [one["execution"] for one in waiting],
    )
    return name


def test_who_starts_a_run_asks_and_an_approver_answers(
    operator: Operator, approver: Operator, deployment: Deployment, subscriber: Subscriber
) -> None:
    events = [shipped() for _ in range(2)]
    break_down(operator, events)
    name = asked(operator, approver)
    (waiting,) = approver("eventing approvals --json").document["approvals"]
    assert (waiting["letters"], waiting["causes"], waiting["topics"]) == (
        2,
        {"ACCESS_DENIED": 2},
        {"orders": 2},
    )

    # Who starts runs sees that one waits, and neither what it takes to answer nor how to lift the ceiling.
    assert "eventing approvals" in operator.status()["next"]
    for command in (f"eventing approve {name}", f"eventing refuse {name}", "eventing approvals"):
        ended = operator(command, *(YES if name in command else ()))
        assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
        assert " is missing: ask whoever gives you yours for it." in ended.err
    lifted = operator("eventing redrive --stage publish --approval-above 100001 --json", *YES)
    assert (lifted.code, lifted.document["outcome"]) == (2, "InvalidInput")
    token = _token(deployment, name)
    _see_denied(operator, deployment, name, token)

    # Who approves starts and stops nothing.
    for command, options in (
        ("eventing status", ()),
        ("eventing redrive --stage publish", YES),
        (f"eventing stop {name}", ()),
        (f"eventing report {name}", ()),
    ):
        ended = approver(command, *options)
        assert (ended.code, ended.err.count("\n")) == (2, 1), (command, ended.err)

    answered = approver(
        f"eventing approve {name} --yes --json --reason", "seen it, the topic is back"
    )
    assert (answered.code, answered.document["outcome"]) == (0, "approved"), answered.err
    assert operator(answered.document["next"][0], "--json").document["counts"] == {"resolved": 2}
    for event in events:
        assert subscriber.wait_for(event["id"])
    report = operator(f"eventing report {name} --json").document
    assert report["request"]["started_by"].endswith(":user/dana")
    assert report["approver"].endswith(":user/bob")
    assert report["claimed"] == ["started_by", "approver"]
    again = approver(f"eventing approve {name} --yes --reason", "once more")
    assert (again.code, again.out, again.err.count("\n")) == (2, "", 1)
    assert "waits for no approval" in again.err

    # The token is in nothing that operators read.
    states = deployment.client("stepfunctions")
    run = _execution(deployment, "Redrive", name)
    shown = [
        states.get_execution_history(executionArn=run, maxResults=1000)["events"],
        states.describe_execution(executionArn=run),
        states.describe_execution(executionArn=_execution(deployment, "Approval", name)),
        report,
        operator(f"eventing follow {name} --json").document,
    ]
    logs = deployment.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    assert any(group.endswith("-redrive") for group in groups)
    shown += [logs.filter_log_events(logGroupName=group)["events"] for group in groups]
    assert token not in json.dumps(shown, default=str)


def test_a_refusal_and_a_run_that_was_stopped_while_it_waited(
    operator: Operator, approver: Operator
) -> None:
    events = [shipped()]
    break_down(operator, events)
    name = asked(operator, approver)
    # By the AWS CLI, as it is shown; the token does not stand in it.
    shown = approver(f"eventing refuse {name} --show-aws --reason", "it's not safe").out
    ran = subprocess.run(
        ["bash", "-c", shown], env=approver.environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    followed = operator(f"eventing follow {name} --json")
    assert (followed.code, followed.document["outcome"]) == (3, "refused")
    assert followed.document["cause"].endswith(":user/bob: it's not safe")

    name = asked(operator, approver)
    assert operator(f"eventing stop {name} --json").document["outcome"] == "partial"
    late = approver(f"eventing approve {name} --yes --reason", "too late")
    assert (late.code, late.err.count("\n")) == (2, 1)
    assert "waits for no approval" in late.err
    assert approver("eventing approvals --json").document["approvals"] == []
    gone = operator("eventing discard --topic orders --yes --json", "--reason", "nobody wants it")
    assert gone.document["counts"] == {"discarded": 1}


def _execution(deployment: Deployment, machine: str, name: str) -> str:
    arn = deployment.outputs[f"{machine}StateMachineArn"]
    return f"{arn.replace(':stateMachine:', ':execution:')}:{name}"


def _token(deployment: Deployment, name: str) -> str:
    s3, bucket = deployment.client("s3"), deployment.outputs["OperationsBucket"]
    (kept,) = s3.list_objects_v2(Bucket=bucket, Prefix=f"approvals/{name}/")["Contents"]
    content = json.loads(s3.get_object(Bucket=bucket, Key=kept["Key"])["Body"].read())
    return str(content["token"])


def _see_denied(operator: Operator, deployment: Deployment, name: str, token: str) -> None:
    """All ways to the token, and the answer with one that somebody has got hold of, are denied."""
    session = boto3.Session(
        operator.environment["AWS_ACCESS_KEY_ID"],
        operator.environment["AWS_SECRET_ACCESS_KEY"],
        region_name=deployment.region,
    )
    make: Any = session.client
    states, s3 = (
        make(
            service,
            endpoint_url=deployment.cloud.endpoint_url,
            config=Config(retries={"total_max_attempts": 1}),
        )
        for service in ("stepfunctions", "s3")
    )
    bucket = deployment.outputs["OperationsBucket"]
    asking = _execution(deployment, "Approval", name)
    calls: list[Callable[[], Any]] = [
        lambda: s3.list_objects_v2(Bucket=bucket, Prefix=f"approvals/{name}/"),
        lambda: s3.get_object(Bucket=bucket, Key=f"approvals/{name}/x.json"),
        lambda: states.get_execution_history(executionArn=asking),
        lambda: states.stop_execution(executionArn=asking),
        lambda: states.send_task_success(taskToken=token, output="{}"),
        lambda: states.send_task_failure(taskToken=token),
    ]
    for call in calls:
        with pytest.raises(ClientError) as raised:
            call()
        assert raised.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    states.get_execution_history(executionArn=_execution(deployment, "Redrive", name))


def test_a_right_that_is_missing_is_named(operator: Operator, deployment: Deployment) -> None:
    iam = deployment.client("iam")
    iam.put_user_policy(
        UserName="dana",
        PolicyName="not-this-one",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Deny", "Action": "dynamodb:Query", "Resource": "*"}],
            }
        ),
    )
    try:
        ended = operator("eventing letters")
    finally:
        iam.delete_user_policy(UserName="dana", PolicyName="not-this-one")
    assert (ended.code, ended.err) == (
        2,
        "eventing: The right dynamodb:Query is missing: ask whoever gives you yours for it.\n",
    )


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ("--region eu-west-3", "no deployment"),
        ("--deployment eventing-two", "no deployment eventing-two"),
    ],
)
def test_a_wrong_region_and_no_deployment_are_one_sentence(
    operator: Operator, options: str, word: str
) -> None:
    ended = operator(f"eventing status {options}")

    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert word in ended.err
