# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Gates on one domain before its MX records move."""

from __future__ import annotations

import typing as t

from ..._engine.values import as_list, boolean, sender_domain
from ..model import wanted
from ..model.gate import GateResult, cannot, holds, not_yet, noticed
from ..model.registry import Asked, register
from ..model.world import World
from . import forwarding

register(
    "dns_shape",
    Asked(
        "lower_ttl",
        looks_at="the name is no alias (CNAME) and has no null MX",
        otherwise="cannot",
    ),
    Asked("switch_domain"),
    needs=("dns",),
)

register(
    "name_server",
    Asked(
        "lower_ttl",
        looks_at=(
            "a name server of the domain answers; one of several that is down is a warning here, "
            "and holds the lock-down"
        ),
        otherwise="not yet: asked again by the next run",
        acknowledge="yes",
    ),
    Asked("switch_domain"),
    Asked(
        "lockdown",
        looks_at="every one of these servers could be asked; at least one of each kind answered",
        otherwise="not yet",
    ),
    Asked(
        "rollback",
        looks_at="every server of a domain answers",
        otherwise="not yet",
        acknowledge="yes",
    ),
    needs=("dns",),
)

register(
    "name_servers_agree",
    Asked(
        "lower_ttl",
        looks_at="they all answer the same MX records",
        otherwise="not yet: a secondary may lag",
    ),
    Asked("switch_domain"),
    needs=("dns",),
)

register(
    "area1_domain",
    Asked(
        "switch_domain",
        looks_at=(
            "Email Security has the domain, in MX mode, forwarding to that host, with no address "
            "restrictions, and with the regions, `lookback_hops` and TLS that the"
            " section writes; it is active, or *pending only because no mail has arrived yet*"
        ),
        otherwise="not yet (verification takes up to 24 hours), or cannot",
    ),
    needs=("email_security",),
)

register(
    "domain_type",
    Asked(
        "switch_domain",
        looks_at=(
            "the accepted domain is Authoritative without MatchSubDomains, or an enabled outbound"
            " connector (not in test mode, not for rules only) carries its mail to a smart host"
        ),
        otherwise="cannot: mail that it passes on would go in a circle",
        acknowledge="yes",
    ),
    needs=(
        "accepted_domains",
        "outbound_connectors",
    ),
)

register(
    "dns_silent",
    Asked(
        "switch_domain",
        looks_at="at least one name server and one resolver answered: total silence is no evidence",
        otherwise="not yet",
    ),
    Asked(
        "lockdown",
        looks_at="every one of these servers could be asked; at least one of each kind answered",
        otherwise="not yet",
    ),
    needs=("dns",),
)


def domain_ready(world: World, name: str) -> GateResult:
    found = world.if_read.email_security.get(name)
    if found is None:
        hint = (
            "The section area1_domains makes it. Where that failed, its line in this report says"
            " why."
        )
        return not_yet("area1_domain", name, "Email Security is not known to have it", hint=hint)
    readiness = found.get("readiness") or {}
    status = readiness.get("status", "")
    if status == "cannot":
        return cannot(
            "area1_domain",
            name,
            readiness.get("message", "Email Security refuses it"),
            readiness.get("hint", "See the domain in the Cloudflare dashboard."),
        )
    if status != "ready":
        return not_yet(
            "area1_domain",
            name,
            readiness.get("message") or "Email Security has not verified it yet",
            hint="Verification may take up to 24 hours.",
        )
    return holds("area1_domain", name)


def domain_settings(world: World, name: str) -> GateResult:
    """Check that Email Security has the domain as it is written: above all host and MX mode.

    Otherwise the switch would send its mail nowhere.
    """
    host, result = forwarding.choose(world, world.settings.domain(name))
    if not host or not result.open:
        return result
    found = world.if_read.email_security.get(name) or {}
    domain = wanted.email_security_domain(world.settings, world.settings.domain(name), host)
    # Whether Area 1 holds back enough is for the gate held_back, which knows the rules, too.
    differences = domain.without({"drop_dispositions"}).differences(found)
    problems = [item.message for item in differences]
    if found and problems:
        return not_yet(
            "area1_domain", name, "; ".join(problems), hint="The section area1_domains sets this."
        )
    return holds("area1_domain", name)


def domain_type(world: World, name: str) -> GateResult:
    """Check that mail which a relay domain passes on does not come back by the MX.

    Without a connector of its own it would leave Microsoft 365 by the MX and go round in a circle
    by Area 1.
    """
    if not is_relay(world, name):
        return holds("domain_type", name)
    record = world.accepted().get(name) or {}
    kind = str(record.get("DomainType") or "Authoritative")
    what = (
        "it is %s" % kind
        if kind.lower() != "authoritative"
        else "it takes mail for all its sub-domains (MatchSubDomains)"
    )
    carriers = [item for item in world.outbound_connectors if _carries(item, name)]
    circular = [
        str(item.get("Name"))
        for item in carriers
        if any(world.is_gateway(host) for host in as_list(item.get("SmartHosts")))
    ]
    if carriers and not circular:
        return holds(
            "domain_type",
            name,
            "%s; the connector %s carries its mail on" % (what, carriers[0].get("Name")),
        )
    whose = (
        "by the connector %s, whose host is Area 1's" % ", ".join(circular)
        if circular
        else "by MX, which would be Area 1"
    )
    return cannot(
        "domain_type",
        name,
        "%s: mail that it passes on leaves Microsoft 365 %s, in a circle" % (what, whose),
        "Give it an outbound connector to its next host (New-OutboundConnector -RecipientDomains %s"
        " -UseMXRecord $false -SmartHosts HOST), or put domain_type:%s into area1_acknowledge."
        % (name, name),
    )


def is_relay(world: World, name: str) -> bool:
    record = world.accepted().get(name) or {}
    return (
        str(record.get("DomainType") or "Authoritative").lower() != "authoritative"
        or boolean(record.get("MatchSubDomains")) is True
    )


def _carries(item: t.Mapping[str, t.Any], name: str) -> bool:
    """Return whether an outbound connector carries the domain's mail to a host of its own.

    It must be enabled, not in test mode, and not for rules only.
    """
    if (
        boolean(item.get("Enabled")) is False
        or boolean(item.get("TestMode"))
        or boolean(item.get("IsTransportRuleScoped"))
    ):
        return False
    if boolean(item.get("UseMXRecord")) is not False or not as_list(item.get("SmartHosts")):
        return False
    if boolean(item.get("AllAcceptedDomains")) or boolean(
        item.get("RouteAllMessagesViaOnPremises")
    ):
        return True
    return any(
        _covers(sender_domain(value), name) for value in as_list(item.get("RecipientDomains"))
    )


def _covers(pattern: str, name: str) -> bool:
    return pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))


def answered(world: World, name: str) -> GateResult:
    """Check that at least one name server and one resolver answered.

    Silence of all is no evidence, whatever a person decided about single servers.
    """
    view = world.dns.get(name) or {}
    silent = [
        label
        for label, servers in (
            ("name server", view.get("name_servers")),
            ("resolver", view.get("resolvers")),
        )
        if not any(item.get("status") in ("ok", "nodata", "nxdomain") for item in servers or [])
    ]
    if silent:
        message = "no %s answered%s" % (
            " and no ".join(silent),
            ": %s" % view["error"] if view.get("error") else "",
        )
        return not_yet(
            "dns_silent",
            name,
            message,
            hint="Can this machine ask DNS servers? Is the domain delegated?",
        )
    return holds("dns_silent", name)


def authoritative_agreement(world: World, name: str) -> GateResult:
    """Check that the name servers that answer agree.

    One that is down is a notice only: the old path stays open until the lock-down, which waits for
    it.
    """
    view = world.dns.get(name) or {}
    servers = view.get("name_servers") or []
    failing = [
        "%s: %s" % (item.get("name"), item.get("status"))
        for item in servers
        if item.get("status") not in ("ok", "nodata", "nxdomain")
    ]
    if not servers:
        return not_yet(
            "name_server",
            name,
            "no name server of it could be found%s"
            % (": %s" % view["error"] if view.get("error") else ""),
            hint="Is the domain delegated?",
        )
    if len(failing) == len(servers):
        return not_yet(
            "name_server",
            name,
            "no name server answers: %s" % "; ".join(failing),
            hint="It is asked again by the next run.",
        )
    if not view.get("agree"):
        return not_yet(
            "name_servers_agree",
            name,
            "its name servers answer different MX records",
            hint="A secondary may lag; it is asked again by the next run.",
        )
    if failing:
        message = (
            "not every name server answers: %s. What it gives out later is not known; the lock-down"
            " waits for it" % "; ".join(failing)
        )
        return noticed("name_server", name, message)
    return holds("name_servers_agree", name)


def odd_shape(world: World, name: str) -> GateResult:
    view = world.dns.get(name) or {}
    if view.get("cname"):
        return cannot(
            "dns_shape",
            name,
            "the name is an alias (CNAME to %s): it cannot carry MX records" % view["cname"],
            "Remove the CNAME.",
        )
    if view.get("null_mx"):
        return cannot(
            "dns_shape",
            name,
            "it has a null MX: it says that it takes no mail",
            "Remove the null MX, or take the domain out of area1_domains.",
        )
    return holds("dns_shape", name)
