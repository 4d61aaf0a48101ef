"""API Gateway's control plane in one region: usage plans and API keys of this deployment's publishers.

A plan is named for its publisher and a key for its publisher and number, so that each is found again
whatever happened to the answer of the call that made it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eventing.catalogue import Quota
from eventing.publishers.registry import Publisher
from eventing.publishers.steps import Found, FoundKey, FoundPlan, Rates, Step, rates_of
from functions.shared.registry import Api
from functions.shared.turns import Turns

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient

# Of API Gateway ("limit"): the most that a page has.
_PAGE = 500


class ControlPlane:
    """The plans and keys of a region. Its methods raise what the SDK raises, and `NotYet`."""

    def __init__(
        self,
        client: APIGatewayClient,
        *,
        deployment: str,
        region: str,
        api: Api,
        turns: Turns,
    ) -> None:
        self._client = client
        self._deployment = deployment
        self.region = region
        self._api = api
        self._turns = turns

    def look(self, publisher: Publisher) -> Found:
        """All that is there of a publisher."""
        plans = [self._found_plan(one) for one in self._plans(publisher)]
        # The one that is in use, where there are more.
        plans.sort(key=lambda plan: (not plan.key_ids, plan.id))
        keys: dict[int, FoundKey] = {}
        spare: list[str] = []
        for key in publisher.keys:
            if key.state == "retired":
                continue
            found = self._keys(self._key_name(publisher, key.number))
            known = key.ids.get(self.region)
            found.sort(key=lambda one: (one.id != known, one.id))
            if found:
                keys[key.number] = found[0]
            spare += [one.id for one in found[1:]]
        return Found(plans[0] if plans else None, keys, tuple(plans[1:]), tuple(spare))

    def make(self, step: Step, publisher: Publisher, found: Found, *, value: str = "") -> Found:
        """Make a step, and return what is there after it; `value` is that of a key that is made."""
        self._turns.take(self.region, step.operation)
        match step.operation:
            case "CreateUsagePlan":
                return self._create_plan(publisher, found)
            case "UpdateUsagePlan":
                return self._update_plan(step, publisher, found)
            case "DeleteUsagePlan":
                self._client.delete_usage_plan(usagePlanId=step.id)
                return _without_plan(found, step.id)
            case "CreateApiKey":
                return self._create_key(step, publisher, found, value)
            case "UpdateApiKey":
                return self._update_key(step, publisher, found)
            case "DeleteApiKey":
                self._client.delete_api_key(apiKey=step.id)
                return _without_key(found, step.id)
            case "CreateUsagePlanKey":
                return self._add_to_plan(step, found)

    def value(self, id: str) -> str:
        """The value of a key: it is for another region, and for nobody's eyes."""
        self._turns.take(self.region, "GetApiKey")
        return self._client.get_api_key(apiKey=id, includeValue=True)["value"]

    def _create_plan(self, publisher: Publisher, found: Found) -> Found:
        rates = rates_of(publisher)
        quota: Any = {"quota": _quota_settings(rates.quota)} if rates.quota else {}
        made = self._client.create_usage_plan(
            name=self._plan_name(publisher),
            description=f"What the publisher {publisher.name} may send",
            apiStages=[{"apiId": self._api.id, "stage": self._api.stage}],
            throttle={"rateLimit": rates.per_second, "burstLimit": rates.burst},
            tags={"deployment": self._deployment},
            **quota,
        )
        return replace(found, plan=FoundPlan(made["id"], rates, serves=True))

    def _update_plan(self, step: Step, publisher: Publisher, found: Found) -> Found:
        there = next(p for p in (found.plan, *found.spare_plans) if p and p.id == step.id)
        patches = list(_patches(there.rates, rates_of(publisher))) if step.serves else []
        if there.serves is not step.serves:
            operation, stage = (
                "add" if step.serves else "remove",
                f"{self._api.id}:{self._api.stage}",
            )
            patches.append({"op": operation, "path": "/apiStages", "value": stage})
        self._client.update_usage_plan(usagePlanId=step.id, patchOperations=patches)  # type: ignore[arg-type]
        rates = rates_of(publisher) if step.serves else there.rates
        return _with_plan(found, replace(there, rates=rates, serves=step.serves))

    def _create_key(self, step: Step, publisher: Publisher, found: Found, value: str) -> Found:
        number, enabled = step.key or 0, publisher.status == "active"
        made = self._client.create_api_key(
            name=self._key_name(publisher, number),
            description=f"Key {number} of the publisher {publisher.name}",
            enabled=enabled,
            value=value,
            tags={"deployment": self._deployment},
        )
        return replace(found, keys={**found.keys, number: FoundKey(made["id"], enabled)})

    def _update_key(self, step: Step, publisher: Publisher, found: Found) -> Found:
        number, enabled = step.key or 0, publisher.status == "active"
        self._client.update_api_key(
            apiKey=step.id,
            patchOperations=[
                {"op": "replace", "path": "/enabled", "value": str(enabled).lower()},
            ],
        )
        return replace(found, keys={**found.keys, number: FoundKey(step.id, enabled)})

    def _add_to_plan(self, step: Step, found: Found) -> Found:
        plan = found.plan
        if plan is None:
            raise LookupError("a key is added to a plan that is there")
        self._client.create_usage_plan_key(usagePlanId=plan.id, keyId=step.id, keyType="API_KEY")
        return replace(found, plan=replace(plan, key_ids=plan.key_ids | {step.id}))

    def _plans(self, publisher: Publisher) -> Iterator[Any]:
        name, position = self._plan_name(publisher), dict[str, str]()
        while True:
            self._turns.take(self.region, "GetUsagePlans")
            page: Any = self._client.get_usage_plans(limit=_PAGE, **position)
            yield from (plan for plan in page.get("items", ()) if plan.get("name") == name)
            if not page.get("position"):
                return
            position = {"position": page["position"]}

    def _found_plan(self, plan: Any) -> FoundPlan:
        throttle, quota = plan.get("throttle", {}), plan.get("quota")
        rates = Rates(
            float(throttle.get("rateLimit", 0)),
            int(throttle.get("burstLimit", 0)),
            Quota(int(quota["limit"]), quota["period"]) if quota else None,
        )
        stages = [(stage["apiId"], stage["stage"]) for stage in plan.get("apiStages", ())]
        serves = (self._api.id, self._api.stage) in stages
        return FoundPlan(plan["id"], rates, serves, frozenset(self._key_ids(plan["id"])))

    def _key_ids(self, plan: str) -> Iterator[str]:
        # A plan has the few keys of one publisher.
        self._turns.take(self.region, "GetUsagePlanKeys")
        page = self._client.get_usage_plan_keys(usagePlanId=plan, limit=_PAGE)
        return (key["id"] for key in page.get("items", ()))

    def _keys(self, name: str) -> list[FoundKey]:
        self._turns.take(self.region, "GetApiKeys")
        page = self._client.get_api_keys(nameQuery=name, limit=_PAGE)
        return [
            FoundKey(key["id"], bool(key["enabled"]))
            for key in page.get("items", ())
            if key.get("name") == name
        ]

    def _plan_name(self, publisher: Publisher) -> str:
        return f"{self._deployment}-{publisher.name}"

    def _key_name(self, publisher: Publisher, number: int) -> str:
        return f"{self._deployment}-{publisher.name}-{number}"


def _patches(there: Rates, wanted: Rates) -> Iterator[dict[str, str]]:
    if there.per_second != wanted.per_second:
        yield {"op": "replace", "path": "/throttle/rateLimit", "value": str(wanted.per_second)}
    if there.burst != wanted.burst:
        yield {"op": "replace", "path": "/throttle/burstLimit", "value": str(wanted.burst)}
    if there.quota == wanted.quota:
        return
    if wanted.quota is None:
        yield {"op": "remove", "path": "/quota"}
        return
    operation = "replace" if there.quota else "add"
    yield {"op": operation, "path": "/quota/limit", "value": str(wanted.quota.limit)}
    yield {"op": operation, "path": "/quota/period", "value": wanted.quota.period}


def _quota_settings(quota: Quota) -> dict[str, Any]:
    return {"limit": quota.limit, "period": quota.period}


def _with_plan(found: Found, plan: FoundPlan) -> Found:
    if found.plan and found.plan.id == plan.id:
        return replace(found, plan=plan)
    spares = tuple(plan if one.id == plan.id else one for one in found.spare_plans)
    return replace(found, spare_plans=spares)


def _without_plan(found: Found, id: str) -> Found:
    return replace(
        found,
        plan=None if found.plan and found.plan.id == id else found.plan,
        spare_plans=tuple(plan for plan in found.spare_plans if plan.id != id),
    )


def _without_key(found: Found, id: str) -> Found:
    return replace(
        found,
        keys={number: key for number, key in found.keys.items() if key.id != id},
        spare_keys=tuple(one for one in found.spare_keys if one != id),
    )
