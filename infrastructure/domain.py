"""The name that publishers use in all regions: a value of the CDK context."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, cast, get_args

from infrastructure.context import ConfigurationError, Context, value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

Routing = Literal["latency", "failover"]

_KEY = "domain"
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})+")
_ZONE_ID = re.compile("Z[A-Z0-9]{1,31}")
# Of ACM: the first name of a certificate is its subject's common name.
_LONGEST = 64


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A name in a public hosted zone of the deployment's account."""

    name: str
    hosted_zone_id: str
    hosted_zone_name: str
    routing: Routing = "latency"
    """`latency`: each publisher gets the healthy region nearest to it; `failover`: the primary region while
    it is healthy, then the other one."""

    def of_region(self, region: str) -> str:
        """The name of one region."""
        return f"{region}.{self.name}"


def domain(context: Context, *, regions: Sequence[str], has_canary: bool) -> Domain | None:
    """The domain of all these regions, None for none."""
    expected = (
        'an object such as {"name": "events.example.com", "hosted_zone_id": "Z0123456789ABC", '
    )
    expected += '"hosted_zone_name": "example.com", "routing": "latency"}'
    given = {} if context(_KEY) is None else value(context, _KEY, dict, expected)
    if not given:
        return None
    known = [member.name for member in fields(Domain)]
    for member in given:
        if member not in known:
            raise ConfigurationError(_KEY, f"there is no {member!r}, only {', '.join(known)}")
    found = Domain(
        name=_matching(given, "name", _HOST, "is no name of a host in lower case"),
        hosted_zone_id=_matching(given, "hosted_zone_id", _ZONE_ID, "is no id of a zone"),
        hosted_zone_name=_matching(given, "hosted_zone_name", _HOST, "is no name of a zone"),
        routing=_routing(given),
    )
    _check(found, len(regions), has_canary=has_canary)
    return found


def _check(domain: Domain, regions: int, *, has_canary: bool) -> None:
    name, zone = domain.name, domain.hosted_zone_name
    if len(name) > _LONGEST:
        raise ConfigurationError(_KEY, f"name: {name!r} is longer than {_LONGEST}")
    if name != zone and not name.endswith(f".{zone}"):
        raise ConfigurationError(_KEY, f"name: {name!r} is not in the zone {zone}")
    if domain.routing == "failover" and regions != 2:
        # Route 53 knows one secondary record.
        found = "there is 1" if regions == 1 else f"there are {regions}: take latency"
        raise ConfigurationError(_KEY, f"failover is between two regions, and {found}")
    if regions > 1 and not has_canary:
        raise ConfigurationError(_KEY, "the health of a region is its canary's: switch `canary` on")


def _text(given: Mapping[str, Any], member: str) -> str:
    found = given.get(member)
    if not isinstance(found, str):
        raise ConfigurationError(_KEY, f"{member}: has to be text, not {found!r}")
    return found


def _matching(
    given: Mapping[str, Any], member: str, pattern: re.Pattern[str], otherwise: str
) -> str:
    found = _text(given, member)
    if not pattern.fullmatch(found):
        raise ConfigurationError(_KEY, f"{member}: {found!r} {otherwise}")
    return found


def _routing(given: Mapping[str, Any]) -> Routing:
    known = get_args(Routing)
    found = _text({"routing": known[0], **given}, "routing")
    if found not in known:
        raise ConfigurationError(
            _KEY, f"routing: has to be one of {', '.join(known)}, not {found!r}"
        )
    return cast("Routing", found)
