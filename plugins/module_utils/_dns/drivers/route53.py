# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Amazon Route 53: one change batch per record set [DNSP-2.1].

It is a DELETE of exactly what was read and a CREATE of what is wanted. Either both happen or none
does.
"""

from __future__ import annotations

import dataclasses
import os
import threading
import time
import typing as t

from ..._engine.errors import Conflict, InputError, MailflowError, PermissionDenied, Refused
from ..sets.rrset import RecordSet, ancestors
from .aws_signature import AwsKeys, ChainKeys, GivenKeys
from .contract import Capabilities, Driver, DriverOptions, Option, Surroundings
from .route53_api import Keys, Route53Api
from .route53_xml import (
    Node,
    change_batch,
    dns_name,
    record_set,
    routing_of,
    stored_values,
)
from .zones import ZoneCandidate, choose_zone

ZONES_PER_PAGE = "100"
# A name has few types of sets; more are on further pages.
SETS_PER_PAGE = "20"
# Listing takes one call per hundred zones, asking by name one or two per domain.
LIST_FROM = 3
MAX_PAGES = 200
FIRST_LOOK, LONGEST_LOOK = 1.0, 5.0


@dataclasses.dataclass(frozen=True)
class AwsPartition:
    """Where one part of AWS answers, and for which region its requests are signed."""

    url: str
    region: str


# botocore 1.44.5, endpoint rule set of route53.
PARTITIONS = {
    "aws": AwsPartition("https://route53.amazonaws.com", "us-east-1"),
    "aws-us-gov": AwsPartition("https://route53.us-gov.amazonaws.com", "us-gov-west-1"),
    "aws-cn": AwsPartition("https://route53.amazonaws.com.cn", "cn-northwest-1"),
    "aws-eusc": AwsPartition("https://route53.amazonaws.eu", "eusc-de-east-1"),
}


class Route53Driver(Driver):
    """Record sets of the hosted zones of one account."""

    PROVIDER = "route53"
    TITLE = "Amazon Route 53"
    SUMMARY = (
        "V(route53) replaces a record set at Amazon Route 53 by one change batch that names exactly"
        " what was read, and waits until all name servers have it."
    )
    CAPABILITIES = Capabilities(atomic=True, compare_and_swap=True, reports_propagation=True)
    OPTIONS = (
        Option(
            "dns_route53_access_key",
            (
                "Access key id for V(route53). Without it the usual places of AWS are looked"
                " through: profile, web identity, single sign-on, container, instance.",
            ),
            "access key id of AWS",
            environment=("AWS_ACCESS_KEY_ID",),
        ),
        Option(
            "dns_route53_secret_key",
            ("Its secret access key, for V(route53).",),
            "secret access key of AWS",
            environment=("AWS_SECRET_ACCESS_KEY",),
            secret=True,
        ),
        Option(
            "dns_route53_session_token",
            ("Session token of temporary credentials, for V(route53).",),
            "session token of AWS",
            environment=("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
            secret=True,
        ),
        Option(
            "dns_route53_profile",
            (
                "Profile of the shared AWS configuration, for V(route53). It may assume a role or"
                " use single sign-on.",
            ),
            "profile of the AWS configuration",
            environment=("AWS_PROFILE",),
        ),
        Option(
            "dns_route53_zone_id",
            (
                "Use only the hosted zone with this id, for V(route53); several are separated by"
                " commas. Zones are not listed then.",
            ),
            "id of the hosted zone",
        ),
        Option(
            "dns_route53_partition",
            ("Part of AWS with the account, for V(route53).",),
            "partition of AWS",
            choices=tuple(PARTITIONS),
            default="aws",
        ),
        Option(
            "dns_route53_api_url",
            ("Base address of the API for V(route53), where it is not the partition's.",),
            "address of the Route 53 API",
        ),
    )
    REQUIREMENTS = (
        "requests",
        "botocore (only for O(dns_provider=route53) without an access key)",
    )

    def __init__(
        self,
        api: Route53Api,
        zone_ids: t.Sequence[str],
        surroundings: Surroundings,
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._zone_ids = tuple(zone_ids)
        self._surroundings = surroundings
        self._clock = clock
        self._listed: list[ZoneCandidate] | None = None
        self._named: dict[str, list[ZoneCandidate]] = {}
        self._chosen: dict[str, ZoneCandidate] = {}
        self._changes: dict[str, str] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_options(cls, options: DriverOptions, surroundings: Surroundings) -> Route53Driver:
        partition = PARTITIONS[str(options.get("dns_route53_partition"))]
        api = Route53Api(
            options.text("dns_route53_api_url") or partition.url,
            partition.region,
            keys_from(options),
            surroundings,
        )
        ids = (options.text("dns_route53_zone_id") or "").replace(",", " ").split()
        bare = [text.removeprefix("/").removeprefix("hostedzone/") for text in ids]
        return cls(api, bare, surroundings)

    def prepare(self, names: t.Sequence[str]) -> None:
        if self._zone_ids or len(names) < LIST_FROM:
            return
        try:
            listed = list(self._zones_from("", lambda _name: True))
        except MailflowError:
            return
        with self._lock:
            self._listed = listed

    def check(self, name: str) -> None:
        """Read the set, and whether a protection forbids to change it."""
        self.read(name, "MX")
        query = {"name": f"{name}.", "type": "MX", "maxresults": "1"}
        try:
            found = self._api.get(name, f"{self._path(name)}/rrsetprotection", query)
        except MailflowError:
            # The right to look is optional, and older partitions have no protections.
            return
        for node in found.iter("ResourceRecordSetProtection"):
            own = dns_name(node.findtext("RecordName") or "") == name
            if own and node.findtext("RecordType") == "MX":
                comment = node.findtext("Comment") or "no comment"
                raise Refused(
                    f"{name}: a resource record set protection at Route 53 forbids to change the MX"
                    f" set ({comment}).",
                    "Who made the protection can delete it in the Route 53 console.",
                )

    def name_servers(self, name: str) -> tuple[str, ...] | None:
        zone = self._zone(name)
        return (zone.name_servers or self._with_servers(zone).name_servers) or None

    def read(self, name: str, rdtype: str) -> RecordSet | None:
        nodes, date = self._sets_at(name)
        for node in nodes:
            if node.findtext("Type") == "CNAME":
                raise InputError(
                    f"{name} is an alias (CNAME record) at Route 53: it can have no {rdtype} set.",
                    "Remove the CNAME record first.",
                )
        own = [node for node in nodes if node.findtext("Type") == rdtype]
        for node in own:
            routing = routing_of(node)
            if routing:
                raise InputError(
                    f"{name}: the {rdtype} set at Route 53 is {routing}.",
                    "Replace it by one simple record set first: the mail flow of a domain has one"
                    " set of MX records.",
                )
        return record_set(name, own[0], date) if own else None

    def replace(
        self, name: str, rdtype: str, expected: RecordSet | None, wanted: RecordSet
    ) -> None:
        present = expected
        if expected is not None and expected.token is None:
            present = self.read(name, rdtype)
            if present != expected:
                raise Conflict(
                    f"{name}: the {rdtype} set at Route 53 is not the one that was read.",
                    "Run again: it starts from what is there now.",
                )
        changes: list[tuple[str, str, RecordSet, t.Sequence[str]]] = []
        if present is not None:
            # Text for text as it is stored: that is what the service compares with.
            changes.append(("DELETE", present.token["name"], present, present.token["values"]))
        changes.append(("CREATE", f"{name}.", wanted, stored_values(wanted)))
        answer = self._api.post(name, f"{self._path(name)}/rrset/", change_batch(changes))
        change = (answer.findtext("ChangeInfo/Id") or "").rsplit("/", 1)[-1]
        if change and answer.findtext("ChangeInfo/Status") != "INSYNC":
            with self._lock:
                self._changes[name] = change

    def settle(self, names: t.Sequence[str]) -> tuple[str, ...]:
        """Ask until each change is INSYNC: its record sets are read at once, name servers lag."""
        with self._lock:
            waiting = {name: self._changes[name] for name in names if name in self._changes}
        end, pause = self._clock() + self._surroundings.timeout, FIRST_LOOK
        while waiting:
            for name, change in list(waiting.items()):
                if self._in_sync(name, change):
                    del waiting[name]
            if not waiting or self._clock() + pause > end:
                break
            self._surroundings.context.sleep(pause)
            pause = min(pause * 1.5, LONGEST_LOOK)
        with self._lock:
            for name in names:
                if name not in waiting:
                    self._changes.pop(name, None)
        return tuple(name for name in names if name in waiting)

    def _in_sync(self, name: str, change: str) -> bool:
        try:
            answer = self._api.get(name, f"/change/{change}")
        except PermissionDenied as exc:
            self._surroundings.context.warn_once(
                f"Whether Route 53's name servers have a change cannot be asked. {exc.hint}"
            )
            return True
        return answer.findtext("ChangeInfo/Status") == "INSYNC"

    def _sets_at(self, name: str) -> tuple[list[Node], str | None]:
        """Return all sets of a name, pending ones too; the list goes on with later names."""
        found: list[Node] = []
        query = {"name": f"{name}.", "maxitems": SETS_PER_PAGE}
        for _page in range(MAX_PAGES):
            answer, date = self._api.get_dated(name, f"{self._path(name)}/rrset", query)
            sets = list(answer.iterfind("ResourceRecordSets/ResourceRecordSet"))
            own = [node for node in sets if dns_name(node.findtext("Name") or "") == name]
            found += own
            more = answer.findtext("IsTruncated") == "true"
            following = dns_name(answer.findtext("NextRecordName") or "")
            if not more or following != name:
                return found, date
            query = {
                "name": answer.findtext("NextRecordName") or "",
                "type": answer.findtext("NextRecordType") or "",
                "maxitems": SETS_PER_PAGE,
            }
            if answer.findtext("NextRecordIdentifier"):
                query["identifier"] = answer.findtext("NextRecordIdentifier") or ""
        return found, None

    def _path(self, name: str) -> str:
        return f"/hostedzone/{self._zone(name).raw}"

    def _zone(self, name: str) -> ZoneCandidate:
        """Return the hosted zone of a name; its servers are read only where several fit."""
        with self._lock:
            if name in self._chosen:
                return self._chosen[name]
        holding = [zone for parent in ancestors(name) for zone in self._zones_named(parent)]
        if sum(1 for zone in holding if not zone.obstacle) > 1:
            holding = [zone if zone.obstacle else self._with_servers(zone) for zone in holding]
        chosen = choose_zone(name, holding, self._surroundings, self.TITLE)
        with self._lock:
            self._chosen[name] = chosen
        return chosen

    def _zones_named(self, name: str) -> list[ZoneCandidate]:
        with self._lock:
            if self._listed is not None:
                return [zone for zone in self._listed if zone.name == name]
            if name in self._named:
                return self._named[name]
        if self._zone_ids:
            listed = [self._by_id(name, each) for each in self._zone_ids]
            with self._lock:
                self._listed = listed
            return [zone for zone in listed if zone.name == name]
        found = list(self._zones_from(name, lambda other: other == name))
        with self._lock:
            self._named[name] = found
        return found

    def _zones_from(self, start: str, wanted: t.Callable[[str], bool]) -> t.Iterator[ZoneCandidate]:
        """Yield the zones from a name onwards, as long as their names are wanted."""
        what = start or "The hosted zones"
        query = {"maxitems": ZONES_PER_PAGE, **({"dnsname": f"{start}."} if start else {})}
        for _page in range(MAX_PAGES):
            answer = self._api.get(what, "/hostedzonesbyname", query)
            for node in answer.iterfind("HostedZones/HostedZone"):
                zone = _candidate(node, ())
                if not wanted(zone.name):
                    return
                yield zone
            if answer.findtext("IsTruncated") != "true":
                return
            query = {
                "maxitems": ZONES_PER_PAGE,
                "dnsname": answer.findtext("NextDNSName") or "",
                "hostedzoneid": answer.findtext("NextHostedZoneId") or "",
            }

    def _by_id(self, what: str, zone_id: str) -> ZoneCandidate:
        answer = self._api.get(what, f"/hostedzone/{zone_id}")
        node = answer.find("HostedZone")
        if node is None:
            raise InputError(f"{what}: Route 53 shows no hosted zone {zone_id}.")
        servers = [
            each.text or "" for each in answer.iterfind("DelegationSet/NameServers/NameServer")
        ]
        return _candidate(node, servers)

    def _with_servers(self, zone: ZoneCandidate) -> ZoneCandidate:
        return self._by_id(zone.name, zone.raw)


def keys_from(options: DriverOptions) -> Keys:
    """Return where the keys come from: options, the environment, or AWS's own chain.

    A profile that is given as an option wins over keys in the environment.
    """
    key, profile = options.text("dns_route53_access_key"), options.text("dns_route53_profile")
    own_profile = profile and profile != os.environ.get("AWS_PROFILE")
    own_key = key and key != os.environ.get("AWS_ACCESS_KEY_ID")
    if own_key and own_profile:
        raise InputError(
            "Both dns_route53_access_key and dns_route53_profile are given.", "Give one of them."
        )
    secret = options.text("dns_route53_secret_key")
    if (key or secret) and not own_profile:
        key, secret = options.require("dns_route53_access_key", "dns_route53_secret_key")
        return GivenKeys(AwsKeys(key, secret, options.text("dns_route53_session_token") or ""))
    return ChainKeys(profile)


def _candidate(node: Node, servers: t.Sequence[str]) -> ZoneCandidate:
    zone_id = (node.findtext("Id") or "").rsplit("/", 1)[-1]
    private = (node.findtext("Config/PrivateZone") or "").lower() == "true"
    return ZoneCandidate(
        dns_name(node.findtext("Name") or ""),
        f"hosted zone {zone_id}",
        tuple(sorted(dns_name(server) for server in servers)),
        "it is private" if private else "",
        raw=zone_id,
    )
