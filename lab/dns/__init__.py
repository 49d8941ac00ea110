# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's DNS: authoritative servers on two loopback addresses, caching resolvers, DoH.

The state is ``world["dns"]``, plain data. Every key may be left out (``empty_state()``)::

    {
        # zones at no provider of the lab; one that is in both places is answered from here.
        # Records are as at Cloudflare; ids and dates are not needed
        "zones": {"legacy.example": {"name": ..., "name_servers": [...], "records": [...]}},
        # which servers the registry names for a zone that several providers have; without an entry
        # the first one found is the delegated one
        "delegations": {"northwind.example": ["ns1.example", ...]},
        # mode: ok, down (no answer), servfail, lame (REFUSED), lag (the zone as it was lag_seconds
        # ago by the lab's clock). The address is one of lab.dns.ADDRESSES, several names may share
        # it; a server answers only zones that name it
        "servers": {
            "ada.ns.cloudflare.example": {
                "address": ADDRESSES[0], "mode": "ok", "lag_seconds": 0
            }
        },
        # overrides of the built-in addresses of mail hosts; "": there is no such name
        "hosts": {"mailstream-eu1.mxrecord.io": "127.0.1.4"},
        # more records of the zones that hold mail hosts
        "scenery": [{"type": "TLSA", "name": ..., "content": ..., "ttl": 3600}],
        # a real server for a zone: the resolvers ask it, the authoritative addresses pass queries
        # on, so that one area1_dns_authoritative_port serves both
        "forward": {"zone.example": "127.0.0.1:5353"},
        # habits of up to three resolvers (lab/dns/resolver.py); the first is plain
        "resolvers": [{}, {"min_ttl": 3600}],
        # true: the resolvers start with every zone's MX in their cache
        "warm": False,
        # one entry for each moment of a name's MX set at the edge, in order; an empty "mx" is a
        # moment without MX; the TTL is as at the API: 1 is Auto
        "history": [
            {"seq": 1, "at": "ISO, lab time", "zone": ..., "name": ..., "mx": [[10, "host"]],
             "ttl": 300, "change": "..."}
        ],
        # private: each zone's past, for lagging servers and batches under way
        "versions": {...},
    }

The composition root sets ``hub.dns = DnsServers(hub)`` and calls ``start()``; after a world was
replaced it calls ``world_changed()``, which forgets the caches, notes each zone's start, and warms
the caches where the world asks for it.
"""

from __future__ import annotations

from lab.dns.doh import DohService
from lab.dns.hosts import ADDRESSES, empty_state
from lab.dns.servers import DnsServers

__all__ = ["ADDRESSES", "DnsServers", "DohService", "empty_state"]
