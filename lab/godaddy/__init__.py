# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's GoDaddy: the Domains API v1, and of v3 the record calls.

The state is ``world["godaddy"]``, plain data (every key may be left out)::

    {"tokens": {"gd_pat_...": {"scopes": ["domains.domain:read", "domains.dns:update"],
                               "status": "active" | "expired"}},
     "keys": {"key": {"secret": "...", "environment": "production" | "ote"}},
     "eligible": True,                           # False: 403 for every call
     "domains": {"northwind.example": {"status": "ACTIVE", "elsewhere": False,
                                       "name_servers": ["ns07.domaincontrol.com", ...],
                                       "records": [{"type", "name", "data", "ttl", "priority"}],
                                       "protected": False}},
     "settings": {see DEFAULT_SETTINGS in lab/godaddy/state.py}}

``elsewhere``: the domain is registered here and its zone is at another provider.
Besides the core's faults it knows ``{"service": "godaddy", "kind": ...}``: "too_many" (429 with
``retryAfterSec``), "busy" (409 while the zone is being processed) and "quota" (429, the month's
calls are used up).

Sources: GoDaddy's published description of the Domains API (developer.godaddy.com/doc/endpoint/
domains); help page 42424 on eligibility and monthly quota; the announcement of the Developer
Platform (14 July 2026); godaddy/cli#136 on the v3 PUT; issues of other projects, named beside each
behaviour.
"""

from __future__ import annotations

from lab.godaddy.service import GoDaddyService
from lab.godaddy.state import domain, empty_state

__all__ = ["GoDaddyService", "domain", "empty_state"]
