# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Who runs the name servers of a domain, by their names.

``console`` is the way to the records in the provider's own console. It is ``certain`` where a
published page was read for it: "Editing records" of Amazon Route 53 (2026), and Microsoft's
"Connect your DNS records at IONOS" and "at Namecheap" (2024). The others are from experience.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .._engine.host_names import host_name


@dataclasses.dataclass(frozen=True)
class DnsHost:
    """One provider of name servers; ``driver`` is the dns_provider of this collection, or empty."""

    title: str
    servers: re.Pattern[str]
    console: str
    driver: str = ""
    certain: bool = False


def _host(
    title: str, servers: str, console: str, driver: str = "", certain: bool = False
) -> DnsHost:
    return DnsHost(title, re.compile(rf"(?:^|\.)(?:{servers})\Z"), console, driver, certain)


DNS_HOSTS: tuple[DnsHost, ...] = (
    _host(
        "Cloudflare",
        r"ns\.cloudflare\.com|secondary\.cloudflare\.com",
        "dash.cloudflare.com > the domain > DNS > Records",
        "cloudflare",
    ),
    _host(
        "Amazon Route 53",
        r"awsdns-\d+\.(?:com|net|org|co\.uk|cn)",
        "console.aws.amazon.com/route53 > Hosted zones > the zone > the record > Edit record",
        "route53",
        certain=True,
    ),
    _host(
        "Azure DNS",
        r"azure-dns\.(?:com|net|org|info|us|cn)",
        "portal.azure.com > DNS zones > the zone > Recordsets",
        "azure",
    ),
    _host(
        "GoDaddy",
        r"domaincontrol\.com",
        "dcc.godaddy.com > the domain > DNS > DNS Records",
        "godaddy",
    ),
    _host(
        "Google Cloud DNS",
        r"ns-cloud-[a-e]\d\.googledomains\.com",
        "console.cloud.google.com > Network services > Cloud DNS > the zone",
    ),
    _host(
        "Squarespace Domains",
        r"(?:ns\d+\.)?squarespacedns\.com|ns-cloud-[a-e]\d\.squarespacedns\.com",
        "account.squarespace.com > Domains > the domain > DNS > DNS Settings",
    ),
    _host(
        "Namecheap",
        r"registrar-servers\.com",
        "namecheap.com > Domain List > Manage > Advanced DNS > Mail Settings: Custom MX",
        certain=True,
    ),
    _host(
        "IONOS",
        r"ui-dns\.(?:com|org|de|biz)",
        "login.ionos.com > Menu > Domains and SSL > the domain > DNS > Add record",
        certain=True,
    ),
    _host(
        "Strato",
        r"rzone\.de|strato\.de",
        "strato.de > Domains > Domainverwaltung > the domain > DNS > MX-Record",
    ),
    _host(
        "OVHcloud",
        r"(?:dns|ns)\d*\.ovh\.(?:net|ca)|anycast\.me",
        "ovh.com/manager > Web Cloud > Domain names > the domain > DNS zone",
    ),
    _host("Gandi", r"gandi\.net", "admin.gandi.net > Domain names > the domain > DNS records"),
    _host(
        "Infomaniak",
        r"infomaniak\.(?:ch|com)",
        "manager.infomaniak.com > Domains > the domain > DNS zone",
    ),
    _host(
        "Hetzner",
        r"ns\.hetzner\.(?:com|de)|second-ns\.(?:com|de)|hetzner\.com",
        "console.hetzner.com > DNS > the zone > Records",
    ),
    _host(
        "DigitalOcean",
        r"digitalocean\.com",
        "cloud.digitalocean.com > Networking > Domains > the domain",
    ),
    _host(
        "DNSimple",
        r"dnsimple\.com|dnsimple-edge\.(?:net|org|com|io)",
        "dnsimple.com > the domain > DNS",
    ),
    _host(
        "DNS Made Easy",
        r"dnsmadeeasy\.com|constellix\.com",
        "cp.dnsmadeeasy.com > DNS > Managed DNS > the domain",
    ),
    _host("NS1 (IBM)", r"nsone\.net", "my.nsone.net > Zones > the zone"),
    _host(
        "Vercara UltraDNS",
        r"ultradns\.(?:com|net|org|biz|info|co\.uk)",
        "portal.ultradns.com > Zones > the zone > Records",
    ),
    _host(
        "Akamai Edge DNS",
        r"akam\.net",
        "control.akamai.com > DNS Management > the zone",
    ),
    _host(
        "Network Solutions",
        r"worldnic\.com",
        "networksolutions.com > Domains > Manage > Advanced Tools > Advanced DNS Records",
    ),
    _host(
        "INWX",
        r"inwx\.(?:de|eu|net|com)",
        "inwx.com > Nameserver > the domain",
    ),
    _host(
        "Microsoft 365",
        r"bdm\.microsoftonline\.com",
        "admin.microsoft.com > Settings > Domains > the domain > DNS records",
    ),
)


def dns_host(server: t.Any) -> DnsHost | None:
    """Return who runs a name server; None where its name says nothing to us."""
    name = host_name(server)
    return next((host for host in DNS_HOSTS if host.servers.search(name)), None)


def dns_hosts(servers: t.Iterable[t.Any]) -> list[tuple[str, DnsHost | None]]:
    """Return each name server, sorted, with who runs it."""
    return [(name, dns_host(name)) for name in sorted({host_name(one) for one in servers})]


def describe(servers: t.Iterable[t.Any]) -> str:
    """Return name servers with who runs each, and by which dns_provider it is changed."""
    return ", ".join(f"{name} ({_title(host)})" for name, host in dns_hosts(servers))


def _title(host: DnsHost | None) -> str:
    if host is None:
        return "unknown"
    return f"{host.title}, dns_provider {host.driver}" if host.driver else host.title
