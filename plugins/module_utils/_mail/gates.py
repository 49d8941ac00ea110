# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The gates before each phase: pure functions of the observation and the settings, each with its own message."""

from __future__ import annotations

import datetime
import typing as t

from .._engine.values import as_list, boolean, ip_span, sender_domain
from .gate import GateResult, cannot, holds, not_yet, noticed
from .world import World, iso, parse_time

MAX_ALLOW_LIST = 1273


def accepted_domains(world: World) -> list[GateResult]:
    accepted = world.accepted()
    missing = [name for name in world.covered() if name not in accepted]
    known = ", ".join(sorted(name for name in accepted if not name.endswith(".onmicrosoft.com")))
    results = [
        cannot(
            "accepted_domains",
            name,
            "it is not an accepted domain of this tenant",
            "Accepted are: %s. Correct area1_domains." % known,
        )
        for name in missing
    ]
    return results or [
        holds("accepted_domains", "", "%d of %d accepted domains are covered" % (len(world.covered()), len(accepted)))
    ]


def permissions(world: World) -> list[GateResult]:
    """What the service reveals beforehand. A permission that it does not reveal shows at the first refused write."""
    missing = (world.section("permissions", {}) or {}).get("missing") or []
    if missing:
        hint = (
            "Give the application's service principal the role Exchange Administrator (or a role group with these cmdlets)."
            " A new role takes up to two hours to act."
        )
        return [cannot("permissions", "Exchange Online", "the application may not run %s" % ", ".join(missing), hint)]
    return [holds("permissions", "Exchange Online")]


def customization(world: World) -> list[GateResult]:
    dehydrated = any(boolean(item.get("IsDehydrated")) for item in world.section("organization"))
    if dehydrated:
        return [
            not_yet(
                "customization",
                "organization",
                "the organization is not customized yet; this may take up to 24 hours",
                hint="Run again later.",
            )
        ]
    return [holds("customization", "organization")]


def egress_networks(world: World) -> list[GateResult]:
    if not world.settings["egress_superset"]:
        return [
            cannot(
                "egress_networks",
                "",
                "area1_egress_networks leaves out networks that Cloudflare publishes: mail from there would be refused",
                "Add them, or put egress_networks into area1_acknowledge.",
            )
        ]
    return [holds("egress_networks", "", "%d entries for Exchange" % len(world.settings["egress"]))]


def allow_list_capacity(world: World) -> list[GateResult]:
    if world.settings["allow_list"] == "skip":
        return [holds("allow_list_capacity", "", "the allow list is not managed (area1_allow_list: skip)")]
    present = {_span(value) for value in as_list(world.connection_filter().get("IPAllowList"))}
    count = len(present | {_span(value) for value in world.settings["egress"]})
    if count > MAX_ALLOW_LIST:
        hint = "Remove entries that are not needed any more, or set area1_allow_list: skip."
        return [
            cannot(
                "allow_list_capacity",
                "",
                "the IP allow list would have %d entries; Exchange takes %d" % (count, MAX_ALLOW_LIST),
                hint,
            )
        ]
    flagged = "checks of CIS, CISA and ORCA flag a list that is not empty; area1_allow_list: skip leaves it alone"
    return [noticed("allow_list_capacity", "IP allow list", flagged)]


def _span(value: t.Any) -> t.Any:
    try:
        return ip_span(value)
    except Exception:  # a spelling of the service that we do not know is one entry
        return str(value)


def _overlap(left: t.Iterable[t.Any], right: t.Iterable[t.Any]) -> bool:
    spans = [span for span in map(_span, right) if isinstance(span, tuple)]
    for span in map(_span, left):
        if isinstance(span, tuple) and any(
            span[0] == other[0] and span[1] <= other[2] and other[1] <= span[2] for other in spans
        ):
            return True
    return False


def _foreign(world: World) -> list[dict[str, t.Any]]:
    ours = {world.settings["connector_name"].lower(), world.settings["lockdown_connector_name"].lower()}
    return [
        item
        for item in world.section("inbound_connectors")
        if str(item.get("Name", "")).lower() not in ours and boolean(item.get("Enabled")) is not False
    ]


def foreign_connector(world: World) -> list[GateResult]:
    """Another connector that claims addresses of Area 1 would be chosen in place of ours: attribution is by address first."""
    results = []
    for item in _foreign(world):
        if _overlap(as_list(item.get("SenderIPAddresses")), world.settings["egress"]):
            restricts = boolean(item.get("RestrictDomainsToIPAddresses"))
            variable = "area1_lockdown_connector_name" if restricts else "area1_connector_name"
            results.append(
                cannot(
                    "foreign_connector",
                    str(item.get("Name")),
                    "this connector already claims addresses of Area 1",
                    "Adopt it with %s: %s, or remove the addresses from it." % (variable, item.get("Name")),
                )
            )
    return results or [holds("foreign_connector")]


def restricting_connector(world: World) -> list[GateResult]:
    """A former gateway's lock-down would refuse Area 1 from the moment of the switch."""
    results = []
    for item in _foreign(world):
        by_address = boolean(item.get("RestrictDomainsToIPAddresses")) is True
        by_certificate = boolean(item.get("RestrictDomainsToCertificate")) is True
        if not (by_address or by_certificate) or "*" not in {
            sender_domain(value) for value in as_list(item.get("SenderDomains"))
        }:
            continue
        present = {_span(value) for value in as_list(item.get("SenderIPAddresses"))}
        if by_certificate or not {_span(value) for value in world.settings["egress"]} <= present:
            results.append(
                cannot(
                    "restricting_connector",
                    str(item.get("Name")),
                    "this connector refuses mail of every sender domain that does not come from its own list, Area 1 included",
                    'Disable it before the switch: Set-InboundConnector -Identity "%s" -Enabled $false'
                    % item.get("Name"),
                )
            )
    return results or [holds("restricting_connector")]


def settled(world: World) -> list[GateResult]:
    """Connector and allow list are as wanted, and were changed long enough ago: Exchange takes minutes to an hour to act on them."""
    wait = datetime.timedelta(minutes=world.settings["settle_minutes"])
    connector = world.connector(world.settings["connector_name"])
    if connector is None:
        return [
            not_yet(
                "settled",
                world.settings["connector_name"],
                "the connector does not exist yet",
                hint="It is made by the section enhanced_filtering.",
            )
        ]
    problems = connector_problems(world, connector)
    if problems:
        return [
            not_yet(
                "settled",
                world.settings["connector_name"],
                "; ".join(problems),
                hint="Run the section enhanced_filtering first.",
            )
        ]
    objects = [("connector %s" % connector.get("Name"), connector)]
    if world.settings["allow_list"] == "manage":
        policy = world.connection_filter()
        missing = {_span(value) for value in world.settings["egress"]} - {
            _span(value) for value in as_list(policy.get("IPAllowList"))
        }
        if missing:
            return [
                not_yet(
                    "settled",
                    "connection filter",
                    "%d egress networks are missing in the allow list" % len(missing),
                    hint="Run the section connection_filter first.",
                )
            ]
        objects.append(("connection filter", policy))
    results = []
    for label, item in objects:
        changed = parse_time(item.get("WhenChangedUTC") or item.get("WhenChanged"))
        if changed is not None and changed + wait > world.now:
            results.append(
                not_yet(
                    "settled",
                    label,
                    "changed %s; Exchange is given %d minutes to act on it"
                    % (iso(changed), world.settings["settle_minutes"]),
                    iso(changed + wait),
                )
            )
    return results or [holds("settled")]


def connector_problems(world: World, connector: t.Mapping[str, t.Any]) -> list[str]:
    """Why mail from Area 1 would not be recognised by this connector; empty when it would."""
    problems = []
    if boolean(connector.get("Enabled")) is not True:
        problems.append("the connector is off")
    present = {_span(value) for value in as_list(connector.get("SenderIPAddresses"))}
    missing = [value for value in world.settings["egress"] if _span(value) not in present]
    if missing:
        problems.append("%d egress networks are missing in it" % len(missing))
    if boolean(connector.get("EFSkipLastIP")) is not True:
        problems.append("enhanced filtering does not skip the last address")
    if as_list(connector.get("EFUsers")):
        problems.append("enhanced filtering is limited to %d users" % len(as_list(connector.get("EFUsers"))))
    return problems


def domain_ready(world: World, name: str) -> GateResult:
    found = world.section("email_security", {}).get(name)
    if found is None:
        return not_yet(
            "area1_domain", name, "Email Security does not have it yet", hint="Run the section area1_domains first."
        )
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


def domain_type(world: World, name: str) -> GateResult:
    record = world.accepted().get(name) or {}
    kind = str(record.get("DomainType") or "Authoritative")
    if kind.lower() != "authoritative":
        return cannot(
            "domain_type",
            name,
            "it is %s: mail for unknown recipients leaves Microsoft 365 by MX, which would be Area 1, in a circle"
            % kind,
            "Give it a connector to its next host, then put domain_type:%s into area1_acknowledge." % name,
        )
    return holds("domain_type", name)


def authoritative_agreement(world: World, name: str) -> GateResult:
    view = world.section("dns").get(name) or {}
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
            "no name server of it could be found%s" % (": %s" % view["error"] if view.get("error") else ""),
            hint="Is the domain delegated?",
        )
    if failing:
        return not_yet(
            "name_server",
            name,
            "not every name server answers: %s" % "; ".join(failing),
            hint="It is asked again by the next run.",
        )
    if not view.get("agree"):
        return not_yet(
            "name_servers_agree",
            name,
            "its name servers answer different MX records",
            hint="A secondary may lag; it is asked again by the next run.",
        )
    return holds("name_servers_agree", name)


def odd_shape(world: World, name: str) -> GateResult:
    view = world.section("dns").get(name) or {}
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
    """The TTL is low at every name server, and caches that took the old one have run out."""
    view = world.section("dns").get(name) or {}
    provider = world.section("dns_provider", {}).get(name) or {}
    low = max(int(world.settings["mx_ttl"]), int(provider.get("min_ttl") or 0), 300 if provider.get("auto_ttl") else 0)
    present = int(view.get("ttl_max") or 0)
    if present > low:
        return not_yet(
            "ttl",
            name,
            "the TTL of its MX records is %d s, not %d s yet" % (present, low),
            hint="It is lowered by the MX section.",
        )
    old = world.old_ttl(name)
    lowered = _lowered_at(world, name, provider)
    if old is not None and old > low and lowered is not None and lowered + datetime.timedelta(seconds=old) > world.now:
        until = iso(lowered + datetime.timedelta(seconds=old))
        return not_yet("old_ttl", name, "caches may hold the old records (TTL %d s) until %s" % (old, until), until)
    left = max(
        (int(item.get("ttl") or 0) for item in view.get("resolvers") or [] if item.get("status") == "ok"), default=0
    )
    if left > low:
        until = iso(world.now + datetime.timedelta(seconds=left))
        return not_yet("old_ttl", name, "a resolver holds the old records for another %d s" % left, until)
    return holds("ttl", name)


def _lowered_at(world: World, name: str, provider: t.Mapping[str, t.Any]) -> datetime.datetime | None:
    """When the set got its low TTL: from the durable time line, and from providers that say when a record changed."""
    events = [
        event
        for event in world.section("timeline", []) or []
        if event.get("domain") == name and event.get("event") == "ttl_lowered"
    ]
    moments = [parse_time(event.get("at")) for event in events] + [parse_time(provider.get("modified_on"))]
    known = [moment for moment in moments if moment is not None]
    return max(known) if known else None


def baseline(world: World) -> list[GateResult]:
    """Without the state before us there is no exact way back; traces of ours without a baseline mean that it was lost."""
    state = world.section("baseline_state", {}) or {}
    if state.get("status") == "lost":
        return [
            cannot(
                "baseline",
                "",
                "this tenant carries traces of an earlier deployment (%s), but no baseline was found in %s"
                % (", ".join(state.get("traces", [])), state.get("directory")),
                "Give the directory in area1_snapshot_dir or the baseline in area1_baseline; or put baseline into area1_acknowledge"
                " to take today's state as the baseline.",
            )
        ]
    if state.get("status") == "throw_away":
        return [
            cannot(
                "durable_snapshots",
                "",
                "this runner looks as if it were thrown away after the job (%s), and the baseline with it"
                % state.get("runner"),
                "Set area1_snapshot_durable: true if %s outlives the job, give area1_baseline, or put durable_snapshots into area1_acknowledge."
                % state.get("directory"),
            )
        ]
    return [holds("baseline", "", state.get("message", ""))]
