# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The PSRP transport: cmdlets run on a Windows management host."""

from __future__ import annotations

import datetime
import time
import typing as t

from ..._engine.context import Context
from ..._engine.errors import (
    AmbiguousWrite,
    MailflowError,
    PermissionDenied,
    ReadError,
    SignInError,
)
from ..auth.options import resolve
from ..auth.signin import SignIn
from ..cmdlets import Delta, complete, is_read, worth_telling
from ..errors import is_transient, not_granted, to_error
from ..fault import Fault
from ..transport import ExchangeAnswer
from .answers import (
    Document,
    is_denied,
    is_throttled,
    is_unauthorized,
    is_unknown_command,
    parse_document,
)
from .connection import ExchangeConnection, Proof
from .host_script import CONNECT
from .kept import KeptSession
from .options import management_host
from .session import HINT, HostAnswer, RemoteSession, SessionLost

TRIES = 4
_PAUSE = 2.0


class PsrpTransport:
    """Invokes cmdlets on a management host. Opens, or takes over, its session on first use.

    :param params: a module's parameters, with those of C(EXCHANGE_OPTIONS).
    :param session: the way to the host; tests put a scripted one here.
    """

    def __init__(
        self,
        params: t.Mapping[str, t.Any],
        context: Context,
        session: RemoteSession | None = None,
        sign_in: SignIn | None = None,
    ) -> None:
        self._options = resolve(params)
        self._host = management_host(params)
        self._context = context
        self._session = session or RemoteSession(self._host, self._options.ca_path, time.monotonic)
        self._exchange = ExchangeConnection(
            self._host,
            self._options,
            sign_in or SignIn(self._options, context),
            self._session,
            context,
        )
        self._exchange.validate()
        self._kept = KeptSession(params, self._key())
        context.at_end(self.close)

    @property
    def tenant_id(self) -> str:
        """Id of the tenant that the host proved to be connected to."""
        return self._proof().tenant_id

    @property
    def tenant_option(self) -> str:
        """The tenant as the operator named it; empty when it was left to the token."""
        return self._exchange.tenant_option

    def invoke(
        self,
        cmdlet: str,
        parameters: t.Mapping[str, t.Any] | None = None,
        select: t.Sequence[str] = (),
    ) -> ExchangeAnswer:
        """Run one cmdlet; see the interface. ``select`` is of no use here."""
        sent = {
            name: host_value(value) for name, value in complete(cmdlet, parameters or {}).items()
        }
        answer = self._call(cmdlet, sent)
        document = parse_document(answer.text)
        if document is None:
            raise self._unreadable(cmdlet)
        for warning in worth_telling(cmdlet, answer.warnings):
            self._context.warn_once("%s: %s" % (cmdlet, warning))
        return ExchangeAnswer(document.values, answer.warnings, self._date(document))

    def exported_cmdlets(self) -> frozenset[str]:
        """Return the cmdlets that the identity's roles allow: the module makes commands of these.

        Empty where the service does not say.
        """
        try:
            found = self._proof().cmdlets
        except MailflowError:
            return frozenset()
        return found if "get-organizationconfig" in found else frozenset()

    def close(self) -> None:
        """Leave the session to the next task of the run, or end it. Never raises."""
        if not self._session.is_open:
            return
        if self._kept.is_wanted and self._exchange.proof is not None:
            identifier = self._session.detach()
            if not identifier or self._kept.put(identifier) or not self._session.attach(identifier):
                return
        self._end()

    def end_run(self) -> None:
        """End the session that the tasks of a run kept, if there is one. Never raises."""
        identifier = self._kept.take()
        if identifier and self._session.attach(identifier):
            self._end()

    def _end(self) -> None:
        try:
            self._exchange.end()
        except (MailflowError, SessionLost):
            return
        finally:
            self._session.close()

    def _key(self) -> list[str]:
        """Say whose session it is: nobody takes over one that serves another tenant or account."""
        host, options = self._host, self._options
        return [
            *(host.where, host.user, host.auth, host.certificate_path, host.configuration),
            *(host.connect, host.thumbprint, options.get("tenant"), options.get("client_id")),
            options.get("managed_identity"),
            options.endpoints.exchange,
        ]

    def _proof(self, cmdlet: str = CONNECT) -> Proof:
        """Return what the host proved of its connection; open and connect where need be.

        :raises ReadError: the host does not answer.
        """
        for attempt in range(1, TRIES + 1):
            try:
                self._ready()
                break
            except SessionLost as exc:
                self._exchange.proof = None
                if attempt == TRIES:
                    raise self._unreachable(cmdlet, exc) from None
                self._context.sleep(_PAUSE * attempt)
        if self._exchange.proof is None:
            raise SignInError("%s is not connected to Exchange Online." % self._host.where)
        return self._exchange.proof

    def _ready(self) -> None:
        """Have a session that is connected to the right tenant, for long enough."""
        if self._session.is_open and self._exchange.proof is not None:
            if self._exchange.ends_soon():
                self._exchange.renew()
            return
        identifier = self._kept.take()
        if identifier and self._session.attach(identifier):
            try:
                if self._exchange.still_good():
                    return
                self._exchange.make()
                return
            except SessionLost:
                self._session.discard()
        self._session.open()
        self._exchange.make()

    def _call(self, cmdlet: str, parameters: t.Mapping[str, t.Any]) -> HostAnswer:
        """Run a cmdlet to its end. What may have been carried out is not sent again."""
        end = time.monotonic() + self._options.timeout
        renewed = False
        for attempt in range(1, TRIES + 1):
            last = attempt == TRIES or time.monotonic() > end
            self._proof(cmdlet)
            try:
                answer = self._session.call(cmdlet, parameters, max(end - time.monotonic(), 1.0))
            except SessionLost as exc:
                self._exchange.proof = None
                self._judge_loss(cmdlet, exc, last)
                self._context.sleep(_PAUSE * attempt)
                continue
            fault = answer.fault
            if fault is None:
                return answer
            if is_unauthorized(fault) and not renewed:
                renewed = True
                if self._renewed(cmdlet):
                    continue
            again = is_read(cmdlet) and (is_transient(fault) or is_throttled(fault))
            if last or not again:
                raise self._error(fault, cmdlet)
            self._context.sleep(_PAUSE * attempt)
        raise ReadError("%s: the host gave no final answer." % cmdlet)

    def _renewed(self, cmdlet: str) -> bool:
        """Connect with a new token; false where that cannot help. The cmdlet was refused."""
        try:
            return self._exchange.renew()
        except SessionLost as exc:
            self._exchange.proof = None
            raise self._unreachable(cmdlet, exc) from None

    def _judge_loss(self, cmdlet: str, exc: SessionLost, last: bool) -> None:
        """Return if the cmdlet may be sent again; else say why it may not.

        :raises AmbiguousWrite: a write that may have been carried out.
        """
        if not is_read(cmdlet) and not exc.unsent:
            raise AmbiguousWrite(
                "%s on %s broke off (%s); whether it was carried out is not known."
                % (cmdlet, self._host.where, exc.message),
                cmdlet=cmdlet,
            ) from None
        if last:
            raise self._unreachable(cmdlet, exc) from None

    def _unreachable(self, cmdlet: str, exc: SessionLost) -> ReadError:
        return ReadError(
            "%s could not be run on %s: %s." % (cmdlet, self._host.where, exc.message),
            HINT,
            cmdlet=cmdlet,
        )

    def _unreadable(self, cmdlet: str) -> MailflowError:
        message = "%s: %s answered with what is not its function's JSON." % (
            cmdlet,
            self._host.where,
        )
        if is_read(cmdlet):
            return ReadError(message, "Is the function of docs/examples/jea of this version?")
        return AmbiguousWrite("%s Whether it was carried out is not known." % message)

    def _error(self, fault: Fault, cmdlet: str) -> MailflowError:
        if is_unknown_command(fault):
            return not_granted(cmdlet, "is not in the session of %s" % self._host.where)
        if is_unauthorized(fault):
            return SignInError(
                "%s: Exchange Online does not take the access token any more." % cmdlet,
                "It has expired or was revoked: get a new one, or give a way to sign in.",
                cmdlet=cmdlet,
            )
        if is_denied(fault):
            return PermissionDenied(
                "%s was denied: %s" % (cmdlet, fault.text or "no text"),
                "Give the service principal the directory role Exchange Administrator (Global"
                " Reader for reading only).",
                cmdlet=cmdlet,
            )
        return to_error(fault, cmdlet)

    def _date(self, document: Document) -> datetime.datetime:
        if document.date is not None:
            return document.date
        self._context.warn_once(
            "%s tells no time; the clock of this machine is used instead." % self._host.where
        )
        return datetime.datetime.fromtimestamp(self._context.now(), datetime.timezone.utc)


def host_value(value: t.Any) -> t.Any:
    """Return a parameter's value as PowerShell takes it: data, never text of a script."""
    if isinstance(value, Delta):
        return {name.capitalize(): items for name, items in value.changes().items()}
    if isinstance(value, t.Mapping):
        return {str(key): host_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [host_value(item) for item in value]
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return value
