"""Publishers from registration to revocation, whatever happens in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from eventing.cause import DependencyDown
from eventing.publishers.keys import publisher_of
from functions.contract import Metric, RegistryRows
from tests.engine.registrar import (
    AWAY,
    HOME,
    LEDGER,
    TABLE,
    WRITES,
    Limits,
    Registrar,
    dying,
    kill_after,
)
from tests.faults.aws import FakeAws
from tests.faults.direct import DirectClients
from tests.faults.vocabulary import Call, Fault, nothing
from tests.workflows.asl import ExecutionFailed

pytestmark = pytest.mark.memory
GIVEN = {"contact": "ops@acme.example", "usage_plan": "standard"}


@pytest.fixture
def registrar() -> Registrar:
    """Its calls are handed over without the SDK, which takes less time."""
    aws = FakeAws()
    return Registrar(DirectClients(aws), aws)


@pytest.fixture
def with_sdk() -> Iterator[Registrar]:
    """Its calls are made by the SDK."""
    aws = FakeAws()
    with aws.installed() as clients:
        yield Registrar(clients, aws)


def see_agreement(registrar: Registrar, name: str = "acme-web") -> Any:
    """See that `show` finds no difference; what it shows."""
    shown = registrar.run("show", name)
    assert shown["differences"] == []
    assert shown["failures"] == []
    return shown


def test_a_publisher_has_one_key_with_one_value_in_every_region(registrar: Registrar) -> None:
    output = registrar.run("register", **GIVEN)

    assert output["outcome"] == "done"
    values = registrar.values(HOME)
    assert values == registrar.values(AWAY)
    assert publisher_of(values["shop-acme-web-1"]) == "acme-web"
    for region in (HOME, AWAY):
        gateway = registrar.gateway(region)
        (plan,) = gateway.plans.values()
        assert plan["throttle"] == {"rateLimit": 50, "burstLimit": 100}
        assert plan["quota"] == {"limit": 1000, "period": "DAY"}
        assert plan["apiStages"] == [{"apiId": f"api{region}".replace("-", ""), "stage": "prod"}]
        ((id, key),) = gateway.keys.items()
        assert key["enabled"]
        assert gateway.plan_keys[plan["id"]] == [id]
        assert registrar.publisher()["keys"][0]["ids"][region] == id
    see_agreement(registrar)


LIFE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("register", GIVEN),
    ("suspend", {"reason": "a flood"}),
    ("resume", {}),
    ("throttle", {"limits": {"rate_per_second": 1}}),
    ("restore", {}),
    ("update", {"usage_plan": "trial", "types": ["com.example.*"]}),
    ("rotate", {}),
    ("retire-key", {}),
    ("suspend", {}),
    ("rotate", {"retire_at": "2026-03-02T00:00:00Z"}),
    ("revoke", {}),
)


def test_a_whole_life_and_show_is_true_after_each_action(with_sdk: Registrar) -> None:
    seen = []
    for action, members in LIFE:
        assert with_sdk.run(action, **members)["outcome"] == "done"
        shown = see_agreement(with_sdk)
        keys = {region: of["keys"] for region, of in shown["regions"].items()}
        assert keys[HOME] == keys[AWAY]
        seen.append((action, shown["publisher"]["status"], keys[HOME], len(with_sdk.values())))

    assert seen == [
        ("register", "active", {"1": "enabled"}, 1),
        ("suspend", "suspended", {"1": "disabled"}, 1),
        ("resume", "active", {"1": "enabled"}, 1),
        ("throttle", "active", {"1": "enabled"}, 1),
        ("restore", "active", {"1": "enabled"}, 1),
        ("update", "active", {"1": "enabled"}, 1),
        ("rotate", "active", {"1": "enabled", "2": "enabled"}, 2),
        ("retire-key", "active", {"2": "enabled"}, 1),
        ("suspend", "suspended", {"2": "disabled"}, 1),
        ("rotate", "suspended", {"2": "disabled", "3": "disabled"}, 2),
        ("revoke", "revoked", {}, 0),
    ]
    assert with_sdk.gateway().plans == with_sdk.gateway(AWAY).plans == {}
    assert with_sdk.doorkeeper() == {"suspended": [], "types": {}, "limits": {}}


def test_what_is_narrower_than_everybodys_is_at_the_doorkeeper(with_sdk: Registrar) -> None:
    with_sdk.run("register", **{**GIVEN, "usage_plan": "trial"}, types=["com.example.*", "a.b"])

    assert with_sdk.doorkeeper() == {
        "suspended": [],
        "types": {"acme-web": ["com.example.*", "a.b"]},
        "limits": {"acme-web": [20, 262144]},
    }
    # What is not said of a throttle stays what it was.
    with_sdk.run("throttle", limits={"rate_per_second": 0.5, "max_events": 2})
    assert with_sdk.doorkeeper()["limits"] == {"acme-web": [2, 262144]}
    (plan,) = with_sdk.gateway(AWAY).plans.values()
    assert plan["throttle"] == {"rateLimit": 0.5, "burstLimit": 1}
    with_sdk.run("restore")
    with_sdk.run("update", types=["*"])
    assert with_sdk.doorkeeper()["types"] == {}
    (plan,) = with_sdk.gateway(AWAY).plans.values()
    assert plan["throttle"] == {"rateLimit": 5, "burstLimit": 10}


def test_who_is_suspended_is_kept_out_before_keys_are_disabled_and_let_in_after(
    registrar: Registrar,
) -> None:
    registrar.run("register", **GIVEN)
    seen: list[tuple[bool, list[bool]]] = []

    def look(call: Call) -> None:
        if call.operation in WRITES:
            suspended = registrar.doorkeeper()["suspended"] == ["acme-web"]
            enabled = [
                key["enabled"] for r in (HOME, AWAY) for key in registrar.gateway(r).keys.values()
            ]
            seen.append((suspended, enabled))

    # There is a doorkeeper from the first that it has something to say of.
    registrar.run("register", "other", **{**GIVEN, "usage_plan": "trial"})
    registrar.faults = look
    registrar.run("suspend")
    registrar.run("resume")

    # Nobody whose key is disabled is let in by the doorkeeper meanwhile.
    assert all(suspended or all(enabled) for suspended, enabled in seen)
    assert {suspended for suspended, _ in seen} == {True, False}


@dataclass(frozen=True)
class Story:
    """An action, and what was done before."""

    action: str
    members: dict[str, Any]
    before: tuple[tuple[str, dict[str, Any]], ...] = (("register", GIVEN),)


STORIES = (
    Story("register", {**GIVEN, "usage_plan": "trial"}, before=()),
    Story("update", {"usage_plan": "trial", "types": ["com.example.*"]}),
    Story("rotate", {}),
    Story("retire-key", {}, before=(("register", GIVEN), ("rotate", {}))),
    Story("suspend", {}),
    Story("resume", {}, before=(("register", GIVEN), ("suspend", {}))),
    Story("throttle", {"limits": {"rate_per_second": 1}}),
    Story(
        "restore",
        {},
        before=(("register", GIVEN), ("throttle", {"limits": {"rate_per_second": 1}})),
    ),
    Story("revoke", {}, before=(("register", GIVEN), ("rotate", {}), ("suspend", {}))),
)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.action)
def test_killed_after_any_write_a_second_execution_completes(
    registrar: Registrar, story: Story
) -> None:
    for action, members in story.before:
        registrar.run(action, **members)
    saved = registrar.save()
    registrar.run(story.action, **story.members)
    expected = registrar.agreed()

    writes, died = 0, True
    while died:
        writes += 1
        registrar.restore(saved)
        registrar.faults = kill_after(writes)
        with dying() as deaths:
            registrar.run(story.action, **story.members)
        died = bool(deaths)
        registrar.faults = lambda call: None
        see_every_key_is_known(registrar)
        assert registrar.run(story.action, **story.members)["outcome"] == "done"
        assert registrar.agreed() == expected, f"killed after write {writes}"
        see_agreement(registrar)
        assert registrar.values(HOME) == registrar.values(AWAY)
        assert_unlocked(registrar)
    # Lock, row, both regions, row, audit, message, unlock.
    assert writes > 6


def see_every_key_is_known(registrar: Registrar) -> None:
    """See that API Gateway has no key that the registry does not know."""
    for region in (HOME, AWAY):
        for name in registrar.values(region):
            publisher, _, number = name.removeprefix("shop-").rpartition("-")
            known = {key["number"] for key in registrar.publisher(publisher)["keys"]}
            assert int(number) in known


def assert_unlocked(registrar: Registrar) -> None:
    """See that nobody holds a lock."""
    locks = [i for k, i in registrar.aws.items(TABLE).items() if k.startswith(RegistryRows.LOCK)]
    assert locks
    assert not any("owner" in lock for lock in locks)


CREATING = ("CreateUsagePlan", "CreateApiKey", "CreateUsagePlanKey")


def see_one_call_fail(registrar: Registrar, operation: str, region: str, fault: Fault) -> None:
    """See a publisher registered although this happens to the first call."""

    def once(call: Call) -> Fault | None:
        meant = call.operation == operation and call.target == region and call.number == 1
        return fault if meant else None

    registrar.faults = once
    assert registrar.run("register", **GIVEN)["outcome"] == "done"

    see_agreement(registrar)
    for where in (HOME, AWAY):
        assert len(registrar.gateway(where).plans) == len(registrar.gateway(where).keys) == 1
    assert registrar.values(HOME) == registrar.values(AWAY)


@pytest.mark.parametrize("operation", CREATING)
@pytest.mark.parametrize("region", [HOME, AWAY])
@pytest.mark.parametrize("fault", ["done-then-timeout", "timeout", "throttle", "500"])
def test_whatever_becomes_of_one_call_nothing_is_doubled(
    registrar: Registrar, operation: str, region: str, fault: Fault
) -> None:
    see_one_call_fail(registrar, operation, region, fault)


@pytest.mark.parametrize("operation", CREATING)
def test_the_sdk_does_not_make_a_call_again_by_itself(with_sdk: Registrar, operation: str) -> None:
    see_one_call_fail(with_sdk, operation, HOME, "done-then-timeout")


def test_plans_and_keys_that_are_there_twice_go(registrar: Registrar) -> None:
    registrar.run("register", **GIVEN)
    gateway = registrar.gateway()
    (plan,), (key,) = gateway.plans.values(), gateway.keys.values()
    gateway.plans["aplan"] = {**plan, "id": "aplan", "apiStages": list(plan["apiStages"])}
    gateway.plan_keys["aplan"] = []
    gateway.keys["akey"] = {**key, "id": "akey", "value": "evkAnother" + "0" * 43}

    assert registrar.run("show")["differences"]
    registrar.run("update")

    assert list(gateway.plans) == [plan["id"]]
    assert list(gateway.keys) == [key["id"]]


def test_a_region_that_is_down_is_named_and_made_up_for_later(registrar: Registrar) -> None:
    registrar.run("register", **GIVEN)
    registrar.faults = lambda call: "500" if call.target == AWAY else None

    output = registrar.run("suspend", reason="a flood")

    assert output["outcome"] == "partial"
    (failure,) = output["failures"]
    assert (failure["region"], failure["step"]) == (AWAY, "look")
    # Here it is done, and ingestion knows everywhere.
    assert registrar.run("show")["regions"] == {
        HOME: {
            "rates": {"per_second": 50.0, "burst": 100, "quota": {"limit": 1000, "period": "DAY"}},
            "keys": {"1": "disabled"},
        }
    }
    assert registrar.doorkeeper()["suspended"] == ["acme-web"]
    assert "not everywhere: 1 failure" in registrar.aws.told[-1][1]
    registrar.faults = lambda call: None
    assert registrar.run("suspend", reason="a flood")["outcome"] == "done"
    see_agreement(registrar)


def test_a_call_that_is_denied_is_told_at_once(registrar: Registrar) -> None:
    registrar.faults = lambda call: "denied" if call.operation == "CreateUsagePlan" else None

    output = registrar.run("register", **GIVEN)

    assert output["outcome"] == "partial"
    assert [f["step"] for f in output["failures"]] == ["CreateUsagePlan", "CreateUsagePlan"]
    assert registrar.clock.passed < 5


def test_a_key_is_never_made_elsewhere_with_another_value(registrar: Registrar) -> None:
    registrar.faults = lambda call: "500" if call.target == HOME else None
    output = registrar.run("register", **GIVEN)

    assert output["outcome"] == "partial"
    assert registrar.values(AWAY) == {}
    assert any(f"key 1 is made in {HOME} first" in f["why"] for f in output["failures"])


def test_a_key_that_was_deleted_by_hand_is_told_of_and_not_given_another_value(
    registrar: Registrar,
) -> None:
    registrar.run("register", **GIVEN)
    for region in (HOME, AWAY):
        registrar.gateway(region).keys.clear()

    output = registrar.run("update")

    assert output["outcome"] == "partial"
    assert "rotate" in output["failures"][0]["why"]
    assert registrar.values() == {}


def test_a_region_that_is_new_gets_the_same_keys(registrar: Registrar) -> None:
    del registrar.aws.items(TABLE)[f"{RegistryRows.REGION}{AWAY}"]
    registrar.run("register", **GIVEN)
    assert registrar.values(AWAY) == {}
    registrar.deploy(AWAY)

    assert registrar.due()["started"] == 1

    assert registrar.values(AWAY) == registrar.values(HOME) != {}
    see_agreement(registrar)
    assert registrar.due()["started"] == 0


def test_a_value_is_nowhere_but_in_api_gateway(registrar: Registrar) -> None:
    values: set[str] = set()
    for action, members in LIFE:
        registrar.run(action, **members)
        values |= set(registrar.values().values())
    registrar.faults = lambda call: "500" if call.operation == "CreateApiKey" else None
    registrar.run("register", "other", **GIVEN)

    assert len(values) == 3
    everything = "\n".join(
        [
            *registrar.outputs,
            registrar.log.getvalue(),
            json.dumps(registrar.aws.tables),
            *(text for mail in registrar.aws.told for text in mail),
        ]
    )
    assert "acme-web" in everything
    for value in values:
        assert value not in everything
        # Nor its random part, without the name.
        assert value[-43:] not in everything
    assert "evk" not in everything


def test_it_is_on_the_audit_and_operators_are_told(registrar: Registrar) -> None:
    registrar.run("register", **GIVEN)
    registrar.run("suspend", reason="a flood of orders")

    entries = [json.loads(i["entry"]["S"]) for i in registrar.aws.items(LEDGER).values()]
    assert [(e["action"], e["publisher"], e["started_by"], e["outcome"]) for e in entries] == [
        ("publishers register", "acme-web", "dana", "done"),
        ("publishers suspend", "acme-web", "dana", "done"),
    ]
    subject, text = registrar.aws.told[-1]
    assert subject == "shop: publisher acme-web is suspended"
    assert 'by dana: "a flood of orders"' in text
    assert "publishers show acme-web" in text


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"action": "resume"}, "name: is required to resume"),
        ({"action": "rename", "name": "a"}, "action: must be one of register"),
        ({"action": "suspend", "name": "acme-web", "started_by": "dana"}, "reason: must say why"),
        ({"action": "revoke", "name": "nobody", "started_by": "d", "reason": "x"}, "there is no"),
        ([], "the input must be a JSON object"),
    ],
)
def test_what_can_not_be_done_is_refused_and_leaves_no_lock(
    registrar: Registrar, request_: Any, why: str
) -> None:
    registrar.run("register", **GIVEN)
    told = len(registrar.aws.told)

    with pytest.raises(ExecutionFailed, match=why) as failed:
        registrar.execute(request_)

    assert failed.value.error == "InvalidInput"
    assert_unlocked(registrar)
    assert len(registrar.aws.told) == told


def test_a_name_that_was_revoked_is_not_given_again_while_an_event_may_be_kept(
    registrar: Registrar,
) -> None:
    registrar.run("register", **GIVEN)
    registrar.run("revoke")
    for action, members in (("register", GIVEN), ("rotate", {}), ("resume", {}), ("suspend", {})):
        with pytest.raises(ExecutionFailed, match="was revoked"):
            registrar.run(action, **members)
    registrar.clock.passed += 549 * 86400
    with pytest.raises(ExecutionFailed, match="was revoked"):
        registrar.run("register", **GIVEN)
    # DynamoDB removes it some time after that.
    registrar.clock.passed += 86400
    expires = int(
        registrar.aws.items(TABLE)[f"{RegistryRows.PUBLISHER}acme-web"]["expires_at"]["N"]
    )
    assert expires > registrar.clock.now().timestamp()

    assert registrar.run("register", **GIVEN)["outcome"] == "done"
    assert "expires_at" not in registrar.aws.items(TABLE)[f"{RegistryRows.PUBLISHER}acme-web"]
    see_agreement(registrar)


def test_who_is_revoked_is_turned_away_until_no_key_works_any_more(registrar: Registrar) -> None:
    registrar.limited = True
    registrar.run("register", **GIVEN)
    seen: list[tuple[float, bool]] = []

    def look(call: Call) -> None:
        if call.operation == "DeleteApiKey":
            seen.append((registrar.clock.passed, "acme-web" in registrar.doorkeeper()["suspended"]))

    registrar.faults = look
    registrar.run("revoke")

    assert len(seen) == 2
    assert all(suspended for _, suspended in seen)
    # API Gateway keeps a key for some seconds.
    assert registrar.clock.passed - seen[-1][0] >= 60
    assert registrar.doorkeeper()["suspended"] == []


def test_two_executions_on_one_publisher_take_turns(registrar: Registrar) -> None:
    registrar.run("register", **GIVEN)
    registrar.latency = 0.05

    registrar.clock.together(
        [lambda: registrar.run("rotate"), lambda: registrar.run("suspend")], at_once=2
    )

    see_agreement(registrar)
    assert registrar.publisher()["status"] == "suspended"
    assert len(registrar.values()) == 2


def test_an_execution_that_waits_too_long_says_for_whom(registrar: Registrar) -> None:
    registrar.run("register", **GIVEN)
    lock = registrar.aws.items(TABLE)[f"{RegistryRows.LOCK}acme-web"]
    far = str(int(registrar.clock.now().timestamp()) + 10_000)
    lock.update(owner={"S": "run-of-another"}, lease_until={"N": far})

    with pytest.raises(ExecutionFailed, match="being worked on by run-of-another") as failed:
        registrar.run("suspend")

    assert failed.value.error == "Locked"
    assert registrar.publisher()["status"] == "active"


def test_elsewhere_it_is_done_on_request_alone(registrar: Registrar) -> None:
    registrar.run("register", **GIVEN)
    with pytest.raises(ExecutionFailed, match=f"changed in {HOME}"):
        registrar.run("suspend", home=AWAY)
    assert registrar.run("show", home=AWAY)["differences"] == []

    assert registrar.run("suspend", home=AWAY, elsewhere=True)["outcome"] == "done"
    see_agreement(registrar)


def test_a_key_is_retired_at_its_date_and_operators_are_warned_once(registrar: Registrar) -> None:
    registrar.run("register", **GIVEN)
    registrar.run("rotate", retire_at="2026-03-20T00:00:00Z")
    registrar.run("register", "other", **GIVEN)
    told, days = len(registrar.aws.told), []

    for day in range(25):
        result = registrar.due()
        if any(result.values()):
            days.append((day, result))
        registrar.clock.passed += 86400

    # The 13th and the 20th of March, from noon on the 1st.
    assert days == [
        (12, {"started": 0, "warned": 1, "overdue": 0}),
        (19, {"started": 1, "warned": 0, "overdue": 0}),
    ]
    warning, retired = (text for _, text in registrar.aws.told[told:])
    assert "acme-web: key 1 at 2026-03-20T00:00:00.000Z" in warning
    assert "has a key less" in retired
    assert list(registrar.values()) == ["shop-acme-web-2", "shop-other-1"]
    see_agreement(registrar)


def test_a_key_that_outlives_its_date_is_counted(
    registrar: Registrar, capsys: pytest.CaptureFixture[str]
) -> None:
    registrar.run("register", **GIVEN)
    registrar.run("rotate", retire_at="2026-03-20T00:00:00Z")
    registrar.clock.passed += 19 * 86400
    # What the first look starts comes to nothing.
    registrar.faults = lambda call: "denied" if call.operation == "DeleteApiKey" else None

    found = [registrar.due()["overdue"]]
    for _ in range(2):
        registrar.clock.passed += 86400
        found.append(registrar.due()["overdue"])

    registrar.faults = nothing
    registrar.clock.passed += 86400
    found += [registrar.due()["overdue"], registrar.due()["overdue"]]

    # The fourth look completed it.
    see_agreement(registrar)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    # The first look had twelve hours; the second comes when the key has been overdue for a day and a half.
    assert found == [0, 1, 1, 1, 0]
    assert [line[Metric.KEYS_OVERDUE] for line in lines] == [[0], [1], [1], [1], [0]]


def test_a_look_that_fails_counts_nothing(
    registrar: Registrar, capsys: pytest.CaptureFixture[str]
) -> None:
    registrar.faults = lambda call: "denied" if call.operation == "Scan" else None

    with pytest.raises(DependencyDown):
        registrar.due()

    assert capsys.readouterr().out == ""


def test_the_last_key_is_kept_whatever_its_date(registrar: Registrar) -> None:
    registrar.run("register", **GIVEN)
    registrar.run("rotate", retire_at="2026-03-20T00:00:00Z")
    registrar.run("retire-key", key=2)
    registrar.clock.passed += 100 * 86400

    assert registrar.due() == {"started": 0, "warned": 0, "overdue": 0}
    with pytest.raises(ExecutionFailed, match="rotate it first"):
        registrar.run("retire-key", key=1)
    assert list(registrar.values()) == ["shop-acme-web-1"]


def test_all_publishers_are_listed_page_by_page(registrar: Registrar) -> None:
    row = registrar.run("register", **GIVEN)["publisher"]
    for number in range(250):
        name = f"many-a{number}"
        text = json.dumps({k: v for k, v in {**row, "name": name}.items() if k != "in_force"})
        key = f"{RegistryRows.PUBLISHER}{name}"
        registrar.aws.items(TABLE)[key] = {
            "pk": {"S": key},
            "publisher": {"S": text},
            "version": {"N": "1"},
        }

    names: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = registrar.run("list", None, **after)
        names += [publisher["name"] for publisher in page["publishers"]]
        assert len(page["publishers"]) <= 100
        # Of Step Functions, for the state of an execution.
        assert len(json.dumps(page)) < 256 * 1024
        if page["after"] is None:
            break
        after = {"after": page["after"]}

    assert len(names) == len(set(names)) == 251


def test_the_doorkeeper_is_bounded_and_nobody_is_registered_beyond(registrar: Registrar) -> None:
    patterns = [f"com.example.{'x' * 200}.a{number}" for number in range(50)]
    number = 0
    while len(json.dumps(patterns)) * (number + 1) < 127 * 1024:
        registrar.run("register", f"wide-a{number}", **GIVEN, types=patterns)
        number += 1
    with pytest.raises(ExecutionFailed, match="has room for"):
        registrar.run("register", "wide-a19", **GIVEN, types=patterns)

    assert f"{RegistryRows.PUBLISHER}wide-a19" not in registrar.aws.items(TABLE)
    assert_unlocked(registrar)
    # Whoever has to be stopped is.
    assert registrar.run("suspend", "wide-a0")["outcome"] == "done"


@pytest.mark.parametrize("fault", ["denied", "500", "throttle"])
def test_without_the_registry_an_execution_says_so(registrar: Registrar, fault: Fault) -> None:
    registrar.run("register", **GIVEN)
    registrar.faults = lambda call: fault if call.target == TABLE else None

    with pytest.raises(ExecutionFailed, match=f"table {TABLE}") as failed:
        registrar.run("suspend")

    assert failed.value.error == "DependencyDown"


def test_two_hundred_publishers_twenty_at_once_within_the_limits(registrar: Registrar) -> None:
    registrar.limited, registrar.latency = True, 0.05
    for region in (HOME, AWAY):
        registrar.gateway(region).plans_a_page = 500
    names = [f"many-a{number}" for number in range(200)]
    outcomes: list[str] = []

    def register(name: str) -> None:
        outcomes.append(registrar.run("register", name, **GIVEN)["outcome"])

    registrar.clock.together([lambda name=name: register(name) for name in names], at_once=20)  # type: ignore[misc]

    assert outcomes == ["done"] * 200
    assert registrar.limits.exceeded == []
    assert len(registrar.values(HOME)) == 200
    assert registrar.values(HOME) == registrar.values(AWAY)
    for region in (HOME, AWAY):
        assert len(registrar.gateway(region).plans) == 200


def test_throttling_many_at_once_keeps_to_the_narrowest_limit(registrar: Registrar) -> None:
    names = [f"many-a{number}" for number in range(12)]
    for name in names:
        registrar.run("register", name, **GIVEN)
    registrar.limits = Limits(registrar.clock)
    registrar.limited, registrar.latency = True, 0.05
    began = registrar.clock.passed

    def throttle(name: str) -> None:
        registrar.run("throttle", name, limits={"rate_per_second": 1})

    registrar.clock.together([lambda name=name: throttle(name) for name in names], at_once=12)  # type: ignore[misc]

    assert registrar.limits.exceeded == []
    for region in (HOME, AWAY):
        plans = registrar.gateway(region).plans.values()
        assert {plan["throttle"]["rateLimit"] for plan in plans} == {1.0}
    # In all regions at once; a place in the queue is not lost while an execution waits.
    assert registrar.clock.passed - began < 12 * 30
