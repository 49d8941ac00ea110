# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure DNS as the lab has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lab.azure_dns import RESOURCE_GROUP, SUBSCRIPTION
from tests.module.dns_contract.lab_place import LabPlace
from tests.module.dns_contract.place import APEX, CHILD, IDN, UNICODE

READER = ["Microsoft.Network/dnsZones/read", "Microsoft.Network/dnsZones/*/read"]


class AzurePlace(LabPlace):
    provider = "azure"
    state_key = "azure_dns"
    service = "azure_dns"
    troubles: ClassVar[frozenset[str]] = frozenset(
        {
            "alias",
            "routed",
            "locked",
            "private",
            "child_pending",
            "duplicate",
            "undecided",
            "wrong_credentials",
            "expired_credentials",
            "narrow_credentials",
            "no_listing",
            "throttled",
            "throttled_silent",
            "lost_request",
            "lost_answer",
            "many_zones",
            "unicode_zone",
            "comments",
        }
    )
    faults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "throttled": {"kind": "too_many", "seconds": 2},
        "lost_request": {"kind": "drop", "match": "PUT"},
        "lost_answer": {"kind": "drop_after_commit", "writes": True},
        "expired_credentials": {"kind": "token_expired", "times": -1},
    }

    @property
    def servers(self) -> tuple[str, ...]:
        return tuple(server.rstrip(".") for server in _zone(APEX)["name_servers"])

    def empty_zones(self) -> None:
        self.mutate("zones", value=[_zone(APEX), _zone(IDN)])

    def put(self, name: str, rdtype: str, values: list[str], ttl: int) -> None:
        index, key = self._place(name, rdtype)
        path = ["zones", index, "sets", key]
        old = self.state()["zones"][index]["sets"].get(key)
        if not values:
            if old:
                self.mutate(*path, delete=True)
            return
        etag = f"{len(self.lab.log())}-{name}-{values}-{ttl}"
        new = {"etag": etag, "ttl": ttl, "records": [_record(rdtype, value) for value in values]}
        self.mutate(*path, value={"metadata": {}, "target": None, **new})

    def held(self, name: str, rdtype: str) -> tuple[set[str], int | None]:
        index, key = self._place(name, rdtype)
        found = self.state()["zones"][index]["sets"].get(key)
        if not found:
            return set(), None
        if rdtype == "TXT":
            return {"".join(record["value"]) for record in found["records"]}, found["ttl"]
        values = {
            f"{record['preference']} {record['exchange'].lower().rstrip('.')}"
            for record in found["records"]
        }
        return values, found["ttl"]

    def comment(self, name: str, rdtype: str) -> Any:
        index, key = self._place(name, rdtype)
        return self.state()["zones"][index]["sets"][key]["metadata"]

    def make_comments(self, name: str) -> None:
        index, key = self._place(name, "MX")
        self.mutate("zones", index, "sets", key, "metadata", value={"owner": "ask Ada"})

    def make_alias(self, name: str) -> None:
        self.put(name, "CNAME", ["other.example"], 300)

    def make_routed(self, name: str) -> None:
        self.put(name, "MX", ["0 old.example"], 300)
        index, key = self._place(name, "MX")
        self.mutate("zones", index, "sets", key, "target", value="/subscriptions/x/traffic")

    def make_locked(self, name: str) -> None:
        scope = (
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
            f"/providers/Microsoft.Network/dnszones/{name}"
        )
        self.mutate("zones", 0, "locks", value=[{"level": "ReadOnly", "scope": scope}])

    def make_private(self, _name: str) -> None:
        self.mutate("zones", 0, "zone_type", value="Private")

    def make_child_pending(self, _name: str) -> None:
        self.mutate("zones", append={**_zone(CHILD), "zone_type": "Private"})

    def make_unicode_zone(self, _name: str) -> None:
        self.mutate("zones", 1, "name", value=UNICODE)

    def make_duplicate(self, name: str) -> None:
        servers = ["ns1-99.azure-dns.com.", "ns2-99.azure-dns.net."]
        other = {**_zone(name), "resource_group": "old", "name_servers": servers}
        self.mutate("zones", append=other)

    def make_undecided(self, name: str) -> None:
        self.make_duplicate(name)
        self.public.delegate(name, "ns1.registrar.example")

    def make_wrong_credentials(self, _name: str) -> None:
        self.changed["dns_azure_client_secret"] = "wrong-secret-that-is-long-enough"

    def make_narrow_credentials(self, _name: str) -> None:
        client = self.lab.info["dns_accounts"]["azure"]["client_id"]
        scope = f"/subscriptions/{SUBSCRIPTION}"
        self.mutate("roles", client, value=[{"scope": scope, "actions": READER}])

    def make_no_listing(self, _name: str) -> None:
        fault = {"service": self.service, "kind": "unavailable", "match": "dnsZones?", "times": -1}
        self.lab.faults([fault])
        self.changed["dns_azure_resource_group"] = RESOURCE_GROUP

    def make_throttled_silent(self, _name: str) -> None:
        self.setting("says_when", False)
        self.lab.faults([{"service": self.service, "kind": "too_many"}])

    def make_many_zones(self, _name: str) -> None:
        self.setting("longest_page", 25)
        zones = [_zone(f"a{number:02}.example") for number in range(60)]
        self.mutate("zones", value=[*zones, _zone(IDN), *self.state()["zones"][:1]])

    def _place(self, name: str, rdtype: str) -> tuple[int, str]:
        zones = [zone["name"].replace(UNICODE, IDN) for zone in self.state()["zones"]]
        zone = name
        while zone not in zones or (zone == CHILD and name == CHILD):
            zone = zone.partition(".")[2]
        relative = "@" if zone == name else name.removesuffix(f".{zone}")
        return zones.index(zone), f"{rdtype}/{relative}"


def _zone(name: str) -> dict[str, Any]:
    servers = [f"ns{index}-07.azure-dns.{end}." for index, end in ((1, "com"), (2, "net"))]
    return {
        "subscription": SUBSCRIPTION,
        "resource_group": RESOURCE_GROUP,
        "name": name,
        "zone_type": "Public",
        "name_servers": servers,
        "tags": {},
        "sets": {},
        "locks": [],
    }


def _record(rdtype: str, value: str) -> dict[str, Any]:
    if rdtype == "TXT":
        return {"value": [value]}
    if rdtype == "CNAME":
        return {"cname": value}
    preference, host = value.split(" ", 1)
    return {"preference": int(preference), "exchange": host}
