# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SPF as far as the lab's domains need it: ip4, include, all (RFC 7208)."""

from __future__ import annotations

from collections.abc import Callable

from lab.mail.attribution import listed

_KNOWN = {
    "spf.protection.outlook.com": "v=spf1 ip4:40.92.0.0/16 ip4:40.107.0.0/16 ip4:52.100.0.0/16 -all"
}
_RESULTS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_DEPTH = 5

# a domain's SPF text, "" for none
Lookup = Callable[[str], str]


def check(lookup: Lookup, domain: str, address: str, depth: int = 0) -> str:
    """Return pass, fail, softfail, neutral or none."""
    text = _KNOWN.get(domain) or lookup(domain)
    if not text.lower().startswith("v=spf1") or depth > _DEPTH:
        return "none"
    for term in text.split()[1:]:
        sign, mechanism = (term[0], term[1:]) if term[0] in _RESULTS else ("+", term)
        name, _, value = mechanism.partition(":")
        if (
            name.lower() == "all"
            or (
                name.lower() == "ip4"
                and listed([value if "/" in value else value + "/32"], address)
            )
            or (
                name.lower() == "include"
                and check(lookup, value.lower(), address, depth + 1) == "pass"
            )
        ):
            return _RESULTS[sign]
    return "neutral"
