"""Cases of sensitive data without a deployment: the real state machines and function, and AWS in memory.

What cases ask of the state machine of publishers is carried out by that, with its own function.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from aws_lambda_powertools import Logger

from eventing.archive_line import archive_line
from functions.cases.handler import make_handler
from functions.contract import Objects, Variable
from functions.shared.archive import object_key
from functions.shared.parts import Parts
from tests.engine.letters import CATALOGUE
from tests.engine.registrar import HOME, LEDGER, TABLE, Registrar
from tests.faults.memory import TOPIC_PREFIX
from tests.faults.s3 import VERSION
from tests.faults.vocabulary import Call, Fault, Faults, Killed, nothing
from tests.workflows.asl import Execution, ExecutionFailed, Json, TaskFailed
from workflows.approval import DEFINITION as APPROVAL_DEFINITION
from workflows.sensitive_data import DEFINITION

if TYPE_CHECKING:
    from functions.shared.clients import Clients
    from tests.faults.aws import FakeAws

MACHINE: Json = json.loads(DEFINITION.read_text(encoding="utf-8"))
APPROVAL: Json = json.loads(APPROVAL_DEFINITION.read_text(encoding="utf-8"))
ACCOUNT = "123456789012"
ARCHIVE, OPERATIONS = "shop-archive", "shop-operations"
POLICY = {"low": "notify", "medium": "ask", "high": "ask"}
ACCEPTED_AT = "2026-02-28T14:05:00.000Z"
SECRET = "4111111111111111"  # of Visa, for tests
_ARN = f"arn:aws:states:{HOME}:{ACCOUNT}"
_MACHINE_ARN = f"{_ARN}:stateMachine:sensitive-data"
_PUBLISHERS_ARN = f"{_ARN}:stateMachine:shop-publishers"

Answer = Callable[[Json], Json]


def event(id: str, type: str = "com.example.shop.order.placed.v1", **members: Json) -> Json:
    """An event with the secret in it, in a field of its data."""
    data = {"card": SECRET, "note": "fine"}
    return {
        "specversion": "1.0",
        "id": id,
        "source": "/orders",
        "type": type,
        "data": data,
        **members,
    }


def finding(
    key: str,
    *places: tuple[int | None, str],
    id: str = "f1",
    severity: str = "High",
    count: int | None = None,
    **members: Json,
) -> Json:
    """A finding in the form of Macie's, on an object of the archive."""
    records = [
        {
            **({} if index is None else {"recordIndex": index}),
            **({"jsonPath": path} if path else {}),
        }
        for index, path in places
    ]
    detection = {
        "type": "CREDIT_CARD_NUMBER",
        "count": len(places) if count is None else count,
        "occurrences": {"records": records},
    }
    return {
        "schemaVersion": "1.0",
        "id": id,
        "accountId": ACCOUNT,
        "region": HOME,
        "type": "SensitiveData:S3Object/Financial",
        "category": "CLASSIFICATION",
        "severity": {"score": 3, "description": severity},
        "createdAt": "2026-03-01T02:00:00Z",
        "resourcesAffected": {
            "s3Bucket": {"name": ARCHIVE},
            "s3Object": {"key": key, "path": f"{ARCHIVE}/{key}", "versionId": VERSION},
        },
        "classificationDetails": {
            "result": {
                "additionalOccurrences": False,
                "sensitiveData": [{"category": "FINANCIAL_INFORMATION", "detections": [detection]}],
            }
        },
        **members,
    }


def yes(question: Json, **choice: Json) -> Json:
    """What an approver answers who lets it be done."""
    told = {"approver": "dana", "reason": "it has to stop", "hash": question["plan"]["hash"]}
    return {"approved": True, **told, **({"choice": choice} if choice else {})}


def no(question: Json) -> Json:
    """What an approver answers who refuses."""
    return {**yes(question), "approved": False}


def nobody(question: Json) -> Json:
    """What is answered within a day."""
    raise TaskFailed("States.Timeout")


class Casebook:
    """What the cases function works on, each test its own."""

    def __init__(self, clients: Clients, aws: FakeAws) -> None:
        self.aws = aws
        self.registrar = Registrar(clients, aws)
        self.clock = self.registrar.clock
        self.findings: dict[str, Json] = {}
        """What Macie has, by id."""
        self.faults: Faults = nothing
        self.log = StringIO()
        self.policy: Mapping[str, str] = POLICY
        self.outputs: list[str] = []
        """All that executions were given, and gave."""
        self.calls: list[str] = []
        """What the cases function has asked of AWS: task and operation."""
        self.before: dict[str, Callable[[], None]] = {}
        """What happens in the world just before a task."""
        self._clients = clients
        self._runs = 0
        self._task = ""
        self.registrar.run("register", contact="ops@acme.example", usage_plan="standard")
        aws.fault = self._fault

    # What is put in

    def archive(self, *events: Json, publisher: str = "acme-web", name: str = "a") -> str:
        """Archive events as one object; its key."""
        lines = [
            archive_line(json.dumps(one), publisher=publisher, accepted_at=ACCEPTED_AT)
            for one in events
        ]
        key = object_key(publisher, ACCEPTED_AT, name)
        self.aws.buckets.setdefault(ARCHIVE, {})[key] = "".join(lines).encode()
        return key

    # What is done

    def found(self, detail: Json, answer: Answer = nobody) -> Json:
        """The output of the execution that a finding starts, once all that it began is over."""
        return self.run({"finding": detail}, answer)

    def run(self, request: Json, answer: Answer = nobody) -> Json:
        """The output of an execution; raises ExecutionFailed."""
        self._runs += 1
        self.outputs.append(json.dumps(request))
        execution = Execution(
            MACHINE,
            lambda arguments: self._called(arguments, answer),
            name=f"finding-{self._runs}",
            wait=self._wait,
            started_at=self.clock.now().isoformat(),
        )
        told = {"executionArn": execution.arn, "status": "RUNNING", "input": "{}"}
        self.aws.executions.append(told)
        try:
            output = execution.run(request)
        except ExecutionFailed as failed:
            self.outputs.append(str(failed))
            told["status"] = "FAILED"
            raise
        told["status"] = "SUCCEEDED"
        self.outputs.append(json.dumps([output, execution.variables]))
        self._begun_again(answer)
        return output

    def opened_at_once(self, details: Sequence[Json]) -> list[Json]:
        """What the first task gives executions that are begun for these findings all at once."""
        arns = [f"{_MACHINE_ARN}:at-once-{number}" for number in range(len(details))]
        self.aws.executions += [{"executionArn": arn, "status": "RUNNING"} for arn in arns]
        handler = make_handler(self._parts())

        def opened(arn: str, detail: Json) -> Json:
            task = {"task": "open", "execution_arn": arn, "request": {"finding": detail}}
            return handler(task, cast("Any", None))

        with ThreadPoolExecutor(20) as workers:
            return list(workers.map(opened, arns, details))

    # What came out

    def objects(self, prefix: str) -> dict[str, Json]:
        """The operations bucket's objects whose keys begin like this."""
        found = self.aws.buckets.get(OPERATIONS, {})
        return {k: json.loads(v) for k, v in found.items() if k.startswith(prefix)}

    def cases(self) -> list[str]:
        """The ids of all cases."""
        return sorted({key.split("/")[1] for key in self.objects(Objects.CASES)})

    def record(self, case: str, name: str) -> Json:
        """An object of a case."""
        return self.objects(Objects.CASES)[f"{Objects.CASES}{case}/{name}.json"]

    def told(self) -> list[tuple[str, str]]:
        """The mails of cases, with those on changes to publishers left out."""
        return [one for one in self.aws.told if "sensitive data" in one[0]]

    def audit(self) -> list[Json]:
        """The audit's entries on cases, the oldest first."""
        rows = sorted(self.aws.items(LEDGER).items())
        entries = [json.loads(item["entry"]["S"]) for _, item in rows]
        return [one for one in entries if one["action"] == "sensitive data"]

    def status(self, name: str = "acme-web") -> str:
        """The status of a publisher in the registry."""
        return str(self.registrar.publisher(name)["status"])

    def everything(self) -> str:
        """All that anybody could read: mails, logs, records, questions, audit, executions."""
        return "\n".join(
            [
                *(f"{subject} {text}" for subject, text in self.aws.told),
                self.log.getvalue(),
                self.registrar.log.getvalue(),
                *(text.decode() for text in self.aws.buckets.get(OPERATIONS, {}).values()),
                json.dumps(self.aws.items(LEDGER), default=str),
                json.dumps(self.aws.executions, default=str),
                *self.outputs,
            ]
        )

    def _called(self, arguments: Json, answer: Answer) -> Json:
        if "StateMachineArn" in arguments:
            assert arguments["StateMachineArn"] == "${CaseApproval}"
            asked = Execution(
                APPROVAL, lambda inner: self._called(inner, answer), name=arguments["Name"]
            )
            return {"Output": asked.run(arguments["Input"])}
        payload = arguments["Payload"]
        name = payload["task"]
        self.before.pop(name, lambda: None)()
        for left in range(_retries(name), -1, -1):
            try:
                result = self._invoked(payload)
            except TaskFailed as failed:
                if failed.error == "InvalidInput" or not left:
                    raise
            else:
                break
        if name == "ask":
            return answer(payload)
        return {"StatusCode": 200, "Payload": result}

    def _invoked(self, payload: Json) -> Json:
        self._task = payload["task"]
        handler = make_handler(self._parts())
        context: Any = SimpleNamespace(
            aws_request_id="1", get_remaining_time_in_millis=lambda: 120_000
        )
        try:
            result = json.loads(json.dumps(handler(json.loads(json.dumps(payload)), context)))
        except Killed:
            raise TaskFailed("Runtime.ExitError") from None
        except Exception as error:
            name = type(error).__name__
            cause = json.dumps({"errorType": name, "errorMessage": str(error)})
            self.outputs.append(cause)
            raise TaskFailed(name, cause) from error
        finally:
            self._task = ""
        self.outputs.append(json.dumps(result))
        return result

    def _parts(self) -> Parts:
        return Parts(
            {
                Variable.SERVICE: "shop",
                Variable.NAMESPACE: "Eventing",
                Variable.DEPLOYMENT: "shop",
                Variable.ACCOUNT: ACCOUNT,
                Variable.ARCHIVE_BUCKET: ARCHIVE,
                Variable.OPERATIONS_BUCKET: OPERATIONS,
                Variable.LEDGER_TABLE: LEDGER,
                Variable.REGISTRY_TABLE: TABLE,
                Variable.TOPIC_ARN_PREFIX: TOPIC_PREFIX,
                Variable.FINDINGS_POLICY: json.dumps(self.policy),
                Variable.GATHER_SECONDS: "30",
                Variable.PUBLISHERS_MACHINE: _PUBLISHERS_ARN,
                Variable.STATE_MACHINE_ARN: _MACHINE_ARN,
                Variable.RUNBOOK: "docs/runbook.md",
                Variable.COMMAND_OPTIONS: "",
                Variable.DASHBOARD: "",
                Variable.OPS_TOPIC_ARN: f"arn:aws:sns:{HOME}:{ACCOUNT}:ops",
            },
            threads=2,
            clients=self._clients,
            clock=self.clock,
            logger=Logger(service="shop", stream=self.log),
            catalogue=CATALOGUE,
            macie=cast("Any", self),
        )

    def finding(self, id: str) -> Json:
        """Stands for Macie."""
        return self.findings.get(id)

    def _wait(self, seconds: float) -> None:
        """Time passes, and what was asked of the state machine of publishers is done meanwhile."""
        self.clock.sleep(seconds)
        for one in self._running(_PUBLISHERS_ARN):
            faults, self.faults = self.faults, nothing
            try:
                one["output"] = json.dumps(self.registrar.execute(json.loads(one["input"])))
                one["status"] = "SUCCEEDED"
            except ExecutionFailed as failed:
                one |= {"status": "FAILED", "error": failed.error, "cause": failed.cause}
            finally:
                self.faults = faults

    def _begun_again(self, answer: Answer) -> None:
        for one in self._running(_MACHINE_ARN):
            one["status"] = "SUCCEEDED"  # under its own name in this book
            self.run(json.loads(one["input"]), answer)

    def _running(self, machine: str) -> Sequence[dict[str, Any]]:
        prefix = machine.replace(":stateMachine:", ":execution:")
        return [
            one
            for one in self.aws.executions
            if one["executionArn"].startswith(f"{prefix}:") and one["status"] == "RUNNING"
        ]

    def _fault(self, call: Call) -> Fault | None:
        if not self._task:
            return None
        self.calls.append(f"{self._task} {call.operation}")
        return self.faults(call)


def _retries(task: str) -> int:
    """How often the definitions have a task done again when its function fails."""
    state = next(
        state
        for machine in (MACHINE, APPROVAL)
        for state in machine["States"].values()
        if state.get("Arguments", {}).get("Payload", {}).get("task") == task
    )
    return sum(
        retry["MaxAttempts"]
        for retry in state["Retry"]
        if "States.TaskFailed" in retry["ErrorEquals"]
    )
