# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shells of WinRM that hold a PowerShell runspace pool each (MS-PSRP 3.1.5.3).

They create, command, send, receive, signal, disconnect, connect and delete; psrpcore does the
protocol inside.
"""

from __future__ import annotations

import base64
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from psrpcore import PSRPPayload, ServerPipeline, ServerRunspacePool, StreamType
from psrpcore.types import PSInvocationState, RunspacePoolState

from lab.psrp import soap
from lab.psrp.session import Session
from lab.psrp.soap import Message, SoapFault
from lab.server import Hub

MOST_SHELLS = 30  # MaxShellsPerUser, WinRM's default
_FRAGMENT = 32_768
_ENVELOPE = 350_000
_IDLE_SECONDS = 7200.0
_DONE = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/Done"


@dataclass
class Pipe:
    """One pipeline: what it still has to give, and whether it is over."""

    pipeline: ServerPipeline
    output: list[bytes] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return self.pipeline.state not in (PSInvocationState.NotStarted, PSInvocationState.Running)


class Shell:
    """One runspace pool. Commands run when the last fragment of their pipeline is there."""

    def __init__(self, identifier: str, message: Message, user: str, session: Session) -> None:
        self.identifier = identifier
        self.configuration = message.configuration
        self.resource = message.resource
        self.user = user
        self.session = session
        self.idle_seconds = _idle(message)
        self.used = 0.0
        self.is_connected = True
        self.pool = ServerRunspacePool()
        self.pipes: dict[str, Pipe] = {}
        self.output: list[bytes] = []
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)

    def feed(self, data: bytes, command: str = "") -> None:
        """Take one fragment, and run what is complete by it."""
        pipe = self.pipes.get(command)
        identifier = pipe.pipeline.pipeline_id if pipe else None
        self.pool.receive_data(PSRPPayload(data, StreamType.default, identifier))
        while True:
            event = self.pool.next_event()
            if event is None:
                break
            if type(event).__name__ == "CreatePipelineEvent" and pipe is not None:
                pipe.pipeline.start()
                self.session.run(pipe.pipeline)
            elif type(event).__name__ == "GetAvailableRunspacesEvent":
                self.pool.runspace_availability_response(event.ci, 1)
        self.drain()

    def drain(self) -> None:
        """Move what the protocol wants to send to whom it is for."""
        while True:
            payload = self.pool.data_to_send(_FRAGMENT)
            if payload is None:
                break
            name = str(payload.pipeline_id).upper() if payload.pipeline_id else ""
            pipe = self.pipes.get(name)
            (pipe.output if pipe else self.output).append(payload.data)
        self.changed.notify_all()

    def reconnect(self, data: bytes) -> bytes:
        """Hand the pool to a new client and return the first answer; the rest is to be received."""
        self.pool = ServerRunspacePool()
        self.pipes.clear()
        self.output.clear()
        self.feed(data)
        if self.pool.state != RunspacePoolState.Opened:
            raise SoapFault(soap.INVALID_RESOURCE, "The runspace pool cannot be connected to.")
        fragments = _fragments(b"".join(self.output))
        # The session's capabilities and the pool's size come at once, its state later.
        first, self.output = b"".join(fragments[:2]), fragments[2:]
        self.is_connected = True
        return first


def _fragments(data: bytes) -> list[bytes]:
    """Cut after each fragment: a header of 21 bytes ends with the length (MS-PSRP 2.2.4)."""
    found = []
    while data:
        size = 21 + int.from_bytes(data[17:21], "big")
        found.append(data[:size])
        data = data[size:]
    return found


def _idle(message: Message) -> float:
    text = message.body.findtext("rsp:Shell/rsp:IdleTimeOut", "", soap.NAMESPACES) or ""
    found = re.fullmatch(r"PT([0-9.]+)S", text.strip())
    return float(found.group(1)) if found else _IDLE_SECONDS


class Shells:
    """All shells of the host, and the requests about them."""

    def __init__(self, hub: Hub, make_session: Callable[[str, str], Session]) -> None:
        self._hub = hub
        self._make_session = make_session
        self._shells: dict[str, Shell] = {}
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._shells)

    def listed(self) -> list[dict[str, str | bool]]:
        """Return what tests look at: sessions that have not been idle for too long."""
        with self._lock:
            self._drop_idle()
            return [
                {"configuration": shell.configuration, "connected": shell.is_connected}
                for shell in self._shells.values()
            ]

    def handle(self, message: Message, user: str) -> bytes:
        if message.action == "Create":
            return self._create(message, user)
        handlers: dict[str, Callable[[Message, Shell], str]] = {
            "Command": self._command,
            "Send": self._send,
            "Receive": self._receive,
            "Signal": self._signal,
            "Disconnect": self._disconnect,
            "Reconnect": self._reconnect,
            "Connect": self._connect,
            "Delete": self._delete,
        }
        if message.action not in handlers:
            raise SoapFault(soap.INVALID_RESOURCE, f"{message.action} is not supported here.")
        shell = self._shell(message, user)
        return soap.answer(message, handlers[message.action](message, shell))

    def _shell(self, message: Message, user: str) -> Shell:
        """Return the named shell, if it is this user's and has not been idle for too long."""
        now = self._hub.clock.time()
        with self._lock:
            self._drop_idle()
            found = self._shells.get(message.shell_id)
            if found is None or found.user != user or found.resource != message.resource:
                raise SoapFault(
                    soap.NO_SUCH_SHELL,
                    "The request for the Windows Remote Shell with ShellId"
                    f" {message.shell_id} failed because the shell was not found on the server.",
                )
            if not found.is_connected and message.action not in ("Connect", "Reconnect", "Delete"):
                raise SoapFault(soap.INVALID_RESOURCE, "The shell is disconnected.")
            found.used = now
            return found

    def _drop_idle(self) -> None:
        now = self._hub.clock.time()
        for identifier, shell in list(self._shells.items()):
            if shell.used + shell.idle_seconds < now:
                del self._shells[identifier]

    def _create(self, message: Message, user: str) -> bytes:
        content = message.find("rsp:Shell/pwsh:creationXml")
        shell_xml = message.find("rsp:Shell")
        if shell_xml is None or content is None or not content.text:
            raise SoapFault(soap.INVALID_RESOURCE, "This host opens PowerShell sessions only.")
        session = self._make_session(message.configuration, user)
        identifier = (shell_xml.attrib.get("ShellId") or str(uuid.uuid4())).upper()
        with self._lock:
            if sum(shell.user == user for shell in self._shells.values()) >= MOST_SHELLS:
                raise SoapFault(soap.QUOTA, "The maximum number of concurrent shells is reached.")
            shell = self._shells[identifier] = Shell(identifier, message, user, session)
            shell.used = self._hub.clock.time()
        with shell.lock:
            shell.feed(base64.b64decode(content.text))
        selector = f'<wsman:Selector Name="ShellId">{identifier}</wsman:Selector>'
        return soap.answer(
            message,
            "<wst:ResourceCreated><wsa:Address>http://lab/wsman</wsa:Address>"
            f"<wsa:ReferenceParameters><wsman:ResourceURI>{message.resource}</wsman:ResourceURI>"
            f"<wsman:SelectorSet>{selector}</wsman:SelectorSet></wsa:ReferenceParameters>"
            f"</wst:ResourceCreated><rsp:Shell><rsp:ShellId>{identifier}</rsp:ShellId>"
            f"<rsp:ResourceUri>{message.resource}</rsp:ResourceUri>"
            f"<rsp:Owner>{user}</rsp:Owner></rsp:Shell>",
        )

    def _command(self, message: Message, shell: Shell) -> str:
        line = message.find("rsp:CommandLine")
        argument = message.find("rsp:CommandLine/rsp:Arguments")
        if line is None or argument is None or not argument.text:
            raise SoapFault(soap.INVALID_RESOURCE, "The command line is empty.")
        identifier = line.attrib.get("CommandId", str(uuid.uuid4())).upper()
        with shell.lock:
            pipeline = ServerPipeline(shell.pool, uuid.UUID(identifier))
            shell.pipes[identifier] = Pipe(pipeline)
            shell.feed(base64.b64decode(argument.text), identifier)
        text = f"<rsp:CommandId>{identifier}</rsp:CommandId>"
        return f"<rsp:CommandResponse>{text}</rsp:CommandResponse>"

    def _send(self, message: Message, shell: Shell) -> str:
        stream = message.find("rsp:Send/rsp:Stream")
        if stream is None or not stream.text:
            raise SoapFault(soap.INVALID_RESOURCE, "Nothing is sent.")
        command = stream.attrib.get("CommandId", "").upper()
        if command and command not in shell.pipes:
            raise SoapFault(soap.NO_SUCH_COMMAND, "There is no such command.")
        with shell.lock:
            shell.feed(base64.b64decode(stream.text), command)
        return "<rsp:SendResponse/>"

    def _receive(self, message: Message, shell: Shell) -> str:
        """Return as much as fits, or a time-out's fault if nothing came in time."""
        stream = message.find("rsp:Receive/rsp:DesiredStream")
        command = stream.attrib.get("CommandId", "").upper() if stream is not None else ""
        with shell.lock:
            pipe = shell.pipes.get(command)
            if command and pipe is None:
                raise SoapFault(soap.NO_SUCH_COMMAND, "There is no such command.")
            output = pipe.output if pipe else shell.output
            if not output and not (pipe and pipe.is_over):
                shell.changed.wait_for(
                    lambda: bool(output) or self._hub.stopping.is_set(), message.seconds
                )
            if not output and not (pipe and pipe.is_over):
                raise SoapFault(soap.TIMED_OUT, "The operation timed out.")
            taken, size = [], 0
            while output and size < _ENVELOPE:
                taken.append(output.pop(0))
                size += len(taken[-1])
            over = pipe is not None and pipe.is_over and not output
        named = f' CommandId="{command}"' if command else ""
        streams = "".join(
            f'<rsp:Stream Name="stdout"{named}>{base64.b64encode(data).decode()}</rsp:Stream>'
            for data in taken
        )
        state = f'<rsp:CommandState{named} State="{_DONE}"/>' if over else ""
        return f"<rsp:ReceiveResponse>{streams}{state}</rsp:ReceiveResponse>"

    def _signal(self, message: Message, shell: Shell) -> str:
        signal = message.find("rsp:Signal")
        command = signal.attrib.get("CommandId", "").upper() if signal is not None else ""
        with shell.lock:
            pipe = shell.pipes.get(command)
            if pipe is None:
                raise SoapFault(soap.NO_SUCH_COMMAND, "There is no such command.")
            if not pipe.is_over:
                pipe.pipeline.stop()
                shell.drain()
            code = (message.body.findtext("rsp:Signal/rsp:Code", "", soap.NAMESPACES) or "").lower()
            if code.endswith("terminate"):
                del shell.pipes[command]
        return "<rsp:SignalResponse/>"

    def _disconnect(self, message: Message, shell: Shell) -> str:
        shell.is_connected = False
        return "<rsp:DisconnectResponse/>"

    def _reconnect(self, message: Message, shell: Shell) -> str:
        shell.is_connected = True
        return "<rsp:ReconnectResponse/>"

    def _connect(self, message: Message, shell: Shell) -> str:
        content = message.find("rsp:Connect/pwsh:connectXml")
        if content is None or not content.text:
            raise SoapFault(soap.INVALID_RESOURCE, "Nothing to connect with.")
        with shell.lock:
            if shell.is_connected:
                raise SoapFault(soap.INVALID_RESOURCE, "The shell is connected to another client.")
            first = shell.reconnect(base64.b64decode(content.text))
        text = base64.b64encode(first).decode()
        return (
            f"<rsp:ConnectResponse><pwsh:connectResponseXml>{text}</pwsh:connectResponseXml>"
            "</rsp:ConnectResponse>"
        )

    def _delete(self, message: Message, shell: Shell) -> str:
        with self._lock:
            self._shells.pop(shell.identifier, None)
        shell.session.close()
        return ""
