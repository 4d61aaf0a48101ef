"""The files of the game day: AWS takes them, and they touch no more than they have to."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from infrastructure.packaging import ROOT

FOLDER = ROOT / "docs" / "regions"
TEMPLATE = json.loads((FOLDER / "pause-replication.json").read_text())


@pytest.fixture(scope="module")
def accepted() -> Any:
    """What `create-experiment-template` takes."""
    model = botocore.session.get_session().get_service_model("fis")
    return model.operation_model("CreateExperimentTemplate").input_shape


def test_fis_takes_the_template(accepted: Any) -> None:
    # The AWS CLI makes a token itself.
    faults = ParamValidator().validate({"clientToken": "1", **TEMPLATE}, accepted)

    assert not faults.has_errors(), faults.generate_report()


def test_it_pauses_replication_and_ends_by_itself() -> None:
    (action,) = TEMPLATE["actions"].values()
    (target,) = TEMPLATE["targets"].values()

    assert action["actionId"] == "aws:dynamodb:global-table-pause-replication"
    assert action["targets"] == {"Tables": "tables"}
    # Far from the 20 hours after which a replica that is cut off becomes a table of its own for good.
    assert action["parameters"] == {"duration": "PT20M"}
    assert target["resourceType"] == "aws:dynamodb:global-table"


def test_the_experiments_role_may_touch_the_policies_of_tables_and_nothing_else() -> None:
    role = json.loads((FOLDER / "game-day-role.json").read_text())
    trust = json.loads((FOLDER / "game-day-trust.json").read_text())
    actions = [action for one in role["Statement"] for action in one["Action"] if "Put" in action]

    assert actions == ["dynamodb:PutResourcePolicy"]
    (tables,) = (one for one in role["Statement"] if actions[0] in one["Action"])
    assert tables["Resource"] == "arn:aws:dynamodb:*:*:table/eventing-*"
    (trusted,) = trust["Statement"]
    assert trusted["Principal"] == {"Service": "fis.amazonaws.com"}
    assert "aws:SourceAccount" in trusted["Condition"]["StringEquals"]
