"""Step Functions in memory: executions as they are told of, and an assertion error for all else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.faults.http import Request, json_body, json_response
from tests.faults.memory import Memory


def read(memory: Memory, request: AWSPreparedRequest) -> Request:
    """What a request asks for."""
    operation, content = json_body(request)
    arn = content.get("stateMachineArn") or content["executionArn"]

    def act() -> AWSResponse:
        match operation:
            case "StartExecution":
                name = content.get("name", str(len(memory.executions) + 1))
                named = f"{arn}:{name}"
                if "name" in content:
                    named = named.replace(":stateMachine:", ":execution:")
                    if any(one["executionArn"] == named for one in memory.executions):
                        return json_response(
                            {"__type": "com.amazonaws#ExecutionAlreadyExists"}, 400
                        )
                started = {"executionArn": named, "input": content["input"]}
                if "name" in content:
                    # The others are not looked for again.
                    started["status"] = "RUNNING"
                memory.executions.append(started)
                return json_response({"executionArn": started["executionArn"], "startDate": 0})
            case "ListExecutions":
                wanted = content["statusFilter"]
                found = [_told(e) for e in memory.executions if e.get("status") == wanted]
                return json_response({"executions": found})
            case "DescribeExecution":
                if arn not in (one["executionArn"] for one in memory.executions):
                    return json_response({"__type": "com.amazonaws#ExecutionDoesNotExist"}, 400)
                return json_response(_told(_execution(memory, arn)))
            case "GetExecutionHistory":
                assert content["reverseOrder"]
                assert content["maxResults"] <= 1000
                events = _execution(memory, arn)["history"]
                return json_response({"events": [_dated(event) for event in events]})
        raise AssertionError(operation)

    return Request(operation, arn, act)


def _execution(memory: Memory, arn: str) -> dict[str, Any]:
    return next(one for one in memory.executions if one["executionArn"] == arn)


def _told(execution: dict[str, Any]) -> dict[str, Any]:
    return _dated({name: value for name, value in execution.items() if name != "history"})


def _dated(content: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.timestamp() if isinstance(value, datetime) else value
        for name, value in content.items()
    }
