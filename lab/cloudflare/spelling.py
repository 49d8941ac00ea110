# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names beyond ASCII: how the API shows those of a zone, and what it takes.

cloudflare-go#347 and DNSControl#2341 saw a zone's name in Unicode with records in Punycode, and
both in Unicode. Inside the lab every name is ASCII. A zone may have ``shown_name``, and as
``shown_records`` ascii, unicode or both, where the records differ from each other.
"""

from __future__ import annotations

from typing import Any

Zone = dict[str, Any]


def zone_name(zone: Zone) -> str:
    """Return the name of a zone as the API shows it."""
    return str(zone.get("shown_name", zone["name"]))


def record_name(zone: Zone, record: dict[str, Any]) -> str:
    """Return the name of a record as the API shows it."""
    name, style = str(record["name"]), zone.get("shown_records", "ascii")
    odd = int(str(record["id"])[-1], 16) % 2 == 1
    if "shown_name" not in zone or style == "ascii" or (style == "both" and odd):
        return name
    return _replaced(name, str(zone["name"]), str(zone["shown_name"]))


def spellings(zone: Zone, record: dict[str, Any]) -> set[str]:
    """Return a record's name in every spelling that a filter may ask for, in lower case."""
    name = str(record["name"]).lower()
    return {name, _replaced(name, str(zone["name"]), zone_name(zone).lower())}


def stored_name(zone: Zone, name: str) -> str:
    """Return the ASCII form of a name that a request gives in either spelling."""
    if "shown_name" not in zone:
        return name
    return _replaced(name.rstrip(".").lower(), str(zone["shown_name"]), str(zone["name"]))


def _replaced(name: str, old: str, new: str) -> str:
    """Replace the zone's part of a name."""
    return name[: -len(old)] + new if name == old or name.endswith("." + old) else name
