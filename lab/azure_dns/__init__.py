# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's Azure Resource Manager, as far as it serves Azure DNS (api-version 2018-05-01).

The state is ``world["azure_dns"]``, plain data (every key may be left out)::

    {"tenant_id": "...",                     # the Entra tenant that the subscriptions trust
     "subscriptions": ["guid", ...],
     "zones": [{"subscription", "resource_group", "name", "zone_type": "Public" | "Private",
                "name_servers": ["ns1-07.azure-dns.com.", ...], "tags": {},
                "sets": {"MX/@": {"etag", "ttl", "records": [{"preference", "exchange"}],
                                  "metadata": {}, "target": "id of an alias's target" | None},
                         "TXT/@": {"records": [{"value": ["part", "part"]}], ...},
                         "CNAME/www": {"records": [{"cname": "host"}], ...}},
                "locks": [{"level": "ReadOnly" | "CanNotDelete", "scope": "/subscriptions/..."}]}],
     "roles": {"client id": [{"scope": "/subscriptions/...", "actions": ["*/read", ...]}]},
     "settings": {see DEFAULT_SETTINGS in lab/azure_dns/state.py}}

Besides the core's faults it knows ``{"service": "azure_dns", "kind": ...}``: "pending" (409,
another operation is queued), "too_many" (429 with Retry-After and ARM's body, ``seconds``) and
"token_expired" (401).

Sources: Microsoft's REST reference "Record Sets - Create Or Update", "Zones - List" and the
specification dns/resource-manager/Microsoft.Network/Dns/stable/2018-05-01; "Azure DNS limits"
(azure-docs, includes/dns-limits.md); "Protecting DNS zones and records"; issues of projects that
show the service's answers, named beside each behaviour.
"""

from __future__ import annotations

from lab.azure_dns.service import AzureDnsService
from lab.azure_dns.state import RESOURCE_GROUP, SUBSCRIPTION, empty_state, zone

__all__ = ["RESOURCE_GROUP", "SUBSCRIPTION", "AzureDnsService", "empty_state", "zone"]
