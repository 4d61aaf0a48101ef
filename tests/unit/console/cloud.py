"""AWS in memory for the command line, below the SDK's own checks of what it is called with.

botocore asks `before-call` handlers before it makes a request, and takes an answer from them.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, cast

from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.loaders import create_loader
from botocore.response import StreamingBody
from botocore.session import Session

from console.shell.surroundings import Surroundings
from eventing.adoption.request import read_request as read_adoption_request
from eventing.erasure.action import is_erasure
from eventing.erasure.request import read_request as read_erasure_request
from eventing.proof.request import read_request as read_proof_request
from eventing.publishers.request import read_request as read_publisher_request
from eventing.redrive.approval import read_approval
from eventing.redrive.ledger import shard
from eventing.redrive.request import read_request
from eventing.sensitive_data.case import asked_about, asking_name
from eventing.sensitive_data.request import read_request as read_case_request
from eventing.timestamps import timestamp
from functions.contract import LETTER_STATE_MEMBERS

REGION = "eu-north-1"
STACK = f"eventing-{REGION}"
MACHINE = f"arn:aws:states:{REGION}:123456789012:stateMachine:eventing-redrive"
CHANGING = MACHINE.replace("eventing-redrive", "eventing-publishers")
ADOPTING = MACHINE.replace("eventing-redrive", "eventing-adoption")
PROVING = MACHINE.replace("eventing-redrive", "eventing-proof")
ASKING = MACHINE.replace("eventing-redrive", "eventing-approval")
ERASING = MACHINE.replace("eventing-redrive", "eventing-erasure")
ASKING_TO_ERASE = MACHINE.replace("eventing-redrive", "eventing-erasure-approval")
FOLLOWING = MACHINE.replace("eventing-redrive", "eventing-sensitive-data")
ASKING_OF_CASES = MACHINE.replace("eventing-redrive", "eventing-case-approval")
OPS = f"arn:aws:sns:{REGION}:123456789012:eventing-ops"
NOTIFIER = f"arn:aws:lambda:{REGION}:123456789012:function:eventing-notifier"
CALLER = "arn:aws:sts::123456789012:assumed-role/operator/dana"
NOW = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
# That of a task which waits for an answer: may stand in nothing that is shown either.
TOKEN = "task-token-4711"
# That of a publisher's key: is shown to whoever asks for it, and nowhere else.
KEY_VALUE = "evkAcmeWeb" + "0" * 43
# Stands in every event that a letter holds, and may stand in nothing that is shown.
SECRET = "pay-secret-4711"
# Of a domain, at which nothing answers.
PUBLISHER_URL = "http://127.0.0.1:1/shared/"
OUTPUTS = {
    "ApiUrl": "http://127.0.0.1:1/prod/",
    "PublisherUrl": PUBLISHER_URL,
    "ReceiptsTable": "eventing-receipts",
    "LedgerTable": "eventing-ledger",
    "OperationsBucket": "eventing-operations",
    "RedriveStateMachineArn": MACHINE,
    "ApprovalStateMachineArn": ASKING,
    "PublishersStateMachineArn": CHANGING,
    "AdoptionStateMachineArn": ADOPTING,
    "ProofStateMachineArn": PROVING,
    "ErasureStateMachineArn": ERASING,
    "ErasureApprovalStateMachineArn": ASKING_TO_ERASE,
    "SensitiveDataStateMachineArn": FOLLOWING,
    "CaseApprovalStateMachineArn": ASKING_OF_CASES,
    "OpsTopicArn": OPS,
    "ArchiveBucket": "eventing-archive",
    "EventsTable": "eventing-events",
    "IngestFunction": "eventing-ingest",
    "AccessLog": "/aws/apigateway/eventing-access",
    "Regions": "2",
}
# The services' models, read once.
_MODELS = create_loader()
_HEADERS: Any = HeadersDict()
# Items that a page of an answer holds at most.
PAGE = 1000


class Refused(Exception):  # noqa: N818 - an answer of AWS
    """AWS refuses the call."""

    def __init__(self, code: str, message: str = "refused by this test") -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Run:
    """An execution: each look at it is one step further."""

    request: Mapping[str, Any]
    output: Mapping[str, Any] | None = None
    status: str = "SUCCEEDED"
    error: str | None = None
    cause: str | None = None
    states: list[str] = field(default_factory=lambda: ["Plan", "Work off a page"])
    """Those that it goes through while it runs."""
    position: Mapping[str, Any] | None = None
    looks: int = 0
    surveyed: bool = False
    started_at: datetime = NOW


Engine = Callable[["Cloud", Mapping[str, Any]], Run]


def done(cloud: Cloud, request: Mapping[str, Any]) -> Run:
    """What the state machine makes of an input when all goes well."""
    action = request["action"]
    letters = [i for i in cloud.items if i["state"]["S"] == "open"] if action != "triage" else []
    summary = plan_of(len(letters)) if action != "triage" else None
    outcome = {"triage": "triaged", "plan": "planned"}.get(action, "done" if letters else "nothing")
    counts = {}
    if action in ("redrive", "discard") and letters:
        kind = {"redrive": "resolved", "discard": "discarded"}[action]
        counts = {kind: len(letters)}
        cloud.items = [item for item in cloud.items if item not in letters]
        cloud.alarms.clear()
    output = {"outcome": outcome, "plan": summary, "counts": counts, "seconds": 1.5}
    return Run(request, output, states=["Plan", "Work off a page"] if counts else ["Plan"])


def plan_of(letters: int) -> dict[str, Any]:
    """A plan's summary."""
    return {
        "letters": letters,
        "will_go_through": letters,
        "will_fail": {},
        "already_stored": 0,
        "rerouted": {},
        "topics": {"orders": letters},
        "subscriptions": {"orders": 1},
        "subscribers_needed": ["orders"],
        "by_step": {"publish": letters},
        "by_publisher": {"acme-web": letters},
        "withheld": 0,
        "withheld_by_publisher": {},
        "warnings": [],
        "by_fingerprint": {},
        "seconds": 4.2,
        "dollars": 0.0123,
        "expire_before_it_is_done": 0,
        "first_expires_at": "2027-05-26T09:30:00.000Z",
    }


# What is on record of a publisher.
PUBLISHER: Mapping[str, Any] = {
    "name": "acme-web",
    "contact": "ops@acme.example",
    "usage_plan": "standard",
    "limits": {},
    "in_force": {
        "rate_per_second": 50.0,
        "burst": 100,
        "quota": {"limit": 1000, "period": "DAY"},
        "max_events": 100,
        "max_body_bytes": 4194304,
    },
    "types": None,
    "status": "active",
    "reason": "",
    "changed_by": "dana",
    "changed_at": "2026-11-27T15:00:00.000Z",
    "registered_at": "2026-11-27T15:00:00.000Z",
    "throttle": None,
    "name_free_at": None,
    "keys": [
        {
            "number": 1,
            "state": "live",
            "expires_at": "2026-12-27T15:00:00.000Z",
            "ids": {REGION: "k1"},
        },
        {"number": 2, "state": "live", "expires_at": None, "ids": {REGION: "k2"}},
    ],
}


def changed(cloud: Cloud, request: Mapping[str, Any]) -> Run:
    """What the state machine of publishers makes of an input when all goes well."""
    output = {"action": request["action"], "outcome": "done", "failures": []}
    looked: dict[str, Any] = {
        "regions": {},
        "differences": [],
        "publishers": [PUBLISHER],
        "after": None,
    }
    return Run(request, {**output, **looked, "publisher": PUBLISHER}, states=["Work"])


# What an erasure finds before anything is touched.
SURVEYED: Mapping[str, Any] = {
    "row": "event",
    "since": "2026-11-27T15:00:00.000Z",
    "topics": ["orders"],
    "letters": {"open": 2},
    "archive": {"objects": 3, "bytes": 2_000_000_000},
    "records": {"objects": 0, "bytes": 0},
    "junk": {"objects": 0, "bytes": 0},
    "to_read": {"objects": 3, "bytes": 2_000_000_000},
    "seconds": 67,
    "dollars": 0.0009,
    "unreachable": [
        {"place": "subscribers of orders", "until": None, "why": "tell the topics' owners"},
        {"place": "backups of the ledger", "until": "2027-01-01T00:00:00.000Z", "why": "they stay"},
    ],
}


def surveyed(cloud: Cloud, request: Mapping[str, Any]) -> Run:
    """What the state machine of erasures makes of an input until it waits for its approval."""
    return Run(request, states=["Survey", "Ask for approval", "Ask for approval"], surveyed=True)


CASE: Mapping[str, Any] = {
    "case": "20261127-0123456789abcdef",
    "round": 1,
    "object": {
        "key": "publisher=acme-web/date=2026-11-27/14/a.jsonl",
        "version": "v1",
        "gone": False,
    },
    "findings": [
        {"id": "f1", "type": "t", "severity": "high", "created_at": "2026-11-27T15:00:00Z"}
    ],
    "type": "SensitiveData:S3Object/Financial",
    "severity": "high",
    "kinds": {"CREDIT_CARD_NUMBER": 3},
    "publisher": "acme-web",
    "contact": "ops@acme.example",
    "status": "active",
    "hour": "2026-11-27T14",
    "events": [
        {
            "line": 2,
            "key": "acme-web#k",
            "id": "o-1",
            "source": None,
            "type": "com.example.shop.order.placed.v1",
            "topic": "orders",
            "fields": ["data.card", "source"],
        }
    ],
    "count": 3,
    "at_least": True,
    "unread_lines": 0,
    "topics": [
        {
            "topic": "orders",
            "events": 3,
            "subscriptions": [{"protocol": "sqs", "account": "222222222222", "count": 2}],
            "complete": True,
            "unknown": "",
        }
    ],
    "same_hour": {
        "types": {"com.example.shop.order.placed.v1": 17},
        "at_least": False,
        "unknown": "",
    },
    "why_not_asked": None,
    "examined_at": "2026-11-27T15:00:00.000Z",
}


def followed(cloud: Cloud, request: Mapping[str, Any]) -> Run:
    """What the state machine of sensitive data makes of a finding when all goes well."""
    cloud.keep_case(CASE)
    return Run(request, {}, states=["Gather"])


def adopted(cloud: Cloud, request: Mapping[str, Any]) -> Run:
    """What the state machine of adoption makes of an input when all goes well."""
    plan = {
        "gigabytes": 12.5,
        "events": 9_000_000,
        "segments": 13,
        "dollars": 0.2048,
        "minutes": 12.5,
        "better_exported": False,
        "last_published_at": "2026-11-27T14:59:58.000Z",
        "quiet_at": "2026-11-27T15:15:00.000Z",
    }
    if request["action"] == "plan":
        return Run(request, {"outcome": "planned", "plan": plan}, states=["Begin"])
    counts = {"read": 9_000_000, "found": 500, "published": 300, "adopted": 200, "doubtful": 3}
    read = {"units": 1638400, "dollars": 0.2048}
    output = {"outcome": "adopted", "plan": plan, "counts": counts, "read": read, "seconds": 700.0}
    return Run(request, output, states=["Begin", "Find a page"])


def proven(cloud: Cloud, request: Mapping[str, Any]) -> Run:
    """What the state machine of proofs makes of an input when all is proven."""
    window = {"from": "2026-11-26T00:00:00.000Z", "to": "2026-11-27T00:00:00.000Z"}
    totals = {
        "stored": 1000,
        "proven": 1000,
        "published": 998,
        "letters": 2,
        "unproven": 0,
        "uncounted": 0,
        "twice": 0,
        "differing_minutes": 0,
        "sent_again": 0,
        "in_two_regions": 3,
    }
    plan = {"gigabytes": 12.5, "dollars": 0.2048, "minutes": 12.5, "segments": 13}
    output = {
        "outcome": "proven",
        "region": REGION,
        "regions": [REGION],
        "request": {"now": False, **request, **window},
        "plan": plan,
        "totals": totals,
        "minutes": [],
        "found": None,
        "seconds": 9.5,
    }
    return Run(request, output, states=["Begin", "Judge"])


@dataclass
class Cloud:
    """What AWS holds, and what it was asked."""

    folder: Path
    engine: Engine = done
    changing: Engine = changed
    adopting: Engine = adopted
    proving: Engine = proven
    erasing: Engine = surveyed
    following: Engine = followed
    fault: Callable[[str], None] = lambda operation: None
    """Called with each operation before it is done; what it raises happens in place of the answer."""
    after: Callable[[str], None] = lambda operation: None
    """Called with each operation when it has been done: its answer gets lost when this raises."""
    stacks: dict[str, dict[str, str]] = field(default_factory=lambda: {STACK: dict(OUTPUTS)})
    statuses: dict[str, str] = field(default_factory=dict)
    """Of those of `stacks` that are not as they should be."""
    alarms: list[dict[str, Any]] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    """Of the ledger."""
    events: list[dict[str, Any]] = field(default_factory=list)
    """Of the Events table."""
    receipts: list[dict[str, Any]] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    asking: dict[str, Run] = field(default_factory=dict)
    """The executions that ask for the approval of those of `runs` with the same name."""
    asking_of_cases: dict[str, Run] = field(default_factory=dict)
    """Those that ask about cases."""
    tokens: dict[str, str] = field(default_factory=dict)
    """Of tasks that take an answer, by the name of the execution that asks."""
    queries: list[dict[str, Any]] = field(default_factory=list)
    """Of Logs Insights, as they were asked."""
    found: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    """The rows that queries find, by a part of the query."""
    looks_of_queries: int = 0
    """So many looks find queries running."""
    query_status: str = "Complete"
    """Of a query that is over."""
    objects: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: list[str | type[BaseException]] = field(default_factory=list)
    """To the questions that commands ask, in their order."""
    asked: list[str] = field(default_factory=list)
    credentials: bool = True
    at_terminal: bool = True

    def count(self) -> Counter[str]:
        """How often each operation was called."""
        return Counter(operation for operation, _ in self.calls)

    def surroundings(self) -> Surroundings:
        """What a command finds around it in this cloud."""
        return Surroundings(
            session=self._session,
            folder=self.folder,
            now=lambda: NOW,
            sleep=lambda seconds: None,
            answer=self.answer,
            at_terminal=lambda: self.at_terminal,
        )

    def answer(self, question: str) -> str:
        """Note the question, and give the next answer."""
        self.asked.append(question)
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            return answer
        raise answer

    def _session(self, profile: str | None) -> Session:
        session = Session(profile=profile)
        session.register_component("data_loader", _MODELS)
        if self.credentials:
            session.set_credentials("AKIATEST", "secret-access-key-4711")
        session.set_config_variable("region", os.environ.get("TEST_REGION", REGION))
        session.register("before-parameter-build", cast("Any", self._remember))
        session.register("before-call", cast("Any", self._answer))
        return session

    def _remember(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["asked"] = params

    def _answer(self, model: Any, context: dict[str, Any], **_: Any) -> tuple[AWSResponse, Any]:
        params = context["asked"]
        self.calls.append((model.name, params))
        operations: dict[str, Callable[[Any], Any]] = {
            "GetCallerIdentity": self.get_caller_identity,
            "DescribeStacks": self.describe_stacks,
            "DescribeAlarms": self.describe_alarms,
            "Query": self.query,
            "GetItem": self.get_item,
            "StartExecution": self.start_execution,
            "StopExecution": self.stop_execution,
            "ListExecutions": self.list_executions,
            "DescribeExecution": self.describe_execution,
            "SendTaskSuccess": self.send_task_success,
            "GetExecutionHistory": self.get_execution_history,
            "ListObjectsV2": self.list_objects_v2,
            "GetObject": self.get_object,
            "PutObject": self.put_object,
            "DeleteObject": self.delete_object,
            "Scan": self.scan,
            "GetApiKey": self.get_api_key,
            "StartQuery": self.start_query,
            "GetQueryResults": self.get_query_results,
        }
        try:
            self.fault(model.name)
            # What it does not know, nobody may do here.
            answer = operations.get(model.name, self.deny)(params)
            self.after(model.name)
        except Refused as refused:
            content = {"Error": {"Code": refused.code, "Message": str(refused)}}
            return AWSResponse("", 400, _HEADERS, None), content | {"ResponseMetadata": {}}
        return AWSResponse("", 200, _HEADERS, None), answer

    def deny(self, params: Any) -> Any:
        raise Refused("AccessDenied")

    def get_caller_identity(self, params: Any) -> Any:
        return {"Arn": CALLER}

    def describe_stacks(self, params: Any) -> Any:
        name = params["StackName"]
        if name not in self.stacks:
            raise Refused("ValidationError", f"Stack with id {name} does not exist")
        outputs = [{"OutputKey": k, "OutputValue": v} for k, v in self.stacks[name].items()]
        status = self.statuses.get(name, "UPDATE_COMPLETE")
        return {"Stacks": [{"StackName": name, "StackStatus": status, "Outputs": outputs}]}

    def describe_alarms(self, params: Any) -> Any:
        if "AlarmNames" in params:
            there = [one for one in self.alarms if one["AlarmName"] in params["AlarmNames"]]
            return {"CompositeAlarms": [], "MetricAlarms": there}
        on = [a for a in self.alarms if a["AlarmName"].startswith(params["AlarmNamePrefix"])]
        return {"CompositeAlarms": on, "MetricAlarms": []}

    def query(self, params: Any) -> Any:
        if params["TableName"] == "eventing-receipts":
            partition = params["ExpressionAttributeValues"][":pk"]
            return {"Items": [item for item in self.receipts if item["pk"] == partition]}
        if params["IndexName"] == "by_event":
            key = params["ExpressionAttributeValues"][":event_key"]
            there = ("pk", *LETTER_STATE_MEMBERS)
            found = [item for item in self.items if item.get("event_key") == key]
            return {"Items": [{m: i[m] for m in there if m in i} for i in found]}
        assert params["IndexName"] == "by_state"
        names = params["ExpressionAttributeNames"]
        values = params["ExpressionAttributeValues"]
        wanted = values[":shard"]["S"]
        first = int(params.get("ExclusiveStartKey", {"at": {"N": "0"}})["at"]["N"])
        found = [item for item in self.items if item["shard"]["S"] == wanted]
        if params.get("Select") == "COUNT":
            low, high = values[":low"]["S"], values[":high"]["S"]
            conditions = [
                c.split(" = ") for c in params.get("FilterExpression", "").split(" AND ") if c
            ]
            within = [i for i in found if low <= i["failed_at"]["S"] <= high]
            return {
                "Count": sum(
                    all(i.get(names[n]) == values[v] for n, v in conditions) for i in within
                )
            }
        members = [names[name] for name in params["ProjectionExpression"].split(", ")]
        page = found[first : first + PAGE]
        answer: dict[str, Any] = {"Items": [{m: i[m] for m in members if m in i} for i in page]}
        if len(found) > first + PAGE:
            answer["LastEvaluatedKey"] = {"at": {"N": str(first + PAGE)}}
        return answer

    def get_item(self, params: Any) -> Any:
        names = params["ExpressionAttributeNames"]
        members = [names[name] for name in params["ProjectionExpression"].split(", ")]
        for item in self.events if params["TableName"] == "eventing-events" else self.items:
            if item["pk"] == params["Key"]["pk"]:
                return {"Item": {member: item[member] for member in members if member in item}}
        return {}

    def start_execution(self, params: Any) -> Any:
        request = json.loads(params["input"])
        if params["stateMachineArn"] == CHANGING:
            read_publisher_request(request)
            self.runs[params["name"]] = self.changing(self, request)
            return {}
        if params["stateMachineArn"] == ADOPTING:
            read_adoption_request(
                request, here=REGION, regions=(REGION, "eu-west-1"), at=NOW + timedelta(days=1)
            )
            self.runs[params["name"]] = self.adopting(self, request)
            return {}
        if ":eventing-proof" in params["stateMachineArn"]:
            read_proof_request(request, at=NOW)
            self.runs[params["name"]] = self.proving(self, request)
            return {}
        if params["stateMachineArn"] == ERASING:
            read_erasure_request(request)
            self.runs[params["name"]] = self.erasing(self, request)
            return {}
        if params["stateMachineArn"] == FOLLOWING:
            read_case_request(request)
            self.runs[params["name"]] = self.following(self, request)
            return {}
        read_request(request)
        self.runs[params["name"]] = self.engine(self, request)
        return {}

    def get_api_key(self, params: Any) -> Any:
        assert params["includeValue"]
        return {"id": params["apiKey"], "value": KEY_VALUE}

    def start_query(self, params: Any) -> Any:
        self.queries.append(params)
        return {"queryId": str(len(self.queries) - 1)}

    def get_query_results(self, params: Any) -> Any:
        query = self.queries[int(params["queryId"])]["queryString"]
        looks = self.count()["GetQueryResults"]
        if looks <= self.looks_of_queries:
            return {"status": "Running", "results": []}
        (rows,) = (rows for of, rows in self.found.items() if of in query)
        results = [[{"field": f, "value": v} for f, v in row.items()] for row in rows]
        return {"status": self.query_status, "results": results}

    def stop_execution(self, params: Any) -> Any:
        run = self._run(params["executionArn"])
        run.states, run.status, run.output = [], "ABORTED", None
        return {}

    def list_executions(self, params: Any) -> Any:
        machine = params["stateMachineArn"]
        of = {
            ASKING: self.asking,
            ASKING_OF_CASES: self.asking_of_cases,
            ASKING_TO_ERASE: self.asking,
        }
        erases = machine in (ERASING, ASKING_TO_ERASE)
        runs = of.get(machine, self.runs)
        running = [
            name
            for name, run in runs.items()
            if run.looks < len(run.states) and is_erasure(name) == erases
        ]
        return {"executions": [{"name": name} for name in running]}

    def describe_execution(self, params: Any) -> Any:
        run = self._run(params["executionArn"])
        answer: dict[str, Any] = {
            "name": params["executionArn"].rpartition(":")[2],
            "executionArn": params["executionArn"],
            "startDate": run.started_at,
            "input": json.dumps(run.request),
            "status": "RUNNING",
        }
        if run.looks < len(run.states):
            # Nobody asks for the history of a change to a publisher, of an adoption or of a proof.
            machine = params["executionArn"].split(":")[-2]
            run.looks += machine in ("eventing-publishers", "eventing-adoption", "eventing-proof")
            return answer
        answer |= {"status": run.status, "stopDate": run.started_at + timedelta(seconds=2)}
        given = {"error": run.error, "cause": run.cause}
        if run.output is not None:
            given["output"] = json.dumps(run.output)
        return answer | {name: value for name, value in given.items() if value}

    def get_execution_history(self, params: Any) -> Any:
        run = self._run(params["executionArn"])
        events: list[dict[str, Any]] = []
        if not params.get("reverseOrder"):
            if run.surveyed:
                output = json.dumps({"survey": {}, "plan": {"hash": "4f2a", "summary": SURVEYED}})
                return {
                    "events": [{"stateExitedEventDetails": {"name": "Survey", "output": output}}]
                }
            plan = (run.output or {}).get("plan")
            output = json.dumps({"Payload": {"count": plan["letters"]}}) if plan else "{}"
            return {"events": [{"stateExitedEventDetails": {"name": "Plan", "output": output}}]}
        if run.looks < len(run.states):
            events.append({"stateEnteredEventDetails": {"name": run.states[run.looks]}})
        if run.position:
            output = json.dumps({"position": run.position})
            events.append(
                {"stateExitedEventDetails": {"name": "Work off a page", "output": output}}
            )
        run.looks += 1
        return {"events": events}

    def _run(self, arn: str) -> Run:
        name = arn.rpartition(":")[2]
        of = {
            "eventing-approval": self.asking,
            "eventing-erasure-approval": self.asking,
            "eventing-case-approval": self.asking_of_cases,
        }
        runs = of.get(arn.split(":")[6], self.runs)
        if name not in runs:
            raise Refused("ExecutionDoesNotExist")
        return runs[name]

    def ask(self, name: str, *, letters: int = 12, token: str = TOKEN, **request: Any) -> None:
        """An execution that waits for an approval, and what it has asked."""
        asks = {
            "action": "redrive",
            "stage": "publish",
            "started_by": "ada",
            "reason": "it is back",
        }
        content: dict[str, Any] = {
            "token": token,
            "execution": name,
            "execution_arn": f"{MACHINE.replace('stateMachine', 'execution')}:{name}",
            "hash": "4f2a",
            "because": f"{letters} letters are more than 10",
            "asked_at": timestamp(NOW - timedelta(hours=1)),
            "ends_at": timestamp(NOW + timedelta(hours=23)),
            "request": {**asks, **request},
            "summary": plan_of(letters),
            "groups": [
                {
                    "letters": letters,
                    "stage": "publish",
                    "cause": "ACCESS_DENIED",
                    "topics": {"orders": letters},
                    "publishers": {"acme-web": letters},
                    "failed_first": "2026-11-27T14:00:00.000Z",
                    "message": "not [red]authorized[/] \u202e",
                }
            ],
        }
        earlier = len([key for key in self.objects if key.startswith(f"approvals/{name}/")])
        self.objects[f"approvals/{name}/2026-11-27T15:00:0{earlier}.json"] = json.dumps(content)
        self.tokens[name] = token
        self.asking[name] = Run({}, states=["Ask"])
        self.runs[name] = Run(content["request"], states=["Ask for approval"])

    def ask_about(self, case: Mapping[str, Any], *, round: int = 1, token: str = TOKEN) -> str:
        """A case that waits for an answer; the name of what asks."""
        name = asking_name(case["case"], round)
        run = "6f1d4c3a"
        content = {
            "token": token,
            "execution": name,
            "execution_arn": f"{FOLLOWING.replace('stateMachine', 'execution')}:{run}",
            "hash": "4f2a",
            "because": "sensitive data of severity high",
            "asked_at": timestamp(NOW - timedelta(hours=1)),
            "ends_at": timestamp(NOW + timedelta(hours=23)),
            "request": {
                "action": "stop",
                "case": case["case"],
                "started_by": "macie",
                "reason": "",
            },
            "summary": case,
            "groups": [],
        }
        self.objects[f"approvals/{name}/2026-11-27T15:00:00.json"] = json.dumps(content)
        self.tokens[name] = token
        self.asking_of_cases[name] = Run({}, states=["Ask"])
        self.runs[run] = Run({}, states=["Ask for approval"])
        return name

    def keep_case(
        self, case: Mapping[str, Any], closed: Mapping[str, Any] | None = None, *, round: int = 1
    ) -> None:
        """A case as the cases function writes it."""
        prefix = f"cases/{case['case']}"
        for finding in case["findings"]:
            self.objects[f"{prefix}/finding-{finding['id']}.json"] = json.dumps(finding)
            self.objects[f"findings/{finding['id']}.json"] = json.dumps({"case": case["case"]})
        self.objects[f"{prefix}/round-{round}.json"] = "{}"
        self.objects[f"{prefix}/examined-{round}.json"] = json.dumps(case)
        if closed:
            self.objects[f"{prefix}/closed-{round}.json"] = json.dumps(closed)

    def send_task_success(self, params: Any) -> Any:
        asked = [name for name, token in self.tokens.items() if token == params["taskToken"]]
        if not asked:
            raise Refused("TaskTimedOut")
        (name,) = asked
        del self.tokens[name]
        given = read_approval(json.loads(params["output"]), plan_hash="4f2a", started_by="ada")
        of = self.asking_of_cases if asked_about(name) else self.asking
        of[name] = Run({}, asdict(given), states=[])
        return {}

    def list_objects_v2(self, params: Any) -> Any:
        keys = sorted(key for key in self.objects if key.startswith(params["Prefix"]))
        return {"Contents": [{"Key": key, "LastModified": NOW} for key in keys]}

    def get_object(self, params: Any) -> Any:
        if params["Key"] not in self.objects:
            raise Refused("NoSuchKey")
        content = self.objects[params["Key"]].encode()
        return {"Body": StreamingBody(BytesIO(content), len(content))}

    def put_object(self, params: Any) -> Any:
        # As the buckets' policies want it.
        assert params["IfNoneMatch"] == "*"
        if params["Key"] in self.objects:
            raise Refused("PreconditionFailed")
        self.objects[params["Key"]] = params["Body"].read().decode()
        return {}

    def delete_object(self, params: Any) -> Any:
        del self.objects[params["Key"]]
        return {}

    def scan(self, params: Any) -> Any:
        """Of the Events table; two items a page."""
        names, values = params["ExpressionAttributeNames"], params["ExpressionAttributeValues"]
        assert params["FilterExpression"] == "#region = :region AND #at >= :since AND #at < :until"
        first = int(params.get("ExclusiveStartKey", {"pk": {"S": "0"}})["pk"]["S"])
        found = [
            item
            for item in self.events[first : first + 2]
            if item[names["#region"]] == values[":region"]
            and values[":since"]["S"] <= item[names["#at"]]["S"] < values[":until"]["S"]
        ]
        members = [names[name] for name in params["ProjectionExpression"].split(", ")]
        answer: dict[str, Any] = {"Items": [{m: i[m] for m in members if m in i} for i in found]}
        if len(self.events) > first + 2:
            answer["LastEvaluatedKey"] = {"pk": {"S": str(first + 2)}}
        return answer

    def keep_report(self, name: str, **members: Any) -> None:
        """A report of an execution, as the redrive function writes it."""
        key = f"reports/2026-11-27/{name}.json"
        report = {
            "outcome": "done",
            "execution": f"{MACHINE.replace('stateMachine', 'execution')}:{name}",
            "request": {
                "action": "redrive",
                "stage": "publish",
                "started_by": "dana",
                "reason": "",
            },
            "started_at": "2026-11-27T15:00:00.000Z",
            "finished_at": "2026-11-27T15:01:00.000Z",
            "counts": {"resolved": 3},
            **members,
        }
        self.objects[key] = json.dumps(report)
        concluded = {"report": f"s3://eventing-operations/{key}"}
        self.objects[f"redrive/{name}/concluded.json"] = json.dumps(concluded)


def alarm(name: str = "publish-dead-letters", **members: Any) -> dict[str, Any]:
    """A notifying alarm that is on."""
    return {
        "AlarmName": f"eventing-{name}",
        "AlarmDescription": "Events could not get past publish. More of it. Users: subscribers don't "
        "get these events. Next: eventing letters --stage publish Runbook: docs/runbook.md#dead-letters",
        "AlarmActions": [NOTIFIER],
        "StateUpdatedTimestamp": NOW - timedelta(minutes=5),
        **members,
    }


def items(numbers: Iterable[int], **members: Any) -> list[dict[str, Any]]:
    """Items of letters; each has its number as its id."""
    return [item(number, **members) for number in numbers]


def event_item(key: str, **members: str) -> dict[str, Any]:
    """The Events table's item of an event that was accepted a day ago."""
    accepted_at = NOW - timedelta(days=1)
    content = {
        "pk": key,
        "accepted_at": timestamp(accepted_at),
        "origin_region": REGION,
        "digest": "digest",
        "type": "com.example.shop.order.placed.v1",
        "event": SECRET,
        **members,
    }
    expires_at = int((accepted_at + timedelta(days=90)).timestamp())
    values: dict[str, Any] = {name: {"S": value} for name, value in content.items()}
    return {**values, "expires_at": {"N": str(expires_at)}}


def item(number: int, **members: Any) -> dict[str, Any]:
    """The ledger's item of a letter that failed a day ago."""
    content: dict[str, Any] = {
        "pk": f"{number:043}",
        "stage": "publish",
        "step": "publish",
        "state": "open",
        "publisher": "acme-web",
        "type": "com.example.shop.order.placed.v1",
        "topic": "orders",
        "code": "ACCESS_DENIED",
        "message": "not authorized",
        "fingerprint": "0123456789abcdef",
        "accepted_at": timestamp(NOW - timedelta(days=1)),
        "failed_at": timestamp(NOW - timedelta(days=1)),
        "episode": 0,
        "expires_at": int((NOW + timedelta(days=179)).timestamp()),
        "event": json.dumps({"data": SECRET}),
        **members,
    }
    content["shard"] = shard(content["stage"], content["state"], content["pk"])
    return {
        name: {"N": str(value)} if isinstance(value, int) else {"S": value}
        for name, value in content.items()
        if value is not None
    }
