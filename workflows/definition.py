"""The definition of a state machine, for the partition of AWS that it is deployed into."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct


def definition_of(file: Path, scope: Construct) -> sfn.DefinitionBody:
    """The definition in an ASL file, into the template itself, where cfn-lint reads it.

    The file names integrations by ARNs of the partition `aws`, as Workflow Studio writes them.
    """
    partition = cdk.Stack.of(scope).partition
    text = file.read_text(encoding="utf-8").replace("arn:aws:", f"arn:{partition}:")
    return sfn.DefinitionBody.from_string(text)
