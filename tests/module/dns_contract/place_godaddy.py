# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GoDaddy as the lab has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tests.module.dns_contract.lab_place import LabPlace
from tests.module.dns_contract.place import APEX, IDN

SERVERS = ("ns07.domaincontrol.com", "ns08.domaincontrol.com")
READ_TOKEN = "gd_pat_that_may_read_and_nothing_else"


class GoDaddyPlace(LabPlace):
    provider = "godaddy"
    state_key = "godaddy"
    service = "godaddy"
    troubles: ClassVar[frozenset[str]] = frozenset(
        {
            "alias",
            "calls",
            "locked",
            "wrong_credentials",
            "expired_credentials",
            "narrow_credentials",
            "throttled",
            "throttled_silent",
            "lost_request",
            "lost_answer",
        }
    )
    faults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "throttled": {"kind": "too_many", "seconds": 2},
        "lost_request": {"kind": "drop", "match": "PUT"},
        "lost_answer": {"kind": "drop_after_commit", "writes": True},
    }

    @property
    def servers(self) -> tuple[str, ...]:
        return SERVERS

    def empty_zones(self) -> None:
        self.setting("calls_per_minute", 0)
        self.mutate("domains", value={APEX: _domain(), IDN: _domain()})

    def put(self, name: str, rdtype: str, values: list[str], ttl: int) -> None:
        zone, owner = _place(name)
        records = self.state()["domains"][zone]["records"]
        kept = [one for one in records if (one["type"], one["name"]) != (rdtype, owner)]
        added = [_record(rdtype, owner, value, ttl) for value in values]
        self.mutate("domains", zone, "records", value=kept + added)

    def held(self, name: str, rdtype: str) -> tuple[set[str], int | None]:
        zone, owner = _place(name)
        records = self.state()["domains"][zone]["records"]
        found = [one for one in records if (one["type"], one["name"]) == (rdtype, owner)]
        values = {
            f"{one['priority']} {one['data'].lower().rstrip('.')}"
            if rdtype == "MX"
            else one["data"]
            for one in found
        }
        return values, max((one["ttl"] for one in found), default=None)

    def make_alias(self, name: str) -> None:
        self.put(name, "CNAME", ["other.example"], 600)

    def make_locked(self, name: str) -> None:
        self.mutate("domains", name, "protected", value=True)

    def make_wrong_credentials(self, _name: str) -> None:
        self.changed["dns_godaddy_token"] = "gd_pat_that_nobody_knows"

    def make_expired_credentials(self, _name: str) -> None:
        token = self.lab.info["dns_accounts"]["godaddy"]["token"]
        scopes = ["domains.domain:read", "domains.dns:update"]
        self.mutate("tokens", token, value={"scopes": scopes, "status": "expired"})

    def make_narrow_credentials(self, _name: str) -> None:
        self.mutate("tokens", READ_TOKEN, value={"scopes": ["domains.domain:read"]})
        self.changed["dns_godaddy_token"] = READ_TOKEN

    def make_throttled_silent(self, _name: str) -> None:
        self.setting("says_when", "none")
        self.lab.faults([{"service": self.service, "kind": "too_many"}])


def _domain() -> dict[str, Any]:
    return {
        "status": "ACTIVE",
        "elsewhere": False,
        "name_servers": list(SERVERS),
        "records": [],
        "protected": False,
    }


def _place(name: str) -> tuple[str, str]:
    zone = IDN if name.endswith(IDN) else APEX
    return zone, "@" if name == zone else name.removesuffix(f".{zone}")


def _record(rdtype: str, owner: str, value: str, ttl: int) -> dict[str, Any]:
    record: dict[str, Any] = {"type": rdtype, "name": owner, "ttl": ttl}
    if rdtype == "MX":
        priority, host = value.split(" ", 1)
        return {**record, "data": host, "priority": int(priority)}
    return {**record, "data": value}
