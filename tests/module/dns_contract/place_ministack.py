# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Route 53 as ministack has it: an implementation that nobody here wrote."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any, ClassVar

import botocore.session

from tests.module.dns_contract.place import APEX, IDN, Place
from tests.support.ministack import Ministack

KEYS = {"access_key": "AKIATEST", "secret_key": "a-secret-that-nobody-checks"}


class MinistackPlace(Place):
    provider = "route53"
    # Protections, throttling, policies and checked values are in the lab's double alone.
    troubles: ClassVar[frozenset[str]] = frozenset({"private", "routed"})

    def __init__(self) -> None:
        super().__init__()
        self._url = ""
        self._aws: Any = None
        self._zones: dict[str, str] = {}
        self._numbers = itertools.count()

    @contextlib.contextmanager
    def open(self) -> Iterator[Place]:
        with Ministack() as server:
            self._url = server.url
            self._aws = botocore.session.Session().create_client(
                "route53",
                region_name="us-east-1",
                endpoint_url=server.url,
                aws_access_key_id=KEYS["access_key"],
                aws_secret_access_key=KEYS["secret_key"],
            )
            yield self

    def reset(self) -> None:
        self.slept.clear()
        for zone in self._aws.list_hosted_zones()["HostedZones"]:
            for one in self._sets(zone["Id"]):
                if one["Type"] not in ("NS", "SOA"):
                    self._change(zone["Id"], "DELETE", one)
            self._aws.delete_hosted_zone(Id=zone["Id"])
        self._zones = {}
        for name in (APEX, IDN):
            self._make_zone(name)

    def options(self) -> dict[str, Any]:
        named = {f"dns_route53_{name}": value for name, value in KEYS.items()}
        return {**named, "dns_route53_api_url": self._url}

    def put(self, name: str, rdtype: str, values: list[str], ttl: int) -> None:
        zone = self._zone_of(name)
        old = [one for one in self._sets(zone) if _is(one, name, rdtype)]
        for one in old:
            self._change(zone, "DELETE", one)
        if values:
            texts = [f'"{value}"' if rdtype == "TXT" else f"{value}." for value in values]
            records = [{"Value": text} for text in texts]
            new = {"Name": name, "Type": rdtype, "TTL": ttl, "ResourceRecords": records}
            self._change(zone, "CREATE", new)

    def held(self, name: str, rdtype: str) -> tuple[set[str], int | None]:
        found = [one for one in self._sets(self._zone_of(name)) if _is(one, name, rdtype)]
        assert len(found) <= 1
        if not found:
            return set(), None
        texts = [record["Value"] for record in found[0]["ResourceRecords"]]
        if rdtype == "TXT":
            return {text.strip('"') for text in texts}, found[0]["TTL"]
        return {text.lower().rstrip(".") for text in texts}, found[0]["TTL"]

    def writes(self) -> int:
        """Sets that are there, as a number that changes with each of them."""
        sets = [one for zone in self._zones.values() for one in self._sets(zone)]
        return hash(repr(sets))

    def make(self, trouble: str, name: str = APEX) -> None:
        if trouble == "private":
            self._aws.delete_hosted_zone(Id=self._zones.pop(name))
            self._make_zone(name, private=True)
        elif trouble == "routed":
            routed = {
                "Name": name,
                "Type": "MX",
                "TTL": 60,
                "SetIdentifier": "one",
                "Weight": 1,
                "ResourceRecords": [{"Value": "1 a.example."}],
            }
            self._change(self._zone_of(name), "CREATE", routed)

    def _make_zone(self, name: str, private: bool = False) -> None:
        more: dict[str, Any] = {}
        if private:
            more["HostedZoneConfig"] = {"PrivateZone": True, "Comment": ""}
            more["VPC"] = {"VPCRegion": "us-east-1", "VPCId": "vpc-12345678"}
        reference = f"suite-{next(self._numbers)}"
        made = self._aws.create_hosted_zone(Name=name, CallerReference=reference, **more)
        self._zones[name] = made["HostedZone"]["Id"]

    def _zone_of(self, name: str) -> str:
        return self._zones[IDN if name.endswith(IDN) else APEX]

    def _sets(self, zone: str) -> list[dict[str, Any]]:
        pages = self._aws.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone)
        return [one for page in pages for one in page["ResourceRecordSets"]]

    def _change(self, zone: str, action: str, one: dict[str, Any]) -> None:
        changes = [{"Action": action, "ResourceRecordSet": one}]
        self._aws.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def _is(one: dict[str, Any], name: str, rdtype: str) -> bool:
    own = one["Name"].replace("\\052", "*").rstrip(".").lower()
    return bool(own == name and one["Type"] == rdtype)
