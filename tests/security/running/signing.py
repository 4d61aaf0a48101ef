"""Signature Version 4 by hand, so that each part of a request can be changed after it was signed."""

from __future__ import annotations

import hashlib
import hmac
import http.client
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    """An access key; of a session, with its token."""

    id: str
    secret: str
    token: str = ""


@dataclass(frozen=True)
class Answer:
    """An answer of the endpoint."""

    status: int
    body: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Request:
    """A request that is not sent yet; `lines` are its headers, in which a name may stand twice."""

    method: str
    path: str
    body: bytes = b""
    query: tuple[tuple[str, str], ...] = ()
    lines: tuple[tuple[str, str], ...] = ()
    host: str = field(default="")

    def having(self, **headers: str) -> Self:
        """The request with more headers; an underscore stands for a hyphen."""
        more = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        return replace(self, lines=(*self.lines, *more))

    def without(self, name: str) -> Self:
        """The request without a header."""
        return replace(self, lines=tuple(line for line in self.lines if line[0].lower() != name))

    @property
    def query_string(self) -> str:
        """The query, sorted and encoded as it is signed."""
        pairs = sorted((quote(n, safe="-_.~"), quote(v, safe="-_.~")) for n, v in self.query)
        return "&".join(f"{name}={value}" for name, value in pairs)

    def send(self, endpoint: str) -> Answer:
        """Send it as it is."""
        connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=20)
        target = quote(self.path) + (f"?{self.query_string}" if self.query else "")
        connection.putrequest(self.method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in (("host", self.host or urlsplit(endpoint).netloc), *self.lines):
            connection.putheader(name, value)
        if self.body or self.method != "GET":
            connection.putheader("content-length", str(len(self.body)))
        connection.endheaders(self.body)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, response.read().decode("utf-8", "replace"), headers)
        connection.close()
        return answer


@dataclass(frozen=True)
class Signer:
    """Signs requests for one service of an endpoint."""

    credentials: Credentials
    endpoint: str
    service: str
    region: str = "us-east-1"
    age: timedelta = timedelta()
    """How long ago it signs."""

    @property
    def moment(self) -> str:
        """The time of the signature, in its own format."""
        return (datetime.now(UTC) - self.age).strftime("%Y%m%dT%H%M%SZ")

    def sign(self, request: Request) -> Request:
        """The request with a signature in its header."""
        moment, host = self.moment, request.host or urlsplit(self.endpoint).netloc
        request = request.having(
            x_amz_date=moment, x_amz_content_sha256=hashlib.sha256(request.body).hexdigest()
        )
        if self.credentials.token:
            request = request.having(x_amz_security_token=self.credentials.token)
        headers = dict(sorted({**dict(request.lines), "host": host}.items()))
        names = ";".join(headers)
        signature = self._signature(
            request, moment, headers, hashlib.sha256(request.body).hexdigest()
        )
        return request.having(
            authorization=f"{ALGORITHM} Credential={self.credentials.id}/{self._scope(moment)},"
            f" SignedHeaders={names}, Signature={signature}"
        )

    def presign(self, request: Request, *, seconds: int) -> Request:
        """The request with a signature in its query, good for so many seconds."""
        moment = self.moment
        more = {
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": f"{self.credentials.id}/{self._scope(moment)}",
            "X-Amz-Date": moment,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": "host",
        }
        request = replace(request, query=(*request.query, *more.items()))
        headers = {"host": urlsplit(self.endpoint).netloc}
        of_body = hashlib.sha256(request.body).hexdigest()
        hashed = "UNSIGNED-PAYLOAD" if self.service == "s3" else of_body
        signature = self._signature(request, moment, headers, hashed)
        return replace(request, query=(*request.query, ("X-Amz-Signature", signature)))

    def _scope(self, moment: str) -> str:
        return f"{moment[:8]}/{self.region}/{self.service}/aws4_request"

    def _signature(
        self, request: Request, moment: str, headers: dict[str, str], hashed_body: str
    ) -> str:
        canonical = "\n".join(
            [
                request.method,
                quote(request.path),
                request.query_string,
                *(f"{name}:{value.strip()}" for name, value in headers.items()),
                "",
                ";".join(headers),
                hashed_body,
            ]
        )
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = "\n".join([ALGORITHM, moment, self._scope(moment), digest])
        key: Any = f"AWS4{self.credentials.secret}".encode()
        for part in (moment[:8], self.region, self.service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256").hex()
