"""What each action makes of a publisher. Asked a second time, it changes nothing: it is being continued.

API Gateway is then made to agree with the publisher: see `eventing.publishers.steps`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from eventing.catalogue import UsagePlan
from eventing.input import InvalidInput
from eventing.publishers.registry import Key, KeyState, Publisher, Status
from eventing.publishers.request import Action, PublisherRequest
from eventing.timestamps import read_moment, timestamp

ROTATION_DAYS = 30
"""For which a key stays beside the one that replaces it, unless another date is given."""
WARNED_DAYS = 7
"""Before a key is retired by itself."""
# From one day's look at keys to the next, with some hours for what it starts.
_BETWEEN_LOOKS = timedelta(hours=30)
_RETIRED_KEYS = 10
# `*`, as a request has it.
_ALL_TYPES = "*"


@dataclass(frozen=True)
class Change:
    """A request, when it was made, and by what it is judged."""

    request: PublisherRequest
    plans: Mapping[str, UsagePlan]
    """The usage plans of the catalogue."""
    now: datetime
    longest_kept_days: int
    """No copy of an event is kept for longer: for so many days a name is not given again."""

    def of(self, found: Publisher | None) -> Publisher:
        """The publisher as it is to be; raises `InvalidInput` for what can't be done."""
        if self.request.action == "register":
            return self._registered(found)
        if found is None:
            raise InvalidInput(f"name: there is no publisher {self.request.name}")
        if found.status == "revoked" and self.request.action != "revoke":
            raise InvalidInput(f"name: {found.name} was revoked at {found.changed_at}")
        return _CHANGES[self.request.action](self, found)

    def _registered(self, found: Publisher | None) -> Publisher:
        request, at = self.request, timestamp(self.now)
        if found and found.status == "revoked":
            if any(key.state != "retired" for key in found.keys):
                raise InvalidInput(f"name: {found.name} is being revoked: revoke it once more")
            if found.name_free_at is None or read_moment(found.name_free_at) > self.now:
                raise InvalidInput(
                    f"name: {found.name} was revoked at {found.changed_at}, and events of it may be kept "
                    f"until {found.name_free_at}: the name can't be given to another before"
                )
            found = None
        limits = self._limits()
        if limits is None:
            raise InvalidInput("usage_plan: either this or limits is required")
        publisher = Publisher(
            name=request.name,
            contact=request.contact or "",
            usage_plan=request.usage_plan,
            limits=limits,
            types=_types(request.types),
            changed_by=request.started_by,
            changed_at=at,
            registered_at=at,
            keys=(Key(number=1, created_at=at),),
        )
        if found is None:
            return publisher
        asked, there = ((p.contact, p.usage_plan, p.limits, p.types) for p in (publisher, found))
        if asked != there:
            raise InvalidInput(f"name: {found.name} is registered already, otherwise: update it")
        return found

    def _updated(self, found: Publisher) -> Publisher:
        request, limits = self.request, self._limits()
        return replace(
            found,
            contact=request.contact or found.contact,
            usage_plan=request.usage_plan if limits else found.usage_plan,
            limits=limits or self._as_in_catalogue(found),
            types=found.types if request.types is None else _types(request.types),
        )

    def _as_in_catalogue(self, found: Publisher) -> UsagePlan:
        """Its limits, from its plan as it is by now."""
        return self.plans.get(found.usage_plan or "", found.limits)

    def _rotated(self, found: Publisher) -> Publisher:
        until = self.request.retire_at
        if until and read_moment(until) <= self.now:
            raise InvalidInput("retire_at: has to be in the future")
        live = found.live_keys
        if len(live) < 2:
            newest = max((key.number for key in found.keys), default=0)
            new = Key(number=newest + 1, created_at=timestamp(self.now))
            until = until or timestamp(self.now + timedelta(days=ROTATION_DAYS))
            found = replace(found, keys=(*found.keys, new))
        if not until or not live:
            return found
        return _with_key(found, replace(live[0], expires_at=until, warned=False))

    def _with_key_retired(self, found: Publisher) -> Publisher:
        number, live = self.request.key, found.live_keys
        if number is None:
            if len(live) > 1:
                number = live[0].number
            elif len(live) < len(found.keys):
                return found  # it was asked for before
            else:
                raise InvalidInput(f"key: {found.name} has one alone: rotate it first")
        key = next((key for key in found.keys if key.number == number), None)
        if key is None:
            raise InvalidInput(f"key: {found.name} has no key {number}")
        if key.state != "live":
            return found
        if len(live) == 1:
            raise InvalidInput(f"key: {number} is all that {found.name} has: rotate it first")
        return _with_key(found, replace(key, state="retiring"))

    def _suspended(self, found: Publisher) -> Publisher:
        return self._with_status(found, "suspended")

    def _resumed(self, found: Publisher) -> Publisher:
        return self._with_status(found, "active")

    def _throttled(self, found: Publisher) -> Publisher:
        return replace(found, throttle=replace(found.limits, **(self.request.limits or {})))

    def _restored(self, found: Publisher) -> Publisher:
        return replace(found, throttle=None)

    def _revoked(self, found: Publisher) -> Publisher:
        changed = self._with_status(found, "revoked")
        if changed is found:
            return found
        free_at = self.now + timedelta(days=self.longest_kept_days)
        keys = tuple(
            key if key.state == "retired" else replace(key, state="retiring") for key in found.keys
        )
        return replace(changed, keys=keys, throttle=None, name_free_at=timestamp(free_at))

    def _with_status(self, found: Publisher, status: Status) -> Publisher:
        if found.status == status:
            return found
        return replace(
            found,
            status=status,
            reason=self.request.reason,
            changed_by=self.request.started_by,
            changed_at=timestamp(self.now),
        )

    def _limits(self) -> UsagePlan | None:
        """The limits that are asked for."""
        request = self.request
        if request.usage_plan is not None:
            if request.usage_plan not in self.plans:
                known = ", ".join(self.plans)
                raise InvalidInput(
                    f"usage_plan: the catalogue has no {request.usage_plan[:80]!r}, only {known}"
                )
            return self.plans[request.usage_plan]
        return UsagePlan(**request.limits) if request.limits else None


_CHANGES: Mapping[Action, Callable[[Change, Publisher], Publisher]] = {
    "update": Change._updated,
    "rotate": Change._rotated,
    "retire-key": Change._with_key_retired,
    "suspend": Change._suspended,
    "resume": Change._resumed,
    "throttle": Change._throttled,
    "restore": Change._restored,
    "revoke": Change._revoked,
}


@dataclass(frozen=True)
class Expiry:
    """A key that is retired by itself, or is about to be."""

    publisher: str
    key: int
    at: str


def due(publisher: Publisher, now: datetime) -> list[Expiry]:
    """Keys that are to be gone now, the oldest first; never the last one that a publisher has.

    One whose retirement has begun and did not come to its end is among them.
    """
    return [one for one in _expiring(publisher) if read_moment(one.at) <= now]


def overdue(publisher: Publisher, now: datetime) -> list[Expiry]:
    """Keys that are due, and were so when the day's look before this one came."""
    return due(publisher, now - _BETWEEN_LOOKS)


def to_warn_of(publisher: Publisher, now: datetime) -> list[Expiry]:
    """Keys that will be retired within `WARNED_DAYS`, of which operators have not been told."""
    told = {key.number for key in publisher.keys if key.warned or key.state != "live"}
    end = now + timedelta(days=WARNED_DAYS)
    return [
        one
        for one in _expiring(publisher)
        if one.key not in told and now < read_moment(one.at) <= end
    ]


def warned_of(publisher: Publisher, expiries: Sequence[Expiry]) -> Publisher:
    """The publisher, with it on record that operators were told of these."""
    told = {one.key for one in expiries}
    keys = tuple(replace(key, warned=True) if key.number in told else key for key in publisher.keys)
    return replace(publisher, keys=keys)


def concluded(
    publisher: Publisher, ids: Mapping[str, Mapping[int, str]], *, gone: bool
) -> Publisher:
    """The publisher with its keys' ids by region and number, as they were found.

    Where keys that are to go are `gone` from every region, they are retired; the last few stay on record.
    """
    keys = []
    for key in publisher.keys:
        found = {
            **key.ids,
            **{region: of[key.number] for region, of in ids.items() if key.number in of},
        }
        state: KeyState = "retired" if gone and key.state == "retiring" else key.state
        keys.append(replace(key, ids=found, state=state))
    retired = [key.number for key in keys if key.state == "retired"][:-_RETIRED_KEYS]
    return replace(publisher, keys=tuple(key for key in keys if key.number not in retired))


def _expiring(publisher: Publisher) -> list[Expiry]:
    if publisher.status == "revoked":
        return []
    last = publisher.live_keys[-1:]
    return [
        Expiry(publisher.name, key.number, key.expires_at)
        for key in publisher.keys
        if key.expires_at and key.state != "retired" and key not in last
    ]


def _with_key(publisher: Publisher, key: Key) -> Publisher:
    keys = tuple(key if one.number == key.number else one for one in publisher.keys)
    return replace(publisher, keys=keys)


def _types(asked: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if asked is None or _ALL_TYPES in asked else asked
