# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All places that the contract suite runs at: one line per driver."""

from __future__ import annotations

from tests.module.dns_contract.place import Place
from tests.module.dns_contract.place_azure import AzurePlace
from tests.module.dns_contract.place_bind import BindPlace, KnotPlace, PowerDnsPlace
from tests.module.dns_contract.place_cloudflare import CloudflarePlace
from tests.module.dns_contract.place_godaddy import GoDaddyPlace
from tests.module.dns_contract.place_ministack import MinistackPlace
from tests.module.dns_contract.place_octodns import OctodnsPlace
from tests.module.dns_contract.place_route53 import Route53Place

PLACES: dict[str, type[Place]] = {
    "cloudflare": CloudflarePlace,
    "azure": AzurePlace,
    "route53": Route53Place,
    "route53-ministack": MinistackPlace,
    "godaddy": GoDaddyPlace,
    "octodns-powerdns": OctodnsPlace,
    "rfc2136-bind": BindPlace,
    "rfc2136-powerdns": PowerDnsPlace,
    "rfc2136-knot": KnotPlace,
}
