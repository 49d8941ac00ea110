# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  dns_provider:
    description:
      - Who holds the DNS zones. A domain's own C(dns_provider) wins.
      - V(cloudflare) changes a record set by one batch call of the Cloudflare API.
      - V(rfc2136) sends signed dynamic updates to the zone's primary server, on condition that
        the set still is the one that
        was read.
      - V(manual) changes nothing. It reads what the zone's name servers answer and returns the
        exact records to set by hand.
      - V(route53), V(azure), V(godaddy) and V(octodns) are planned and refused until they exist.
    type: str
  dns_api_token:
    description:
      - API token for V(cloudflare), with the permissions C(Zone.Zone:Read) and C(Zone.DNS:Edit)
        for the zones.
      - If not given, the environment variables E(AREA1_DNS_API_TOKEN) and then
        E(AREA1_API_TOKEN) are used. A module that has
        an O(ignore:api_token) of its own uses that before the environment.
    type: str
  dns_api_url:
    description:
      - Base address of the API for V(cloudflare), including C(/client/v4).
      - If not given, it is that of the module's O(ignore:api_url) where it has one, else
        V(https://api.cloudflare.com/client/v4).
    type: str
  dns_server:
    description: Primary server of the zones for V(rfc2136). A name is resolved through
      O(dns_resolvers).
    type: str
  dns_port:
    description: TCP port of O(dns_server).
    type: int
    default: 53
  dns_key_name:
    description: Name of the TSIG key for V(rfc2136). Without key name and secret the updates
      are not signed.
    type: str
  dns_key_secret:
    description:
      - Secret of the TSIG key, base64 as in the server's configuration.
      - If not given, the environment variable E(AREA1_DNS_KEY_SECRET) is used.
    type: str
  dns_key_algorithm:
    description: Algorithm of the TSIG key.
    type: str
    choices: [hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512]
    default: hmac-sha256
  dns_resolvers:
    description:
      - Resolvers for the recursive view, and for every name that has to be resolved on the way
        to the name servers.
      - Each is an V(address), an V(address:port), an V([IPv6]:port) or the C(https) address of
        a DNS over HTTPS resolver
        (RFC 8484).
    type: list
    elements: str
    default: [1.1.1.1, 8.8.8.8, 9.9.9.9, 208.67.222.222]
  dns_authoritative_port:
    description: Port at which the name servers that a delegation names are asked.
    type: int
    default: 53
  ca_path:
    description: File with the CA certificates that the peers' certificates must lead to. If not
      given, those of the system count.
    type: path
  timeout:
    description: Longest time in seconds for one call to a service, retries included.
    type: int
    default: 300
requirements:
  - dnspython
  - requests
"""
