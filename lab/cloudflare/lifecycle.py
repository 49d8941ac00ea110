# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of an Email Security domain: proof of ownership, then mail.

The lab's clock and the lab's DNS decide.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from lab.cloudflare.schema import DEFAULTS
from lab.cloudflare.settings import setting, timestamp
from lab.dns.edge import Record, find_zone, last_period
from lab.dns.hosts import AREA1_SUFFIXES
from lab.dns.zonedata import txt_value

# [CF-1]: active is "some mail processed in last 7 days"
MAIL_MEMORY = 7 * 86400
CHALLENGE_LABEL = "_cf-email-sec-challenge"

Period = tuple[float, float]
# Asks a real server for a zone that is forwarded to one: name, type -> contents
Lookup = Callable[[str, str], list[str]]


def adopt_domain(world: dict[str, Any], fields: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Add a domain to the state, from the fields of a POST or of a world."""
    state = world["cloudflare"]
    state["domain_counter"] = int(state.get("domain_counter", 0)) + 1
    seed = hashlib.sha256(
        f"{state['account_id']}/domain/{state['domain_counter']}".encode()
    ).digest()
    identifier: Any = str(uuid.UUID(bytes=seed[:16], version=4))
    if setting(state, "domain_ids") == "int":
        identifier = 2000 + state["domain_counter"]
    domain: dict[str, Any] = {
        "allowed_delivery_modes": ["DIRECT"],
        "drop_dispositions": [],
        "ip_restrictions": [],
        "regions": ["GLOBAL"],
        **DEFAULTS,
    }
    domain.update(fields)
    domain["domain"] = domain["domain"].lower().rstrip(".")
    domain["drop_dispositions"] = kept_dispositions(state, domain["drop_dispositions"])
    stamp = timestamp(now)
    proven = now.timestamp() if _zone_is_here(state, domain["domain"]) else None
    lab: dict[str, Any] = {
        "challenge": hashlib.sha256(seed).hexdigest()[:40],
        "verified_at": proven,
        "seen": {},
    }
    return {"id": identifier, "created_at": stamp, "modified_at": stamp, **domain, "lab": lab}


def kept_dispositions(state: dict[str, Any], wanted: list[str]) -> list[str]:
    """Return the dispositions that stay whatever is sent.

    One page says that MALICIOUS and SPAM cannot be removed with MX and Office 365 [CF-4.5].
    """
    if not setting(state, "keep_malicious_and_spam"):
        return list(wanted)
    return [*wanted, *(each for each in ("MALICIOUS", "SPAM") if each not in wanted)]


def _zone_is_here(state: dict[str, Any], domain: str) -> bool:
    """Return whether the domain's zone is in the account, so that it needs no TXT record [CF-1]."""
    return any(
        zone.get("status", "active") == "active" and (domain == name or domain.endswith("." + name))
        for name, zone in state["zones"].items()
    )


class Lifecycle:
    """What a domain's state is at a moment."""

    def __init__(self, world: dict[str, Any], now: datetime, lookup: Lookup | None = None) -> None:
        self._world = world
        self._state = world["cloudflare"]
        self._now = now.timestamp()
        self._lookup = lookup

    def verified_at(self, domain: dict[str, Any]) -> float | None:
        """Return when the domain was verified; the record may go afterwards."""
        lab = domain["lab"]
        if lab["verified_at"] is None:
            name, value = f"{CHALLENGE_LABEL}.{domain['domain']}", lab["challenge"]
            period = self._period(domain, name, "TXT", lambda content: txt_value(content) == value)
            due = (
                period[0] + float(setting(self._state, "verification_seconds")) if period else None
            )
            if due is not None and period is not None and period[1] >= due:
                lab["verified_at"] = due
        found: float | None = lab["verified_at"]
        return found

    def verification(self, domain: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of GET .../verification [CF-6.1]."""
        return {
            "last_checked_at": timestamp(datetime.fromtimestamp(self._now, timezone.utc)),
            "status": self._cased(
                "active" if self.verified_at(domain) is not None else self._unverified()
            ),
            "txt_record_name": f"{CHALLENGE_LABEL}.{domain['domain']}",
            "txt_record_value": domain["lab"]["challenge"],
        }

    def show(self, domain: dict[str, Any]) -> dict[str, Any]:
        """Return a domain as the API shows it."""
        period = self._mail(domain)
        shown = {key: value for key, value in domain.items() if key not in ("lab", "modified_at")}
        keys = setting(self._state, "modified_keys")
        for key in ("modified_at", "last_modified") if keys == "both" else (keys,):
            shown[key] = domain["modified_at"]
        real = int(domain["lab"].get("mail", {}).get("count", 0))
        minutes = int((period[1] - max(period[0], self._created(domain))) // 60) if period else 0
        shown.update(
            status=self._cased("active" if period else self._waiting(domain)),
            authorization=None,
            inbox_provider=None,
            o365_tenant_id=None,
            spf_status=self._policy(domain, domain["domain"], "v=spf1"),
            dmarc_status=self._policy(domain, f"_dmarc.{domain['domain']}", "v=dmarc1"),
            emails_processed={
                "timestamp": timestamp(datetime.fromtimestamp(self._now, timezone.utc)),
                "total_emails_processed": minutes + real,
                "total_emails_processed_previous": 0,
            },
        )
        return shown

    def _mail(self, domain: dict[str, Any]) -> Period | None:
        """Return the period in which mail came through here, if it counts for "active"."""
        verified = self.verified_at(domain)
        period = self._period(
            domain,
            domain["domain"],
            "MX",
            lambda content: content.lower().rstrip(".").endswith(AREA1_SUFFIXES),
        )
        last = domain["lab"].get("mail", {}).get("last")
        # mail that really came over the lab's mail path counts at once
        real = (
            (last, last)
            if verified is not None and last is not None and self._now - last < MAIL_MEMORY
            else None
        )
        if verified is None or period is None or self._now - period[1] >= MAIL_MEMORY:
            return real
        first = max(period[0], verified) + float(setting(self._state, "first_mail_seconds"))
        return (period[0], period[1]) if period[1] >= first or period[0] == 0.0 else real

    def _period(
        self, domain: dict[str, Any], name: str, kind: str, fits: Callable[[str], bool]
    ) -> Period | None:
        """Return from when to when the DNS last showed a fitting record."""
        zones = self._world["dns"].get("forward", {})
        if self._lookup is not None and any(
            name == zone or name.endswith("." + zone) for zone in zones
        ):
            return self._observed(
                domain, f"{kind} {name}", any(fits(content) for content in self._lookup(name, kind))
            )
        zone = find_zone(self._world, name)
        if zone is None:
            return None

        def holds(records: list[Record]) -> bool:
            return any(
                r["type"] == kind and r["name"].lower() == name and fits(str(r["content"]))
                for r in records
            )

        return last_period(self._world, zone, self._now, holds)

    def _observed(self, domain: dict[str, Any], key: str, holds: bool) -> Period | None:
        """Return the period in which something was seen, kept with the domain.

        A real server keeps no past for the lab.
        """
        seen: dict[str, list[float]] = domain["lab"]["seen"]
        if holds:
            seen[key] = [seen.get(key, [self._now])[0], self._now]
        return (seen[key][0], seen[key][1]) if key in seen else None

    def _policy(self, domain: dict[str, Any], name: str, prefix: str) -> str:
        period = self._period(
            domain, name, "TXT", lambda content: txt_value(content).lower().startswith(prefix)
        )
        return "good" if period and period[1] == self._now else "none"

    def _created(self, domain: dict[str, Any]) -> float:
        return (
            datetime.strptime(domain["created_at"], "%Y-%m-%dT%H:%M:%S.%fZ")
            .replace(tzinfo=timezone.utc)
            .timestamp()
        )

    def _waiting(self, domain: dict[str, Any]) -> str:
        """Return the status of a domain that waits: for verification, or for mail."""
        return "pending" if self.verified_at(domain) is not None else self._unverified()

    def _unverified(self) -> str:
        return str(setting(self._state, "unverified_status") or "pending")

    def _cased(self, status: str) -> str:
        """Return a status in the letter case of the world; both are documented [CF-6.1]."""
        return status.upper() if setting(self._state, "status_case") == "upper" else status
