# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MTA-STS (RFC 8461) [CUT-2.4]: the policy hosts, and how a sender reads a policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab.server import Hub, Request, Response

PREFIX = "mta-sts."
PATH = "/.well-known/mta-sts.txt"


class StsService:
    """The policy hosts `https://mta-sts.<domain>` of every domain of `world["mail"]["sts"]`.

    The name (SNI and Host) says which one is asked for.
    """

    name = "mta-sts"

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def _entry(self, host: str) -> dict[str, Any] | None:
        domain = host.partition(":")[0].lower().removeprefix(PREFIX)
        entry: dict[str, Any] | None = self._hub.world["mail"]["sts"].get(domain)
        return entry

    def handle(self, request: Request) -> Response:
        request.notes["write"] = False
        with self._hub.lock:
            entry = self._entry(request.headers.get("Host", ""))
            mode = (entry or {}).get("mode", "ok")
            if entry is None or mode == "missing" or request.path != PATH:
                return Response(404, b"not found\n", {"Content-Type": "text/plain"})
            if mode == "down":
                return Response(503, b"", {"Content-Type": "text/plain"})
            if mode == "redirect":
                # RFC 8461 §3.3: redirects must not be followed
                return Response(301, b"", {"Location": "https://www.example" + PATH})
            return Response(
                200,
                str(entry["body"]).encode(),
                {"Content-Type": str(entry.get("type", "text/plain"))},
            )

    def certificate_name(self, asked: str) -> str:
        """Return the name in the certificate of a connection."""
        entry = self._entry(asked)
        return (
            asked
            if entry is not None and entry.get("mode") != "wrong_certificate"
            else "wrong.example"
        )


@dataclass(frozen=True)
class Policy:
    mode: str
    patterns: tuple[str, ...]
    max_age: float

    def admits(self, host: str) -> bool:
        """Return whether the policy names a host; `*.` covers exactly one label (RFC 8461, 4.1)."""
        host = host.lower().rstrip(".")
        return any(
            pattern == host or (pattern.startswith("*.") and host.partition(".")[2] == pattern[2:])
            for pattern in self.patterns
        )


def parse(body: str) -> Policy | None:
    """Return the policy, or None where the text is none (RFC 8461, 3.2)."""
    fields: list[tuple[str, str]] = []
    for line in body.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields.append((key.strip().lower(), value.strip().lower()))
    first = dict(reversed(fields))
    if (
        first.get("version") != "stsv1"
        or first.get("mode") not in ("enforce", "testing", "none")
        or not first.get("max_age", "").isdigit()
    ):
        return None
    return Policy(
        first["mode"],
        tuple(value.rstrip(".") for key, value in fields if key == "mx"),
        float(first["max_age"]),
    )


def policy_text(mode: str, hosts: list[str], max_age: int = 604800) -> str:
    return "\r\n".join(
        [
            "version: STSv1",
            "mode: %s" % mode,
            *("mx: %s" % host for host in hosts),
            "max_age: %d" % max_age,
            "",
        ]
    )
