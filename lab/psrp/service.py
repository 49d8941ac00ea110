# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""WinRM's listeners: HTTPS with Basic, client certificates and Negotiate, and plain HTTP.

Plain HTTP takes Negotiate and encrypted messages only.
"""

from __future__ import annotations

import os
import secrets
import socket
import ssl
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from lab.faults import AFTER, BEFORE, Fault
from lab.psrp.signin import Account, SignedIn, SignIn
from lab.server import Hub, socket_server_bind
from lab.tls import Authority, write_private
from lab.tokens import Tokens

SERVICE = "psrp"
MAX_ENVELOPE = 512_000  # MaxEnvelopeSizekb 500


class PsrpServers:
    """Both listeners of the host, its account and its certificate store."""

    def __init__(self, hub: Hub, authority: Authority, directory: Path) -> None:
        self.hub = hub
        self._authority = authority
        self._directory = directory
        subject = "svc-mailflow@lab"
        self.account = Account("svc-mailflow", secrets.token_urlsafe(18), subject)
        self._store: dict[str, str] = {}
        self._tokens: Tokens | None = None
        self._shells: Any = None
        self._lock = threading.Lock()
        self._servers: list[_Listener] = []
        self.port = self.plain_port = 0

    def start(self, tokens: Tokens, certificate_pem: str) -> None:
        """Listen. ``certificate_pem``: the certificate in the host's store, the app's own."""
        self._tokens = tokens
        self._store = {thumbprint(certificate_pem): certificate_pem}
        users = self._directory / "ntlm-users"
        # with and without the host's own name as domain
        entry = f"{self.account.user}:{self.account.password}\n"
        write_private(users, f"LAB:{entry}:{entry}".encode())
        os.environ["NTLM_USER_FILE"] = str(users)
        self._authority.write_client(self._directory / "winrm.pem", self.account.subject)
        for context in (self._authority.optional_client_context(), None):
            server = _Listener(("127.0.0.1", 0), self, context)
            self._servers.append(server)
            threading.Thread(
                target=server.serve_forever,
                kwargs={"poll_interval": 0.1},
                name="lab-winrm",
                daemon=True,
            ).start()
        self.port, self.plain_port = (int(server.server_address[1]) for server in self._servers)

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    @property
    def shells(self) -> Any:
        """Made when the first client comes: psrpcore takes time to import."""
        with self._lock:
            if self._shells is None:
                from lab.psrp.module import ExchangeModule
                from lab.psrp.session import Session
                from lab.psrp.shells import Shells

                tokens, errors = self._tokens, [0]
                if tokens is None:
                    raise RuntimeError("the host was not started")

                def make(configuration: str, user: str) -> Session:
                    module = ExchangeModule(self.hub, tokens, self._store, errors)
                    return Session(module, check_configuration(configuration))

                self._shells = Shells(self.hub, make)
            return self._shells

    def sessions(self) -> list[dict[str, Any]]:
        """Return the sessions that are open, without opening any."""
        found: list[dict[str, Any]] = self._shells.listed() if self._shells is not None else []
        return found

    def description(self) -> dict[str, Any]:
        """Return the playbook's variables for this host, for lab.json."""
        return {
            "o365_transport": "psrp",
            "o365_psrp_host": "127.0.0.1",
            "o365_psrp_port": self.port,
            "o365_psrp_user": self.account.user,
            "o365_psrp_password": self.account.password,
        }

    def details(self) -> dict[str, Any]:
        return {
            "plain_port": self.plain_port,
            "certificate_path": str(self._directory / "winrm.pem"),
            "thumbprint": next(iter(self._store)),
        }


def check_configuration(name: str) -> str:
    from lab.psrp.soap import INVALID_RESOURCE, SoapFault

    known = ("microsoft.powershell", "powershell.7", "area1")
    if name.lower() not in known:
        raise SoapFault(
            INVALID_RESOURCE,
            f"Cannot find the {name} session configuration in the WSMan: drive on this computer.",
        )
    return name


def thumbprint(pem: str) -> str:
    """Return the SHA-1 in capital hexadecimal digits, as Windows shows it."""
    digest = x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA1())  # noqa: S303
    return digest.hex().upper()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self, address: tuple[str, int], owner: PsrpServers, context: ssl.SSLContext | None
    ) -> None:
        self.owner = owner
        self.context = context
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        socket_server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Listener

    def setup(self) -> None:
        subject = ""
        if self.server.context is not None:
            self.request.settimeout(30)
            self.request = self.server.context.wrap_socket(self.request, server_side=True)
            subject = _subject(self.request)
        super().setup()
        owner = self.server.owner
        self._sign_in = SignIn(owner.account, self.server.context is not None, subject)

    def version_string(self) -> str:
        return "Microsoft-HTTPAPI/2.0"

    def date_time_string(self, timestamp: float | None = None) -> str:
        return self.server.owner.hub.clock.http_date()

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: the request log is hub.log."""

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_ENVELOPE * 2:
            self.close_connection = True
            self._reply(413, b"", SignedIn())
            return
        body = self.rfile.read(length)
        signed = self._sign_in.check(self.headers.get("Authorization") or "")
        if not signed.user or self.path.lower() != "/wsman":
            status = 404 if signed.user else 401
            self._log("sign-in", status, None)
            self._reply(status, b"", signed)
            return
        if not body:
            self._reply(200, b"", signed)
            return
        self._message(body, signed)

    def _message(self, body: bytes, signed: SignedIn) -> None:
        from lab.psrp import soap

        hub = self.server.owner.hub
        try:
            plain = self._sign_in.unwrap(self.headers.get("Content-Type") or "", body)
            message = soap.parse(plain)
        except ValueError as error:
            self._log("message", 400, None, str(error))
            self._reply(400, b"", signed)
            return
        if hub.latency_ms:
            hub.sleep(hub.latency_ms / 1000)
        names = ["POST /wsman", message.action]
        before = hub.faults.take(SERVICE, names, BEFORE)
        if before is not None and self._broken(before, message.action, signed):
            return
        mark = hub.log.last
        try:
            answer = self.server.owner.shells.handle(message, signed.user)
            status = 200
        except soap.SoapFault as problem:
            answer, status = soap.fault(message, problem), 500
        written = [entry for entry in hub.log.entries(mark) if entry.get("cmdlet")]
        names += [str(entry["cmdlet"]) for entry in written]
        after = hub.faults.take(SERVICE, names, AFTER, any(entry.get("write") for entry in written))
        self._log(message.action, status, after or before)
        if after is not None and after.kind in ("drop_after_commit", "timeout_after_commit"):
            self._abort()
            return
        if after is not None and after.kind == "stall_after_commit":
            hub.sleep(after.seconds)
        if after is not None and after.kind == "error_after_commit":
            answer, status = b"", 500
        self._reply(status, answer, signed)

    def _broken(self, fault: Fault, action: str, signed: SignedIn) -> bool:
        """Do what a fault wants instead of an answer; false for a stall, which is answered."""
        status = {"throttle": 503, "unavailable": 503, "garbage": 200}.get(fault.kind, 0)
        if fault.kind == "stall":
            self.server.owner.hub.sleep(fault.seconds)
            return False
        self._log(action, status, fault)
        if fault.kind == "drop":
            self._abort()
        elif fault.kind == "status":
            self._reply(int(fault.options.get("status", 500)), b"", signed)
        elif fault.kind == "garbage":
            self._reply(status, b"<html>Sign in to your account</html>", signed)
        else:
            self._reply(status, b"Service Unavailable", signed)
        return True

    def _abort(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _log(self, action: str, status: int, fault: Fault | None, reason: str = "") -> None:
        self.server.owner.hub.log.add(
            SERVICE,
            method="POST",
            path=self.path,
            operation=action,
            status=status,
            write=False,
            tls=self.server.context is not None,
            fault=fault.kind if fault else None,
            **({"refused": reason} if reason else {}),
        )

    def _reply(self, status: int, body: bytes, signed: SignedIn) -> None:
        content_type, sent = self._sign_in.wrap(body) if body and signed.user else ("", body)
        self.send_response(status)
        for name, value in signed.headers:
            self.send_header(name, value)
        if content_type:
            self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(sent)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(sent)
        self.wfile.flush()


def _subject(connection: ssl.SSLSocket) -> str:
    """Return the common name of the client's certificate, which TLS has verified."""
    der = connection.getpeercert(binary_form=True)
    if not der:
        return ""
    subject = x509.load_der_x509_certificate(der).subject
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""
