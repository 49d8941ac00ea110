# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Cloudflare: one batch call per record set [CF-6.5].

Values are patched in place, so that the set is never empty or thin.
"""

from __future__ import annotations

import threading
import typing as t

from ..._cloudflare_api import CloudflareApi, Envelope
from ..._engine.errors import Conflict, InputError, MailflowError, PermissionDenied, ReadError
from ..._engine.host_names import host_name, spellings
from ..._engine.values import as_list
from ..sets.rrset import RecordSet, ancestors, mx_value, txt_strings, txt_value
from .contract import Capabilities, Driver, DriverOptions, Option, Surroundings
from .zones import ZoneCandidate, choose_zone

AUTO = 1
# "Auto" is 300 s for records that are not proxied ([CF-6.5]).
AUTO_SECONDS = 300
ZONES_PER_PAGE = 50
# Longest time in seconds for the list of zones, which only saves calls.
LIST_SECONDS = 30.0
PERMISSION_READ = "Zone.Zone:Read"
PERMISSION_EDIT = "Zone.DNS:Edit"

Record = dict[str, t.Any]


class CloudflareDriver(Driver):
    """Record sets of the zones that one token sees.

    There is no compare-and-swap: the set is read again just before a write.
    """

    PROVIDER = "cloudflare"
    TITLE = "Cloudflare"
    SUMMARY = "V(cloudflare) changes a record set by one batch call of the Cloudflare API."
    CAPABILITIES = Capabilities(
        atomic=True,
        lowest_ttl=60,
        highest_ttl=86400,
        auto_ttl=True,
        auto_seconds=AUTO_SECONDS,
        keeps_comments=True,
    )
    OPTIONS = (
        Option(
            "dns_api_token",
            (
                "API token for V(cloudflare), with the permissions C(Zone.Zone:Read) and"
                " C(Zone.DNS:Edit) for the zones.",
                "A module that has an O(ignore:api_token) of its own uses that before the"
                " environment.",
            ),
            "token of the DNS provider's API",
            environment=("AREA1_DNS_API_TOKEN", "AREA1_API_TOKEN"),
            secret=True,
            same_as="api_token",
            variable_else="area1_api_token",
        ),
        Option(
            "dns_api_url",
            (
                "Base address of the API for V(cloudflare), including C(/client/v4).",
                "If not given, it is that of the module's O(ignore:api_url) where it has one, else"
                " V(https://api.cloudflare.com/client/v4).",
            ),
            "address of the DNS provider's API",
            same_as="api_url",
            variable_else="area1_api_url",
        ),
    )
    REQUIREMENTS = ("requests",)

    def __init__(
        self,
        api: CloudflareApi,
        surroundings: Surroundings | None = None,
        listing: CloudflareApi | None = None,
    ) -> None:
        self._api = api
        self._listing = listing or api
        self._surroundings = surroundings
        self._zones: dict[str, dict[str, ZoneCandidate]] = {}
        self._asked: set[tuple[str, str]] = set()
        self._chosen: dict[str, Record] = {}
        self._all_listed = False
        self._lock = threading.Lock()

    @classmethod
    def from_options(cls, options: DriverOptions, surroundings: Surroundings) -> CloudflareDriver:
        """Make the driver; a module's own token for Cloudflare (api_token) serves the DNS too."""
        (token,) = options.require("dns_api_token")

        def api(seconds: float) -> CloudflareApi:
            url, ca_path = options.text("dns_api_url"), surroundings.ca_path
            return CloudflareApi(url, token, ca_path, seconds, surroundings.context)

        timeout = surroundings.timeout
        return cls(api(timeout), surroundings, api(min(timeout, LIST_SECONDS)))

    def prepare(self, names: t.Sequence[str]) -> None:
        """List the zones where that takes fewer calls than asking for each.

        A token that may not list, or a list that breaks off, leaves the rest to questions by name.
        """
        wanted = {host_name(name) for name in names}
        if len(wanted) < 2:
            return
        try:
            self._list(wanted)
        except MailflowError:
            return

    def _list(self, wanted: t.Collection[str]) -> None:
        for page, envelope in enumerate(
            self._listing.envelopes("zones", per_page=ZONES_PER_PAGE, permission=PERMISSION_READ), 1
        ):
            self._keep_zones(envelope)
            missing = sum(1 for name in wanted if name not in self._zones)
            total = envelope.info.get("total_pages")
            if isinstance(total, int) and total - page > missing:
                return
        self._all_listed = True

    def check(self, name: str) -> None:
        """Find the zone; that its records may be read shows with the first read."""
        self.zone_of(name)

    def zone_of(self, name: str) -> Record:
        """Return the zone, as the API has it, that holds a name and that the world sees."""
        with self._lock:
            if name in self._chosen:
                return self._chosen[name]
        holding: list[ZoneCandidate] = []
        for candidate in ancestors(name):
            found = self._zones_named(candidate)
            holding += found
            if any(not zone.obstacle for zone in found):
                break
        if not holding:
            raise InputError(
                "%s: the Cloudflare API token sees no zone that holds this name." % name,
                "Give the DNS token (dns_api_token) the permissions %s and %s for the zone, or"
                " choose another dns_provider for the domain." % (PERMISSION_READ, PERMISSION_EDIT),
            )
        zone: Record = choose_zone(name, holding, self._surroundings, self.TITLE).raw
        with self._lock:
            self._chosen[name] = zone
        return zone

    def name_servers(self, name: str) -> tuple[str, ...] | None:
        """Return Cloudflare's servers and, where an account has them, those of its own name."""
        return _name_servers(self.zone_of(name)) or None

    def read(self, name: str, rdtype: str) -> RecordSet | None:
        zone = self.zone_of(name)
        records, date = self._records(zone["id"], name, rdtype)
        if not records and name != host_name(zone["name"]):
            # At the zone's own name Cloudflare flattens a CNAME, which may stand beside an MX set.
            aliases, _date = self._records(zone["id"], name, "CNAME")
            if aliases:
                raise InputError(
                    f"{name} is an alias of {aliases[0]['content']}: it can have no {rdtype} set.",
                    "Remove the CNAME record first.",
                )
        return record_set(name, rdtype, records, date)

    def replace(
        self, name: str, rdtype: str, expected: RecordSet | None, wanted: RecordSet
    ) -> None:
        zone_id = self.zone_of(name)["id"]
        records, date = self._records(zone_id, name, rdtype)
        if record_set(name, rdtype, records, date) != expected:
            raise Conflict(
                "%s: the %s set changed between reading and writing." % (name, rdtype),
                "Run again: it starts from what is there now.",
            )
        body = batch(records, wanted)
        if any(body.values()):
            self._explained(
                name,
                lambda: self._api.write(
                    "POST", "zones/%s/dns_records/batch" % zone_id, body, PERMISSION_EDIT
                ),
            )

    def _records(self, zone_id: str, name: str, rdtype: str) -> tuple[list[Record], str | None]:
        """Return the records of a name and type, whichever spelling of the name they have."""
        found: dict[str, Record] = {}
        date: str | None = None

        def collect() -> None:
            nonlocal date
            for spelling in spellings(name):
                for envelope in self._api.envelopes(
                    "zones/%s/dns_records" % zone_id,
                    {"type": rdtype, "name.exact": spelling},
                    100,
                    "Zone.DNS:Read",
                ):
                    date = envelope.date.isoformat() if envelope.date else None
                    found.update({str(record.get("id")): record for record in envelope.result})

        self._explained(name, collect)
        # A filter that the service does not know may be ignored: what is not ours is left out here.
        mine = [
            record
            for record in found.values()
            if record.get("type") == rdtype and host_name(record.get("name")) == name
        ]
        for record in mine:
            if not record.get("id") or record.get("content") is None:
                raise ReadError("%s: Cloudflare returned a record without id or content." % name)
            if not isinstance(record.get("ttl") or AUTO, int):
                raise ReadError("%s: Cloudflare returned a record whose TTL is no number." % name)
        return mine, date

    def _explained(self, name: str, call: t.Callable[[], t.Any]) -> t.Any:
        """Call, and raise errors with the domain's name and, for a missing grant, what to grant."""
        try:
            return call()
        except PermissionDenied as exc:
            hint = "Give the DNS token (dns_api_token) the permission %s for the zone of %s." % (
                PERMISSION_EDIT,
                name,
            )
            raise PermissionDenied("%s: %s" % (name, exc.message), hint, **exc.details) from exc
        except MailflowError as exc:
            exc.message = "%s: %s" % (name, exc.message)
            raise

    def _keep_zones(self, envelope: Envelope) -> None:
        with self._lock:
            for zone in envelope.result:
                found = _candidate(zone)
                self._zones.setdefault(found.name, {})[str(zone.get("id"))] = found

    def _zones_named(self, name: str) -> list[ZoneCandidate]:
        """Return the zones of a name; several accounts may have one each.

        The service knows a zone by the spelling that it was given once (cloudflare-go issue 347).
        """
        for spelling in spellings(name):
            if self._zones.get(name) or self._all_listed:
                break
            if (spelling, name) in self._asked:
                continue
            for envelope in self._api.envelopes(
                "zones", {"name": spelling}, permission=PERMISSION_READ
            ):
                self._keep_zones(envelope)
            with self._lock:
                self._asked.add((spelling, name))
        return list(self._zones.get(name, {}).values())


def _candidate(zone: Record) -> ZoneCandidate:
    name = host_name(zone.get("name"))
    status, kind = zone.get("status", "active"), zone.get("type", "full")
    obstacle = ""
    if status != "active" or kind != "full":
        obstacle = f"it is {status} ({kind} setup)"
    elif not zone.get("id"):
        obstacle = "the service tells no id of it"
    account = zone.get("account")
    account = account.get("name") if isinstance(account, dict) else account
    label = f"{name} of the account {account}" if account else name
    return ZoneCandidate(name, label, _name_servers(zone), obstacle, zone)


def _name_servers(zone: Record) -> tuple[str, ...]:
    found = [*as_list(zone.get("name_servers")), *as_list(zone.get("vanity_name_servers"))]
    return tuple(sorted({host_name(server) for server in found}))


def value_of(record: Record) -> str:
    if record["type"] == "MX":
        priority = record.get("priority")
        if priority is None:
            data = record.get("data")
            priority = data.get("priority", 0) if isinstance(data, dict) else 0
        return mx_value("%s %s" % (priority, record["content"]))
    return txt_value(str(record["content"]))


def record_set(
    name: str, rdtype: str, records: t.Sequence[Record], date: str | None
) -> RecordSet | None:
    """Return Cloudflare's records as one set.

    Where their TTLs differ the longest counts: that is how long a cache may keep one.
    """
    if not records:
        return None
    ttls = [int(record.get("ttl") or AUTO) for record in records]
    return RecordSet.of(
        name,
        rdtype,
        [value_of(record) for record in records],
        max(AUTO_SECONDS if ttl == AUTO else ttl for ttl in ttls),
        all(ttl == AUTO for ttl in ttls),
        modified_on=max((str(record.get("modified_on") or "") for record in records), default="")
        or None,
        date=date,
    )


def batch(records: t.Sequence[Record], wanted: RecordSet) -> dict[str, list[Record]]:
    """Return the body of the one call.

    Records that stay are not named; others are turned into new values in place, which keeps their
    comment and tags; only what is left over is created or deleted. Cloudflare carries deletes out
    first, so a set that shrinks still has all its other records, and one that is exchanged never
    has fewer than the smaller of the two.
    """
    ttl = AUTO if wanted.auto_ttl else wanted.ttl
    pairs, missing, surplus = pair(records, wanted.values)
    patches = [_patch(record, value, ttl) for record, value in pairs]
    return {
        "deletes": [{"id": record["id"]} for record in surplus],
        "patches": [patch for patch in patches if len(patch) > 1],
        "puts": [],
        "posts": [
            {"name": wanted.name, "type": wanted.type, "ttl": ttl, **_content(wanted.type, value)}
            for value in missing
        ],
    }


def pair(
    records: t.Sequence[Record], values: t.Sequence[str]
) -> tuple[list[tuple[Record, str]], list[str], list[Record]]:
    """Match records with values, the best fit first.

    Return (record and its new value, values without a record, records without a value).
    """
    free, missing = list(records), list(values)
    pairs: list[tuple[Record, str]] = []
    fits: tuple[t.Callable[[Record, str], bool], ...] = (
        lambda record, value: value_of(record) == value,
        lambda record, value: (
            value_of(record).split(" ", 1)[1:] == value.split(" ", 1)[1:] and record["type"] == "MX"
        ),
        lambda record, value: True,
    )
    for fit in fits:
        for value in list(missing):
            record = next((candidate for candidate in free if fit(candidate, value)), None)
            if record is not None:
                free.remove(record)
                missing.remove(value)
                pairs.append((record, value))
    return pairs, missing, free


def _patch(record: Record, value: str, ttl: int | None) -> Record:
    """Return the id and only what differs."""
    patch: Record = {"id": record["id"]}
    if value_of(record) != value:
        wanted = _content(record["type"], value)
        patch.update({key: wanted[key] for key in wanted if wanted[key] != record.get(key)})
    if ttl is not None and record.get("ttl") != ttl:
        patch["ttl"] = ttl
    return patch


def _content(rdtype: str, value: str) -> Record:
    if rdtype == "MX":
        priority, host = value.split(" ", 1)
        return {"content": host, "priority": int(priority)}
    return {"content": txt_strings(value)}
