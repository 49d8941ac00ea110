# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's Cloudflare: zones, DNS records, the batch endpoint, Email Security domains, messages.

The state is ``world["cloudflare"]``, plain data. Every key but the first two may be left out::

    {
        "account_id": "32 hex digits",
        "tokens": {
            "<token>": {
                "permissions": ["Zone Read", "DNS Write", "Cloud Email Security: Write", ...],
                "zones": "*",  # or ["northwind.example"]: the zones that this token sees
                "status": "active",  # or disabled, expired
                "kind": "user",  # or account: the address of its tokens/verify differs
            }
        },
        "zones": {
            "northwind.example": {
                "id": "32 hex digits",
                "name": "northwind.example",
                "status": "active",
                "name_servers": ["ada.ns.cloudflare.example", "bob.ns.cloudflare.example"],
                "records": [
                    {
                        "id": ..., "type": ..., "name": "the full name", "content": ...,
                        "priority": 10,  # of an MX record
                        "ttl": 1,  # 1 is Auto
                        "comment": ..., "tags": [], "created_on": ..., "modified_on": ...,
                    }
                ],
            }
        },
        "email_security": {"domains": [{**public_fields, "lab": {...}}]},
        "messages": [...],  # what Area 1 saw, see lab/cloudflare/messages.py
        "settings": {...},  # see DEFAULT_SETTINGS in lab/cloudflare/settings.py
    }

The public fields of a domain are those of Cloudflare's API reference [CF-6.1]; "lab" is private. A
world writes the fields shown and no more: `complete` fills in missing ids and dates on the first
request, and turns ``{"domain": "x.example", "transport": ..., ...}`` into an onboarded domain as a
POST would.
"""

from __future__ import annotations

from lab.cloudflare.completion import complete
from lab.cloudflare.service import CloudflareService
from lab.cloudflare.settings import empty_state

__all__ = ["CloudflareService", "complete", "empty_state"]
