# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that Exchange keeps in its own spelling, and updates of multi-valued properties."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from lab.exchange.errors import CmdletError, invalid
from lab.exchange.schema import Delta

_ADDRESS_ERROR = "Microsoft.Exchange.Data.DataValidationException"
_PRIVATE = tuple(
    ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)
# The ranges that Microsoft publishes for its mail hosts; EFSkipIPs refuses them ([EXO-2.3])
_MICROSOFT = tuple(
    ipaddress.ip_network(text)
    for text in ("40.92.0.0/15", "40.107.0.0/16", "52.100.0.0/14", "104.47.0.0/17")
)
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DOMAIN = re.compile(rf"(\*\.)?({_LABEL}\.)+{_LABEL}")
_STORED_DOMAIN = re.compile(r"(?i)smtp:(?P<domain>[^;]+);(?P<priority>\d+)")


def updated(
    old: list[str],
    change: list[str] | Delta | None,
    store: Callable[[str], str],
    settings: Mapping[str, Any],
) -> list[str]:
    """Return a multi-valued property after a change.

    `store` checks an entry and gives the spelling that is kept.
    """
    if isinstance(change, Delta):
        removed = {store(item).lower() for item in change.remove}
        # an entry that is to go but is not there, or is to come and is there, is passed over
        # (inferred)
        return _unique(
            [item for item in old if item.lower() not in removed]
            + [store(item) for item in change.add],
            settings,
        )
    if not change:
        # [EXO-1.4], "Emptying a list": null clears; whether [] does is disputed, so a
        # world may say either
        return [] if change is None or settings.get("empty_array_clears", True) else list(old)
    return _unique([store(item) for item in change], settings)


def _unique(items: list[str], settings: Mapping[str, Any]) -> list[str]:
    seen: dict[str, str] = {}
    for item in items:
        if item.lower() in seen and settings.get("duplicates", "drop") == "refuse":
            raise CmdletError(
                "System.InvalidOperationException",
                f'The value "{item}" is already present in the collection.',
            )
        seen.setdefault(item.lower(), item)
    return list(seen.values())


def ordered(items: list[str], settings: Mapping[str, Any]) -> list[str]:
    """Return a list in the order in which it is kept, which is open: a world may say [EXO-2.2]."""
    order = settings.get("ip_order", "as_sent")
    return sorted(items) if order == "sorted" else items[::-1] if order == "reversed" else items


def address_entry(parameter: str, text: str, settings: Mapping[str, Any], ranges: bool) -> str:
    """Return one entry of an address list: IPv4, CIDR /24 to /32, and ranges if `ranges`.

    A range has at most 256 addresses.
    """
    text = text.strip()
    if "-" in text and ranges:
        return _range(parameter, text)
    address, slash, length = text.partition("/")
    try:
        parsed = ipaddress.IPv4Address(address)
    except ValueError:
        raise _bad_address(parameter, text) from None
    if not slash:
        return f"{parsed}/32" if settings.get("ip_spelling") == "cidr_32" else str(parsed)
    if not length.isdigit() or not 24 <= int(length) <= 32:
        raise _bad_address(parameter, text)
    if int(length) == 32 and settings.get("ip_spelling") == "bare_32":
        return str(parsed)
    if settings.get("mask_host_bits"):
        parsed = ipaddress.IPv4Network(f"{parsed}/{length}", strict=False).network_address
    return f"{parsed}/{length}"


def _range(parameter: str, text: str) -> str:
    first, _, last = text.partition("-")
    try:
        low, high = ipaddress.IPv4Address(first.strip()), ipaddress.IPv4Address(last.strip())
    except ValueError:
        raise _bad_address(parameter, text) from None
    if not 0 <= int(high) - int(low) < 256:
        raise _bad_address(parameter, text)
    return f"{low}-{high}"


def _bad_address(parameter: str, text: str) -> CmdletError:
    # the service's own wording is not known ([EXO-1.7], last line)
    return CmdletError(
        _ADDRESS_ERROR,
        f'"{text}" isn\'t a valid IP address, IP address range or CIDR network for {parameter}. '
        "Supported are IPv4 addresses and networks from /24 to /32.",
    )


def skip_entry(text: str) -> str:
    """Return an entry of EFSkipIPs: single, a-b or CIDR of any size.

    RFC 1918 and Microsoft's own addresses are refused [EXO-2.3].
    """
    text = text.strip()
    try:
        if "-" in text:
            first, _, last = text.partition("-")
            networks = list(
                ipaddress.summarize_address_range(
                    ipaddress.IPv4Address(first.strip()), ipaddress.IPv4Address(last.strip())
                )
            )
        else:
            networks = [ipaddress.IPv4Network(text, strict=False)]
    except ValueError:
        raise _bad_address("EFSkipIPs", text) from None
    for network in networks:
        if any(network.overlaps(other) for other in _PRIVATE):
            raise invalid(f"EFSkipIPs can't contain the private IP address '{text}'.")
        if any(network.overlaps(other) for other in _MICROSOFT):
            raise invalid(f"EFSkipIPs can't contain the Microsoft IP address '{text}'.")
    return text


def sender_domain(text: str) -> str:
    """Return a domain as it is kept, `smtp:<domain>;<priority>`; both forms are taken [EXO-2.3]."""
    found = _STORED_DOMAIN.fullmatch(text.strip())
    domain, priority = (found["domain"], found["priority"]) if found else (text.strip(), "1")
    if domain != "*" and not _DOMAIN.fullmatch(domain):
        raise CmdletError(
            "Microsoft.Exchange.Data.DataValidationException",
            f'"{text}" isn\'t a valid SMTP domain for SenderDomains.',
        )
    return f"smtp:{domain};{priority}"


def smtp_address(text: str) -> str:
    local, at, domain = text.strip().partition("@")
    if not (local and at and _DOMAIN.fullmatch(domain)):
        raise CmdletError(
            "Microsoft.Exchange.Data.DataValidationException",
            f'"{text}" isn\'t a valid SMTP address.',
        )
    return text.strip()
