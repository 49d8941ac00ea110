# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The empty state of the lab's Cloudflare account, and what a world may set in it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

DEFAULT_SETTINGS: dict[str, Any] = {
    # real milliseconds between two single changes of a batch at the edge: its propagation is not
    # atomic ([CF-6.5])
    "edge_gap_ms": 3,
    # changes in one batch: 200 on the Free plan, 3500 on the others ([CF-6.5])
    "batch_limit": 200,
    # lowest TTL but Auto: 60, on Enterprise 30 ([CF-6.5])
    "min_ttl": 60,
    # ids of Email Security domains: "uuid" today, "int" in older clients ([CF-6.1], drift)
    "domain_ids": "uuid",
    # letter case of a domain's status: both are documented ([CF-6.1], drift)
    "status_case": "lower",
    # names of the modification date: "both", "modified_at" or "last_modified" ([CF-6.1], drift)
    "modified_keys": "both",
    # lab seconds from the visible TXT record to a verified domain; Cloudflare says up to 24 hours
    # ([CF-1])
    "verification_seconds": 60,
    # lab seconds of mail after the MX points here until the domain is active ([CF-1], "some mail
    # processed")
    "first_mail_seconds": 900,
    # null, or what an unverified domain and its verification report instead of pending: "failed" or
    # "timeout" ([CF-6.1])
    "unverified_status": None,
    # MALICIOUS and SPAM stay in drop_dispositions whatever is sent ([CF-4.5]: either may
    # hold)
    "keep_malicious_and_spam": False,
    # whether PUT demands lookback_hops: disputed ([CF-6.1])
    "put_needs_lookback_hops": True,
    # whether PATCH demands ip_restrictions: it did in 2025 ([CF-6.1])
    "patch_needs_ip_restrictions": False,
    # --- messages ([CF-6.3]; where the sources are silent both answers must work) ---
    # made-up quarantined messages, a minute apart
    "quarantined_messages": 0,
    # longest page, and whether a longer one is shortened in silence or refused: not documented
    "investigate_page_limit": 100,
    "investigate_page_clamps": True,
    # "none" is offered, "offered" is one and it wins over page, "ignored": one is offered and leads
    # back to the first page
    "investigate_cursor": "none",
    # whether result_info tells total_count and total_pages
    "investigate_totals": True,
    # whose domain the filter domain means: "sender" (the clients' documentation), "recipient" or
    # "both"
    "domain_filter": "sender",
    # whether a search that does not say detections_only leaves benign mail out: the clients say of
    # false only that it includes "non-detections" ([CF-6.3] names the filter without a default)
    "detections_only": False,
    # names of the date: "both", "scanned_at" or "ts" ([CF-6.1]); a trace's line has logged_at or
    # ts
    "message_time_keys": "both",
    # the name of a message's id: "id", or "postfix_id" as in older clients
    "message_id_key": "id",
    # false: a preview is made by POST investigate/preview first
    "preview_ready": True,
    # an id that was released before: "delivered" once more, "failed", or the whole request is
    # "refused"
    "release_again": "delivered",
    # an id that nobody knows: an entry that names nobody ("empty"), or the whole request is
    # "refused"
    "release_unknown": "empty",
    # is_quarantined after a release; the operation QUARANTINE_RELEASE is listed either way
    "release_clears_quarantine": True,
    # whether post_delivery_operations and the action log list a release that failed, too: their
    # values are not documented ([CF-6.3])
    "failed_release_listed": False,
    # false: there is no action log, which is a later addition and a beta ([CF-6.3])
    "action_log": True,
    # lab seconds from a bulk job's creation to its end
    "bulk_seconds": 30,
    # recipients, ids or Message-IDs whose release fails
    "release_fails_for": [],
    # false: the account has no Email Security ([CF-6], 403)
    "entitled": True,
    # false: POST, PUT and batch do not exist, as before autumn 2026 ([CF-0.4])
    "can_create": True,
    # HTTP status of an unknown token
    "auth_error_status": 403,
    # requests in five minutes for each token before 429, 0 is no limit ([CF-6.4]: 1200)
    "rate_limit": 1200,
}


def empty_state(account_id: str = "0" * 31 + "1") -> dict[str, Any]:
    """Return an account without zones, tokens and domains."""
    return {
        "account_id": account_id,
        "tokens": {},
        "zones": {},
        "email_security": {"domains": []},
        "messages": [],
        "settings": dict(DEFAULT_SETTINGS),
    }


def setting(state: dict[str, Any], name: str) -> Any:
    """Return a setting of the world, or its default."""
    return state.get("settings", {}).get(name, DEFAULT_SETTINGS[name])


def timestamp(moment: datetime) -> str:
    """Return a date as Cloudflare writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def new_id(state: dict[str, Any], kind: str) -> str:
    """Return 32 hex digits, a digest of a counter: the same in each run of a world."""
    state["counter"] = int(state.get("counter", 0)) + 1
    return hashlib.sha256(f"{state['account_id']}/{kind}/{state['counter']}".encode()).hexdigest()[
        :32
    ]
