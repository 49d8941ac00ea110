# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian's named on loopback, for tests of dynamic updates against the real thing.

    with Bind({"example.test": ["@ 3600 MX 10 old.example.test."]}) as server:
        server.address, server.port, server.key.name, server.key.secret, server.key.algorithm
        server.rrset("example.test", "MX")

It runs without root's rights, on a free high port, with a key made on the spot, and is stopped by
its own pid. The update policy grants the key certain record types only; everything else, and what
is not signed, is REFUSED.
"""

from __future__ import annotations

import base64
import dataclasses
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rdatatype
import dns.rrset

ADDRESS = "127.0.0.1"
LOG = "server.log"
SBIN = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


@dataclasses.dataclass(frozen=True)
class TsigKey:
    name: str = "mxkey"
    algorithm: str = "hmac-sha256"
    secret: str = dataclasses.field(
        default_factory=lambda: base64.b64encode(secrets.token_bytes(32)).decode(), repr=False
    )


def program(name: str) -> str:
    found = shutil.which(name, path=SBIN)
    if found is None:
        raise RuntimeError(f"{name} is not installed; run make setup")
    return found


def free_port() -> int:
    """A port that is free for UDP and TCP just now."""
    for _attempt in range(50):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        ):
            udp.bind((ADDRESS, 0))
            port = int(udp.getsockname()[1])
            try:
                tcp.bind((ADDRESS, port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free for both UDP and TCP")


def unprivileged() -> list[str]:
    """What goes before a command so that it runs without root's rights."""
    if os.geteuid() != 0:
        return []
    return [program("setpriv"), "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


def hand_over(folder: Path) -> None:
    """Give a folder and what is in it to the account that the server runs under."""
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, "nobody", "nogroup")


def zone_text(origin: str, lines: Sequence[str]) -> str:
    """A zone file: SOA, NS and the name server's address before the given lines."""
    head = [
        f"$ORIGIN {origin}.",
        "$TTL 3600",
        f"@ SOA ns1.{origin}. hostmaster.{origin}. 1 3600 600 86400 60",
        f"@ NS ns1.{origin}.",
        f"ns1 A {ADDRESS}",
    ]
    return "\n".join([*head, *lines, ""])


class Bind:
    """One named with its own folder; a context manager."""

    def __init__(
        self,
        zones: Mapping[str, Sequence[str]],
        *,
        key: TsigKey | None = None,
        granted: str = "MX TXT",
        max_seconds: int = 300,
    ) -> None:
        """Zones map an origin to lines of a zone file; SOA, NS and the name server's address are
        added.
        """
        self.key = key or TsigKey()
        self.address = ADDRESS
        self.port = 0
        self._zones = {origin.rstrip("."): list(lines) for origin, lines in zones.items()}
        self._granted = granted
        self._max_seconds = max_seconds
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Bind:
        # Not pytest's tmp_path: the account that named runs under cannot enter that.
        self._folder = Path(tempfile.mkdtemp(prefix="area1-bind-"))
        try:
            for _attempt in range(3):  # another process may take the free port first
                self.port = free_port()
                self._write(self._folder)
                self._start(self._folder)
                if self._ready():
                    return self
                self._stop()
            raise RuntimeError(f"the name server did not start:\n{self.log()[-3000:]}")
        except BaseException:
            self.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._stop()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def rrset(self, name: str, rdtype: str) -> dns.rrset.RRset | None:
        """What the server itself answers, with the TTL of the zone."""
        query = dns.message.make_query(name, rdtype)
        query.flags &= ~dns.flags.RD
        response = dns.query.tcp(query, self.address, port=self.port, timeout=5)
        return response.get_rrset(
            response.answer,
            query.question[0].name,
            query.question[0].rdclass,
            dns.rdatatype.from_text(rdtype),
        )

    def log(self) -> str:
        return (self._folder / LOG).read_text(errors="replace") if self._folder else ""

    def _write(self, folder: Path) -> None:
        blocks = [
            (
                f'key "{self.key.name}" {{ algorithm {self.key.algorithm}; secret'
                f' "{self.key.secret}"; }};'
            ),
            "controls { };",
            "options {",
            (
                f'  directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile'
                f' "{folder}/session.key";'
            ),
            f"  listen-on port {self.port} {{ {ADDRESS}; }}; listen-on-v6 {{ none; }};",
            "  recursion no; dnssec-validation no; notify no; allow-transfer { none; };",
            "};",
        ]
        for origin, lines in self._zones.items():
            (folder / f"{origin}.zone").write_text(zone_text(origin, lines))
            policy = f"update-policy {{ grant {self.key.name} zonesub {self._granted}; }};"
            blocks.append(
                f'zone "{origin}" {{ type primary; file "{folder}/{origin}.zone"; {policy} }};'
            )
        configuration = folder / "named.conf"
        configuration.write_text("\n".join([*blocks, ""]))
        configuration.chmod(0o600)
        hand_over(folder)

    def _command(self, folder: Path) -> list[str]:
        return [program("named"), "-g", "-n", "1", "-c", str(folder / "named.conf")]

    def _start(self, folder: Path) -> None:
        command = [program("timeout"), "--kill-after=5", str(self._max_seconds)]
        command += [*unprivileged(), *self._command(folder)]
        with (folder / LOG).open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _ready(self, seconds: float = 15) -> bool:
        deadline = time.monotonic() + seconds
        origin = next(iter(self._zones))
        while time.monotonic() < deadline and self._process and self._process.poll() is None:
            try:
                if self.rrset(origin, "SOA") is not None:
                    return True
            except (OSError, dns.exception.DNSException):
                pass
            time.sleep(0.05)
        return False

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)  # timeout hands it on to named
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=5)
