"""IAM: which permissions a call needs, and what its conditions see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import apigateway_v1 as gateway
from ministack.services import dynamodb

from .patching import Json


def batches_need_the_single_action() -> None:
    """On AWS `SendMessageBatch` needs `sqs:SendMessage`, `PublishBatch` needs `sns:Publish`, etc.

    The emulator asks for actions by the names of the batch operations, which are none.
    """
    stock = iam_actions.extract_iam_action

    def extract(service: str, *request: Any) -> str | None:
        action = stock(service, *request)
        return action.removesuffix("Batch") if action and service in ("sqs", "sns") else action

    iam_actions.extract_iam_action = extract


def one_mapping_is_read_by_its_own_action() -> None:
    """On AWS `GetEventSourceMapping` needs the permission of that name (Service Authorization Reference).

    The emulator asks for the one to list mappings, which the counter does not have.
    """
    stock = iam_actions.extract_iam_action

    def extract(service: str, method: str, path: str, *request: Any) -> str | None:
        one = "/event-source-mappings/" in path and not path.endswith("/")
        if service == "lambda" and method == "GET" and one:
            return "lambda:GetEventSourceMapping"
        return stock(service, method, path, *request)

    iam_actions.extract_iam_action = extract


def loopback_counts_as_secure_transport() -> None:
    """On AWS every call is TLS, so `aws:SecureTransport` is true.

    The emulator speaks HTTP on the loopback interface, and with IAM enforced our own TLS-only
    policies (buckets, queues, topics, the CDK's bootstrap bucket) would refuse every call.
    """
    stock = app.pin_request_origin

    def pin(source_ip: str, secure_transport: bool) -> None:
        stock(source_ip, secure_transport or source_ip in ("127.0.0.1", "::1"))

    app.pin_request_origin = pin


def conditions_see_keys_and_attributes() -> None:
    """AWS tells a policy's conditions which partition keys and attributes a request is about.

    The emulator has no `dynamodb:LeadingKeys`, and of a BatchGetItem no attributes. Roles are limited
    to some rows of the ledger, and to some attributes of the events.
    """
    stock = iam_actions.dynamodb_service_context

    def context(body: bytes) -> Json:
        request = json.loads(body or b"{}")
        tables: Json = request.get("RequestItems", {})
        reads = [wanted for wanted in tables.values() if isinstance(wanted, dict)]
        found: Json = stock(json.dumps(reads[0]).encode() if reads else body)
        if keys := list(_leading_keys(request)):
            found["dynamodb:LeadingKeys"] = keys
        return found

    iam_actions.dynamodb_service_context = context


def _leading_keys(request: Json) -> Iterator[str]:
    """The values of partition keys that a request names; the tables here have one named `pk`."""
    named = [request.get("Key"), request.get("Item")]
    for wanted in request.get("RequestItems", {}).values():
        named += wanted.get("Keys", ()) if isinstance(wanted, dict) else ()
    for statement in request.get("Statements", [request] if "Statement" in request else []):
        try:
            parsed = dynamodb._parse_partiql(
                statement["Statement"], statement.get("Parameters", [])
            )
        except (KeyError, ValueError):
            continue  # the handler says what is wrong with it
        item = parsed.get("item") or {}
        named.append(item["M"] if set(item) == {"M"} else item)
        named += [{name: value} for name, op, value in parsed["conditions"] if op == "="]
    for item in named:
        if item and (key := item.get("pk")):
            yield from key.values()


def conditions_see_if_none_match() -> None:
    """AWS tells a policy's conditions of a PutObject's `If-None-Match` and `If-Match`; the emulator does not.

    Our buckets refuse every write without the first, and from who erases every one without either.
    """
    stock = iam_actions.s3_service_context

    def context(action: str, query: Json, path: str = "", headers: Json | None = None) -> Json:
        found: Json = stock(action, query, path, headers)
        given = {name: (headers or {}).get(name) for name in ("if-none-match", "if-match")}
        if action == "s3:PutObject":
            found |= {f"s3:{name}": value for name, value in given.items() if value}
        return found

    iam_actions.s3_service_context = context


def conditions_know_sessions_by_their_role() -> None:
    """On AWS `aws:PrincipalArn` of a role's session is the role's ARN (IAM user guide, "aws:PrincipalArn").

    The emulator has the session's. Buckets let the role of who erases, and no other, write over what it has
    read.
    """
    stock = iam_evaluator._resolve_condition_key

    def resolve(key: str, request: Any) -> Any:
        found = stock(key, request)
        if key.lower() != "aws:principalarn" or ":assumed-role/" not in str(found):
            return found
        account, _, session = found.partition("::")[2].partition(":assumed-role/")
        return f"arn:aws:iam::{account}:role/{session.partition('/')[0]}"

    iam_evaluator._resolve_condition_key = resolve


def conditions_see_what_is_subscribed() -> None:
    """On AWS `sns:Protocol` and `sns:Endpoint` are what a Subscribe asks for, for conditions to see.

    The emulator does not know them, so that whoever may subscribe under such a condition may not at all.
    """
    stock = iam_actions.request_tag_context

    def context(service: str, action: str, body: bytes, params: Json) -> Json:
        seen = stock(service, action, body, params)
        if action != "sns:Subscribe":
            return seen
        told = {name: params.get(name, "") for name in ("Protocol", "Endpoint")}
        values = {n: v[0] if isinstance(v, list) else v for n, v in told.items()}
        return {**seen, **{f"sns:{name}": value for name, value in values.items()}}

    iam_actions.request_tag_context = context


def simulations_are_of_a_principal() -> None:
    """On AWS `SimulatePrincipalPolicy` is allowed for one role or user (Service Authorization Reference).

    The emulator asks for it on `*`.
    """
    stock = iam_actions.extract_resource_arn

    def extract(service: str, method: str, path: str, headers: Json, body: bytes,
                params: Json, *rest: str) -> str:  # fmt: skip
        source = params.get("PolicySourceArn") if service == "iam" else None
        if source:
            return source[0] if isinstance(source, list) else source
        return stock(service, method, path, headers, body, params, *rest)

    iam_actions.extract_resource_arn = extract


def conditions_see_tags_of_plans_and_keys() -> None:
    """On AWS conditions see the tags that an API Gateway request sets, and those of what it is about.

    The emulator has neither. The publishers function may change plans and keys of its deployment only, which
    are told by a tag. (Service Authorization Reference, "API Gateway management": `aws:RequestTag` and
    `aws:ResourceTag`, also for what is below a plan, such as its keys.)
    """
    stock_arn, stock_tags = iam_actions.extract_resource_arn, iam_actions.request_tag_context
    about: ContextVar[str] = ContextVar("about", default="")

    def extract(service: str, method: str, path: str, *request: Any) -> str:
        about.set(path)
        found: str = stock_arn(service, method, path, *request)
        return found

    def context(service: str, action: str, body: bytes, params: Json) -> Json:
        seen: Json = stock_tags(service, action, body, params)
        if service != "apigateway":
            return seen
        set_ = json.loads(body).get("tags", {}) if body.startswith(b"{") else {}
        kinds = {"usageplans": gateway._usage_plans, "apikeys": gateway._api_keys}
        kind, _, rest = about.get().strip("/").partition("/")
        one = kinds.get(kind, {}).get(rest.partition("/")[0], {})
        tags = {"requesttag": set_, "resourcetag": one.get("tags", {})}
        return seen | {
            f"aws:{where}/{name}".lower(): value
            for where, found in tags.items()
            for name, value in found.items()
        }

    iam_actions.extract_resource_arn, iam_actions.request_tag_context = extract, context
