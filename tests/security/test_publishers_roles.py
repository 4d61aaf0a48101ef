"""Who may change publishers, and who may see the values of their keys: what IAM can say of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from functions.contract import RegistryRows
from tests.infrastructure.synthesis import ACCOUNT, Synthesis, Template
from tests.security.attempts import CHANGES, FUNCTIONS, READS, keys
from tests.security.policies import Context, Decisions

REGISTRY = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/eventing-registry"
ACME = f"{RegistryRows.PUBLISHER}acme-web"
HERE = f"{RegistryRows.REGION}us-east-1"
LOCK = f"{RegistryRows.LOCK}acme-web"
TURNS = f"{RegistryRows.TURNS}us-east-1"
ROWS = (ACME, RegistryRows.DOORKEEPER, HERE, LOCK, TURNS)

OURS, THEIRS = "eventing", "somebody-elses"
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
KEYS, KEY = "/apikeys", "/apikeys/a1b2c3d4e5"
PLANS, PLAN, PLAN_KEYS = "/usageplans", "/usageplans/p1", "/usageplans/p1/keys"
PATHS = (KEYS, KEY, PLANS, PLAN, PLAN_KEYS)
# All else of the control plane: the API and its stage, with data tracing and the logs that they write.
ELSEWHERE = ("/restapis", "/restapis/r1", "/restapis/r1/stages/prod", "/account", "/domainnames")
KEY_HOLDER, OPERATOR, APPROVER = (
    f"eventing-{name}-us-east-1" for name in ("key-holder", "operator", "approver")
)
# By its name in policies that refer to it, and by its ARN in those that can't.
MACHINES = (
    "eventing-publishers",
    f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:eventing-publishers",
)


@pytest.fixture(scope="module")
def decisions(regional: Template) -> Decisions:
    return Decisions(regional)


def control_plane(path: str, region: str = "us-east-1") -> str:
    return f"arn:aws:apigateway:{region}::{path}"


def tagged(deployment: str) -> Context:
    """A request for something with a deployment's tag."""
    return {"aws:ResourceTag/deployment": deployment}


def tagging(deployment: str) -> Context:
    """A request to make something with a deployment's tag."""
    return {"aws:RequestTag/deployment": deployment}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_publishers_are_changed_by_their_function_alone(
    decisions: Decisions, function: str
) -> None:
    for action in CHANGES:
        for row in ROWS:
            may = decisions.may(function, f"dynamodb:{action}", REGISTRY, keys(row))
            # What API a region has is said by its deployment.
            own = (function, action) == ("publishers", "UpdateItem") and row != HERE
            assert may == own, (action, row)
        assert not decisions.may(function, f"dynamodb:{action}", REGISTRY)
        both = keys(ACME, HERE)
        assert not decisions.may(function, f"dynamodb:{action}", REGISTRY, both)


# Redrive leaves out the letters of who is suspended.
LOOKED_UP = {
    "ingest": (ACME, RegistryRows.DOORKEEPER),
    "redrive": (RegistryRows.DOORKEEPER,),
    "inquiry": (RegistryRows.DOORKEEPER,),
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_registry_is_read_by_its_function_and_row_by_row_by_others(
    decisions: Decisions, function: str
) -> None:
    for action in READS:
        for row in ROWS:
            may = decisions.may(function, f"dynamodb:{action}", REGISTRY, keys(row))
            own = function == "publishers" and action in ("GetItem", "Scan")
            looks_up = action == "GetItem" and row in LOOKED_UP.get(function, ())
            assert may == (own or looks_up), (action, row)
        if function != "publishers":
            assert not decisions.may(function, f"dynamodb:{action}", REGISTRY)


# By verb and path, the context in which the publishers function may call it.
NEEDED: Mapping[tuple[str, str], Context] = {
    ("GET", KEYS): {},
    ("GET", PLANS): {},
    ("GET", PLAN_KEYS): tagged(OURS),
    ("GET", KEY): tagged(OURS),
    ("POST", KEYS): tagging(OURS),
    ("POST", PLANS): tagging(OURS),
    ("POST", PLAN_KEYS): tagged(OURS),
    ("PATCH", KEY): tagged(OURS),
    ("DELETE", KEY): tagged(OURS),
    ("PATCH", PLAN): tagged(OURS),
    ("DELETE", PLAN): tagged(OURS),
}
CONTEXTS: tuple[Context, ...] = (
    *({}, tagged(OURS), tagged(THEIRS), tagging(OURS), tagging(THEIRS)),
)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("verb", VERBS)
def test_plans_and_keys_of_this_deployment_are_changed_by_one_function(
    decisions: Decisions, function: str, verb: str
) -> None:
    for path in PATHS:
        for context in CONTEXTS:
            may = decisions.may(function, f"apigateway:{verb}", control_plane(path), context)
            needed = NEEDED.get((verb, path))
            # A list has no tag, and no context makes IAM say no to it.
            allowed = needed is not None and needed.items() <= context.items()
            # What a key of a plan belongs to is the plan; IAM's `*` is not stopped by a slash.
            within = path == PLAN_KEYS and verb in ("PATCH", "DELETE") and context == tagged(OURS)
            assert may == (function == "publishers" and (allowed or within)), (path, context)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_changes_the_api_or_what_it_logs(decisions: Decisions, function: str) -> None:
    for verb in VERBS:
        for path in ELSEWHERE:
            for context in CONTEXTS:
                resource = control_plane(path)
                assert not decisions.may(function, f"apigateway:{verb}", resource, context)


def test_it_does_so_in_the_deployments_regions_and_no_others(two_regions: Synthesis) -> None:
    decisions = Decisions(two_regions.regional())

    for region, there in (("us-east-1", True), ("eu-west-1", True), ("eu-west-2", False)):
        resource = control_plane(KEY, region)
        may = decisions.may("publishers", "apigateway:DELETE", resource, tagged(OURS))
        assert may is there


def test_the_canary_reads_its_own_key(decisions: Decisions) -> None:
    own = control_plane("/apikeys/eventing-canary")

    assert decisions.may("canary", "apigateway:GET", own)
    for verb in VERBS[1:]:
        assert not decisions.may("canary", f"apigateway:{verb}", own)


def test_the_state_machine_calls_its_function_and_touches_nothing_itself(
    decisions: Decisions,
) -> None:
    def may(action: str, resource: str) -> bool:
        return decisions.machine_may("publishers", action, resource)

    assert may("lambda:InvokeFunction", "eventing-publishers")
    for other in FUNCTIONS:
        if other != "publishers":
            assert not may("lambda:InvokeFunction", f"eventing-{other}")
    assert not may("dynamodb:UpdateItem", REGISTRY)
    for machine in MACHINES:
        assert not may("states:StartExecution", machine)
    for verb in VERBS:
        for path in (*PATHS, *ELSEWHERE):
            assert not may(f"apigateway:{verb}", control_plane(path))


def test_a_key_holder_sees_keys_of_this_deployment_one_by_one(decisions: Decisions) -> None:
    def may(verb: str, path: str, context: Context) -> bool:
        return decisions.person_may(
            [KEY_HOLDER], f"apigateway:{verb}", control_plane(path), context
        )

    assert may("GET", KEY, tagged(OURS))
    assert not may("GET", KEY, tagged(THEIRS))
    assert not may("GET", KEY, {})
    # A list would have the values of all keys of the account.
    assert not may("GET", KEYS, {})
    assert not may("GET", KEYS, tagged(OURS))
    for verb in VERBS[1:]:
        for path in PATHS:
            assert not may(verb, path, {**tagged(OURS), **tagging(OURS)})


@pytest.mark.parametrize("policy", [OPERATOR, APPROVER])
def test_who_operates_or_approves_sees_no_key(decisions: Decisions, policy: str) -> None:
    for verb in VERBS:
        for path in (*PATHS, *ELSEWHERE):
            for context in CONTEXTS:
                resource = control_plane(path)
                assert not decisions.person_may([policy], f"apigateway:{verb}", resource, context)


def test_people_change_publishers_by_the_state_machine_alone(decisions: Decisions) -> None:
    for policy, may in ((OPERATOR, True), (KEY_HOLDER, True), (APPROVER, False)):
        started = [
            decisions.person_may([policy], "states:StartExecution", machine) for machine in MACHINES
        ]
        assert any(started) is may
        for action in CHANGES:
            assert not decisions.person_may([policy], f"dynamodb:{action}", REGISTRY, keys(ACME))
        function = "eventing-publishers"
        assert not decisions.person_may([policy], "lambda:InvokeFunction", function)
