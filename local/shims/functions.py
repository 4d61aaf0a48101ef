"""Lambda: what a function finds when it runs, and what becomes of its exceptions."""

from __future__ import annotations

import json
import os
import re
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc as lambdas

from .patching import Json, replace_once

# The SDK calls that custom resources of our templates make.
CUSTOM_RESOURCE_CALLS = ("DescribeTable", "PutItem", "DeleteItem")


def javascript_sdk_lists_its_exports() -> None:
    """On Lambda the JavaScript SDK is there, and the CDK's AwsCustomResource searches its exports.

    The emulator stands in for the SDK with modules that answer to any name and list none, and with
    clients that have no configuration. By such a resource a regional stack finds the stream of the
    table's replica there.
    """
    names = json.dumps(["Client", *(f"{call}Command" for call in CUSTOM_RESOURCE_CALLS)])
    get = """        get(_, prop) {
          if (typeof prop !== "string") return undefined;
          if (prop.endsWith("Client")) return GenericClient;
"""
    listing = f"""        ownKeys: () => {names},
        getOwnPropertyDescriptor: () => ({{ enumerable: true, configurable: true }}),
"""
    client = "class GenericClient {\n      constructor(_cfg) {}"
    configured = "class GenericClient {\n      constructor(config) { this.config = %s; }"
    config = "{ apiVersion: config.apiVersion, region: async () => process.env.AWS_REGION }"
    script = lambda_runtime._NODEJS_WORKER_SCRIPT
    script = replace_once(script, get, listing + get)
    script = replace_once(script, client, configured % config)
    lambda_runtime._NODEJS_WORKER_SCRIPT = script


class Raised(str):
    """The message of an exception that a function raised, with its class's name."""

    error_type: str


def raised_exception_keeps_its_name() -> None:
    """AWS reports a raised exception's class name as `errorType`.

    The emulator calls each `Runtime.HandlerError`, so that Retry and Catch by name never match.
    """
    plain, named = '"error": str(e), "trace"', '"error": str(e), "type": type(e).__name__, "trace"'
    if plain not in lambda_runtime._PYTHON_WORKER_SCRIPT:
        raise RuntimeError("the emulator's worker script has changed")
    lambda_runtime._PYTHON_WORKER_SCRIPT = lambda_runtime._PYTHON_WORKER_SCRIPT.replace(
        plain, named
    )
    stock_invoke, stock_execute = lambda_runtime.Worker.invoke, lambdas._execute_function_warm

    def invoke(*args: Any, **kwargs: Any) -> Json:
        result = stock_invoke(*args, **kwargs)
        if "type" in result:
            result["error"] = Raised(result["error"])
            result["error"].error_type = result["type"]
        return result

    def execute(*args: Any, **kwargs: Any) -> Json:
        result = stock_execute(*args, **kwargs)
        body = result.get("body")
        if isinstance(body, dict) and isinstance(body.get("errorMessage"), Raised):
            body["errorType"] = body["errorMessage"].error_type
        return result

    lambda_runtime.Worker.invoke = invoke
    lambdas._execute_function_warm = execute


_API = re.compile(r"https://(\w+)\.execute-api\.[\w.-]+/")


def addresses_of_apis_lead_here() -> None:
    """AWS answers at the address that a stack has of its API.

    Here no such name resolves, and the emulator has a path for each API. The canary finds the address in
    its environment, and is a publisher.
    """
    stock = lambda_runtime.Worker._spawn
    here = rf"{os.environ['AWS_ENDPOINT_URL']}/_aws/execute-api/\1/"

    def spawn(self: Any) -> None:
        environment = self.config.get("Environment", {})
        found = {
            name: _API.sub(here, value) for name, value in environment.get("Variables", {}).items()
        }
        kept = self.config
        self.config = {**kept, "Environment": {**environment, "Variables": found}}
        try:
            stock(self)
        finally:
            self.config = kept

    lambda_runtime.Worker._spawn = spawn
