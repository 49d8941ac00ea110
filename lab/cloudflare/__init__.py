# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's Cloudflare: zones, DNS records, the batch endpoint, Email Security domains and
messages.

The state is ``world["cloudflare"]``, plain data (every key but the first two may be left out)::

{"account_id": "32 hex digits", "tokens": {"<token>": {"permissions": ["Zone Read", "DNS Write",
"Cloud Email Security: Write", ...], "zones": "*" or ["northwind.example"],      # which zones this
token sees "status": "active" | "disabled" | "expired", "kind": "user" | "account"}},
# the address of its tokens/verify differs "zones": {"northwind.example": {"id": "32 hex digits",
"name": "northwind.example", "status": "active", "name_servers": ["ada.ns.cloudflare.example",
"bob.ns.cloudflare.example"], "records": [{"id", "type", "name" (full), "content", "priority" (MX),
"ttl" (1 is Auto), "comment", "tags": [], "created_on", "modified_on"}]}}, "email_security":
{"domains": [{public fields of cloudflare-email-security.md §6.1, "lab": {private}}]}, "messages":
[what Area 1 saw: see lab/cloudflare/messages.py], "settings": {see DEFAULT_SETTINGS in
lab/cloudflare/settings.py}}

Records and domains that a world writes itself need the fields shown only; missing ids and dates are
filled in by ``complete(world, now)`` (idempotent; the service does it on the first request). A
world gives an onboarded domain as ``{"domain": "x.example", "transport": ..., ...}``; the rest is
filled in as a POST would.
"""

from __future__ import annotations

from lab.cloudflare.service import CloudflareService
from lab.cloudflare.settings import complete, empty_state

__all__ = ["CloudflareService", "complete", "empty_state"]
