"""The app as a whole: rules that its templates keep, and what a laptop and a second region change."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from cfnlint.api import lint
from constructs import IConstruct

from app import build
from infrastructure.constructs import checks
from infrastructure.packaging import ROOT
from tests.infrastructure.synthesis import AT, CONTEXT, NAMES, Json, Synthesis, Template, synthesise


@pytest.fixture
def app(tmp_path: Path) -> cdk.App:
    """An app to be built and synthesised by the test."""
    return cdk.App(outdir=str(tmp_path / "out"), context=dict(CONTEXT))


def _findings(app: cdk.App) -> dict[str, set[str]]:
    """The findings of the rules, with their places."""
    report = Path(app.outdir) / "validation-report.json"
    (plugin,) = json.loads(report.read_text())["pluginReports"]
    return {
        violation["ruleName"]: {
            place["constructPath"] for place in violation["violatingConstructs"]
        }
        for violation in plugin["violations"]
    }


def test_a_template_that_breaks_a_rule_stops_the_synth(app: cdk.App) -> None:
    build(app, at=AT, account=None)
    s3.Bucket(cdk.Stack(app, "careless"), "Bucket")

    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()

    assert _findings(app)["AwsSolutions-S10"] == {"careless/Bucket/Resource"}


def test_every_accepted_finding_is_one_on_its_own_resource(
    app: cdk.App, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted: list[tuple[str, str, str]] = []

    class Accepting:
        def __init__(self, construct: IConstruct) -> None:
            self.path = construct.node.path

        @classmethod
        def of(cls, construct: IConstruct) -> Accepting:
            return cls(construct)

        def acknowledge(self, acknowledgment: cdk.Acknowledgment) -> None:
            accepted.append((acknowledgment.id, self.path, acknowledgment.reason))

    monkeypatch.setattr(
        checks,
        "cdk",
        SimpleNamespace(Validations=Accepting, Acknowledgment=cdk.Acknowledgment, Stack=cdk.Stack),
    )
    build(app, at=AT, account=None)
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()

    found = {(rule, path) for rule, paths in _findings(app).items() for path in paths}
    covered = {
        (rule, path)
        for rule, path in found
        for id, construct, _ in accepted
        if id == rule and path.startswith(f"{construct}/")
    }
    assert found == covered
    for id, construct, reason in accepted:
        assert any(i == id and p.startswith(f"{construct}/") for i, p in found), f"{id} {construct}"
        # Not the whole stack.
        assert "/" in construct
        assert len(reason) > 20


@pytest.mark.parametrize("kind", ["tuned", "laptop", "two_regions"])
def test_cloudformation_would_take_the_templates(kind: str, request: pytest.FixtureRequest) -> None:
    synthesis: Synthesis = request.getfixturevalue(kind)
    for name, template in synthesis.templates.items():
        if kind == "two_regions" and name == "eventing-us-east-1":
            continue  # that of the other region but for its name
        matches = lint(json.dumps(template.body), regions=[template.region])
        # W3005: the CDK spells out dependencies that a reference implies.
        assert [match for match in matches if match.rule.id != "W3005"] == [], name


def test_cloudformation_would_take_a_domain(named: Mapping[int, Synthesis]) -> None:
    template = named[2].regional("eu-west-1")
    matches = lint(json.dumps(template.body), regions=["eu-west-1"])

    assert [match for match in matches if match.rule.id != "W3005"] == []


def test_the_game_day_cuts_off_every_table_that_regions_share(deployment: Synthesis) -> None:
    template = json.loads((ROOT / "docs" / "regions" / "pause-replication.json").read_text())
    cut_off = {arn.rpartition("/")[2] for arn in template["targets"]["tables"]["resourceArns"]}

    shared = deployment.data.all("AWS::DynamoDB::GlobalTable")
    assert cut_off == {table.properties["TableName"] for table in shared}


def test_the_linter_reads_state_machines(deployment: Synthesis) -> None:
    machine = deployment.regional().one(
        "AWS::StepFunctions::StateMachine", StateMachineName="eventing-redrive"
    )
    definition = json.loads(machine.raw["DefinitionString"])
    del definition["States"][definition["StartAt"]]["Type"]
    properties = {**machine.raw, "DefinitionString": json.dumps(definition)}
    broken = {"Resources": {machine.id: {**machine.body, "Properties": properties}}}

    found = {match.rule.id for match in lint(json.dumps(broken), regions=["us-east-1"])}
    assert "E3601" in found


def test_a_second_region_has_the_same_stack(two_regions: Synthesis) -> None:
    primary, replica = two_regions.regional("us-east-1"), two_regions.regional("eu-west-1")

    assert set(two_regions.templates) == {
        "eventing-data",
        "eventing-us-east-1",
        "eventing-eu-west-1",
    }
    # Publishers are changed in the primary region, where a rule looks for due keys once a day.
    # An alarm tells of those that were missed.
    daily = Counter(
        {"AWS::Events::Rule": 1, "AWS::Lambda::Permission": 1, "AWS::CloudWatch::Alarm": 1}
    )
    assert _types(primary) - daily == _types(replica)
    # But for what changes publishers in all regions, nothing here is about the other one.
    texts = [json.dumps(resource) for resource in replica.body["Resources"].values()]
    others = [text for text in texts if "us-east-1" in text]
    assert all(
        ":apigateway:" in t
        or '"REGIONS"' in t
        or ":stateMachine:eventing-publishers" in t
        # A receipt stands with the region that took the event.
        or '"us-east-1#*"' in t
        for t in others
    )


def test_another_partition_has_arns_of_its_own(tmp_path: Path) -> None:
    """China and GovCloud have other ARNs ("Amazon Resource Names", partitions), those of tasks included."""
    template = synthesise(tmp_path, primary_region="cn-north-1", macie="off").regional("cn-north-1")

    text = json.dumps(template.body)
    assert "arn:aws-cn:states:::lambda:invoke" in text
    assert "arn:aws:" not in text


def _types(template: Template) -> Counter[str]:
    return Counter(resource["Type"] for resource in template.body["Resources"].values())


def test_everything_says_which_deployment_it_belongs_to(deployment: Synthesis) -> None:
    tag = {"Key": "deployment", "Value": "eventing"}
    regional = deployment.regional()

    for type in ("AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::S3::Bucket", "AWS::SNS::Topic"):
        assert all(tag in resource.properties["Tags"] for resource in regional.all(type))
    for table in deployment.data.all("AWS::DynamoDB::GlobalTable"):
        assert all(tag in replica["Tags"] for replica in table.properties["Replicas"])


def test_the_configured_tags_are_on_everything(tuned: Synthesis) -> None:
    """Of a bill, AWS shows what a tag is on (Billing, "Using user-defined cost allocation tags")."""
    tag = {"Key": "cost-center", "Value": "1234"}
    templates = tuned.templates.values()
    tagged = [
        resource["Properties"]["Tags"]
        for template in templates
        for resource in template.body["Resources"].values()
        if isinstance(resource.get("Properties", {}).get("Tags"), list)
    ]

    assert len(tagged) > 50
    assert all(tag in tags for tags in tagged)
    for table in tuned.data.all("AWS::DynamoDB::GlobalTable"):
        assert all(tag in replica["Tags"] for replica in table.properties["Replicas"])


def test_what_stays_can_be_taken_over_by_its_name(tuned: Synthesis) -> None:
    """A change set imports only what has a name without functions in the template, and no queue.

    (CloudFormation, "Import AWS resources into a CloudFormation stack automatically": static custom names,
    and no primary identifiers that are read-only, as the URL of a queue is.) The CDK's CLI says whose
    account it deploys to, so bucket names need no function there.
    """
    kept = [
        resource
        for template in tuned.templates.values()
        for type in ("AWS::S3::Bucket", "AWS::DynamoDB::GlobalTable")
        for resource in template.all(type)
    ]

    assert len(kept) == 6
    for resource in kept:
        assert resource.body["DeletionPolicy"] in ("Retain", "RetainExceptOnCreate")
        name = resource.raw.get("BucketName") or resource.raw["TableName"]
        assert isinstance(name, str), name
        assert name.startswith("eventing-")


def test_a_budget_tells_before_and_when_it_is_used_up(
    tuned: Synthesis, deployment: Synthesis
) -> None:
    """Budgets knows a tag as `user:{key}${value}` (Budgets, "CostFilters"), once it is activated."""
    budget = tuned.data.one("AWS::Budgets::Budget").properties
    notifications = budget["NotificationsWithSubscribers"]

    assert budget["Budget"]["BudgetName"] == "eventing"
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 200, "Unit": "USD"}
    assert (budget["Budget"]["BudgetType"], budget["Budget"]["TimeUnit"]) == ("COST", "MONTHLY")
    assert budget["Budget"]["CostFilters"] == {"TagKeyValue": ["user:deployment$eventing"]}
    found = {
        (n["Notification"]["NotificationType"], n["Notification"]["Threshold"])
        for n in notifications
    }
    assert found == {("FORECASTED", 100), ("ACTUAL", 80), ("ACTUAL", 100)}
    for notification in notifications:
        assert notification["Subscribers"] == [
            {"SubscriptionType": "EMAIL", "Address": "ops@example.com"}
        ]
    assert not list(deployment.data.all("AWS::Budgets::Budget"))


def test_a_deployments_name_is_all_that_two_in_one_account_need_to_differ_in(
    deployment: Synthesis,
) -> None:
    named = [
        template.render(value)
        for template in deployment.templates.values()
        for resource in template.body["Resources"].values()
        for key, value in resource.get("Properties", {}).items()
        if key in NAMES
    ]

    assert len(named) > 20
    assert [name for name in named if "eventing" not in name] == []


def test_the_laptop_differs_in_what_its_documentation_lists(
    without_macie: Synthesis, laptop: Synthesis
) -> None:
    assert set(laptop.templates) == set(without_macie.templates)
    differences = {
        _what(path)
        for name, template in laptop.templates.items()
        for path in _differences(without_macie.templates[name].body, template.body)
    }

    assert differences - {"Architectures"} == {
        # Packages for this machine,
        "Code",
        # mails without options of commands or links to a console,
        "Environment",
        # findings that are simulated,
        "EventPattern",
        # and nothing that outlives the emulator.
        "DeletionPolicy",
        "UpdateReplacePolicy",
        "DeletionProtectionEnabled",
    }
    kept = {
        resource["Type"]
        for template in laptop.templates.values()
        for resource in template.body["Resources"].values()
        if resource.get("DeletionPolicy") == "Retain"
    }
    # API Gateway's setting of the whole account stays, wherever it is.
    assert kept <= {"AWS::ApiGateway::Account", "AWS::IAM::Role"}


def _differences(one: Json, other: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in one.keys() | other.keys():
            yield from _differences(one.get(key), other.get(key), (*path, key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (mine, yours) in enumerate(zip(one, other, strict=True)):
            yield from _differences(mine, yours, (*path, str(index)))
    elif one != other:
        yield path


def _what(path: tuple[str, ...]) -> str:
    """The property, or the attribute of a resource, that differs."""
    attributes = [part for part in path[2:] if part not in ("Properties", "Metadata")]
    named = [part for part in attributes if not part.isdigit()]
    return named[0] if named[0] != "Replicas" else named[1]


def test_a_synth_needs_no_network_and_no_credentials(tmp_path: Path) -> None:
    attempts = tmp_path / "attempts"
    (tmp_path / "no-network.js").write_text(
        "const net = require('node:net'), fs = require('node:fs');\n"
        "const connect = net.Socket.prototype.connect;\n"
        "net.Socket.prototype.connect = function (...given) {\n"
        "  const options = Array.isArray(given[0]) ? given[0][0] : given[0];\n"
        "  if (options && options.path) return connect.apply(this, given);\n"
        f"  fs.appendFileSync({json.dumps(str(attempts))}, JSON.stringify(options) + '\\n');\n"
        "  process.nextTick(() => this.destroy(new Error('there is no network')));\n"
        "  return this;\n"
        "};\n"
    )
    (tmp_path / "sitecustomize.py").write_text(
        "import socket\n"
        "def refuse(self, address):\n"
        f"    open({str(attempts)!r}, 'a').write(repr(address) + '\\n')\n"
        "    raise OSError('there is no network')\n"
        "socket.socket.connect = refuse\n"
    )
    done = subprocess.run(
        [ROOT / "node_modules" / ".bin" / "cdk", "synth", "--quiet", "-o", str(tmp_path / "out")],
        cwd=ROOT,
        env={
            "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            # Where the CLI would remember that an earlier run found no network, and not try.
            "CDK_HOME": str(tmp_path),
            # The CDK's own code, which is unpacked there already: 200 MB that no network has a part in.
            "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(Path.home() / ".cache/aws/jsii/package-cache"),
            "NODE_OPTIONS": f"--require {tmp_path / 'no-network.js'}",
            "PYTHONPATH": str(tmp_path),
            "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert not attempts.exists(), attempts.read_text()
    assert (tmp_path / "out" / "eventing-us-east-1.template.json").exists()
