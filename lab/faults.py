# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults on order: what the network and the services do to a client on a bad day.

A fault is {"service", "match", "kind", "times", "seconds", ...}:
  service  name of the lab's service; "*" or absent for any
  match    substring of "METHOD /path" or of the operation (a cmdlet's name); absent for any request
  kind     one of GENERIC below (done by the server), or a word that a service itself asks for with
  `take`
  times    how often it strikes (default 1; -1 for ever);  skip: how many matching requests pass
  untouched first
  seconds  length of a stall, or the Retry-After of a throttle
  writes   true: only requests that write (as the log counts them); for the kinds that strike after
  the commit
  status, body, headers   for kind "status"
  status, form, before    for kind "echo", which quotes the request: "text", else JSON; characters
  that stand before it
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

BEFORE = ("throttle", "unavailable", "status", "stall", "drop", "garbage", "echo")
AFTER = ("drop_after_commit", "error_after_commit", "timeout_after_commit", "stall_after_commit")
GENERIC = BEFORE + AFTER


@dataclass
class Fault:
    kind: str
    service: str = "*"
    match: str = ""
    times: int = 1
    skip: int = 0
    seconds: float = 0.0
    writes: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Fault:
        known = {"kind", "service", "match", "times", "skip", "seconds", "writes"}
        if not isinstance(data.get("kind"), str):
            raise ValueError("a fault needs a kind")
        return cls(
            kind=data["kind"],
            service=str(data.get("service") or "*"),
            match=str(data.get("match") or ""),
            times=int(data.get("times", 1)),
            skip=int(data.get("skip", 0)),
            seconds=float(data.get("seconds", 0.0)),
            writes=bool(data.get("writes")),
            options={key: value for key, value in data.items() if key not in known},
        )

    def fits(self, service: str, texts: Iterable[str], write: bool) -> bool:
        return (
            self.service in ("*", service)
            and (write or not self.writes)
            and any(self.match in text for text in texts)
        )


class Faults:
    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def set(self, faults: Iterable[Mapping[str, Any]]) -> None:
        """Add faults; an empty list clears them all."""
        new = [Fault.from_dict(fault) for fault in faults]
        with self._lock:
            self._faults = [*self._faults, *new] if new else []

    def clear(self) -> None:
        with self._lock:
            self._faults = []

    def take(
        self, service: str, texts: Iterable[str], kinds: Iterable[str], write: bool = False
    ) -> Fault | None:
        """Return the first fault of these kinds that strikes this request, and count it down.

        ``write`` says that the request is known to write.
        """
        texts, kinds = [*texts], set(kinds)
        with self._lock:
            for fault in self._faults:
                if (
                    fault.times == 0
                    or fault.kind not in kinds
                    or not fault.fits(service, texts, write)
                ):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if fault.times > 0:
                    fault.times -= 1
                return fault
        return None

    def left(self) -> list[dict[str, Any]]:
        with self._lock:
            return [
                {"kind": f.kind, "service": f.service, "match": f.match, "times": f.times}
                for f in self._faults
                if f.times
            ]
