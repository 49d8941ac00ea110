# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The egress networks of Area 1 as published, and in the form that Exchange Online takes.

Published facts; no I/O.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import hashlib
import ipaddress
import typing as t

from .._engine.errors import InputError
from .._engine.values import ip_span

# "Egress IPs" of Cloudflare's documentation, as printed; with the two addresses of Europe that
# today's page lists for everybody.
PUBLISHED: tuple[str, ...] = (
    "52.11.209.211",
    "52.89.255.11",
    "52.0.67.109",
    "54.173.50.115",
    "104.30.32.0/19",
    "158.51.64.0/26",
    "158.51.65.0/26",
    "134.195.26.0/23",
    "35.157.195.63",
    "52.58.35.43",
    "2405:8100:c400::/38",
)
# The page carries no date: this is the state of the sources that the list was compared with.
PUBLISHED_DATE = "2026-09"
PUBLISHED_DIGEST = "00afccbac30f0f7c6e32089b3b2ec3f6b6fbf7cc53e3f1f5724610e20c55f8f2"

EXCHANGE_PREFIX = (
    24  # Exchange Online takes /24 to /32 (New-InboundConnector, Set-HostedConnectionFilterPolicy)
)
WIDEST_PREFIX = 16

# RFC 6890 and successors. The documentation networks are let through: nothing comes from them, and
# rehearsals use them.
_RESERVED = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "::1/128",
        "::ffff:0:0/96",
        "64:ff9b:1::/48",
        "100::/64",
        "fc00::/7",
        "fe80::/10",
        "ff00::/8",
    )
)

Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]  # noqa: UP007 (pylint of ansible-test knows no | at run time)


@dataclasses.dataclass(frozen=True)
class Split:
    """Networks in the form for Exchange.

    ``entries`` are for Exchange; ``dropped`` are IPv6 networks, ``split`` those that were too wide,
    both as they were given.
    """

    entries: list[str]
    dropped: list[str]
    split: list[str]

    def notice(self) -> str:
        """Return one sentence for the operator, or "" where nothing was dropped or split."""
        parts = []
        if self.dropped:
            parts.append(
                "IPv6 is left out, because Exchange Online takes none (%s)"
                % ", ".join(self.dropped)
            )
        if self.split:
            parts.append(
                "networks wider than /%d are split (%s)" % (EXCHANGE_PREFIX, ", ".join(self.split))
            )
        return "Egress networks: %s." % "; ".join(parts) if parts else ""


def for_exchange(networks: t.Iterable[t.Any]) -> Split:
    """Return what of ``networks`` goes into connectors and allow lists.

    That is IPv4, /24 to /32 [CF-3], each once, in the order given.
    """
    entries: dict[str, None] = {}
    dropped: dict[str, None] = {}
    split: dict[str, None] = {}
    for given in networks:
        text = str(given).strip()
        for network in _networks(text):
            if not isinstance(network, ipaddress.IPv4Network):
                dropped[text] = None
            elif network.prefixlen >= EXCHANGE_PREFIX:
                entries[spelled(network)] = None
            else:
                split[text] = None
                entries.update(
                    (spelled(part), None) for part in network.subnets(new_prefix=EXCHANGE_PREFIX)
                )
    if not entries:
        raise InputError(
            "The egress networks hold no IPv4 address.",
            "Give all networks that Area 1 sends from, or leave area1_egress_networks out.",
        )
    return Split(list(entries), list(dropped), list(split))


def is_superset(given: t.Iterable[t.Any], published: t.Iterable[t.Any] = PUBLISHED) -> bool:
    """Return whether ``given`` covers all of ``published`` that Exchange Online can see (IPv4)."""
    return not missing(given, published)


def missing(given: t.Iterable[t.Any], published: t.Iterable[t.Any] = PUBLISHED) -> list[str]:
    """Return the IPv4 networks of ``published`` that ``given`` does not cover, as printed there."""
    covered = list(ipaddress.collapse_addresses(_only_ipv4(given)))
    return [
        str(wanted)
        for wanted in published
        if not all(
            any(part.subnet_of(cover) for cover in covered)
            for part in ipaddress.collapse_addresses(_only_ipv4([wanted]))
        )
    ]


def digest(networks: t.Iterable[t.Any] = PUBLISHED) -> str:
    """Return the SHA-256 of the sorted canonical list, one network a line.

    The same list gives the same digest however it is written.
    """
    lines = {spelled(network) for given in networks for network in _networks(str(given).strip())}
    return hashlib.sha256("\n".join(sorted(lines)).encode("ascii")).hexdigest()


def spelled(network: Network) -> str:
    """Return a single address without its mask, as the tutorial and Exchange Online write it."""
    return (
        str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
    )


def _only_ipv4(networks: t.Iterable[t.Any]) -> collections.abc.Iterator[ipaddress.IPv4Network]:
    for given in networks:
        for network in _networks(str(given).strip()):
            if isinstance(network, ipaddress.IPv4Network):
                yield network


def _networks(text: str) -> list[Network]:
    """Return the networks that an address, a CIDR or a range stands for.

    Private, reserved and absurdly wide ones are refused.
    """
    version, first, last = ip_span(text)
    found: list[Network]
    if version == 4:
        found = list(
            ipaddress.summarize_address_range(
                ipaddress.IPv4Address(first), ipaddress.IPv4Address(last)
            )
        )
    else:
        found = list(
            ipaddress.summarize_address_range(
                ipaddress.IPv6Address(first), ipaddress.IPv6Address(last)
            )
        )
    for network in found:
        if any(
            network.version == reserved.version and network.overlaps(reserved)
            for reserved in _RESERVED
        ):
            raise InputError(
                "%s is private or reserved, or holds such addresses: mail does not come from there"
                " over the internet." % text,
                "Give the public addresses that Area 1 sends from.",
            )
        if version == 4 and network.prefixlen < WIDEST_PREFIX:
            raise InputError(
                "%s is wider than /%d: no gateway's egress is, and its /24s would not fit a"
                " connector." % (text, WIDEST_PREFIX),
                "Check the mask.",
            )
    return found
