# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""One DNS question to one server, and what the answer means.

A failure never looks like "no records".
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine.module import need
from ..sets.rrset import mx_value

QUERY_SECONDS = 3.0
TRIES = 2
# A server that was silent this often is asked more briefly: hundreds of domains may share one that
# is down.
SILENCES = 3
BRIEF_SECONDS = 1.0
# Large enough for every MX set, small enough never to be fragmented (DNS flag day 2020).
UDP_PAYLOAD = 1232
# Statuses in which a server said what there is.
ANSWERED = frozenset({"ok", "nxdomain", "nodata", "cname"})


@dataclasses.dataclass(frozen=True)
class DnsAnswer:
    """One answer.

    ``status`` is ok, nxdomain, nodata, cname, servfail, refused, timeout, or lame (it answers, but
    not as this zone's authority). ``secure``: the resolver says that it validated the answer (AD),
    which it was asked to say (RFC 6840, 5.7).
    """

    status: str
    values: tuple[str, ...] = ()
    ttl: int | None = None
    authoritative: bool = False
    cname: str | None = None
    soa_owner: str | None = None
    serial: int | None = None
    secure: bool = False

    @property
    def answered(self) -> bool:
        return self.status in ANSWERED


# Sends a dnspython message, waits so many seconds for the answer and returns it, or raises.
Exchange = t.Callable[[t.Any, float], t.Any]


class Patience:
    """How often each server was silent.

    Every question is really asked, whatever happened before.
    """

    def __init__(self) -> None:
        self._silent: dict[t.Hashable, int] = {}

    def ask(
        self, server: t.Hashable, exchange: Exchange, name: str, rdtype: str, recursive: bool
    ) -> DnsAnswer:
        brief = self._silent.get(server, 0) >= SILENCES
        tries, seconds = (1, BRIEF_SECONDS) if brief else (TRIES, QUERY_SECONDS)
        answer = ask(exchange, name, rdtype, recursive, tries, seconds)
        self._silent[server] = self._silent.get(server, 0) + 1 if answer.status == "timeout" else 0
        return answer


def ask(
    exchange: Exchange,
    name: str,
    rdtype: str,
    recursive: bool,
    max_tries: int = TRIES,
    seconds: float = QUERY_SECONDS,
) -> DnsAnswer:
    """Ask, twice if need be."""
    message = need("dns.message", "dnspython")
    exception = need("dns.exception", "dnspython")
    rcode = need("dns.rcode", "dnspython")
    flags = need("dns.flags", "dnspython")
    edns: t.Any = 0
    answer, tries = DnsAnswer("timeout"), 0
    while tries < max_tries:
        tries += 1
        query = message.make_query(name + ".", rdtype, use_edns=edns, payload=UDP_PAYLOAD)
        query.flags = query.flags | flags.AD if recursive else query.flags & ~flags.RD
        try:
            response = exchange(query, seconds)
        except (exception.DNSException, OSError, EOFError):
            continue
        if response.rcode() in (rcode.FORMERR, rcode.NOTIMP, rcode.BADVERS) and edns is not False:
            edns, tries = False, tries - 1  # an old server that does not know EDNS
            continue
        answer = interpret(response, name, rdtype, recursive)
        if answer.status != "servfail":
            break
    return answer


def interpret(response: t.Any, name: str, rdtype: str, recursive: bool) -> DnsAnswer:
    """Return what an answer says about this name and type."""
    flags = need("dns.flags", "dnspython")
    rcode = need("dns.rcode", "dnspython")
    kinds = need("dns.rdatatype", "dnspython")
    authoritative = bool(response.flags & flags.AA)
    code = response.rcode()
    if code not in (rcode.NOERROR, rcode.NXDOMAIN):
        return DnsAnswer(
            "refused"
            if code == rcode.REFUSED and recursive
            else "lame"
            if code in (rcode.REFUSED, rcode.NOTAUTH)
            else "servfail"
        )
    if not recursive and not authoritative:
        return DnsAnswer("lame")
    if (
        recursive
        and not response.flags & flags.RA
        and not authoritative
        and _is_referral(response, kinds)
    ):
        return DnsAnswer("refused")
    found = _follow(response, name, kinds, kinds.from_text(rdtype))
    owner, serial = _soa(response, kinds)
    secure = recursive and bool(response.flags & flags.AD)
    base = DnsAnswer(
        "ok",
        authoritative=authoritative,
        cname=found.cname,
        soa_owner=owner,
        serial=serial,
        secure=secure,
    )
    if found.rrset is not None:
        values = tuple(sorted(value_of(rdata, rdtype) for rdata in found.rrset))
        return dataclasses.replace(base, values=values, ttl=min(found.rrset.ttl, found.ttl))
    if code == rcode.NXDOMAIN:
        return dataclasses.replace(base, status="nxdomain")
    if found.cname and not recursive:
        return dataclasses.replace(base, status="cname", ttl=found.ttl)
    return dataclasses.replace(base, status="nodata")


def _is_referral(response: t.Any, kinds: t.Any) -> bool:
    """Return whether a server sends elsewhere instead of answering.

    With an SOA beside the NS it would be a negative answer (RFC 2308, 2.2).
    """
    types = {rrset.rdtype for rrset in response.authority}
    return not response.answer and kinds.NS in types and kinds.SOA not in types


def value_of(rdata: t.Any, rdtype: str) -> str:
    """Return an rdata in this collection's canonical spelling."""
    if rdtype == "MX":
        return mx_value("%d %s" % (rdata.preference, rdata.exchange))
    if rdtype == "TXT":
        return b"".join(rdata.strings).decode("utf-8", "replace")
    if rdtype in ("NS", "CNAME"):
        return str(rdata.target).rstrip(".").lower()
    if rdtype == "SOA":
        return str(rdata.serial)
    return str(rdata.to_text())


@dataclasses.dataclass
class _Found:
    rrset: t.Any = None
    cname: str | None = None
    ttl: int = 2147483647


def _follow(response: t.Any, name: str, kinds: t.Any, wanted: t.Any) -> _Found:
    """Return the set at the end of the aliases that the answer itself holds."""
    found = _Found()
    owner = name
    for _unused in range(16):
        by_owner = [
            rrset for rrset in response.answer if str(rrset.name).rstrip(".").lower() == owner
        ]
        found.rrset = next((rrset for rrset in by_owner if rrset.rdtype == wanted), None)
        alias = next((rrset for rrset in by_owner if rrset.rdtype == kinds.CNAME), None)
        if found.rrset is not None or alias is None:
            break
        owner = str(alias[0].target).rstrip(".").lower()
        found.cname = owner
        found.ttl = min(found.ttl, alias.ttl)
    return found


def _soa(response: t.Any, kinds: t.Any) -> tuple[str | None, int | None]:
    for rrset in list(response.answer) + list(response.authority):
        if rrset.rdtype == kinds.SOA:
            return str(rrset.name).rstrip(".").lower(), int(rrset[0].serial)
    return None, None


def referred(exchange: Exchange, zone: str, seconds: float = QUERY_SECONDS) -> set[str]:
    """Return a zone's name servers as a server of the zone above names them, or an empty set."""
    message = need("dns.message", "dnspython")
    exception = need("dns.exception", "dnspython")
    flags = need("dns.flags", "dnspython")
    kinds = need("dns.rdatatype", "dnspython")
    query = message.make_query(zone + ".", "NS", use_edns=0, payload=UDP_PAYLOAD)
    query.flags &= ~flags.RD
    try:
        response = exchange(query, seconds)
    except (exception.DNSException, OSError, EOFError):
        return set()
    sets = [
        rrset
        for rrset in list(response.answer) + list(response.authority)
        if rrset.rdtype == kinds.NS
    ]
    return {
        value_of(rdata, "NS")
        for rrset in sets
        if str(rrset.name).rstrip(".").lower() == zone
        for rdata in rrset
    }


def udp(address: str, port: int) -> Exchange:
    """Send a query over UDP, and over TCP if the answer was cut off."""
    queries = need("dns.query", "dnspython")

    def exchange(query: t.Any, seconds: float) -> t.Any:
        response, _used_tcp = queries.udp_with_fallback(
            query, address, timeout=seconds, port=port, ignore_unexpected=True, ignore_errors=True
        )
        return response

    return exchange
