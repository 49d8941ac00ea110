# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One HTTP(S) server for each service, with the lab's Date, log and faults around every handler."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, cast
from urllib.parse import parse_qs, unquote, urlsplit

from lab.clock import Clock
from lab.faults import AFTER, BEFORE, Fault, Faults
from lab.log import RequestLog

MAX_BODY = 16 * 1024 * 1024
LOGGED_BODY = 256 * 1024
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class BadRequest(Exception):
    """The request's body is not what the service can read."""


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    client: tuple[str, int] = ("127.0.0.1", 0)
    target: str = ""
    # What the handler wants in the log: "write" (bool), "cmdlet", "parameters", "operation" ...
    notes: dict[str, Any] = field(default_factory=dict)

    def json(self) -> Any:
        try:
            return json.loads(self.body.decode("utf-8"))
        except ValueError as error:
            raise BadRequest("the body is not JSON") from error

    @property
    def names(self) -> list[str]:
        """What a fault's `match` is held against."""
        return [f"{self.method} {self.target or self.path}", str(self.notes.get("operation", ""))]


@dataclass
class Response:
    status: int = 200
    body: bytes | dict[str, Any] | list[Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> tuple[bytes, dict[str, str]]:
        if self.body is None:
            return b"", dict(self.headers)
        if isinstance(self.body, bytes):
            return self.body, dict(self.headers)
        headers = {"Content-Type": "application/json; charset=utf-8", **self.headers}
        # half of a surrogate pair, which names in the field hold, becomes its escape, as in JSON
        text = json.dumps(self.body, ensure_ascii=False)
        return text.encode("utf-8", "backslashreplace"), headers


class Service(Protocol):
    """A service. With `operation(request) -> str` faults can name what a body asks for."""

    name: str

    def handle(self, request: Request) -> Response: ...


class Hub:
    """What the services share.

    `lock` guards `world`; handlers take it themselves, so that a stall holds up nobody else.
    """

    def __init__(self, latency_ms: float = 0.0) -> None:
        self.clock = Clock()
        self.log = RequestLog(self.clock)
        self.faults = Faults()
        self.latency_ms = latency_ms
        self.world: dict[str, Any] = {}
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.urls: dict[str, str] = {}
        # Set by DnsServers / the composition root; None where a test builds a part of the lab only.
        self.dns: Any = None
        # Likewise: the mail path (lab.mail.service.MailServers).
        self.mail: Any = None
        # Likewise: the Windows management host (lab.psrp.service.PsrpServers).
        self.psrp: Any = None

    def setting(self, name: str, default: Any = None) -> Any:
        value = self.world.get("settings", {}).get(name, default)
        return default if value is None else value

    def sleep(self, seconds: float) -> None:
        """Wait in real time, but not beyond the lab's end."""
        self.stopping.wait(seconds)


class LabServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(
        self, address: tuple[str, int], service: Service, hub: Hub, context: ssl.SSLContext | None
    ) -> None:
        self.service = service
        self.hub = hub
        self.context = context
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # HTTPServer.server_bind asks DNS for the host's name, which the lab neither needs nor wants
        # to wait for.
        socket_server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that went away; a handler's own failure has been logged."""


def socket_server_bind(server: ThreadingHTTPServer) -> None:
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.socket.bind(server.server_address)
    server.server_address = server.socket.getsockname()
    server.server_name, server.server_port = "127.0.0.1", server.server_address[1]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True
    wbufsize = -1
    server: LabServer
    # A service whose clock is off dates its own answers.
    _date = ""

    def setup(self) -> None:
        if self.server.context is not None:
            # The handshake is done here, in the connection's own thread: one slow client does not
            # hold up the others.
            self.request.settimeout(30)
            self.request = self.server.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET

    def version_string(self) -> str:
        return "lab"

    def date_time_string(self, timestamp: float | None = None) -> str:
        return self._date or self.server.hub.clock.http_date()

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: the request log is hub.log."""

    def _serve(self) -> None:
        hub, service = self.server.hub, self.server.service
        request = self._read()
        if request is None:
            return
        operation = getattr(service, "operation", None)
        request.notes["operation"] = operation(request) if operation else ""
        if hub.latency_ms and service.name != "control":
            hub.sleep(hub.latency_ms / 1000)
        response = self._respond(hub, service, request)
        if response is None:
            self._abort()
        else:
            self._write(response)

    def _read(self) -> Request | None:
        length = self.headers.get("Content-Length")
        if (
            self.headers.get("Transfer-Encoding")
            or (length is not None and not length.isdigit())
            or int(length or 0) > MAX_BODY
        ):
            self.close_connection = True
            self._write(Response(411 if self.headers.get("Transfer-Encoding") else 400))
            return None
        body = self.rfile.read(int(length or 0))
        parts = urlsplit(self.path)
        return Request(
            method=self.command,
            path=unquote(parts.path),
            query=parse_qs(parts.query, keep_blank_values=True),
            headers=cast("Mapping[str, str]", self.headers),
            body=body,
            client=self.client_address,
            target=self.path,
        )

    def _respond(self, hub: Hub, service: Service, request: Request) -> Response | None:
        if service.name == "control":
            return _handled(
                service, request
            )  # no faults here: a test has to be able to call them off
        fault = hub.faults.take(service.name, request.names, BEFORE)
        response = _before(fault, hub, request)
        if response is None and (fault is None or fault.kind == "stall"):
            response = _handled(service, request)
            late = hub.faults.take(service.name, request.names, AFTER, _writes(request))
            response = _after(late, response)
            fault = late or fault
        _log(hub, service, request, response, fault)
        if fault is not None and fault.kind == "stall_after_commit":
            hub.sleep(
                fault.seconds
            )  # what took effect is in the log by then, and not at the end of the silence
        return response

    def _write(self, response: Response) -> None:
        body, headers = response.encoded()
        self._date = headers.pop("Date", "")
        self.send_response(response.status)
        for name, value in headers.items():
            self.send_header(name, value)
        if response.status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _abort(self) -> None:
        """Reset the connection: the client learns nothing of what happened."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def _handled(service: Service, request: Request) -> Response:
    try:
        return service.handle(request)
    except BadRequest as error:
        return Response(400, {"error": {"code": "BadRequest", "message": str(error)}})
    except Exception as error:
        request.notes["failure"] = f"{type(error).__name__}: {error}"
        return Response(
            500,
            {
                "error": {
                    "code": "LabFailure",
                    "message": f"the lab failed: {type(error).__name__}: {error}",
                }
            },
        )


def _echo(fault: Fault, request: Request) -> Response:
    """Answer with the request, as block pages, debugging proxies and echo services do.

    ``before`` characters stand before it, so that a client that cuts texts cuts in the middle.
    """
    lines = ["%s %s" % (request.method, request.path)]
    lines += ["%s: %s" % (name, value) for name, value in request.headers.items()]
    text = "x" * int(fault.options.get("before", 0)) + " ".join(lines)
    text += "\n\n" + request.body.decode("utf-8", "replace")
    status = int(fault.options.get("status", 400))
    if fault.options.get("form") == "text":
        return Response(status, text.encode(), {"Content-Type": "text/plain"})
    error = {"code": "Echo", "message": text}
    return Response(status, {"error": error, "errors": [error], "success": False})


def _before(fault: Fault | None, hub: Hub, request: Request) -> Response | None:
    """Return what a fault answers instead of the service; kind "drop" resets the connection."""
    if fault is None or fault.kind == "drop":
        return None
    retry = {"Retry-After": str(max(0, round(fault.seconds)))}
    if fault.kind == "throttle":
        return Response(
            429, {"error": {"code": "TooManyRequests", "message": "Too many requests"}}, retry
        )
    if fault.kind == "unavailable":
        return Response(503, b"Service Unavailable", retry if fault.seconds else {})
    if fault.kind == "status":
        body = fault.options.get("body", b"")
        payload = body.encode() if isinstance(body, str) else body
        return Response(
            int(fault.options.get("status", 500)), payload, dict(fault.options.get("headers", {}))
        )
    if fault.kind == "echo":
        return _echo(fault, request)
    if fault.kind == "garbage":
        return Response(200, b"<html>Sign in to your account</html>", {"Content-Type": "text/html"})
    hub.sleep(fault.seconds)
    return None


def _after(fault: Fault | None, response: Response) -> Response | None:
    if fault is None:
        return response
    if fault.kind == "drop_after_commit":
        return None
    if fault.kind == "error_after_commit":
        return Response(
            int(fault.options.get("status", 500)),
            {"error": {"code": "InternalServerError", "message": "An error occurred"}},
        )
    if fault.kind == "timeout_after_commit":
        return Response(504, b"Gateway Timeout")
    return response


def _writes(request: Request) -> bool:
    return bool(request.notes.get("write", request.method not in _SAFE_METHODS))


def _log(
    hub: Hub, service: Service, request: Request, response: Response | None, fault: Fault | None
) -> None:
    notes = {
        key: hub.log.mask_tree(value)
        for key, value in request.notes.items()
        if key not in ("write", "operation")
    }
    hub.log.add(
        service.name,
        method=request.method,
        path=request.target.split("?", 1)[0],
        query=request.target.partition("?")[2],
        status=response.status if response else 0,
        write=_writes(request),
        headers=hub.log.headers(request.headers),
        body=hub.log.mask(request.body[:LOGGED_BODY].decode("utf-8", "replace")),
        fault=fault.kind if fault else None,
        **notes,
    )


def serve_https(
    service: Service,
    host: str,
    port: int = 0,
    context: ssl.SSLContext | None = None,
    hub: Hub | None = None,
) -> tuple[LabServer, int]:
    """Start one service on its own port (0: any free one), in a daemon thread.

    Without a context it is plain HTTP.
    """
    server = LabServer((host, port), service, hub or Hub(), context)
    threading.Thread(
        target=server.serve_forever,
        kwargs={"poll_interval": 0.1},
        name=f"lab-{service.name}",
        daemon=True,
    ).start()
    return server, int(server.server_address[1])
