"""cdk-preflight finds nothing that AWS would refuse in the template of any variant.

Its rules are failures of real deployments that no schema shows. The engine below them is CloudFormation's
own validation, whose errors count as well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk
from aws_cdk.cloudformation_include import CfnInclude
from cdk_preflight import Preflight

from tests.infrastructure.synthesis import ACCOUNT, Json, Synthesis, Template

# What the CDK adds to each template for its own bootstrapping, and adds here again.
BOOTSTRAPPING = ("Parameters", "Rules")


def refused(folder: Path, templates: Mapping[str, Template]) -> set[tuple[str, str]]:
    """What is refused: pairs of a template's name and the rule."""
    app = cdk.App(outdir=str(folder / "out"))
    for name, template in templates.items():
        file = folder / f"{name}.json"
        body = {key: value for key, value in template.body.items() if key not in BOOTSTRAPPING}
        file.write_text(json.dumps(body), encoding="utf-8")
        place = cdk.Environment(account=ACCOUNT, region=template.region)
        CfnInclude(cdk.Stack(app, name, env=place), "Template", template_file=str(file))
    Preflight.apply(app, strict=True)
    try:
        app.synth()
    except RuntimeError as error:
        if "ValidationFailed" not in str(error):
            raise
    report = json.loads((folder / "out" / "validation-report.json").read_text(encoding="utf-8"))
    return {
        (place["constructPath"].partition("/")[0], violation["ruleName"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for place in violation["violatingConstructs"]
    }


def test_no_variant_has_what_aws_would_refuse(
    deployment: Synthesis,
    without_macie: Synthesis,
    laptop: Synthesis,
    two_regions: Synthesis,
    tuned: Synthesis,
    named: Mapping[int, Synthesis],
    tmp_path: Path,
) -> None:
    variants = {
        "default": deployment,
        "without-macie": without_macie,
        "laptop": laptop,
        "two-regions": two_regions,
        "tuned": tuned,
    }
    templates = {
        f"{variant}-{name}": template
        for variant, synthesis in variants.items()
        for name, template in synthesis.templates.items()
    }

    # Those of their other regions differ in the region alone.
    templates["failover"] = named[2].regional("eu-west-1")
    templates["latency"] = named[3].regional("ap-southeast-2")

    assert len(templates) >= 11
    assert refused(tmp_path, templates) == set()


def _edited(template: Template, type: str, old: str, new: str) -> Template:
    """The template with a text in place of another in all resources of a type."""

    def edited(body: Json) -> Json:
        text = json.dumps(body)
        return json.loads(text.replace(old, new)) if body["Type"] == type else body

    resources = template.body["Resources"]
    changed = {id: edited(body) for id, body in resources.items()}
    assert changed != resources
    return Template({**template.body, "Resources": changed}, template.region)


def test_faults_are_found(regional: Template, tmp_path: Path) -> None:
    # A definition is a text, whose quotes are escaped.
    machine, report = "AWS::StepFunctions::StateMachine", r"\"Next\": \"Report\""
    faulty = {
        "next": _edited(regional, machine, report, r"\"Next\": \"Nowhere\""),
        "architecture": _edited(regional, "AWS::Lambda::Function", '"arm64"', '"arm65"'),
    }

    found = refused(tmp_path, faulty)

    assert ("next", "pf-sfn-asl-missing-state") in found
    assert {name for name, _ in found} == set(faulty)
