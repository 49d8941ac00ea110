# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The REST transport of Exchange Online: one cmdlet is one POST to InvokeCommand."""

from __future__ import annotations

import base64
import datetime
import re
import threading
import time
import typing as t
import urllib.parse
import uuid

from ..._engine.context import Context
from ..._engine.errors import AmbiguousWrite, MailflowError, ReadError, Refused
from ..._http import HttpClient, Reply, split_link
from ..auth.clouds import is_loopback
from ..auth.options import resolve
from ..auth.signin import SignIn
from ..auth.token import Token, is_guid
from ..cmdlets import is_read, worth_telling
from ..errors import is_transient, to_error
from ..fault import parse_fault
from ..transport import ExchangeAnswer
from .body import request_body
from .decode import Page, exported, parse_page

MAX_HOPS = 4
MAX_PAGES = 200
CLIENT_APPLICATION = "mailflow.area1"
# The arbitration mailbox that every tenant has: routes tenant-wide cmdlets to the right forest.
ANCHOR = "APP:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@%s"


class Connect(t.Protocol):
    def __call__(
        self,
        base_url: str,
        *,
        headers: t.Mapping[str, str],
        ca_path: str | None,
        deadline: float,
        timeout: float,
        sleep: t.Callable[[float], None],
    ) -> HttpClient:
        """Return the client of one host."""


class ExchangeClient:
    """Invokes cmdlets. Signs in on first use, follows the front door to its region and stays there.

    :param params: a module's parameters, with those of C(options.EXCHANGE_OPTIONS).
    :param connect: makes the HTTP client of one host; tests put a scripted one here.
    """

    def __init__(
        self,
        params: t.Mapping[str, t.Any],
        context: Context,
        connect: Connect = HttpClient,
        sign_in: SignIn | None = None,
    ) -> None:
        self._connection = resolve(params)
        self._context = context
        self._connect = connect
        self._sign_in = sign_in or SignIn(self._connection, context)
        self._token: Token | None = None
        self._token_lock = threading.Lock()
        self._base = self._connection.endpoints.exchange
        self._clients: dict[str, HttpClient] = {}
        self._connection_id = str(uuid.uuid4())

    @property
    def token(self) -> Token:
        with self._token_lock:
            if self._token is None or self._sign_in.ends_soon(self._token):
                self._token = self._sign_in.token("exchange")
            return self._token

    @property
    def host(self) -> str:
        """The address in use: the configured one, or the regional one that it redirected to."""
        return self._base

    @property
    def tenant_id(self) -> str:
        """Id of the tenant that the token is for."""
        return self.token.tenant_id

    @property
    def tenant_option(self) -> str:
        """The tenant as the operator named it; empty when it was left to the token."""
        return self._connection.get("tenant")

    def invoke(
        self,
        cmdlet: str,
        parameters: t.Mapping[str, t.Any] | None = None,
        select: t.Sequence[str] = (),
    ) -> ExchangeAnswer:
        """Run one cmdlet.

        Verbs Get, Test and Validate are reads and retried; for others an unknown outcome is
        AmbiguousWrite.
        """
        body = request_body(cmdlet, parameters or {})
        path = "adminapi/beta/%s/InvokeCommand" % urllib.parse.quote(self._tenant(), safe="")
        if select:
            path += "?$select=" + ",".join(select)
        reply = self._send(cmdlet, path, body)
        page = self._page(cmdlet, reply)
        values, warnings = list(page.values), list(page.warnings)
        seen: set[str] = set()
        while page.next_link:
            if page.next_link in seen or len(seen) >= MAX_PAGES:
                raise ReadError("%s: the service's pages do not come to an end." % cmdlet)
            seen.add(page.next_link)
            page = self._next_page(cmdlet, page.next_link, body)
            values += page.values
            warnings += page.warnings
        for warning in worth_telling(cmdlet, warnings):
            self._context.warn_once("%s: %s" % (cmdlet, warning))
        return ExchangeAnswer(values, warnings, reply.date or self._own_date())

    def exported_cmdlets(self) -> frozenset[str]:
        """Return the cmdlets that this identity's roles allow, in lower case.

        EXOModuleFile is what the service's own PowerShell module reads at its start. Empty where
        the service does not answer.
        """
        path = "adminapi/v1.0/%s/EXOModuleFile?Version=3.9.2" % urllib.parse.quote(
            self._tenant(), safe=""
        )
        try:
            document = self._send(
                "Get-EXOModuleFile", path, None, headers={"CommandName": "*"}
            ).json()
        except MailflowError:
            return frozenset()
        return exported(document)

    def _tenant(self) -> str:
        return self.token.tenant_id or self._connection.get("tenant") or self._no_tenant()

    def _no_tenant(self) -> t.NoReturn:
        raise Refused(
            "The access token does not tell its tenant.", "Give the option tenant (O365_TENANT)."
        )

    def _own_date(self) -> datetime.datetime:
        self._context.warn_once(
            "Exchange Online sent no Date header; the clock of this machine is used instead."
        )
        return datetime.datetime.fromtimestamp(self._context.now(), datetime.timezone.utc)

    def _send(
        self,
        cmdlet: str,
        path: str,
        body: bytes | None,
        first_base: str = "",
        headers: t.Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request up to its final answer, redirects and one renewed token included."""
        end = time.monotonic() + self._connection.timeout
        renewed = challenged = False
        hops, base = 0, first_base or self._base
        while True:
            used = self.token
            reply = self._request(cmdlet, base, path, body, used, end, headers)
            if reply.status in (301, 302, 303, 307, 308):
                hops += 1
                base = self._base = self._redirected(cmdlet, reply, base, hops)
                continue
            challenge = _claims_challenge(reply)
            if reply.status == 401 and not renewed and self._renew(used, challenge):
                renewed, challenged = True, bool(challenge)
                continue
            if not reply.ok:
                raise to_error(
                    parse_fault(reply.status, reply.body, [used.value]),
                    cmdlet,
                    used,
                    challenged or bool(challenge),
                )
            return reply

    def _request(
        self,
        cmdlet: str,
        base: str,
        path: str,
        body: bytes | None,
        token: Token,
        end: float,
        extra: t.Mapping[str, str] | None = None,
    ) -> Reply:
        client = self._client(base)
        client.deadline = max(end - time.monotonic(), 0.5)
        headers = {
            **(extra or {}),
            "Authorization": "Bearer " + token.value,
            "Content-Type": "application/json; charset=utf-8",
            "X-CmdletName": cmdlet,
            "client-request-id": str(uuid.uuid4()),
        }
        if token.user:
            headers["X-AnchorMailbox"] = "UPN:" + token.user
        elif is_guid(token.tenant_id):
            headers["X-AnchorMailbox"] = ANCHOR % token.tenant_id
        try:
            return client.request(
                "GET" if body is None else "POST",
                path,
                data=body,
                headers=headers,
                write=not is_read(cmdlet),
                transient=_transient,
            )
        except (AmbiguousWrite, ReadError) as exc:
            raise type(exc)(
                "%s: %s" % (cmdlet, exc.message), exc.hint, **{**exc.details, "cmdlet": cmdlet}
            ) from exc

    def _client(self, base: str) -> HttpClient:
        client = self._clients.get(base)
        if client is None:
            timeout = float(self._connection.timeout)
            headers = {
                "Accept": "application/json",
                "X-ResponseFormat": "json",
                "Prefer": "odata.maxpagesize=1000",
                "connection-id": self._connection_id,
                "X-ClientApplication": CLIENT_APPLICATION,
            }
            client = self._connect(
                base,
                headers=headers,
                ca_path=self._connection.ca_path,
                deadline=timeout,
                timeout=timeout,
                sleep=self._context.sleep,
            )
            self._clients[base] = client
        return client

    def _redirected(self, cmdlet: str, reply: Reply, base: str, hops: int) -> str:
        """Return the address to go on with; only the host changes.

        Method, path, body and token stay ours.
        """
        hint = "Set exchange_url to the address that serves the tenant, if the other one is right."
        location = split_link(reply.headers.get("Location"), base + "/")
        host = (location.hostname or "").lower()
        target = self._target(location, host)
        if not target:
            raise Refused(
                "%s was redirected to %s, which is not an address of this cloud; the token was not"
                " sent there." % (cmdlet, host or "nowhere"),
                hint,
            )
        if target == base or hops > MAX_HOPS:
            raise ReadError(
                "%s was redirected %s."
                % (cmdlet, "to itself" if target == base else "more than %d times" % MAX_HOPS),
                hint,
            )
        return target

    def _target(self, location: urllib.parse.SplitResult, host: str) -> str:
        configured = urllib.parse.urlsplit(self._connection.endpoints.exchange)
        try:
            port = location.port or 443
        except ValueError:
            return ""
        if location.scheme != "https" or not self._connection.endpoints.redirect_allowed(host):
            return ""
        # :446 is an inner port of the service, not reachable from outside.
        own_port = configured.port or 443
        port = own_port if port == 446 else port
        if port != own_port and not is_loopback(host):
            return ""
        name = "[%s]" % host if ":" in host else host
        return "https://%s" % name if port == 443 else "https://%s:%d" % (name, port)

    def _renew(self, used: Token, challenge: str) -> bool:
        """Get a new token after a 401, if it is ours to get and not the one just issued."""
        with self._token_lock:
            if self._token is not used:
                return True
            # A token that an earlier task handed on may have expired under a long wait: sign in
            # anew where that is possible.
            worn_out = (
                self._connection.can_sign_in() if used.given else self._sign_in.is_stale(used)
            )
            if not worn_out and (used.given or not challenge):
                return False
            self._token = self._sign_in.token("exchange", challenge, renew=True)
            return True

    def _page(self, cmdlet: str, reply: Reply) -> Page:
        """Return the answer's content; a 200 with anything but JSON is a failure."""
        if reply.status == 204:
            return Page([], [], "", "", None)
        try:
            page = parse_page(reply.status, reply.json(), [self.token.value])
        except ReadError as exc:
            raise self._unreadable(cmdlet, exc.message) from None
        if page is None:
            raise self._unreadable(
                cmdlet, "%s answered with JSON that is not an object." % reply.where
            )
        if page.fault:
            raise to_error(page.fault, cmdlet, self._token)
        if page.confirmation:
            raise Refused(
                "%s asks for a confirmation and did nothing: %s" % (cmdlet, page.confirmation),
                "Please report this.",
            )
        return page

    def _unreadable(self, cmdlet: str, message: str) -> MailflowError:
        if is_read(cmdlet):
            return ReadError(
                "%s: %s" % (cmdlet, message),
                "Is exchange_url right, and is there a proxy in between?",
            )
        return AmbiguousWrite("%s: %s Whether it was carried out is not known." % (cmdlet, message))

    def _next_page(self, cmdlet: str, link: str, body: bytes) -> Page:
        """Send the same request to the service's link, or else GET it, as clients differ [EXO-1.5].

        If both fail the read fails: half a list is no list.
        """
        hint = (
            "The service keeps an answer's further pages for 30 minutes, on one server. Run again."
        )
        if not is_read(cmdlet):
            raise AmbiguousWrite(
                "%s was carried out, but its answer is in several pages and cannot be read without"
                " sending it again." % cmdlet
            )
        location = split_link(link, self._base + "/")
        base = self._target(location, (location.hostname or "").lower())
        if not base:
            raise ReadError(
                "%s: the next page is at %s, which is not an address of this cloud."
                % (cmdlet, location.hostname or "nowhere"),
                hint,
            )
        path = location.path + ("?" + location.query if location.query else "")
        try:
            return self._page(cmdlet, self._send(cmdlet, path, body, base))
        except MailflowError as exc:
            problem = exc
        try:
            return self._page(cmdlet, self._send(cmdlet, path, None, base))
        except MailflowError:
            raise ReadError(
                "%s: the next page of the answer could not be read: %s" % (cmdlet, problem.message),
                hint,
            ) from problem


def _transient(reply: Reply) -> bool:
    """Return whether an answer is worth another try of a read, as some of status 400 are."""
    if reply.status != 400:
        return False
    fault = parse_fault(reply.status, reply.body)
    return is_transient(fault) or "UnableToWriteToAadException" in (
        reply.headers.get("X-ExceptionType") or ""
    )


def _claims_challenge(reply: Reply) -> str:
    """Return the claims that Continuous Access Evaluation asks for, as JSON text."""
    found = re.search(r'claims="([^"]+)"', reply.headers.get("WWW-Authenticate") or "")
    if reply.status != 401 or not found:
        return ""
    try:
        return base64.b64decode(found.group(1) + "=" * (-len(found.group(1)) % 4)).decode("utf-8")
    except ValueError:
        return ""
