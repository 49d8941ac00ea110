# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant as a model: its records, caches, connectors and clock; what a run reads of it, and what
each write would do to mail.
"""

from __future__ import annotations

import datetime
from typing import Any

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.lockdown.soak import is_on
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.lockdown.stamp import (
    parse_stamp,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import deploy as phases
from ansible_collections.mailflow.area1.plugins.module_utils._engine.timestamps import iso
from tests.unit.cutover.worlds import (
    CONNECTOR,
    LOCKDOWN,
    NEW,
    NOW,
    OLD,
    ONE,
    TWO,
    accepted,
    allowing,
    connector,
    held,
    past,
    protected,
    records,
    sections,
    traced,
    view,
    wanted,
)

OTHER = "shop.example"
COVERED = [ONE, TWO]
HOSTS = {"gateway": NEW, "none": [], "nothing": []}


class Crash(Exception):
    """The run dies here."""


class Tenant:
    """``sins`` are what must never happen: a lock-down that refuses mail, an MX set that is
    empty.
    """

    def __init__(self, soak: int, other: str, ttl: int) -> None:
        self.now = NOW
        self.chosen = wanted(lockdown_soak_hours=soak)
        self.soak = datetime.timedelta(hours=soak)
        self.ttl = ttl
        # name: where its mail goes, TTL of its set, since when
        self.mx: dict[str, tuple[str, int, datetime.datetime]] = {}
        # name: what the slowest cache still holds, and until when
        self.caches: dict[str, tuple[str, datetime.datetime]] = {}
        self.server_up = [True, True]
        self.connectors: list[dict[str, Any]] = []
        self.allowed: list[str] = []
        self.allowed_at = self.now
        self.protected: set[str] = set()
        self.timeline: list[dict[str, Any]] = []
        self.sins: list[str] = []
        self.writes, self.left = 0, 0
        for name in COVERED:
            self.mx[name] = ("microsoft", ttl, self.now - datetime.timedelta(days=9))
        self.mx[OTHER] = (other, ttl, self.now - datetime.timedelta(days=9))

    # --- the world ---
    def advance(self, hours: float) -> None:
        self.now += datetime.timedelta(hours=hours)

    def pairs(self, name: str, where: str) -> Any:
        return (
            HOSTS.get(where)
            if where in HOSTS
            else OLD.get(name, [(0, "shop-example.mail.protection.outlook.com")])
        )

    def cached(self, name: str) -> str:
        where, until = self.caches.get(name, ("", self.now))
        return where if until > self.now else self.mx[name][0]

    def replace(self, name: str, where: str, ttl: int) -> None:
        before, old_ttl, _since = self.mx[name]
        held, until = self.caches.get(name, ("", self.now))
        # The slowest cache took the old set in the last moment; one that holds a still older set
        # keeps that.
        if before != where and not (held == "microsoft" and until > self.now):
            self.caches[name] = (before, self.now + datetime.timedelta(seconds=old_ttl))
        self.mx[name] = (where, ttl, self.now)
        if where == "nothing":
            self.sins.append("the MX set of %s is empty" % name)

    def move_by_hand(self, name: str, where: str, ttl: int) -> None:
        self.replace(name, where, ttl)

    def spoil_first(self, field: str) -> None:
        first = self.connector(CONNECTOR)
        if first is None:
            return
        if field == "removed":
            self.connectors.remove(first)
        else:
            first.update(
                {"SenderIPAddresses": first["SenderIPAddresses"][1:]}
                if field == "SenderIPAddresses"
                else {field: False}
            )
            first["WhenChangedUTC"] = iso(self.now)

    def edit_stamp(self, hours: int) -> None:
        item = self.connector(LOCKDOWN)
        stamp = parse_stamp((item or {}).get("Comment"))
        if item is not None and stamp is not None:
            for moment in (stamp.staged, stamp.due):
                item["Comment"] = item["Comment"].replace(
                    iso(moment), iso(moment - datetime.timedelta(hours=hours))
                )
            item["WhenChangedUTC"] = iso(self.now)

    def switch_off_by_hand(self) -> None:
        item = self.connector(LOCKDOWN)
        if item is not None:
            item.update(Enabled=False, WhenChangedUTC=iso(self.now))

    def connector(self, name: str) -> dict[str, Any] | None:
        return next((item for item in self.connectors if item["Name"] == name), None)

    @property
    def locked(self) -> bool:
        item = self.connector(LOCKDOWN)
        return item is not None and is_on(item)

    # --- what a run reads ---
    def world(self) -> World:
        found = sections(self.chosen)
        found.update(
            service_date=iso(self.now),
            accepted_domains=[*found["accepted_domains"], accepted(OTHER)],
            connection_filter=[allowing(self.allowed, WhenChangedUTC=iso(self.allowed_at))],
            inbound_connectors=[dict(item) for item in self.connectors],
            email_security={name: protected(name) for name in sorted(self.protected)},
            dns={name: self._view(name) for name in self.mx},
            dns_provider={name: self._provider(name) for name in COVERED},
            baseline=past(
                {"dns": {name: view(OLD[name], ttl=self.ttl) for name in COVERED}},
                iso(NOW - datetime.timedelta(days=9)),
            ),
            timeline=list(self.timeline),
            message_trace=traced(end=iso(self.now)),
        )
        return World(found, self.chosen)

    def _view(self, name: str) -> dict[str, Any]:
        where, ttl, _since = self.mx[name]
        now = records(self.pairs(name, where))
        read = view([])
        servers = [
            {
                **read["name_servers"][0],
                "name": "ns%d.example" % index,
                "status": ("ok" if now else "nodata") if up else "timeout",
                "ttl": ttl,
                "records": now if up else None,
            }
            for index, up in enumerate(self.server_up)
        ]
        cached = records(self.pairs(name, self.cached(name)))
        left = (
            int((self.caches[name][1] - self.now).total_seconds())
            if name in self.caches and self.caches[name][1] > self.now
            else ttl
        )
        resolver = {
            **read["resolvers"][0],
            "status": "ok" if cached else "nodata",
            "ttl": left,
            "records": cached,
        }
        return {
            **read,
            "taken": self.now.timestamp(),
            "date": iso(self.now),
            "name_servers": servers,
            "resolvers": [resolver],
            "agree": any(self.server_up),
            "complete": all(self.server_up),
            "records": now if any(self.server_up) else None,
            "ttl_max": ttl if any(self.server_up) else None,
            "cname": None,
            "null_mx": False,
            "error": None,
        }

    def _provider(self, name: str) -> dict[str, Any]:
        where, ttl, since = self.mx[name]
        provider = held(self.pairs(name, where), ttl, modified=iso(since))
        return {**provider, "taken": self.now.timestamp(), "date": iso(self.now)}

    # --- a run ---
    def run(self, writes: int = 10**6) -> None:
        self.left = writes
        try:
            for step in (
                self._connection_filter,
                self._first_connector,
                self._domains,
                self._mx,
                self._lockdown,
            ):
                step()
        except Crash:
            return

    def _written(self) -> None:
        self.writes += 1
        self.left -= 1
        if self.left <= 0:
            raise Crash

    def _connection_filter(self) -> None:
        gate = phases.evaluate("connection_filter", self.world())
        if gate.go and set(gate.values["entries"]) - set(self.allowed):
            self.allowed, self.allowed_at = list(gate.values["entries"]), self.now
            self._written()

    def _first_connector(self) -> None:
        gate = phases.evaluate("enhanced_filtering", self.world())
        if not gate.go:
            return
        item = self.connector(gate.values["name"])
        whole = connector(
            gate.values["entries"], WhenCreatedUTC=iso(self.now), WhenChangedUTC=iso(self.now)
        )
        if item is None:
            self.connectors.append({**whole, "EFSkipLastIP": False})
            self._written()
            item = self.connectors[-1]
        if any(item[key] != whole[key] for key in ("Enabled", "SenderIPAddresses", "EFSkipLastIP")):
            item.update(
                {
                    key: whole[key]
                    for key in ("Enabled", "SenderIPAddresses", "EFSkipLastIP", "WhenChangedUTC")
                }
            )
            self._written()

    def _domains(self) -> None:
        for entry in phases.evaluate("area1_domains", self.world()).values["domains"]:
            if entry["name"] not in self.protected:
                self.protected.add(entry["name"])
                self._written()

    def _mx(self) -> None:
        gate = phases.evaluate("lower_ttl", self.world())
        for entry in gate.values["domains"]:
            where, ttl, _since = self.mx[entry["name"]]
            if ttl > gate.values["max_ttl"]:
                self.caches[entry["name"]] = (where, self.now + datetime.timedelta(seconds=ttl))
                self.mx[entry["name"]] = (where, gate.values["max_ttl"], self.now)
                self._written()
                self.timeline.append(
                    {
                        "domain": entry["name"],
                        "event": "ttl_lowered",
                        "at": iso(self.now),
                        "ttl": ttl,
                    }
                )
        gate = phases.evaluate("switch", self.world())
        for entry in gate.values["domains"]:
            assert gate.values["records"] and entry["expect"] == records(
                self.pairs(entry["name"], self.mx[entry["name"]][0])
            )
            # Under a lock-down that refuses the old way no cache is worth a wait: each hour costs
            # mail.
            if self._held_with_old_ttl(entry["name"]) and not self.locked:
                self.sins.append("%s is switched while caches may hold its old TTL" % entry["name"])
            self.replace(entry["name"], "gateway", gate.values["ttl"])
            self._written()

    def _held_with_old_ttl(self, name: str) -> bool:
        """Longer than the low TTL, which the soak covers."""
        where, until = self.caches.get(name, ("", self.now))
        return self.mx[name][0] == where == "microsoft" and until > self.now + datetime.timedelta(
            seconds=self.chosen.mx_ttl
        )

    def _lockdown(self) -> None:
        values = phases.evaluate("lockdown", self.world()).values
        item = self.connector(LOCKDOWN)
        if values["action"] == "stage":
            if item is None:
                self.connectors.append(
                    connector(
                        values["entries"],
                        Name=LOCKDOWN,
                        Identity=LOCKDOWN,
                        WhenCreatedUTC=iso(self.now),
                    )
                )
                item = self.connectors[-1]
            item.update(
                Enabled=False,
                RestrictDomainsToIPAddresses=True,
                Comment=values["comment"],
                WhenChangedUTC=iso(self.now),
            )
            self._written()
        elif values["action"] == "unstage" and item is not None:
            item.update(Enabled=False, Comment=values["comment"], WhenChangedUTC=iso(self.now))
            self._written()
        elif values["action"] == "enable" and item is not None:
            self.enable(values["comment"])
            self._written()
        elif (
            values["action"] == "keep"
            and item is not None
            and values["comment"]
            and values["comment"] != item["Comment"]
        ):
            item.update(Comment=values["comment"], WhenChangedUTC=iso(self.now))
            self._written()

    def enable(self, comment: str = "") -> None:
        """The write that can lose mail: what it would refuse is written down."""
        item = self.connector(LOCKDOWN) or connector([], Name=LOCKDOWN)
        item.update(
            Enabled=True,
            RestrictDomainsToIPAddresses=True,
            Comment=comment,
            WhenChangedUTC=iso(self.now),
        )
        for name in self.mx:
            if self.mx[name][0] == "microsoft":
                self.sins.append("locked although mail of %s goes past Area 1" % name)
            elif self.cached(name) == "microsoft":
                self.sins.append("locked although a cache sends mail of %s past Area 1" % name)
        for name in COVERED:
            if self.mx[name][2] + self.soak > self.now:
                self.sins.append(
                    "locked although %s moved only %s ago" % (name, self.now - self.mx[name][2])
                )
        if not all(self.server_up):
            self.sins.append("locked although a name server was silent")
        first = self.connector(CONNECTOR)
        if first is None or not first["Enabled"] or not first["EFSkipLastIP"]:
            self.sins.append("locked although Area 1's mail is not known as such")
