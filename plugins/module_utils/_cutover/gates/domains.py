# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Gates on one domain before its MX records move."""

from __future__ import annotations

import datetime
import typing as t

from ..._engine.timeline import MX_RESTORED, TTL_LOWERED
from ..._engine.timestamps import iso, parse_time
from ..._engine.values import as_list, boolean, host_name, sender_domain
from ..model.gate import GateResult, cannot, holds, not_yet, noticed
from ..model.world import World
from . import forwarding


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
    """Check that Email Security forwards the domain's mail, in MX mode, to the right host.

    Otherwise the switch would send its mail nowhere.
    """
    host, result = forwarding.choose(world, world.settings.domain(name))
    if not host or not result.open:
        return result
    found = world.if_read.email_security.get(name) or {}
    problems = []
    if host_name(found.get("transport") or "") != host:
        problems.append(
            "it forwards to %s, not to %s" % (found.get("transport") or "nowhere", host)
        )
    if "DIRECT" not in [str(mode).upper() for mode in as_list(found.get("allowed_delivery_modes"))]:
        problems.append("it is not in MX mode (DIRECT)")
    if as_list(found.get("ip_restrictions")):
        problems.append("it takes mail from some addresses only (ip_restrictions)")
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


def ttl(world: World, name: str) -> GateResult:
    """Check that the TTL is low at every name server, and that caches of the old one expired."""
    view = world.dns.get(name) or {}
    low = _low(world, name)
    present = int(view.get("ttl_max") or 0)
    if present > low:
        return not_yet(
            "ttl",
            name,
            "the TTL of its MX records is %d s, not %d s yet" % (present, low),
            hint="It is lowered by the MX section.",
        )
    old = world.old_ttl(name)
    lowered = _lowered_at(world, name)
    if (
        old is not None
        and old > low
        and (lowered or world.now) + datetime.timedelta(seconds=old) > world.now
    ):
        until = iso((lowered or world.now) + datetime.timedelta(seconds=old))
        message = "caches may hold the old records (TTL %d s) until %s" % (old, until)
        if lowered:
            return not_yet("old_ttl", name, message, until)
        hint = (
            "If you know that it has been low for that long, put old_ttl:%s into area1_acknowledge."
            % name
        )
        return not_yet(
            "old_ttl",
            name,
            "%s: since when the TTL is low is not known, so it counts from now on" % message,
            until,
            hint,
        )
    left = max(
        (
            int(item.get("ttl") or 0)
            for item in view.get("resolvers") or []
            if item.get("status") == "ok"
        ),
        default=0,
    )
    if left > low:
        until = iso(world.now + datetime.timedelta(seconds=left))
        return not_yet(
            "old_ttl", name, "a resolver holds the old records for another %d s" % left, until
        )
    return holds("ttl", name)


def low_since_now(world: World) -> list[str]:
    """Return domains with a low TTL of unknown age, which counts from this look.

    It was lowered by hand, or by a run that was killed.
    """
    fresh = []
    for name in world.covered():
        present, old, low = (
            int((world.dns.get(name) or {}).get("ttl_max") or 0),
            world.old_ttl(name) or 0,
            _low(world, name),
        )
        if (
            0 < present <= low < old
            and _lowered_at(world, name) is None
            and not world.is_switched(name)
        ):
            fresh.append(name)
    return fresh


def _low(world: World, name: str) -> int:
    provider = world.dns_provider.get(name) or {}
    return max(
        int(world.settings.mx_ttl),
        int(provider.get("min_ttl") or 0),
        300 if provider.get("auto_ttl") else 0,
    )


def _lowered_at(world: World, name: str) -> datetime.datetime | None:
    """Return when the set got its low TTL, by the time line or the provider's date."""
    provider = world.dns_provider.get(name) or {}
    events = world.timeline.of(domain=name)
    # A way back has raised it again: what was lowered before that says nothing.
    restored = max(
        (place for place, event in enumerate(events) if event.event == MX_RESTORED),
        default=-1,
    )
    moments = [event.moment for event in events[restored + 1 :] if event.event == TTL_LOWERED]
    known = [
        moment
        for moment in [*moments, parse_time(provider.get("modified_on"))]
        if moment is not None
    ]
    return max(known) if known else None
