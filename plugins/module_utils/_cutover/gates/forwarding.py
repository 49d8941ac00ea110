# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The host to which Area 1 forwards a domain's mail: read, and never built from a pattern.

A conflict is left to a person [CUT-2.2].
"""

from __future__ import annotations

from ..._engine.values import host_name
from ..._facts import mail_hosts
from ..model.gate import GateResult, cannot, holds, not_yet
from ..model.registry import Asked, register
from ..model.settings import DomainSettings
from ..model.world import World

register(
    "forwarding_host",
    Asked(
        "area1_domains",
        looks_at=(
            "where mail goes after Area 1: `forward_to`, else Microsoft Graph, else what Email "
            "Security has, else the one Microsoft MX in place"
        ),
        otherwise=(
            "not yet: nothing known; cannot: the answers contradict each other, or the host is an"
            " Area 1 host (a circle)"
        ),
    ),
    Asked(
        "switch_domain",
        looks_at="as above: a conflict or a circle holds the switch too",
        otherwise="as above",
    ),
    needs=(
        "baseline",
        "dns",
        "email_security",
        "forwarding_hosts",
    ),
)

GATE = "forwarding_host"


def choose(world: World, entry: DomainSettings) -> tuple[str, GateResult]:
    """Return (host, result) for one domain.

    The host is the operator's, else Graph's, else the present transport, else the present MX.
    """
    name, given = entry.name, entry.forward_to
    graph = _from_graph(world, name)
    transport = host_name((world.if_read.email_security.get(name) or {}).get("transport") or "")
    mx_host = _microsoft_mx(world, name)
    host, source = next(
        (
            (found, label)
            for found, label in (
                (given, "given in area1_domains"),
                (_one_of(graph, mx_host), "named by Microsoft Graph"),
                (transport, "already set in Email Security"),
                (mx_host, "the MX record in place"),
            )
            if found
        ),
        ("", ""),
    )
    problem = _problem(world, name, host, given, graph, transport)
    if problem:
        return "", cannot(
            GATE,
            name,
            problem,
            "Decide: give the domain as {name: %s, forward_to: HOST} in area1_domains." % name,
        )
    if not host:
        error = (world.forwarding_hosts.get(name) or {}).get("error") or "no record of type Mx"
        return "", not_yet(
            GATE,
            name,
            "its forwarding host is not known (Graph: %s)" % error,
            hint="Grant Domain.Read.All to the application, or give forward_to in area1_domains.",
        )
    return host, holds(GATE, name, "%s, %s" % (host, source))


def _from_graph(world: World, name: str) -> list[str]:
    hosts = (world.forwarding_hosts.get(name) or {}).get("hosts") or []
    return [host_name(host) for host in hosts]


def _one_of(hosts: list[str], preferred: str) -> str:
    if len(set(hosts)) == 1:
        return hosts[0]
    return preferred if preferred in hosts else ""


def _microsoft_mx(world: World, name: str) -> str:
    """Return the one MX in place, if it is Microsoft's; after the switch that of the baseline."""
    view = world.if_read.dns.get(name) or {}
    baseline = ((world.if_read.baseline.get("sections") or {}).get("dns") or {}).get(name) or {}
    for records in (view.get("records"), baseline.get("records")):
        hosts = {host_name(item["host"]) for item in records or []}
        if len(hosts) == 1 and mail_hosts.is_microsoft_host(next(iter(hosts))):
            return hosts.pop()
    return ""


def _problem(
    world: World, name: str, host: str, given: str, graph: list[str], transport: str
) -> str:
    if host and (world.is_gateway(host) or host == name):
        return "%s as forwarding host would send mail in a circle: it is %s" % (
            host,
            "the domain itself" if host == name else "a host of Area 1",
        )
    if given:
        return ""
    if len(set(graph)) > 1 and not host:
        return "Graph names several hosts (%s)" % ", ".join(sorted(set(graph)))
    if transport and graph and transport not in graph:
        return "Email Security forwards to %s, Graph names %s" % (
            transport,
            ", ".join(sorted(set(graph))),
        )
    return ""
