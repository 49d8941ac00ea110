# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""A session on a Windows management host: one runspace pool, one call at a time.

pypsrp is imported when a session is opened. Its exceptions end here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import typing as t

from ..._engine.errors import (
    MailflowError,
    MissingLibrary,
    PermissionDenied,
    ReadError,
    SignInError,
)
from ..._engine.module import need
from ..fault import Fault
from .answers import fault_of, warning_texts
from .host_script import FUNCTION, definition
from .options import ManagementHost

#: Seconds that the host keeps a session nobody uses.
IDLE_SECONDS = 900
# One poll of a running pipeline; the HTTP time-out is a little longer.
_POLL_SECONDS = 20
_CONNECT_SECONDS = 30
_ACCESS_DENIED = 5
# Faults of a host that did not take a command: no such shell, no right, too many of them.
_NOT_TAKEN = frozenset({0x8033805B, _ACCESS_DENIED, 0x803381A6})
HINT = "Is WinRM listening there, and does a firewall let this machine in? See docs/psrp.md."


@dataclasses.dataclass(frozen=True)
class HostAnswer:
    """One finished call: the function's JSON text, warnings, and the error if there was one."""

    text: str
    warnings: list[str]
    fault: Fault | None


class SessionLost(Exception):
    """The session cannot be used any more.

    ``unsent``: the call certainly did not reach the host. ``message`` is for the operator.
    """

    def __init__(self, message: str, unsent: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.unsent = unsent


class RemoteSession:
    """Opens, uses and leaves one runspace pool.

    :param clock: seconds, monotonic.
    """

    def __init__(
        self, host: ManagementHost, ca_path: str | None, clock: t.Callable[[], float]
    ) -> None:
        self._host = host
        self._ca_path = ca_path
        self._clock = clock
        #: What no message may show; the transport adds the token.
        self.secrets = [host.password] if host.password else []
        self._pool: t.Any = None
        self._wsman: t.Any = None

    @property
    def is_open(self) -> bool:
        """Whether there is a session to call in."""
        return self._pool is not None

    def open(self) -> None:
        """Open a new session; define the function in it where none is installed.

        :raises SignInError, PermissionDenied, ReadError: what is wrong with the host or the way.
        :raises SessionLost: it did not answer; another try may do.
        """
        try:
            self._pool = self._new_pool()
            self._pool.open()
            if not self._host.is_constrained:
                self._define()
        except MailflowError:
            self.discard()
            raise
        except SessionLost:
            raise
        except Exception as exc:
            self.discard()
            found = opening_error(exc, self._host)
            if found is None:
                raise SessionLost(problem(exc), True) from None
            raise found from None

    def attach(self, identifier: str) -> bool:
        """Take over a session that an earlier task left. False where that does not work."""
        try:
            pool = self._new_pool()
            states = need("pypsrp.complex_objects", "pypsrp").RunspacePoolState
            # As pypsrp's own list of sessions makes them; that list has the wrong configuration.
            pool.id = pool.shell.id = identifier
            pool.shell.opened = pool._new_client = True
            pool.state = states.DISCONNECTED
            pool.connect()
        except MissingLibrary:
            raise
        except Exception:
            self._close_connection()
            return False
        self._pool = pool
        return True

    def call(self, cmdlet: str, parameters: t.Mapping[str, t.Any], seconds: float) -> HostAnswer:
        """Run a cmdlet by the function, and wait for its end.

        :raises SessionLost: there is no answer.
        """
        shell = need("pypsrp.powershell", "pypsrp").PowerShell(self._pool)
        shell.add_cmdlet(FUNCTION)
        shell.add_parameters({"Cmdlet": cmdlet, "Parameters": dict(parameters)})
        self._run(shell, seconds)
        with contextlib.suppress(Exception):
            # Tell the host that its output was read; what was answered stays answered.
            shell.close()
        return self._answer(shell)

    def detach(self) -> str:
        """Leave the session to a later task: its id, "" where the host does not keep it."""
        identifier = str(self._pool.id)
        try:
            self._pool.disconnect()
        except Exception:
            self.close()
            return ""
        self._pool = None
        self._close_connection()
        return identifier

    def close(self) -> None:
        """End the session. Where the host cannot be told, it ends it by itself when idle."""
        pool, self._pool = self._pool, None
        with contextlib.suppress(Exception):
            if pool is not None:
                pool.close()
        self._close_connection()

    def discard(self) -> None:
        """Forget a session that broke, without waiting for a host that may not answer."""
        self._pool = None
        self._close_connection()

    def _new_pool(self) -> t.Any:
        # At DEBUG these write whole messages, with the token in them.
        for library in ("pypsrp", "spnego"):
            logging.getLogger(library).setLevel(logging.WARNING)
        self._wsman = need("pypsrp.wsman", "pypsrp").WSMan(
            **wsman_options(self._host, self._ca_path)
        )
        pool = need("pypsrp.powershell", "pypsrp").RunspacePool
        return pool(
            self._wsman,
            configuration_name=self._host.configuration,
            no_profile=True,
            idle_timeout=IDLE_SECONDS,
        )

    def _define(self) -> None:
        """Send the one fixed script, which defines the function."""
        shell = need("pypsrp.powershell", "pypsrp").PowerShell(self._pool)
        shell.add_script(definition(), use_local_scope=False)
        self._run(shell, float(_CONNECT_SECONDS * 2))
        answer = self._answer(shell)
        if answer.fault is not None:
            raise PermissionDenied(
                "%s does not run scripts in the session configuration %s: %s"
                % (self._host.where, self._host.configuration, answer.fault.text),
                "Install the function of docs/examples/jea there and name that configuration in"
                " psrp_configuration, or use Microsoft.PowerShell.",
            )

    def _run(self, shell: t.Any, seconds: float) -> None:
        end = self._clock() + seconds
        running = need("pypsrp.complex_objects", "pypsrp").PSInvocationState.RUNNING
        begun = False
        try:
            shell.begin_invoke()
            begun = True
            while shell.state == running:
                left = end - self._clock()
                if left <= 0:
                    _stop(shell)
                    raise SessionLost("no answer came within %d s" % seconds)
                shell.poll_invoke(timeout=max(1, min(_POLL_SECONDS, int(left) + 1)))
        except SessionLost:
            self.discard()
            raise
        except Exception as exc:
            self.discard()
            raise SessionLost(problem(exc), not begun and is_unsent(exc)) from None

    def _answer(self, shell: t.Any) -> HostAnswer:
        """Return what a finished pipeline left. Any entry in its error stream is a failure."""
        errors = list(shell.streams.error)
        fault = fault_of(errors[0], self.secrets) if errors else None
        if fault is None and shell.had_errors:
            fault = Fault(0, text="the pipeline failed without a reason", structured=True)
        texts = [str(item) for item in shell.output if isinstance(item, str)]
        warnings = warning_texts(shell.streams.warning, self.secrets)
        return HostAnswer(texts[-1] if texts else "", warnings, fault)

    def _close_connection(self) -> None:
        wsman, self._wsman = self._wsman, None
        if wsman is not None:
            wsman.close()


def wsman_options(host: ManagementHost, ca_path: str | None) -> dict[str, t.Any]:
    """Return the arguments of pypsrp's WSMan.

    Over plain HTTP messages are always encrypted; over HTTPS TLS does that.
    """
    options: dict[str, t.Any] = {
        "server": host.host,
        "port": host.port,
        "ssl": host.tls,
        "auth": host.auth,
        "encryption": "auto" if host.tls else "always",
        "cert_validation": ca_path or True,
        "operation_timeout": _POLL_SECONDS,
        "connection_timeout": _CONNECT_SECONDS,
        "read_timeout": _POLL_SECONDS + 10,
    }
    if host.auth == "certificate":
        options["certificate_pem"] = options["certificate_key_pem"] = host.certificate_path
    else:
        options["username"] = host.user or None
        options["password"] = host.password or None
    return options


def _stop(shell: t.Any) -> None:
    """Stop a pipeline that takes too long; whether that works changes nothing."""
    with contextlib.suppress(Exception):
        shell.stop()


def is_unsent(exc: BaseException) -> bool:
    """Return whether a command that could not be begun certainly was not taken."""
    names = {type(item).__name__ for item in _chain(exc)}
    if names & {"ConnectTimeout", "NewConnectionError", "NameResolutionError", "SSLError"}:
        return True
    if "WSManFaultError" in names:
        return getattr(exc, "code", None) in _NOT_TAKEN
    return "AuthenticationError" in names


def _chain(exc: BaseException) -> t.Iterator[BaseException]:
    """Yield an exception and those that it wraps, as requests and urllib3 do."""
    found: BaseException | None = exc
    for _depth in range(6):
        if found is None:
            return
        yield found
        inner = getattr(found, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in found.args if isinstance(arg, BaseException)), None)
        found = inner


def problem(exc: BaseException) -> str:
    """Return what went wrong in few words. Never the text of an answer, which may hold anything."""
    name = type(exc).__name__
    code = getattr(exc, "code", None)
    if name == "WSManFaultError":
        return "WinRM refused it (code %s)" % code
    if name == "WinRMTransportError":
        return "WinRM answered %s" % code
    if name == "AuthenticationError":
        return "the sign-in was refused"
    return "%s" % next((type(item).__name__ for item in reversed(list(_chain(exc)))), name)


def opening_error(exc: BaseException, host: ManagementHost) -> MailflowError | None:
    """Return the error for a session that cannot be opened; None where another try may do."""
    names = {type(item).__name__ for item in _chain(exc)}
    where = "The management host %s" % host.where
    if "AuthenticationError" in names:
        return SignInError(
            "%s refused the sign-in by %s%s."
            % (where, host.auth, " as %s" % host.user if host.user else ""),
            "Check psrp_user, psrp_password and psrp_auth; the account must be allowed to use the"
            " session configuration %s." % host.configuration,
        )
    if any("Spnego" in name or "Credential" in name for name in names) or "ImportError" in names:
        return SignInError(
            "A sign-in to %s by %s is not possible here (%s)."
            % (host.where, host.auth, ", ".join(sorted(names))),
            "Kerberos needs pypsrp[kerberos] and a ticket or password, CredSSP pypsrp[credssp].",
        )
    if {"SSLError", "SSLCertVerificationError"} & names:
        return ReadError(
            "The certificate of %s is not trusted." % host.where,
            "Give its authority's certificate in ca_path (area1_ca_path).",
        )
    if "WSManFaultError" in names and getattr(exc, "code", None) == _ACCESS_DENIED:
        return PermissionDenied(
            "%s denies %s access to the session configuration %s."
            % (where, host.user or "the account", host.configuration),
            "Put the account into the group that may use it; docs/psrp.md says how.",
        )
    if "WSManFaultError" in names:
        return ReadError(
            "%s could not open a session (code %s)." % (where, getattr(exc, "code", "?")),
            "Is there a session configuration %s? %s" % (host.configuration, HINT),
        )
    return None
