# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab for tests, the demo and benchmarks: start it, move its clock, read it, break it."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from lab.mail.sts import policy_text

_ROOT = Path(__file__).resolve().parent.parent
# no proxy: the lab is on loopback
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


#: elements for worlds that name none: `some@7` (lab/worlds/elements); for a whole run of tests
ELEMENTS = "MAILFLOW_LAB_ELEMENTS"


def world_name(world: str) -> str:
    """Return the world with the elements of the environment, where it names none of its own."""
    elements = os.environ.get(ELEMENTS, "")
    return f"{world}+{elements}" if elements and not set("+@") & set(world) else world


class LabError(Exception):
    """The lab did not start, or refused an order."""


class Lab:
    """A running lab. Made by `Lab.start` (owns the process) or `Lab.attach` (someone else's)."""

    def __init__(self, directory: Path, process: subprocess.Popen[bytes] | None = None) -> None:
        self.directory = directory
        self._process = process
        self.info: dict[str, Any] = json.loads((directory / "lab.json").read_text(encoding="utf-8"))

    @classmethod
    def start(
        cls,
        world: str = "fresh",
        directory: str | os.PathLike[str] = "",
        latency_ms: float = 0,
        max_seconds: float = 3600,
        timeout: float = 60,
    ) -> Lab:
        """Start a lab in a process of its own and wait until it serves."""
        folder = Path(directory).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "lab.json").unlink(missing_ok=True)
        command = [
            sys.executable,
            "-m",
            "lab",
            "--world",
            world_name(world),
            "--dir",
            str(folder),
            "--max-seconds",
            str(max_seconds),
            "--latency-ms",
            str(latency_ms),
        ]
        with (folder / "lab.out").open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        end = time.monotonic() + timeout
        while not (folder / "lab.json").exists():
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                process.wait()
                raise LabError(
                    "the lab did not start:"
                    f" {(folder / 'lab.out').read_text(errors='replace')[-2000:]}"
                )
            time.sleep(0.02)
        return cls(folder, process)

    @classmethod
    def attach(cls, directory: str | os.PathLike[str]) -> Lab:
        return cls(Path(directory).resolve())

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def extra_vars(self) -> dict[str, Any]:
        """The contract variables, ready for `-e @file`."""
        return dict(self.info["extra_vars"])

    @property
    def secrets(self) -> list[str]:
        return list(self.info["secrets"])

    @property
    def urls(self) -> dict[str, str]:
        return dict(self.info["urls"])

    @property
    def ca_path(self) -> str:
        return str(self.info["ca_path"])

    def _call(self, method: str, path: str, order: Any = None) -> Any:
        data = None if order is None else json.dumps(order).encode()
        request = urllib.request.Request(
            self.info["control_url"] + path,
            data=data,
            method=method,
            headers={"Content-Type": "application/json"},
        )
        try:
            with _OPENER.open(request, timeout=300) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise LabError(error.read().decode("utf-8", "replace")) from error

    def state(self) -> dict[str, Any]:
        """Return the whole world as it is now, with secrets masked."""
        state: dict[str, Any] = self._call("GET", "/state")
        return state

    def advance(
        self, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> None:
        """Move the clock forward."""
        self._call(
            "POST",
            "/clock",
            {"advance_seconds": ((days * 24 + hours) * 60 + minutes) * 60 + seconds},
        )

    def log(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the requests after entry `since`; DNS queries have the service "dns"."""
        entries: list[dict[str, Any]] = self._call("GET", f"/log?since={since}")
        return entries

    def mark(self) -> int:
        """Return the number of the last log entry, for `since`."""
        return int(self._call("GET", "/mark")["seq"])

    def writes(self, since: int = 0) -> list[dict[str, Any]]:
        return [entry for entry in self.log(since) if entry.get("write")]

    def requests(self, service: str, since: int = 0) -> list[dict[str, Any]]:
        return [entry for entry in self.log(since) if entry["service"] == service]

    def faults(self, faults: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Add faults (lab/faults.py); an empty list clears them.

        Returns those that have not struck yet.
        """
        left: list[dict[str, Any]] = self._call("POST", "/faults", faults)
        return left

    def faults_left(self) -> list[dict[str, Any]]:
        """Return the faults that have not struck yet."""
        left: list[dict[str, Any]] = self._call("GET", "/faults")
        return left

    def mutate(self, path: list[Any], **order: Any) -> None:
        """Change the state as an administrator would by hand.

        Give `value=...`, `append=...` or `delete=True` with a path of the state.
        """
        self._call("POST", "/mutate", {"path": path, **order})

    def setting(self, name: str, value: Any) -> None:
        """Set one of the settings in lab/worlds/settings.py."""
        self.mutate(["settings", name], value=value)

    def workload_token(self, **claims: Any) -> str:
        """Have the foreign issuer sign a token: subject, audience, lifetime, issuer, age."""
        return str(self._call("POST", "/issuer", claims)["token"])

    def enter_device_code(self, code: str, user: str, decline: bool = False) -> None:
        """Do what a person does in the browser: enter the code and sign in, or decline."""
        form = {"user_code": code, "username": user, **({"decline": "1"} if decline else {})}
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.ca_path)),
        )
        data = urllib.parse.urlencode(form).encode()
        with opener.open(self.urls["authority"] + "/devicelogin", data=data, timeout=60):
            return

    def dns(self, flush: bool = False, warm: bool = False) -> None:
        """Let the resolver forget, or learn, every zone's MX."""
        self._call("POST", "/dns", {"flush": flush, "warm": warm})

    def send(self, host: str, sender: str, recipient: str, **more: Any) -> dict[str, Any]:
        """Send one mail over SMTP to a mail host; return ``code``, ``text`` and ``message_id``.

        ``more`` may hold subject, headers, body, source and tls.
        """
        reply: dict[str, Any] = self._call(
            "POST",
            "/mail",
            {"send": {"host": host, "sender": sender, "recipient": recipient, **more}},
        )
        return reply

    def settle(self) -> dict[str, Any]:
        """Let every mail queue try once, and return how many are ``waiting``, with ``reasons``."""
        left: dict[str, Any] = self._call("POST", "/mail", {"settle": True})
        return left

    def publish_sts(self, domain: str, mode: str, hosts: list[str], identifier: str) -> None:
        """Publish an MTA-STS policy as a customer would: first the text, then its id."""
        self.mutate(["mail", "sts", domain], value={"body": policy_text(mode, hosts), "mode": "ok"})
        state = self.state()
        records = state["cloudflare"]["zones"][domain]["records"]
        record = next(
            item
            for item in records
            if (item["type"], item["name"]) == ("TXT", "_mta-sts.%s" % domain)
        )
        path = ["cloudflare", "zones", domain, "records", record["id"]]
        self.mutate([*path, "content"], value='"v=STSv1; id=%s;"' % identifier)
        # the service dates what is changed
        self.mutate([*path, "modified_on"], value=state["clock"]["now"].replace("Z", ".000000Z"))

    def release(self, identifier: str) -> bool:
        """Let a message out of Area 1's quarantine."""
        return bool(self._call("POST", "/mail", {"release": identifier})["released"])

    def messages(self, kind: str = "messages", since: int = 0) -> list[dict[str, Any]]:
        """Return what Microsoft took; or, by ``kind``, ``refusals``, ``bounces`` or ``held``."""
        found: list[dict[str, Any]] = self._call("GET", f"/messages?kind={kind}&since={since}")
        return found

    def traffic(self, **order: Any) -> dict[str, Any]:
        """Send mail as the Internet does (lab/mail/traffic.py), and return the tally.

        ``senders``, ``mails`` and ``attacks`` send at once; ``start`` and ``rate`` at a steady pace
        until ``stop``.
        """
        tally: dict[str, Any] = self._call("POST", "/traffic", order)
        return tally

    def reset(self, world: str) -> None:
        """Start another world with new clock and faults; log, addresses and credentials stay."""
        self._call("POST", "/world", {"name": world_name(world)})
        self.info = json.loads((self.directory / "lab.json").read_text(encoding="utf-8"))

    def stop(self) -> None:
        """End the lab and wait for its process, if it is ours."""
        if self._process is None:
            self._call("POST", "/shutdown", {})
            return
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
