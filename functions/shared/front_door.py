"""The API as publishers reach it: over HTTPS, with the key of one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import urllib3
from botocore.httpsession import where

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient

_FORBIDDEN = 403


class FrontDoor:
    """`POST /events` with an API key that is read by its id when it is needed first, and kept.

    The key gets into the header of the request and nowhere else. `certificates` is a file with the roots to
    trust in place of the SDK's own.
    """

    def __init__(
        self, client: APIGatewayClient, *, url: str, key_id: str, certificates: str | None
    ) -> None:
        self._client = client
        self._url = f"{url.rstrip('/')}/events"
        self._key_id = key_id
        self._key: str | None = None
        self._http = urllib3.PoolManager(ca_certs=certificates or where())

    def post(self, event: str, *, seconds: float) -> int:
        """Send an event in structured mode; the status of the answer, which is waited for so long.

        A key that is refused is read anew: another one may have taken its place. Raises what the SDK and
        urllib3 raise.
        """
        key = self._key or self._read_key()
        status = self._send(event, key, seconds)
        if status == _FORBIDDEN and (renewed := self._read_key()) != key:
            status = self._send(event, renewed, seconds)
        return status

    def _read_key(self) -> str:
        self._key = self._client.get_api_key(apiKey=self._key_id, includeValue=True)["value"]
        return self._key

    def _send(self, event: str, key: str, seconds: float) -> int:
        answer = self._http.request(
            "POST",
            self._url,
            body=event.encode(),
            headers={
                "content-type": "application/cloudevents+json",
                "x-api-key": key,
                # One kept since the last minute may be closed by now; publishers make theirs as well.
                "connection": "close",
            },
            timeout=seconds,
            retries=False,
        )
        return answer.status
