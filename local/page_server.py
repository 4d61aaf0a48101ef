"""A page that draws the deployed dashboards, for want of a CloudWatch console on a laptop."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from local.cloud import ROOT
from local.page_regions import RegionRows
from local.page_view import MINUTES, View

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from local.deployment import Deployment
    from local.mailbox import Mailbox

PAGE = ROOT / "local" / "page"
MODULES = ROOT / "node_modules"
DOCUMENTS = sorted((ROOT / "docs").glob("*.md"))
# Nothing but these files is served, and the page loads nothing from anywhere else.
FILES: Mapping[str, tuple[Any, str]] = {
    "/": (PAGE / "index.html", "text/html"),
    "/page.css": (PAGE / "page.css", "text/css"),
    "/page.js": (PAGE / "page.js", "text/javascript"),
    "/mailbox.js": (PAGE / "mailbox.js", "text/javascript"),
    "/regions.js": (PAGE / "regions.js", "text/javascript"),
    "/uplot.css": (MODULES / "uplot" / "dist" / "uPlot.min.css", "text/css"),
    "/uplot.js": (MODULES / "uplot" / "dist" / "uPlot.esm.js", "text/javascript"),
    "/marked.js": (MODULES / "marked" / "lib" / "marked.esm.js", "text/javascript"),
    "/document.js": (PAGE / "document.js", "text/javascript"),
    # Alarms and dashboards lead to sections of the runbook, and that to other documents.
    **{f"/docs/{file.name}": (PAGE / "document.html", "text/html") for file in DOCUMENTS},
    **{f"/docs/{file.name}.txt": (file, "text/plain") for file in DOCUMENTS},
}


class DashboardPage:
    """Serves the page, with a mailbox if there is one, on a free port of 127.0.0.1 while it is open.

    `others` are further regions of the deployment: the page can show each, and one row for each.
    """

    def __init__(
        self,
        deployment: Deployment,
        mailbox: Mailbox | None = None,
        *,
        others: Sequence[tuple[Deployment, Mailbox]] = (),
    ) -> None:
        shown = ((deployment, mailbox), *others)
        self._shown = {one.region: (View(one), its) for one, its in shown}
        views = [view for view, _ in self._shown.values()]
        self._rows = RegionRows([one for one, _ in shown], views) if others else None

    def __enter__(self) -> Self:
        handler = partial(_Handler, self._shown, self._rows)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True, name="page").start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where a browser finds the page."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    def __init__(
        self,
        shown: Mapping[str, tuple[View, Mailbox | None]],
        rows: RegionRows | None,
        *args: Any,
    ) -> None:
        self._shown = shown
        self._rows = rows
        super().__init__(*args)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        view, mailbox = self._shown.get(query.get("region", next(iter(self._shown))), (None, None))
        if not self._is_from_here():
            self._send(HTTPStatus.FORBIDDEN, "text/plain", b"not from here")
        elif url.path in FILES:
            file, kind = FILES[url.path]
            self._send(HTTPStatus.OK, kind, file.read_bytes())
        elif url.path == "/api/regions":
            self._answer(self._rows.rows if self._rows else list)
        elif view and url.path == "/api/dashboards":
            self._answer(view.dashboards)
        elif view and url.path == "/api/mails":
            self._answer(mailbox.newest_first if mailbox else list)
        elif view and url.path == "/api/live":
            text = query.get("minutes", "15")
            minutes = int(text) if text.isdecimal() and int(text) in MINUTES else 15
            self._answer(lambda: view.live(minutes))
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"not here")

    def _is_from_here(self) -> bool:
        """Whether the request came by this server's own name, and not from a page of elsewhere.

        Any other name is some site's that was made to lead here. Browsers say which page asks.
        """
        port = cast("ThreadingHTTPServer", self.server).server_port
        names = {f"127.0.0.1:{port}", f"localhost:{port}"}
        origins = {f"http://{name}" for name in names}
        hosts = self.headers.get_all("host") or []
        return (
            len(hosts) == 1
            and hosts[0] in names
            and set(self.headers.get_all("origin") or []) <= origins
            and self.headers.get("sec-fetch-site", "none") in ("none", "same-origin")
        )

    def _answer(self, get: Any) -> None:
        try:
            body = json.dumps(get()).encode()
        except (BotoCoreError, ClientError) as error:
            # The page says so, and asks again.
            self._send(HTTPStatus.BAD_GATEWAY, "text/plain", str(error).encode())
        else:
            self._send(HTTPStatus.OK, "application/json", body)

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", f"{kind}; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "no-store")
        self.send_header(
            "content-security-policy", "default-src 'self'; img-src data:; base-uri 'none'"
        )
        self.send_header("x-content-type-options", "nosniff")
        # Whoever has closed the page meanwhile needs no answer.
        with suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Requests of the page are no news."""
