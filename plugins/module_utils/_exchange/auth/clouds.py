# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Addresses of the Microsoft clouds.

For which of them a token may be asked, and where a redirect may lead.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t
import urllib.parse

EXCHANGE_APP_ID = "00000002-0000-0ff1-ce00-000000000000"
GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"


@dataclasses.dataclass(frozen=True)
class Cloud:
    """Addresses of one Microsoft cloud.

    ``exchange_hosts``: the first is the default; the others are names under which the same cloud is
    documented, and for which a token can be asked too. ``redirect_suffixes``: a regional front end
    is one of these hosts or below one. ``token_exchange``: the audience of tokens of other issuers.
    ``disputed``: options of addresses that Microsoft's pages disagree about, or that nobody was
    seen to use; the documentation marks them.
    """

    name: str
    authority: str
    exchange_hosts: tuple[str, ...]
    graph: str
    redirect_suffixes: tuple[str, ...]
    token_exchange: str = "api://AzureADTokenExchange"
    disputed: tuple[str, ...] = ()


CLOUDS: dict[str, Cloud] = {
    cloud.name: cloud
    for cloud in (
        Cloud(
            name="public",
            authority="https://login.microsoftonline.com",
            exchange_hosts=("outlook.office365.com", "outlook.office.com"),
            graph="https://graph.microsoft.com",
            redirect_suffixes=("outlook.office365.com", "outlook.office.com"),
        ),
        Cloud(
            name="gcc_high",
            authority="https://login.microsoftonline.us",
            exchange_hosts=("outlook.office365.us",),
            graph="https://graph.microsoft.us",
            redirect_suffixes=("outlook.office365.us",),
            token_exchange="api://AzureADTokenExchangeUSGov",
        ),
        # The documentation of Remote PowerShell still names webmail.apps.mil; the REST pages the
        # other.
        Cloud(
            name="dod",
            authority="https://login.microsoftonline.us",
            exchange_hosts=("outlook-dod.office365.us", "webmail.apps.mil"),
            graph="https://dod-graph.microsoft.us",
            redirect_suffixes=(
                "outlook-dod.office365.us",
                "outlook.office365.us",
                "webmail.apps.mil",
            ),
            token_exchange="api://AzureADTokenExchangeUSGov",
            disputed=("exchange_url",),
        ),
        # Two pages, two hosts: exchange_url chooses the other one, and the token then follows it.
        # In msal's own table the sign-in service is login.partner.microsoftonline.cn.
        Cloud(
            name="china",
            authority="https://login.chinacloudapi.cn",
            exchange_hosts=("outlook.office365.cn", "partner.outlook.cn"),
            graph="https://microsoftgraph.chinacloudapi.cn",
            redirect_suffixes=("outlook.office365.cn", "partner.outlook.cn"),
            token_exchange="api://AzureADTokenExchangeChina",
            disputed=("authority_url", "exchange_url"),
        ),
    )
}


@dataclasses.dataclass(frozen=True)
class Endpoints:
    """The addresses that one task talks to, and the resources that its tokens are for."""

    cloud: Cloud
    authority: str
    exchange: str
    graph: str
    exchange_resource: str
    graph_resource: str

    def base(self, audience: str) -> str:
        """Return the address of the service."""
        return self.exchange if audience == "exchange" else self.graph

    def resource(self, audience: str) -> str:
        """Return what a token for the service is asked for."""
        return self.exchange_resource if audience == "exchange" else self.graph_resource

    def audiences(self, audience: str) -> frozenset[str]:
        """Return the values of C(aud) with which a token is accepted."""
        resources = {self.resource(audience), self.base(audience)}
        if audience == "exchange":
            resources |= {"https://" + host for host in self.cloud.exchange_hosts}
        app_id = EXCHANGE_APP_ID if audience == "exchange" else GRAPH_APP_ID
        return frozenset({app_id} | {resource.rstrip("/").lower() for resource in resources})

    def redirect_allowed(self, host: str) -> bool:
        """Return whether a request, with its token, may follow a redirect to this host."""
        host = host.lower()
        configured = host_of(self.exchange)
        if is_loopback(configured):
            return is_loopback(host)
        allowed = {configured}
        if _below(configured, self.cloud.redirect_suffixes):
            allowed |= set(self.cloud.redirect_suffixes)
        return _below(host, allowed)


def endpoints(
    cloud_name: str,
    authority_url: str | None = None,
    exchange_url: str | None = None,
    graph_url: str | None = None,
) -> Endpoints:
    """Return the cloud's addresses, with overrides.

    The token is for the cloud's own resource even where an address is overridden (a proxy, a
    regional host, a lab), with two exceptions: an C(exchange_url) that the cloud is also documented
    under, and a cloud that is not in the table, recognised by an override of both the authority and
    the service.
    """
    cloud = CLOUDS[cloud_name]
    authority = authority_url or cloud.authority
    exchange = exchange_url or "https://" + cloud.exchange_hosts[0]
    graph = graph_url or cloud.graph
    unknown_cloud = bool(authority_url) and not is_loopback(host_of(authority))
    exchange_resource = "https://" + cloud.exchange_hosts[0]
    if host_of(exchange) in cloud.exchange_hosts or (
        unknown_cloud and _foreign(exchange, cloud.redirect_suffixes)
    ):
        exchange_resource = "https://" + host_of(exchange)
    graph_resource = cloud.graph
    if unknown_cloud and _foreign(graph, (host_of(cloud.graph),)):
        graph_resource = "https://" + host_of(graph)
    return Endpoints(cloud, authority, exchange, graph, exchange_resource, graph_resource)


def host_of(url: str) -> str:
    """Return the host of an address, in lower case."""
    return (urllib.parse.urlsplit(url).hostname or "").lower()


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _below(host: str, suffixes: t.Iterable[str]) -> bool:
    return any(host == suffix or host.endswith("." + suffix) for suffix in suffixes)


def _foreign(url: str, suffixes: t.Iterable[str]) -> bool:
    host = host_of(url)
    return not is_loopback(host) and not _below(host, suffixes)
