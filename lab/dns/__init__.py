# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's DNS: authoritative servers on two loopback addresses, one caching resolver, DoH.

The state is ``world["dns"]``, plain data; every key may be left out (``empty_state()`` has them
all)::

{"zones": {name: {"name", "name_servers": [...], "records": [as at Cloudflare; "id" and dates not
needed]}}, # zones at no provider of the lab; one that is in both places is answered from here
"delegations": {"northwind.example": ["ns1.example", ...]}, # what the registry names for a zone
that several providers have; without an entry the first one found is the delegated one "servers":
{"ada.ns.cloudflare.example": {"address": ADDRESSES[0], "mode": "ok", "lag_seconds": 0},
"bob.ns.cloudflare.example": {"address": ADDRESSES[1], "mode": "ok", "lag_seconds": 0}}, # mode: ok
| down (no answer) | servfail | lame (REFUSED) | lag (the zone as it was lag_seconds ago, lab
clock); # an address must be one of lab.dns.ADDRESSES; several names may share one; a server answers
only zones that name it "hosts": {"mailstream-eu1.mxrecord.io": "127.0.1.4", ...},   # overrides of
the built-in addresses of mail hosts; "" = no such name "scenery": [{"type": "TLSA", "name",
"content", "ttl"}],     # more records of the zones that hold mail hosts "forward": {"zone":
"127.0.0.1:5353"},     # the resolver asks this server (a real BIND) for the zone; the #
authoritative addresses pass queries for it on, so that one area1_dns_authoritative_port serves both
"warm": False,                             # true: the resolver starts with every zone's MX in its
cache "history": [{"seq", "at" (lab time, ISO), "zone", "name", "mx": [[priority, host], ...], "ttl"
(as at the API: 1 is Auto), "change"}], # one entry for each moment of a name's MX set at the edge,
in order; an empty "mx" is a moment without MX "versions": {...}}                         # private:
each zone's past, for lagging servers and batches under way

For the core: ``hub.dns = DnsServers(hub); hub.dns.start()``; after a world was replaced
``hub.dns.world_changed()`` (forgets the cache, notes each zone's start, warms the cache where the
world asks for it). ``hub.dns.warm()`` loads today's MX of every zone into the cache,
``hub.dns.flush()`` empties it.
"""

from __future__ import annotations

from lab.dns.doh import DohService
from lab.dns.hosts import ADDRESSES, empty_state
from lab.dns.servers import DnsServers

__all__ = ["ADDRESSES", "DnsServers", "DohService", "empty_state"]
