"""A configuration that cannot be deployed is refused, by the key and the reason."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eventing.catalogue import CatalogueError
from infrastructure.configuration import Configuration, ConfigurationError
from infrastructure.packaging import ROOT
from infrastructure.retention import Retention
from tests.infrastructure.synthesis import CONTEXT, Json

DOMAIN = {
    "name": "events.example.com",
    "hosted_zone_id": "Z0123456789ABC",
    "hosted_zone_name": "example.com",
}


def _read(**context: Json) -> Configuration:
    return Configuration.read({**CONTEXT, **context}.get)


def test_what_cdk_json_says() -> None:
    configuration = _read()

    assert configuration.deployment == "eventing"
    assert configuration.regions == ("us-east-1",)
    assert configuration.macie == "create"
    assert configuration.laptop is False


def test_values_from_the_command_line_are_json_in_text() -> None:
    configuration = _read(
        deployment="shop",
        replica_regions='["eu-west-1", "ap-southeast-2"]',
        ops_emails='["ops@example.com"]',
        approval_above='{"redrive": 50, "discard": 0}',
        findings='{"low": "notify", "medium": "notify", "high": "ask"}',
        subscriber_accounts='{"orders": ["123456789012"]}',
        retention_days='{"events": 30}',
        subscriber_protocols='["sqs"]',
        reserved_concurrency='{"publish": 50}',
        tags='{"cost-center": "1234"}',
        laptop="true",
    )

    assert configuration.name("events") == "shop-events"
    assert configuration.regions == ("us-east-1", "eu-west-1", "ap-southeast-2")
    assert configuration.ops_emails == ("ops@example.com",)
    assert configuration.approval_above == {"redrive": 50, "discard": 0}
    assert configuration.findings == {"low": "notify", "medium": "notify", "high": "ask"}
    assert configuration.subscriber_accounts == {"orders": ("123456789012",)}
    assert configuration.retention == Retention(events=30)
    assert configuration.subscriber_protocols == ("sqs",)
    assert configuration.reserved_concurrency == {"publish": 50}
    assert configuration.tags == {"cost-center": "1234"}
    assert configuration.laptop is True


def test_amazon_roots_are_an_option_and_not_the_laptops() -> None:
    assert _read().amazon_roots is False
    assert _read(amazon_roots="true").amazon_roots is True
    assert _read(amazon_roots=True, laptop=True).amazon_roots is False


def test_a_budget_tells_at_most_as_many_as_budgets_takes() -> None:
    emails = [f"ops{number}@example.com" for number in range(11)]

    assert _read(monthly_budget_usd="200", ops_emails=emails[:10]).monthly_budget_usd == 200
    assert _read(monthly_budget_usd=200, ops_emails=emails[:1], laptop=True).monthly_budget_usd == 0
    with pytest.raises(
        ConfigurationError, match=r"monthly_budget_usd: .* at most 10 of the ops_emails"
    ):
        _read(monthly_budget_usd=200, ops_emails=emails)


def test_a_domain_is_one_name_for_all_regions() -> None:
    domain = _read(domain=json.dumps(DOMAIN), replica_regions=["eu-west-1"]).domain

    assert domain
    assert (domain.name, domain.routing) == ("events.example.com", "latency")
    assert (domain.hosted_zone_id, domain.hosted_zone_name) == ("Z0123456789ABC", "example.com")
    # One region has a name of its own beside it, for whoever means that region.
    assert domain.of_region("eu-west-1") == "eu-west-1.events.example.com"


def test_the_zone_may_be_the_domain_itself() -> None:
    assert _read(domain={**DOMAIN, "hosted_zone_name": "events.example.com"}).domain


@pytest.mark.parametrize("none", [{}, "{}", None])
def test_a_domain_is_an_option(none: Json) -> None:
    assert _read(domain=none).domain is None


def test_the_laptop_has_no_domain() -> None:
    assert _read(laptop=True, domain=DOMAIN).domain is None


@pytest.mark.parametrize(
    ("replicas", "domain", "canary", "reason"),
    [
        ([], {"routing": "failover"}, True, "failover is between two regions, and there is 1"),
        (
            ["eu-west-1", "eu-north-1"],
            {"routing": "failover"},
            True,
            "failover is between two regions, and there are 3: take latency",
        ),
        # Without it nobody would see that a region takes no events.
        (["eu-west-1"], {}, False, "the health of a region is its canary's: switch `canary` on"),
    ],
)
def test_a_domain_fits_the_regions(
    replicas: list[str], domain: Json, canary: bool, reason: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        _read(replica_regions=replicas, domain={**DOMAIN, **domain}, canary=canary)

    assert str(refused.value).startswith(f"configuration: domain: {reason}")


def test_failover_is_between_two_regions() -> None:
    domain = _read(replica_regions=["eu-west-1"], domain={**DOMAIN, "routing": "failover"}).domain

    assert domain
    assert domain.routing == "failover"


def test_the_laptop_has_no_macie() -> None:
    assert _read(laptop=True, macie="create").macie == "off"


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("deployment", "", "has to be text"),
        ("deployment", None, "has to be text"),
        ("deployment", "Eventing", "'Eventing' is no name"),
        ("deployment", "eventing-", "'eventing-' is no name"),
        ("deployment", "a--b", "'a--b' is no name"),
        ("deployment", "1a", "'1a' is no name"),
        ("deployment", "a" * 25, "is longer than 24"),
        ("primary_region", "Virginia", "'Virginia' is not the name of a region"),
        ("replica_regions", ["us-east-1"], "'us-east-1' is the primary region already"),
        ("replica_regions", ["eu-west-1", "eu-west-1"], "'eu-west-1' is there more than once"),
        ("replica_regions", ["eu_west_1"], "'eu_west_1' is not the name of a region"),
        ("replica_regions", "eu-west-1", "has to be a list of regions, not 'eu-west-1'"),
        ("replica_regions", [1], "has to be a list of regions, not 1"),
        ("replica_regions", None, "has to be a list of regions"),
        # A global table is within one partition (DynamoDB, "Global tables").
        ("replica_regions", ["cn-north-1"], "'cn-north-1' is in another partition than us-east-1"),
        ("replica_regions", ["us-gov-west-1"], "in another partition"),
        # Somebody's of before: silently left out, none of them could send.
        ("publishers", {"acme": {"usage_plan": "standard"}}, "`eventing publishers register NAME`"),
        ("publishers", {}, "remove it"),
        ("macie", "on", "has to be one of create, existing, off, not 'on'"),
        ("macie", None, "has to be text"),
        ("approval_above", {"redrive": 5}, "a number of letters for each of redrive, discard"),
        ("approval_above", {"redrive": 5, "plan": 5}, "a number of letters for each of redrive"),
        ("findings", {"low": "ask"}, "has to have low, medium, high, and nothing else"),
        ("findings", 5, 'an object such as {"low": "notify"'),
        (
            "findings",
            {"low": "ask", "medium": "ask", "high": "suspend"},
            "high: has to be notify or ask, not 'suspend'",
        ),
        ("approval_above", 5, "a number of letters for each of redrive, discard"),
        ("approval_above", {"redrive": -1, "discard": 5}, "redrive: has to be from 0 to 10000000"),
        ("approval_above", {"redrive": True, "discard": 5}, "redrive: has to be from 0"),
        ("approval_above", {"redrive": 5, "discard": "5"}, "discard: has to be from 0"),
        ("ops_emails", ["ops"], "'ops' is no e-mail address"),
        ("ops_emails", "ops@example.com", "has to be a list of e-mail addresses"),
        ("subscriber_accounts", None, "has to be an object such as"),
        ("subscriber_accounts", [], "has to be an object such as"),
        (
            "subscriber_accounts",
            {"nobody": ["123456789012"]},
            "the catalogue has no topic 'nobody'",
        ),
        ("subscriber_accounts", {"orders": "123456789012"}, "orders: has to be a list of accounts"),
        ("subscriber_accounts", {"orders": []}, "orders: has to be a list of accounts, not []"),
        ("subscriber_accounts", {"orders": [123456789012]}, "is a text of 12 digits"),
        ("subscriber_accounts", {"orders": ["12345678901"]}, "not '12345678901'"),
        ("subscriber_accounts", {"orders": ["*"]}, "orders: an account is a text of 12 digits"),
        ("subscriber_accounts", {"orders": ["1" * 12] * 2}, "is there more than once"),
        ("subscriber_protocols", "sqs", "has to be a list of protocols of SNS"),
        ("subscriber_protocols", ["sqs", "SQS"], "'SQS' is none of sqs, lambda"),
        ("subscriber_protocols", ["sqs", "sqs"], "'sqs' is there more than once"),
        ("reserved_concurrency", [], 'has to be an object such as {"ingest": 100}'),
        (
            "reserved_concurrency",
            {"ingset": 1},
            "there is no function 'ingset', only adopter, canary, cases, ",
        ),
        # With 0 Lambda runs it no more: that is how one is switched off.
        ("reserved_concurrency", {"ingest": 0}, "ingest: has to be a number from 1 on, not 0"),
        (
            "reserved_concurrency",
            {"ingest": True},
            "ingest: has to be a number from 1 on, not True",
        ),
        ("reserved_concurrency", {"ingest": "1"}, "ingest: has to be a number from 1 on, not '1'"),
        ("tags", [], 'has to be an object such as {"cost-center": "1234"}'),
        ("tags", {"cost-center": 1}, "'cost-center': 1 is no tag"),
        ("tags", {"aws:x": "1"}, "'aws:x': '1' is no tag"),
        ("tags", {"": "1"}, "'': '1' is no tag"),
        ("tags", {"a" * 129: "1"}, "is no tag"),
        ("tags", {"a": "1" * 257}, "is no tag"),
        ("tags", {"a?": "1"}, "is no tag"),
        ("tags", {"deployment": "x"}, "'deployment' has the deployment's name already"),
        ("monthly_budget_usd", -1, "has to be a number of dollars, not -1"),
        ("monthly_budget_usd", "much", "has to be a number of dollars, not 'much'"),
        ("monthly_budget_usd", 100, "somebody has to be told: there are no ops_emails"),
        ("retention_days", 90, 'has to be an object such as {"events": 90}'),
        ("retention_days", {"evnts": 90}, "there is no 'evnts', only access_logs, "),
        ("retention_days", {"events": 0}, "events: 0 is not between 1 and 3650"),
        ("retention_days", {"events": "soon"}, "events: has to be a number of days, not 'soon'"),
        ("retention_days", {"events": True}, "events: has to be a number of days, not True"),
        ("retention_days", {"events": 1.5}, "events: has to be a number of days, not 1.5"),
        ("domain", "events.example.com", 'has to be an object such as {"name": '),
        ("domain", ["events.example.com"], "has to be an object such as"),
        ("domain", {"nme": "x"}, "there is no 'nme', only name, hosted_zone_id, "),
        ("domain", {"name": "events.example.com"}, "hosted_zone_id: has to be text, not None"),
        ("domain", {**DOMAIN, "name": 1}, "name: has to be text, not 1"),
        ("domain", {**DOMAIN, "name": "Events.example.com"}, "name: 'Events.example.com' is no "),
        ("domain", {**DOMAIN, "name": "events.example.com."}, "is no name of a host"),
        ("domain", {**DOMAIN, "name": "https://events.example.com"}, "is no name of a host"),
        ("domain", {**DOMAIN, "name": "*.example.com"}, "is no name of a host"),
        ("domain", {**DOMAIN, "name": "-a.example.com"}, "is no name of a host"),
        # Of ACM: "The first domain name is the subject's common name".
        ("domain", {**DOMAIN, "name": f"{'a' * 53}.example.com"}, "is longer than 64"),
        ("domain", {**DOMAIN, "name": "events.example.org"}, "is not in the zone example.com"),
        ("domain", {**DOMAIN, "name": "eventsexample.com"}, "is not in the zone example.com"),
        ("domain", {**DOMAIN, "hosted_zone_name": "com."}, "hosted_zone_name: 'com.' is no name"),
        (
            "domain",
            {**DOMAIN, "hosted_zone_id": "/hostedzone/Z0123456789ABC"},
            "hosted_zone_id: '/hostedzone/Z0123456789ABC' is no id of a zone",
        ),
        (
            "domain",
            {**DOMAIN, "routing": "weighted"},
            "routing: has to be one of latency, failover, not 'weighted'",
        ),
        ("domain", {**DOMAIN, "routing": None}, "routing: has to be text"),
        ("laptop", "yes", "has to be true or false, not 'yes'"),
        ("laptop", 1, "has to be true or false, not 1"),
        ("catalogue", "nowhere", "there is no folder"),
    ],
)
def test_what_cannot_be_deployed_is_refused(key: str, value: Json, reason: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        _read(**{key: value})

    message = str(refused.value)
    assert message.startswith(f"configuration: {key}: ")
    assert reason in message


def test_a_faulty_catalogue_is_refused(catalogue: Path) -> None:
    shutil.copytree(ROOT / "catalogue", catalogue, dirs_exist_ok=True)
    (catalogue / "topics.json").write_text('{"topics": [{"name": "No Name"}]}')

    with pytest.raises(CatalogueError, match=r"topics\.json: No Name: "):
        _read(catalogue=str(catalogue))


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ('{"catalogue": "nowhere"}', "configuration: catalogue: there is no folder"),
        ('{"catalogue": "docs"}', "topics.json: "),
    ],
)
def test_a_synth_ends_with_the_message_and_nothing_else(context: str, message: str) -> None:
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={"CDK_CONTEXT_JSON": context, "PATH": str(Path(sys.executable).parent)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1
