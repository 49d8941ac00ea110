# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cloudflare as the lab has it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers import cloudflare
from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.contract import Driver
from lab.client import Lab
from tests.module.dns_contract.place import APEX, CHILD, IDN, UNICODE, Place

SERVERS = ["ada.ns.cloudflare.example", "bob.ns.cloudflare.example"]
OTHERS = ["carl.ns.cloudflare.example", "dora.ns.cloudflare.example"]
TOKEN = "suite-" + "t" * 40
NARROW = "narrow-" + "n" * 40
EXPIRED = "expired-" + "e" * 40
UNLISTED = "unlisted-" + "u" * 40
ALL = ["Zone Read", "DNS:Edit"]


class CloudflarePlace(Place):
    provider = "cloudflare"
    mixes_credentials = True  # 403, code 10000, "Authentication error" for either
    troubles: ClassVar[frozenset[str]] = frozenset(
        {
            "alias",
            "pending",
            "child_pending",
            "duplicate",
            "undecided",
            "wrong_credentials",
            "expired_credentials",
            "narrow_credentials",
            "no_listing",
            "slow_listing",
            "child",
            "throttled",
            "lost_request",
            "lost_answer",
            "many_zones",
            "many_sets",
            "calls",
            "comments",
            "unicode_zone",
            "unicode_names",
        }
    )

    def __init__(self) -> None:
        super().__init__()
        self._lab: Lab | None = None
        self._token = TOKEN
        self._mark = 0

    @property
    def lab(self) -> Lab:
        assert self._lab is not None
        return self._lab

    @contextlib.contextmanager
    def open(self) -> Iterator[Place]:
        with (
            tempfile.TemporaryDirectory(prefix="area1-lab-") as folder,
            Lab.start(world="fresh", directory=Path(folder), max_seconds=900) as lab,
        ):
            self._lab = lab
            yield self

    def reset(self) -> None:
        self.lab.reset("fresh")
        self.lab.faults([])
        self._token = TOKEN
        self.slept.clear()
        self.public.delegations.clear()
        for name in (APEX, IDN):
            self.public.delegate(name, *SERVERS)
        self._mutate("zones", {})
        self.zone(APEX)
        self.zone(IDN)
        for token, more in (
            (TOKEN, {}),
            (NARROW, {"permissions": ["Zone Read", "DNS Read"]}),
            (EXPIRED, {"status": "expired"}),
            (UNLISTED, {"lists": False}),
        ):
            self.lab.mutate(
                ["cloudflare", "tokens", token], value={"permissions": ALL, "zones": "*", **more}
            )
        self._mark = self.lab.mark()

    def options(self) -> dict[str, Any]:
        return {
            "dns_api_token": self._token,
            "dns_api_url": self.lab.extra_vars["area1_api_url"],
            "ca_path": self.lab.ca_path,
        }

    def put(self, name: str, rdtype: str, values: list[str], ttl: int) -> None:
        key = self._key(name)
        records = self.lab.state()["cloudflare"]["zones"][key]["records"]
        kept = [one for one in records if (one["name"], one["type"]) != (name, rdtype)]
        self.lab.mutate(
            ["cloudflare", "zones", key, "records"],
            value=kept + [_record(name, rdtype, value, ttl) for value in values],
        )

    def held(self, name: str, rdtype: str) -> tuple[set[str], int | None]:
        records = self._records(name, rdtype)
        values = {
            f"{one['priority']} {one['content'].lower().rstrip('.')}"
            if rdtype == "MX"
            else one["content"].strip('"')
            for one in records
        }
        return values, max((one["ttl"] for one in records), default=None)

    def writes(self) -> int:
        return len(self.lab.writes(self._mark))

    def calls(self) -> list[str]:
        return [str(one["method"]) for one in self.lab.requests("cloudflare", self._mark)]

    def comment(self, name: str, rdtype: str) -> Any:
        return sorted(str(one.get("comment")) for one in self._records(name, rdtype))

    def driver(self, **changed: Any) -> Driver:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cloudflare, "LIST_SECONDS", 1.0)
            return super().driver(**changed)

    def make(self, trouble: str, name: str = APEX) -> None:
        tokens = {
            "wrong_credentials": "x" * 40,
            "expired_credentials": EXPIRED,
            "narrow_credentials": NARROW,
            "no_listing": UNLISTED,
        }
        faults: dict[str, dict[str, Any]] = {
            "throttled": {"kind": "rate_limited", "seconds": 2},
            "lost_request": {"kind": "drop", "match": "POST"},
            "slow_listing": {"kind": "stall", "seconds": 30, "match": "GET"},
            "lost_answer": {"kind": "drop_after_commit", "writes": True},
        }
        if trouble in tokens:
            self._token = tokens[trouble]
        elif trouble in faults:
            self.lab.faults([{"service": "cloudflare", **faults[trouble]}])
        else:
            getattr(self, f"_make_{trouble}")(name)

    def _make_alias(self, name: str) -> None:
        self.put(name, "CNAME", ["other.example"], 300)

    def _make_pending(self, name: str) -> None:
        self._mutate("zones", {})
        self.zone(name, status="pending")

    def _make_child(self, name: str) -> None:
        self.zone(name)
        self.public.delegate(name, *SERVERS)

    def _make_child_pending(self, _name: str) -> None:
        self.zone(CHILD, status="pending")

    def _make_duplicate(self, name: str) -> None:
        self.zone(name, key=f"{name} of another account", name_servers=OTHERS)

    def _make_undecided(self, name: str) -> None:
        self._make_duplicate(name)
        self.public.delegate(name, "ns1.registrar.example")

    def _make_many_zones(self, _name: str) -> None:
        for number in range(60):
            self.zone(f"a{number:02}.example")

    def _make_many_sets(self, name: str) -> None:
        self.put(name, "MX", [f"{number} h{number}.example" for number in range(120)], 300)

    def _make_unicode_zone(self, name: str) -> None:
        self.lab.mutate(["cloudflare", "zones", IDN, "name"], value=UNICODE)

    def _make_unicode_names(self, name: str) -> None:
        self._make_unicode_zone(name)
        for index, one in enumerate(self._all_records(name)):
            path = ["cloudflare", "zones", IDN, "records", index, "name"]
            self.lab.mutate(path, value=one["name"].replace(IDN, UNICODE))

    def _make_comments(self, name: str) -> None:
        for index, one in enumerate(self._all_records(name)):
            if one["type"] == "MX":
                path = ["cloudflare", "zones", self._key(name), "records", index, "comment"]
                self.lab.mutate(path, value="ask Ada before you touch this")

    def zone(self, name: str, key: str = "", **more: Any) -> None:
        """Add an empty zone; ``key`` tells apart two zones of one name."""
        zone = {"name": name, "name_servers": SERVERS, "records": [], **more}
        self.lab.mutate(["cloudflare", "zones", key or name], value=zone)

    def _mutate(self, what: str, value: Any) -> None:
        self.lab.mutate(["cloudflare", what], value=value)

    def _key(self, name: str) -> str:
        zones = self.lab.state()["cloudflare"]["zones"]
        while name not in zones:
            name = name.partition(".")[2]
        return name

    def _all_records(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.lab.state()["cloudflare"]["zones"][self._key(name)][
            "records"
        ]
        return found

    def _records(self, name: str, rdtype: str) -> list[dict[str, Any]]:
        return [
            one
            for one in self._all_records(name)
            if (one["name"].lower().replace(UNICODE, IDN), one["type"]) == (name, rdtype)
        ]


def _record(name: str, rdtype: str, value: str, ttl: int) -> dict[str, Any]:
    found: dict[str, Any] = {"type": rdtype, "name": name, "ttl": ttl}
    if rdtype == "MX":
        priority, host = value.split(" ", 1)
        return {**found, "priority": int(priority), "content": host}
    return {**found, "content": f'"{value}"' if rdtype == "TXT" else value}
