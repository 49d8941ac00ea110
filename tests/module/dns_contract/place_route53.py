# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon Route 53 as the lab has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tests.module.dns_contract.lab_place import LabPlace
from tests.module.dns_contract.place import APEX, CHILD, IDN

SERVERS = ("ns-1.awsdns-00.com", "ns-513.awsdns-00.net")
OTHERS = ("ns-99.awsdns-12.org", "ns-611.awsdns-12.co.uk")
IDS = {APEX: "ZAPEX", IDN: "ZIDN"}


class Route53Place(LabPlace):
    provider = "route53"
    state_key = "route53"
    service = "route53"
    troubles: ClassVar[frozenset[str]] = frozenset(
        {
            "alias",
            "routed",
            "protected",
            "private",
            "child_pending",
            "duplicate",
            "undecided",
            "wrong_credentials",
            "expired_credentials",
            "narrow_credentials",
            "no_listing",
            "throttled_silent",
            "lost_request",
            "lost_answer",
            "many_zones",
            "many_sets",
        }
    )
    faults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "throttled_silent": {"kind": "throttling"},
        "lost_request": {"kind": "drop", "match": "POST"},
        "lost_answer": {"kind": "drop_after_commit", "writes": True},
    }

    @property
    def servers(self) -> tuple[str, ...]:
        return SERVERS

    def empty_zones(self) -> None:
        self.setting("requests_per_second", 0)
        self.mutate("zones", value={IDS[name]: _zone(name) for name in (APEX, IDN)})

    def put(self, name: str, rdtype: str, values: list[str], ttl: int) -> None:
        key = self._key(name)
        sets = [one for one in self.state()["zones"][key]["sets"] if not _is(one, name, rdtype)]
        if values:
            sets.append(_set(name, rdtype, values, ttl))
        self.mutate("zones", key, "sets", value=sets)

    def held(self, name: str, rdtype: str) -> tuple[set[str], int | None]:
        sets = self.state()["zones"][self._key(name)]["sets"]
        found = [one for one in sets if _is(one, name, rdtype)]
        assert len(found) <= 1
        if not found:
            return set(), None
        texts = found[0]["ResourceRecords"]
        if rdtype == "TXT":
            return {text.strip('"') for text in texts}, found[0]["TTL"]
        return {text.lower().rstrip(".") for text in texts}, found[0]["TTL"]

    def make_alias(self, name: str) -> None:
        self.put(name, "CNAME", ["other.example"], 300)

    def make_routed(self, name: str) -> None:
        routed = {**_set(name, "MX", ["10 old.example"], 300), "SetIdentifier": "one", "Weight": 1}
        self.mutate("zones", self._key(name), "sets", append=routed)

    def make_protected(self, name: str) -> None:
        found = {"name": f"{name}.", "type": "MX", "comment": "values do not match our rules"}
        self.mutate("zones", self._key(name), "protections", value=[found])

    def make_private(self, name: str) -> None:
        self.mutate("zones", self._key(name), "private", value=True)

    def make_child_pending(self, _name: str) -> None:
        self.mutate("zones", "ZCHILD", value={**_zone(CHILD), "private": True})

    def make_duplicate(self, name: str) -> None:
        self.mutate("zones", "ZAOTHER", value={**_zone(name), "name_servers": list(OTHERS)})

    def make_undecided(self, name: str) -> None:
        self.make_duplicate(name)
        self.public.delegate(name, "ns1.registrar.example")

    def make_wrong_credentials(self, _name: str) -> None:
        self.changed["dns_route53_secret_key"] = "wrong/secret+that/is/long/enough"

    def _policy(self, **changed: Any) -> None:
        account = self.lab.info["dns_accounts"]["route53"]
        secret = account["secret_key"]
        self.mutate("keys", account["access_key"], value={"secret": secret, **changed})

    def make_expired_credentials(self, _name: str) -> None:
        self._policy(status="expired")

    def make_narrow_credentials(self, _name: str) -> None:
        self._policy(change_actions=["UPSERT"])

    def make_no_listing(self, _name: str) -> None:
        self._policy(denied=["route53:ListHostedZonesByName"])
        self.changed["dns_route53_zone_id"] = ", ".join(IDS.values())

    def make_many_zones(self, _name: str) -> None:
        self.setting("zones_on_page", 25)
        zones = {f"Z{number:02}": _zone(f"a{number:02}.example") for number in range(60)}
        self.mutate("zones", value={**zones, **self.state()["zones"]})

    def make_many_sets(self, name: str) -> None:
        """The service shows a page of one set: other types of the name come first."""
        self.setting("sets_on_page", 1)
        for rdtype, value in (("A", "192.0.2.1"), ("CAA", '0 issue "ca.example"')):
            self.put(name, rdtype, [value], 300)
        self.put(name, "MX", ["10 old.example"], 300)

    def _key(self, name: str) -> str:
        zones = {zone["name"].rstrip("."): key for key, zone in self.state()["zones"].items()}
        zones.update({own: key for own, key in IDS.items() if own in zones})
        zone = name
        while zone not in zones or zone == CHILD:
            zone = zone.partition(".")[2]
        return str(zones[zone])


def _zone(name: str) -> dict[str, Any]:
    return {
        "name": f"{name}.",
        "private": False,
        "comment": "",
        "name_servers": list(SERVERS),
        "sets": [],
        "protections": [],
    }


def _stored(name: str) -> str:
    return name.replace("*", "\\052") + "."


def _is(one: dict[str, Any], name: str, rdtype: str) -> bool:
    return bool(one["Name"] == _stored(name) and one["Type"] == rdtype)


def _set(name: str, rdtype: str, values: list[str], ttl: int) -> dict[str, Any]:
    texts = [f'"{value}"' if rdtype == "TXT" else value for value in values]
    if rdtype == "MX":
        texts = [text if text.endswith(".") else f"{text}." for text in texts]
    return {"Name": _stored(name), "Type": rdtype, "TTL": ttl, "ResourceRecords": texts}
