# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The MX hosts of Area 1 by location, and what identifies a host of Area 1 or of Microsoft.

Published facts; no I/O. Hosts, locations and notes are those of the tutorial [CF-2.1]; the pair
``global`` is today's [CF-2.2].
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._engine.errors import InputError
from .._engine.values import host_name

REGIONS = ("GLOBAL", "AU", "DE", "IN", "US")

AREA1_SUFFIXES = (
    ".mxrecord.io",
    ".mxrecord.mx",
    ".area1.cloudflare.net",
    ".inbound.cf-emailsecurity.net",
)

# Where Exchange Online takes mail: worldwide and GCC, DNSSEC and new domains, GCC High and DoD,
# 21Vianet.
MICROSOFT_SUFFIXES = (
    ".mail.protection.outlook.com",
    ".mx.microsoft",
    ".mail.protection.office365.us",
    ".mail.protection.partner.outlook.cn",
    ".mail.protection.outlook.cn",
)


@dataclasses.dataclass(frozen=True)
class MxHost:
    host: str
    location: str
    note: str


@dataclasses.dataclass(frozen=True)
class Preset:
    """One value of ``area1_location``.

    ``regions`` is what the Email Security domain gets unless the operator says otherwise: the
    regions in which the preset's hosts process mail, the primary one first. ``allowed`` are all
    regions that do not contradict the hosts.
    """

    location: str
    records: tuple[tuple[int, str], ...]
    regions: tuple[str, ...]
    allowed: tuple[str, ...]
    note: str


_US_NOTE = "Best option to ensure all email traffic processing happens in the US."
_BOM_NOTE = (
    "Best option to ensure all email traffic processing happens within India. For compliance"
    " purposes use this MX record. Note, however, there is no redundancy should something go wrong."
)
_AUSTRALIA = "Australia / New Zealand"

HOSTS: dict[str, MxHost] = {
    entry.host: entry
    for entry in (
        MxHost("mailstream-central.mxrecord.mx", "US", _US_NOTE),
        MxHost("mailstream-east.mxrecord.io", "US", _US_NOTE),
        MxHost("mailstream-west.mxrecord.io", "US", _US_NOTE),
        MxHost(
            "mailstream-eu1.mxrecord.io",
            "EU",
            "Best option to ensure all email traffic processing happens in Germany, with fallback"
            " to US data centers.",
        ),
        MxHost("mailstream-bom.mxrecord.mx", "India", _BOM_NOTE),
        MxHost(
            "mailstream-india-primary.mxrecord.mx",
            "India",
            "Same as mailstream-bom.mxrecord.mx, with fallback to US data centers.",
        ),
        MxHost(
            "mailstream-asia.mxrecord.mx",
            "India",
            "Best option for companies with a broader Asia presence.",
        ),
        MxHost(
            "mailstream-syd.area1.cloudflare.net",
            _AUSTRALIA,
            "Best option to ensure all email traffic processing happens within Australia.",
        ),
        MxHost(
            "mailstream-australia-primary.area1.cloudflare.net",
            _AUSTRALIA,
            "Best option to ensure all email traffic processing happens in Australia, with India"
            " and US data centers as backup.",
        ),
    )
}

# Not in the tutorial: what Cloudflare's documentation names today (regional pairs are shown by its
# dashboard only).
CURRENT_HOSTS: dict[str, MxHost] = {
    host: MxHost(
        host,
        "Global",
        "Today's host; regional ones are shown by the Cloudflare dashboard: give them as MX"
        " records.",
    )
    for host in (
        "mxa.global.inbound.cf-emailsecurity.net",
        "mxb.global.inbound.cf-emailsecurity.net",
    )
}

PRESETS: dict[str, Preset] = {
    preset.location: preset
    for preset in (
        Preset(
            "us",
            (
                (5, "mailstream-central.mxrecord.mx"),
                (10, "mailstream-east.mxrecord.io"),
                (10, "mailstream-west.mxrecord.io"),
            ),
            ("US",),
            ("US",),
            "All processing in the US.",
        ),
        Preset(
            "eu",
            (
                (5, "mailstream-eu1.mxrecord.io"),
                (10, "mailstream-central.mxrecord.mx"),
                (20, "mailstream-east.mxrecord.io"),
                (20, "mailstream-west.mxrecord.io"),
            ),
            ("DE", "US"),
            ("DE", "US", "GLOBAL"),
            "Germany first, the US as fallback.",
        ),
        Preset(
            "india",
            ((5, "mailstream-bom.mxrecord.mx"),),
            ("IN",),
            ("IN",),
            "India only; no redundancy.",
        ),
        Preset(
            "india_primary",
            ((5, "mailstream-india-primary.mxrecord.mx"),),
            ("IN", "US"),
            ("IN", "US", "GLOBAL"),
            "India first, the US as fallback.",
        ),
        Preset(
            "asia",
            ((5, "mailstream-asia.mxrecord.mx"),),
            ("IN", "AU"),
            ("IN", "AU", "GLOBAL"),
            "India first, Australia as backup.",
        ),
        Preset(
            "australia",
            ((5, "mailstream-syd.area1.cloudflare.net"),),
            ("AU",),
            ("AU",),
            "Australia only.",
        ),
        Preset(
            "australia_primary",
            ((5, "mailstream-australia-primary.area1.cloudflare.net"),),
            ("AU", "IN", "US"),
            ("AU", "IN", "US", "GLOBAL"),
            "Australia first, India and the US as backup.",
        ),
        Preset(
            "global",
            (
                (10, "mxa.global.inbound.cf-emailsecurity.net"),
                (10, "mxb.global.inbound.cf-emailsecurity.net"),
            ),
            ("GLOBAL",),
            ("GLOBAL",),
            "Today's pair, processed wherever Cloudflare does.",
        ),
    )
}

LOCATIONS = tuple(PRESETS)


def preset(location: t.Any) -> Preset:
    name = str(location or "").strip().lower()
    if name not in PRESETS:
        raise InputError(
            "%r is not a location of Area 1." % (location,),
            "Set area1_location to one of %s, or give the hosts in area1_mx_records."
            % ", ".join(LOCATIONS),
            choices=list(LOCATIONS),
        )
    return PRESETS[name]


def records_for(location: t.Any) -> list[dict[str, t.Any]]:
    """Return the MX record set of a location, in the form of ``area1_mx_records``."""
    return [{"priority": priority, "host": host} for priority, host in preset(location).records]


def regions_for(location: t.Any, given: t.Iterable[t.Any] | None = None) -> list[str]:
    """Return the processing regions of a location's domains.

    Given regions that contradict the MX hosts are refused. Without a location (own MX records) they
    are taken as given; Cloudflare's own default is ``GLOBAL``.
    """
    regions = check_regions(given)
    if not location:
        return regions or ["GLOBAL"]
    found = preset(location)
    if not regions:
        return list(found.regions)
    outside = [region for region in regions if region not in found.allowed]
    if outside or not {found.regions[0], "GLOBAL"} & set(regions):
        raise InputError(
            "area1_regions %s contradicts area1_location %s, whose hosts process mail in %s."
            % (", ".join(regions), found.location, ", ".join(found.regions)),
            "Leave area1_regions out, keep %s in it and use only %s; or choose another location."
            % (found.regions[0], ", ".join(found.allowed)),
            choices=list(found.allowed),
        )
    return regions


def check_regions(given: t.Iterable[t.Any] | None) -> list[str]:
    """Return the API's words in the order given, each once; InputError names the valid ones."""
    regions = list(dict.fromkeys(str(region).strip().upper() for region in given or ()))
    unknown = [region for region in regions if region not in REGIONS]
    if unknown:
        raise InputError(
            "%s: not a processing region of Email Security." % ", ".join(unknown),
            "Valid ones are %s." % ", ".join(REGIONS),
            choices=list(REGIONS),
        )
    return regions


def is_area1_host(name: t.Any) -> bool:
    """Return whether a host is an MX host of Area 1, under the tutorial's names or today's.

    Cloudflare's Email Routing (``*.mx.cloudflare.net``) is not.
    """
    return host_name(name).endswith(AREA1_SUFFIXES)


def is_microsoft_host(name: t.Any) -> bool:
    """Return whether Exchange Online takes mail at this host, in any of its clouds."""
    return host_name(name).endswith(MICROSOFT_SUFFIXES)
