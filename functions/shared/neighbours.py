"""The other regions of the deployment, as anybody reaches them: without a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import urllib3
from botocore.httpsession import where

if TYPE_CHECKING:
    from collections.abc import Mapping

# The canary looks at them before its own event, which needs the time more.
_SECONDS = 2.0
_OK = 200


class Neighbours:
    """`GET /health` of each, by the names of their regions; `certificates` as for the front door."""

    def __init__(self, urls: Mapping[str, str], *, certificates: str | None) -> None:
        self._urls = urls
        self._http = urllib3.PoolManager(ca_certs=certificates or where())

    def answering(self) -> dict[str, bool]:
        """Tell of each region whether its gateway answers now. Nothing is raised."""
        return {region: self._answers(url) for region, url in self._urls.items()}

    def _answers(self, url: str) -> bool:
        try:
            answer = self._http.request(
                "GET",
                url,
                headers={"connection": "close"},
                timeout=urllib3.Timeout(total=_SECONDS),
                retries=False,
            )
        except (urllib3.exceptions.HTTPError, OSError):
            return False
        return answer.status == _OK
