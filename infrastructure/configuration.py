"""The settings of one deployment, read from the CDK context and checked before anything is built."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, cast, get_args

from eventing import canary
from eventing.catalogue import Catalogue
from eventing.catalogue_check import load_catalogue
from eventing.redrive.actions import ACTIONS
from eventing.redrive.request import MAX_APPROVAL_ABOVE
from eventing.sensitive_data.case import policy_of
from infrastructure.context import ConfigurationError, matching, text, texts, value
from infrastructure.domain import Domain, domain
from infrastructure.opened import subscriber_accounts, subscriber_protocols
from infrastructure.packaging import FUNCTIONS, ROOT
from infrastructure.retention import Retention

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from eventing.sensitive_data.case import Policy
    from infrastructure.context import Context
__all__ = ["Configuration", "ConfigurationError"]

Macie = Literal["create", "existing", "off"]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
# A global table is within one partition; these begin the names of regions of other ones than AWS's own.
_PARTITIONS = ("cn-", "us-gov-", "us-iso-", "us-isob-", "us-isof-", "eu-isoe-", "eusc-")
# AWS ("Tag naming limits and requirements"); services differ in more than these.
_TAG_KEY = re.compile(r"(?!aws:)[\w .:/=+@-]{1,128}", re.IGNORECASE)
_TAG_VALUE = re.compile(r"[\w .:/=+@-]{0,256}")
# Of Budgets: the e-mail addresses of one notification.
_BUDGET_EMAILS = 10
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
# `{deployment}-operations-{account}-{region}` has to fit into the 63 characters of a bucket's name.
_DEPLOYMENT_LENGTH = 24


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """One deployment. `read` refuses whatever could not be deployed."""

    deployment: str
    primary_region: str
    replica_regions: tuple[str, ...]
    macie: Macie
    archive_stream: bool
    """Small requests reach the archive through Firehose (decision 29); without, each writes an object."""
    ops_emails: tuple[str, ...]
    approval_above: Mapping[str, int]
    """By action: more letters than this, within 24 hours at one stage, need an approval."""
    findings: Policy
    """By severity: whether operators are told of sensitive data, or asked as well."""
    subscriber_accounts: Mapping[str, tuple[str, ...]]
    """By topic: the other accounts that may subscribe to it."""
    subscriber_protocols: tuple[str, ...]
    """Which kinds of endpoints those accounts may subscribe, by SNS's names."""
    retention: Retention
    runbook: str
    """The address of `docs/runbook.md`: links of alarms and dashboards begin with it."""
    canary: bool
    """Every minute an event goes all the way, and operators hear when it does not arrive."""
    catalogue: Catalogue
    """With the canary's topic and event type, if there is one."""
    catalogue_folder: Path
    """Without those."""
    reserved_concurrency: Mapping[str, int]
    """By function: so many invocations at a time are set aside for it, and it has no more."""
    tags: Mapping[str, str]
    """On every resource, beside the deployment's name."""
    monthly_budget_usd: int
    """Operators hear when a month costs as much; 0 for no budget."""
    domain: Domain | None
    """The name that publishers use in all regions, if there is one beside each region's own."""
    amazon_roots: bool
    """Functions trust the roots of Amazon alone (decision 0005)."""
    laptop: bool

    @property
    def regions(self) -> tuple[str, ...]:
        """Every region that takes events, the primary one first."""
        return (self.primary_region, *self.replica_regions)

    def name(self, what: str) -> str:
        """The name of one of this deployment's resources."""
        return f"{self.deployment}-{what}"

    @classmethod
    def read(cls, context: Context) -> Configuration:
        """Read the CDK context; of a key given as `-c key=value` the value is text, and read as JSON.

        Raises ConfigurationError, and CatalogueError for a faulty catalogue.
        """
        folder = ROOT / text(context, "catalogue")
        if not folder.is_dir():
            raise ConfigurationError("catalogue", f"there is no folder {folder}")
        catalogue = load_catalogue(folder)
        if context("publishers") is not None:
            reason = "remove it: `eventing publishers register NAME` adds one, after the deployment"
            raise ConfigurationError("publishers", reason)
        primary = matching(context, "primary_region", _REGION, "is not the name of a region")
        laptop = value(context, "laptop", bool, "true or false")
        has_canary = value(context, "canary", bool, "true or false")
        replicas = _replicas(context, primary)
        named = domain(context, regions=(primary, *replicas), has_canary=has_canary)
        return cls(
            deployment=_deployment(context),
            primary_region=primary,
            replica_regions=replicas,
            # The laptop's emulator knows no Macie and refuses whole templates that name it.
            macie="off" if laptop else _macie(context),
            archive_stream=value(context, "archive_stream", bool, "true or false"),
            ops_emails=_emails(context),
            approval_above=_approval_above(context),
            findings=_findings(context),
            subscriber_accounts=subscriber_accounts(context, catalogue),
            subscriber_protocols=subscriber_protocols(context),
            retention=_retention(context),
            runbook=text(context, "runbook"),
            reserved_concurrency=_reserved_concurrency(context),
            tags=_tags(context),
            # The emulator knows no budgets either.
            monthly_budget_usd=0 if laptop else _monthly_budget(context),
            canary=has_canary,
            catalogue=canary.with_canary(catalogue) if has_canary else catalogue,
            catalogue_folder=folder,
            # Nor does it know names or certificates.
            domain=None if laptop else named,
            # The emulator is called without TLS.
            amazon_roots=value(context, "amazon_roots", bool, "true or false") and not laptop,
            laptop=laptop,
        )


def _deployment(context: Context) -> str:
    rule = (
        "is no name: lower-case letters, digits and single hyphens, each part begins with a letter"
    )
    name = matching(context, "deployment", _NAME, rule)
    if len(name) > _DEPLOYMENT_LENGTH:
        raise ConfigurationError("deployment", f"{name!r} is longer than {_DEPLOYMENT_LENGTH}")
    return name


def _replicas(context: Context, primary: str) -> tuple[str, ...]:
    regions = texts(context, "replica_regions", "a list of regions")
    for region in regions:
        if not _REGION.fullmatch(region):
            raise ConfigurationError("replica_regions", f"{region!r} is not the name of a region")
        if region == primary:
            raise ConfigurationError("replica_regions", f"{region!r} is the primary region already")
        if _partition(region) != _partition(primary):
            raise ConfigurationError(
                "replica_regions", f"{region!r} is in another partition than {primary}"
            )
    return regions


def _partition(region: str) -> str | None:
    return next((prefix for prefix in _PARTITIONS if region.startswith(prefix)), None)


def _macie(context: Context) -> Macie:
    given, known = text(context, "macie"), get_args(Macie)
    if given not in known:
        raise ConfigurationError("macie", f"has to be one of {', '.join(known)}, not {given!r}")
    return cast("Macie", given)


def _emails(context: Context) -> tuple[str, ...]:
    emails = texts(context, "ops_emails", "a list of e-mail addresses")
    for email in emails:
        if not _EMAIL.fullmatch(email):
            raise ConfigurationError("ops_emails", f"{email!r} is no e-mail address")
    return emails


def _approval_above(context: Context) -> dict[str, int]:
    key = "approval_above"
    actions = [action for action, rules in ACTIONS.items() if rules.has_ceiling]
    expected = f"a number of letters for each of {', '.join(actions)}"
    ceilings = value(context, key, dict, expected)
    if set(ceilings) != set(actions):
        raise ConfigurationError(key, f"has to be {expected}, not {ceilings!r}")
    for action, letters in ceilings.items():
        # `True` is an `int` in Python, but no number of letters.
        if type(letters) is not int or not 0 <= letters <= MAX_APPROVAL_ABOVE:
            raise ConfigurationError(
                key, f"{action}: has to be from 0 to {MAX_APPROVAL_ABOVE}, not {letters!r}"
            )
    return ceilings


def _findings(context: Context) -> Policy:
    key, expected = (
        "findings",
        'an object such as {"low": "notify", "medium": "ask", "high": "ask"}',
    )
    try:
        return policy_of(value(context, key, dict, expected))
    except ValueError as error:
        raise ConfigurationError(key, str(error)) from None


def _reserved_concurrency(context: Context) -> dict[str, int]:
    key, expected = "reserved_concurrency", 'an object such as {"ingest": 100}'
    given: dict[str, int] = value(context, key, dict, expected)
    for name, number in given.items():
        if name not in FUNCTIONS:
            known = ", ".join(sorted(FUNCTIONS))
            raise ConfigurationError(key, f"there is no function {name!r}, only {known}")
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise ConfigurationError(key, f"{name}: has to be a number from 1 on, not {number!r}")
    return given


def _tags(context: Context) -> dict[str, str]:
    key, expected = "tags", 'an object such as {"cost-center": "1234"}'
    given: dict[str, str] = value(context, key, dict, expected)
    for name, content in given.items():
        known = isinstance(content, str) and _TAG_VALUE.fullmatch(content)
        if not known or not _TAG_KEY.fullmatch(name):
            raise ConfigurationError(key, f"{name!r}: {content!r} is no tag")
        if name == "deployment":
            raise ConfigurationError(key, "'deployment' has the deployment's name already")
    return given


def _monthly_budget(context: Context) -> int:
    key, expected = "monthly_budget_usd", "a number of dollars"
    dollars = value(context, key, int, expected)
    if dollars < 0:
        raise ConfigurationError(key, f"has to be {expected}, not {dollars}")
    emails = len(_emails(context))
    if dollars and not emails:
        raise ConfigurationError(key, "somebody has to be told: there are no ops_emails")
    if dollars and emails > _BUDGET_EMAILS:
        reason = (
            f"a budget tells at most {_BUDGET_EMAILS} of the ops_emails, and there are {emails}"
        )
        raise ConfigurationError(key, reason)
    return dollars


def _retention(context: Context) -> Retention:
    """A life that is not given is the default."""
    key = "retention_days"
    given = value(context, key, dict, 'an object such as {"events": 90}')
    known = {member.name for member in fields(Retention)}
    for name, days in given.items():
        if name not in known:
            raise ConfigurationError(key, f"there is no {name!r}, only {', '.join(sorted(known))}")
        # `True` is an `int` in Python, but no number of days.
        if not isinstance(days, int) or isinstance(days, bool):
            raise ConfigurationError(key, f"{name}: has to be a number of days, not {days!r}")
    retention = Retention(**given)
    if faults := list(retention.faults()):
        raise ConfigurationError(key, "; ".join(faults))
    return retention
