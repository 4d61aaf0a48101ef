"""What `eventing verify` looks at before it sends anything: nothing is changed by it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cached_property

from console.commands.guarded import guarded
from console.deployed.account import Account
from console.deployed.alarms import states
from console.deployed.deployment import Deployment
from console.deployed.front_door import health
from console.deployed.stacks import Resource, Stacks
from eventing.canary import PUBLISHER
from eventing.verification import account as rules
from eventing.verification import permissions
from eventing.verification.check import Check
from functions.contract import HEALTH, Objects

_ALARMS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
_DASHBOARD = "AWS::CloudWatch::Dashboard"
_FUNCTION = "AWS::Lambda::Function"
# The construct of Macie, whose resources are there when the deployment goes with it.
_MACIE = "SensitiveDataHandlingMacie"
# By their names in the code.
_OWN = (
    *("ingest", "publish", "inquiry", "triage", "redrive", "counter", "widget", "notifier"),
    "canary",
)
_THREADS = 8


class Inspection:
    """Of one deployment."""

    def __init__(self, deployment: Deployment, *, queues: str, now: datetime) -> None:
        """`queues` is what the names of verifications' queues begin with."""
        self._deployment = deployment
        self._now = now
        self._account = Account(deployment.aws)
        self._queues = queues
        self._stacks = Stacks(
            deployment.aws.client("cloudformation"),
            deployment=deployment.name,
            region=deployment.region,
        )

    def checks(self) -> Iterator[Check]:
        """Preconditions, alarms and dashboards, permissions, in this order."""
        made: Mapping[str, Callable[[], Check]] = {
            "last deployment": self._last_deployment,
            "leftovers of verifications": self._leftovers,
            "quota: Lambda": lambda: rules.concurrency(self._account.concurrency()),
            "quota: API Gateway": lambda: rules.usage_plans(self._account.usage_plans()),
            "URLs": self._urls,
            "Macie": self._macie,
            "mails to operators": self._mails,
            "functions": self._functions,
            "alarms": self._alarms,
            "dashboards": self._dashboards,
            "permissions": self._permissions,
        }
        for name, make in made.items():
            yield guarded(name, make)

    @cached_property
    def _resources(self) -> Sequence[Resource]:
        return list(self._stacks.resources(self._stacks.regional))

    @cached_property
    def _running(self) -> Sequence[tuple[rules.Running, str]]:
        """The deployment's own functions, each with its role: the CDK has some of its own in the stack."""
        prefix = f"{self._deployment.name}-"
        found = (one.id for one in self._resources if one.kind == _FUNCTION)
        return self._account.functions([id for id in found if id.removeprefix(prefix) in _OWN])

    def _last_deployment(self) -> Check:
        stacks = (self._stacks.data, self._stacks.regional)
        found = {stack: self._stacks.status(stack) for stack in stacks}
        return rules.stacks(
            # That of the table is in the primary region alone.
            {stack: status for stack, status in found.items() if status},
            {
                one.logical_id: one.status
                for one in self._resources
                if one.status.endswith("_FAILED")
            },
        )

    def _leftovers(self) -> Check:
        return rules.leftovers(self._account.queues(self._queues), now=self._now)

    def _urls(self) -> Check:
        urls = [f"{url.rstrip('/')}{HEALTH}" for url in self._deployment.urls]
        return rules.urls({url: health(url) for url in urls})

    def _macie(self) -> Check:
        wanted = any(one.logical_id.startswith(_MACIE) for one in self._resources)
        return rules.macie(wanted=wanted, session=self._account.macie() if wanted else None)

    def _mails(self) -> Check:
        return rules.mails(self._account.mails(self._deployment.output("OpsTopicArn")))

    def _functions(self) -> Check:
        publish = self._deployment.output("PublishFunction")
        return rules.functions(
            [running for running, _ in self._running],
            reads_stream=self._account.reads_stream(publish),
        )

    def _alarms(self) -> Check:
        # A composite's id may be its ARN.
        expected = [
            one.id.rpartition(":alarm:")[2] for one in self._resources if one.kind in _ALARMS
        ]
        found = states(self._deployment.aws.client("cloudwatch"), expected)
        return rules.there("alarms", expected, {name: one.tells for name, one in found.items()})

    def _dashboards(self) -> Check:
        expected = [one.id for one in self._resources if one.kind == _DASHBOARD]
        found = self._account.dashboards(f"{self._deployment.name}-")
        return rules.there("dashboards", expected, dict.fromkeys(found, True))

    def _permissions(self) -> Check:
        prefix = f"{self._deployment.name}-"
        roles = {running.name.removeprefix(prefix): role for running, role in self._running}
        arns = self._arns()
        asked = permissions.asked(list(roles), arns)
        calls: dict[tuple[str, permissions.Resource], list[str]] = defaultdict(list)
        for one in asked:
            calls[one.function, one.resource].append(one.action)

        def ask(call: tuple[str, permissions.Resource]) -> set[str]:
            function, resource = call
            return self._account.allowed(roles[function], calls[call], arns[resource])

        with ThreadPoolExecutor(_THREADS) as workers:
            allowed = dict(zip(calls, workers.map(ask, calls), strict=True))
        return permissions.judge(
            [(one, one.action in allowed[one.function, one.resource]) for one in asked]
        )

    def _arns(self) -> dict[permissions.Resource, str]:
        output = self._deployment.output
        partition, region, account = (output("OpsTopicArn").split(":")[n] for n in (1, 3, 4))

        def arn(service: str, name: str) -> str:
            return f"arn:{partition}:{service}:{region}:{account}:{name}"

        def bucket(name: str, key: str) -> str:
            return f"arn:{partition}:s3:::{name}/{key}"

        operations = output("OperationsBucket")
        has_stream = self._deployment.has("DeliveryStream")
        return {
            "events": arn("dynamodb", f"table/{output('EventsTable')}"),
            "receipts": arn("dynamodb", f"table/{output('ReceiptsTable')}"),
            "ledger": arn("dynamodb", f"table/{output('LedgerTable')}"),
            "archive": bucket(output("ArchiveBucket"), f"{Objects.EVENTS}{PUBLISHER}/verify.jsonl"),
            **(
                {"delivery-stream": arn("firehose", f"deliverystream/{output('DeliveryStream')}")}
                if has_stream
                else {}
            ),
            "operations": bucket(operations, f"{Objects.REPORTS}verify.json"),
            "tokens": bucket(operations, f"{Objects.APPROVALS}verify.json"),
            "ingest-dlq": arn("sqs", output("IngestDlqUrl").rpartition("/")[2]),
            "publish-dlq": arn("sqs", output("PublishDlqUrl").rpartition("/")[2]),
            "topic": self._topic(),
        }

    def _topic(self) -> str:
        """The ARN of one of the topics: functions have the same rights on all of them."""
        if self._deployment.has("CanaryTopicArn"):
            return self._deployment.output("CanaryTopicArn")
        prefix = self._deployment.output("TopicArnPrefix")
        return next(one.id for one in self._resources if one.id.startswith(prefix))
