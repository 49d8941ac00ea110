# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A scripted HTTP client, made-up tokens and a tiny TLS server, for the tests of the Exchange
package.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import trustme

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.rest.transport import (
    ExchangeClient,
)
from ansible_collections.mailflow.area1.plugins.module_utils._http import Reply

TENANT = "11111111-2222-3333-4444-555555555555"
OTHER_TENANT = "99999999-2222-3333-4444-555555555555"
APP = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
SECRET = "a-very-secret~value"
EXCHANGE_AUD = "https://outlook.office365.com"
DATE = "Mon, 23 Nov 2026 20:00:00 GMT"


def jwt(**claims: Any) -> str:
    """An unsigned token: nobody on this side of the service verifies one."""
    full = {
        "tid": TENANT,
        "aud": EXCHANGE_AUD,
        "appid": APP,
        "exp": int(time.time()) + 3600,
        "roles": ["Exchange.ManageAsApp"],
        **claims,
    }
    kept = {name: value for name, value in full.items() if value is not None}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "none"}, kept)
    ]
    return ".".join([*parts, "c2lnbmF0dXJl"])


def reply(status: int = 200, body: Any = None, **headers: str) -> Reply:
    content = (
        body
        if isinstance(body, bytes)
        else json.dumps({"value": []} if body is None else body).encode()
    )
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"Date": DATE, **named}, content, "POST somewhere")


class Script:
    """Stands for ``HttpClient``: answers each request with the next of ``replies`` (an exception is
    raised).
    """

    def __init__(self, *replies: Reply | Exception) -> None:
        self.replies = list(replies)
        self.calls: list[dict[str, Any]] = []

    def __call__(self, base_url: str, **options: Any) -> Any:
        return _ScriptedClient(self, base_url, options)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(call["data"])["CmdletInput"]["Parameters"] for call in self.calls]


class _ScriptedClient:
    def __init__(self, script: Script, base_url: str, options: Mapping[str, Any]) -> None:
        self._script, self.base_url, self._options = script, base_url, options
        self.deadline = 0.0

    def request(self, method: str, path: str, **options: Any) -> Reply:
        headers = {**self._options["headers"], **options.pop("headers")}
        self._script.calls.append(
            {"base": self.base_url, "method": method, "path": path, "headers": headers, **options}
        )
        answer = self._script.replies.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def client(script: Script, warnings: list[str] | None = None, **params: Any) -> ExchangeClient:
    """A client with a given token unless ``params`` say otherwise."""
    context = Context(
        warn=(warnings if warnings is not None else []).append, sleep=lambda seconds: None
    )
    given = {"tenant": TENANT, "access_token": jwt(), **params}
    return ExchangeClient(
        {name: value for name, value in given.items() if value is not None}, context, connect=script
    )


Handler = Callable[[str, str, Mapping[str, str], bytes], tuple[int, Any, dict[str, str]]]


class TlsServer:
    """One HTTPS server on loopback; ``handle(method, path, headers, body)`` gives (status, JSON or
    bytes, headers).
    """

    def __init__(self, directory: Path, handle: Handler) -> None:
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        self.ca_path = str(directory / "ca.pem")
        authority.cert_pem.write_to_path(self.ca_path)
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler(handle))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = "https://127.0.0.1:%d" % self._server.server_address[1]

    def _handler(self, handle: Handler) -> type[http.server.BaseHTTPRequestHandler]:
        seen = self.requests

        class Answering(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                seen.append((self.command, self.path, dict(self.headers), body))
                status, content, headers = handle(self.command, self.path, dict(self.headers), body)
                data = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = _answer

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        return Answering

    @contextlib.contextmanager
    def serving(self) -> Iterator[TlsServer]:
        thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(5)
