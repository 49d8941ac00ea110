# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mail path as it was at a moment of the past: connectors and mail hosts as they acted then."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from lab.dns.edge import find_zone, note
from lab.dns.hosts import AREA1_SUFFIXES
from lab.dns.zonedata import seconds
from lab.mail.attribution import Attempt, Attribution, attribute
from lab.mail.effective import acting_world, turning_points
from lab.mail.text import domain_of

_MICROSOFT = (".mail.protection.outlook.com", ".mx.microsoft")


class Past:
    """The past of one world, for one query."""

    def __init__(self, world: dict[str, Any], now: float) -> None:
        self._world, self._now = world, now
        self._turns = turning_points(world)
        self._tenants: dict[int, dict[str, Any]] = {}
        self._known: dict[tuple[Any, ...], Attribution] = {}
        self._sets: dict[str, list[dict[str, Any]]] = {}

    @property
    def world(self) -> dict[str, Any]:
        return self._world

    def attribution(self, attempt: Attempt, at: float) -> Attribution:
        """Return the edge's decision about a recipient at a moment."""
        epoch = bisect_right(self._turns, at)
        key = (
            epoch,
            attempt.address,
            domain_of(attempt.sender),
            domain_of(attempt.recipient),
            attempt.tls,
            attempt.certificates,
        )
        if key not in self._known:
            if epoch not in self._tenants:
                self._tenants[epoch] = acting_world(self._world, at)["tenant"]
            self._known[key] = attribute(self._tenants[epoch], self._world["settings"], attempt)
        return self._known[key]

    def mail_hosts(self, domain: str, at: float, share: float) -> list[str]:
        """Return the hosts that a sender believed in: a cache holds the set before for a while.

        ``share`` (0 to 1) is how far through its cache's time the sender is.
        """
        versions = self._versions(domain)
        index = max(bisect_right([version["at"] for version in versions], at) - 1, 0)
        for earlier in range(index):
            life = versions[earlier]["ttl"] * share
            if versions[earlier + 1]["at"] > at - life:
                return list(versions[earlier]["hosts"])
        return list(versions[index]["hosts"]) if versions else []

    def _versions(self, domain: str) -> list[dict[str, Any]]:
        if domain not in self._sets:
            zone = find_zone(self._world, domain)
            self._sets[domain] = [
                _mail_set(version, domain)
                for version in (note(self._world, zone, self._now) if zone is not None else [])
            ]
        return self._sets[domain]


def _mail_set(version: dict[str, Any], domain: str) -> dict[str, Any]:
    found = sorted(
        (record["priority"], str(record["content"]).lower().rstrip("."), seconds(record))
        for record in version["records"]
        if record["type"] == "MX" and record["name"].lower().rstrip(".") == domain
    )
    return {
        "at": version["at"],
        "hosts": [host for _priority, host, _ttl in found],
        "ttl": min((ttl for _priority, _host, ttl in found), default=0),
    }


def leads_to(hosts: list[str]) -> str:
    """Return whose hosts these are: microsoft, area1, other, or "" for none."""
    if not hosts or not hosts[0]:
        return ""
    if hosts[0].endswith(_MICROSOFT):
        return "microsoft"
    return "area1" if hosts[0].endswith(AREA1_SUFFIXES) else "other"
