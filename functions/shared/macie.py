"""Asks Macie for findings by their ids."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_macie2 import Macie2Client


class Macie:
    """Macie in this region."""

    def __init__(self, client: Macie2Client) -> None:
        self._client = client

    def finding(self, id: str) -> Any:
        """The finding as events have it, None where there is none; raises what the SDK raises."""
        found = self._client.get_findings(findingIds=[id])["findings"]
        # The SDK has read its times.
        return json.loads(json.dumps(found[0], default=str)) if found else None
