"""The front door: whose requests get in at all."""

from __future__ import annotations

import hashlib
import os
import re
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

from ministack import app
from ministack.core import iam_evaluator, sigv4
from ministack.core.iam_evaluator import AuthError
from ministack.core.responses import _account_from_sts_session
from ministack.core.router import detect_service

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

# No presigned URL is good for longer.
WEEK_SECONDS = 7 * 24 * 3600
CREDENTIALS_IN_QUERY = (
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-signature",
    "awsaccesskeyid",
)
# Each of them decides something, so none may be there twice.
ONCE = (
    "host", "origin", "authorization", "content-length", "x-amz-date", "x-amz-target",
    "x-amz-content-sha256", "x-amz-security-token",
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    """A request as it came, but for its body."""

    method: str
    path: str
    raw_path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    """By lower-case names; several lines of one name are joined as a signature has them."""
    repeated: tuple[str, ...] = field(default=())
    """Headers that stand there more than once."""

    @classmethod
    def read(cls, scope: dict[str, Any]) -> Request:
        """The request of an ASGI scope."""
        lines = [
            (name.decode("latin-1").lower(), sigv4.decode_header_value(value))
            for name, value in scope["headers"]
        ]
        headers: dict[str, str] = {}
        for name, value in lines:
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        raw_path = scope.get("raw_path") or quote(scope["path"]).encode()
        query = scope.get("query_string", b"").decode("utf-8", "replace")
        return cls(
            method=scope.get("method", "GET"),
            path=scope["path"],
            raw_path=raw_path.decode("latin-1"),
            query=parse_qs(query, keep_blank_values=True),
            headers=headers,
            repeated=tuple(
                name for name, count in Counter(n for n, _ in lines).items() if count > 1
            ),
        )

    @property
    def signed_in_query(self) -> bool:
        """Whether its query names credentials of any kind."""
        return any(name.lower() in CREDENTIALS_IN_QUERY for name in self.query)

    @property
    def signed_in_header(self) -> bool:
        """Whether its header names credentials of AWS of any kind."""
        return self.headers.get("authorization", "").startswith("AWS")

    @property
    def open(self) -> bool:
        """Whether what it asks for is for everybody on this machine."""
        return (
            # Of API Gateway, which looks at keys, plans and authorizers itself.
            self.path.startswith("/_aws/execute-api/")
            # Of custom resources; its last part is a secret of the resource's function.
            or (self.method == "PUT" and self.path.startswith("/_ministack/cfn-response/"))
            or (self.method == "GET" and self.path == "/_ministack/health")
        )


def only_signed_requests_from_here_get_in() -> None:
    """AWS refuses what isn't signed with valid credentials; a browser's page has none to sign with.

    The emulator checks no signature of the root user, has many paths that ask for none, takes any `Host`
    and lets every page read its answers. A page in a browser could create a function and run it.
    """
    stock = app.app
    names = {f"{host}:{os.environ['GATEWAY_PORT']}" for host in ("127.0.0.1", "localhost")}

    async def guarded(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await stock(scope, receive, send)
            return
        if scope["type"] != "http":  # the project uses no web socket
            await send({"type": "websocket.close", "code": 1008})
            return
        request = Request.read(scope)
        if not is_from_here(request, names):
            await _send(send, (403, {"Content-Type": "text/plain"}, b"not from here"))
        elif request.open and not (request.signed_in_header or request.signed_in_query):
            await stock(scope, receive, send)
        elif isinstance(checked := signer(request), AuthError):
            await _send(send, _refusal(request, checked))
        elif (body := await _read(receive)) is not None:
            if failure := signature_failure(request, *checked, body):
                await _send(send, _refusal(request, failure))
            else:
                await stock(scope, _again(body, receive), send)

    app.app = guarded


def is_from_here(request: Request, names: set[str]) -> bool:
    """Whether the request came by one of these names, and not from a page of elsewhere.

    Another name that leads here is some site's (DNS rebinding). Browsers say from which page a request is:
    by `Origin`, or where there is none, such as for pictures, by `Sec-Fetch-Site`.
    """
    origin = request.headers.get("origin")
    return (
        not set(request.repeated) & set(ONCE)
        and request.headers.get("host") in names
        and (origin is None or origin in {f"http://{name}" for name in names})
        and request.headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    )


def signer(request: Request) -> tuple[Any, Any] | AuthError:
    """Signature and credential of a request; an error when it has none, an old one or an unknown key."""
    if request.signed_in_header == request.signed_in_query:
        return AuthError("MissingAuthenticationToken", "Request is missing Authentication Token")
    if request.signed_in_query:
        algorithm = request.query.get("X-Amz-Algorithm")
        claimed = request.query.get("X-Amz-Credential", [""])[0]
        parsed = sigv4.parse_query_signature(request.query)
        token = request.query.get("X-Amz-Security-Token", [""])[0]
    else:
        authorization = request.headers["authorization"]
        algorithm = [authorization.split(" ")[0]]
        claimed = (re.findall(r"Credential=([^,\s]+)", authorization) or [""])[0]
        parsed = sigv4.parse_header_signature(request.headers)
        token = request.headers.get("x-amz-security-token", "")
    if isinstance(parsed, tuple):
        return AuthError(*parsed)
    if algorithm != ["AWS4-HMAC-SHA256"] or parsed.region_set is not None:
        return AuthError("UnsupportedSignature", "Only AWS4-HMAC-SHA256 is supported")
    if not claimed.endswith("/aws4_request"):
        return AuthError("SignatureDoesNotMatch", "Credential should be scoped to aws4_request")
    if late := _time_failure(request, parsed):
        return late
    account = _account_from_sts_session(parsed.access_key_id)
    credential = iam_evaluator.resolve_credential(parsed.access_key_id, account, token)
    if not isinstance(credential, iam_evaluator.ResolvedCredential):
        return AuthError(credential.code, credential.message)
    return parsed, credential


def _time_failure(request: Request, parsed: Any) -> AuthError | None:
    expires = request.query.get("X-Amz-Expires", [""])[0]
    if not (request.signed_in_query and expires):
        late = sigv4.request_time_failure(parsed)
        return AuthError(*late) if late else None
    signed_at = sigv4._amz_datetime(parsed.amz_date)
    if signed_at is None or not (expires.isdecimal() and int(expires) <= WEEK_SECONDS):
        return AuthError(
            "AuthorizationQueryParametersError", "X-Amz-Expires or X-Amz-Date is wrong"
        )
    age = time.time() - signed_at.timestamp()
    if not -15 * 60 < age <= int(expires):
        return AuthError("AccessDenied", "Request has expired")
    return None


def signature_failure(
    request: Request, parsed: Any, credential: Any, body: bytes
) -> AuthError | None:
    """Why the signature isn't one of all that matters: the body and the headers of AWS included."""
    signed = parsed.signed_headers.split(";")
    decisive = {"host", *(name for name in request.headers if name.startswith("x-amz-"))}
    if not decisive <= set(signed):
        return AuthError(
            "SignatureDoesNotMatch", "There were headers present which were not signed"
        )
    of_s3 = detect_service(request.method, request.path, request.headers, request.query) == "s3"
    if request.signed_in_query:
        # Such a URL of S3's leaves the body open; it must not be used for another service.
        if parsed.service == "s3" and not of_s3:
            return AuthError(
                "SignatureDoesNotMatch", "Credential should be scoped to correct service"
            )
    elif not _is_signed_body(request.headers.get("x-amz-content-sha256"), body):
        return AuthError("XAmzContentSHA256Mismatch", "The body is not what was signed")
    failure = sigv4.header_signature_failure(
        parsed,
        credential.secret_access_key,
        request.method,
        request.raw_path,
        request.query,
        request.headers,
        body,
        presigned=request.signed_in_query,
    )
    return AuthError(*failure) if failure else None


def _is_signed_body(declared: str | None, body: bytes) -> bool:
    """Whether the hash in the header, if there is one, is the body's; chunks have signatures of their own."""
    if declared is None or declared.startswith("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"):
        return True
    return declared == hashlib.sha256(body).hexdigest()


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None when it didn't come to its end."""
    parts = []
    while (message := await receive())["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)
    return None


def _again(body: bytes, receive: Receive) -> Receive:
    """Hands out the body once more, then what comes after it."""
    first = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> dict[str, Any]:
        return first.pop() if first else await receive()

    return again


def _refusal(request: Request, failure: AuthError) -> tuple[int, dict[str, str], bytes]:
    service = detect_service(request.method, request.path, request.headers, request.query)
    return app._credential_failure(service, "", str(uuid.uuid4()), failure, request.headers)


async def _send(send: Send, answer: tuple[int, dict[str, str], bytes]) -> None:
    status, headers, body = answer
    lines = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    lines.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
