# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Gates on the way that mail will take: the new MX hosts, the zone's servers, and DNS shapes."""

from __future__ import annotations

import typing as t

from ..._engine.values import host_name
from ..._facts.dns_hosts import describe
from ..._facts.smtp_replies import ACCEPTED, OK, REFUSED, WRONG
from ..model.gate import GateResult, cannot, holds, not_yet, noticed
from ..model.registry import Asked, register
from ..model.world import World

register(
    "new_mx_hosts",
    Asked(
        "switch",
        looks_at=(
            "each new MX host offers STARTTLS and has a certificate for its name, at every "
            "address that answers"
        ),
        otherwise=(
            "not yet where it could not be asked: is port 25 open from there? `area1_probe_host` "
            "looks from elsewhere; cannot where it answers wrongly"
        ),
        acknowledge="yes",
        object="a host",
    ),
    Asked(
        "switch_domain",
        looks_at="the new MX hosts that answer take a recipient of it",
        otherwise="cannot where they refuse it for good, not yet where it is not clear",
        acknowledge="yes",
        object="a domain",
    ),
    needs=("smtp",),
)

register(
    "zone_control",
    Asked(
        "switch_domain",
        looks_at=(
            "the delegation (by the parent's word, else the zone's own) names only name servers "
            "of the DNS provider, where both are known"
        ),
        otherwise="cannot: the records that are changed are not the ones that the world asks for",
        acknowledge="yes: secondaries of another kind",
    ),
    needs=(
        "dns_details",
        "dns_provider",
    ),
)

register(
    "tls_reporting",
    Asked(
        "switch_domain",
        looks_at="the domain's TLS reporting record",
        otherwise="a notice",
    ),
    needs=(
        "dns_texts",
        "mta_sts",
    ),
)

register(
    "dane",
    Asked(
        "switch_domain",
        looks_at="TLSA records of the hosts in place",
        otherwise="a notice: senders that obey DANE go by those of the new hosts",
    ),
    needs=(
        "dns",
        "dns_details",
        "mail_hosts",
    ),
)

NEW_HOSTS = "new_mx_hosts"


def new_hosts(world: World) -> list[str]:
    return [item.host for item in world.settings.mx_records]


def new_mx_hosts(world: World) -> list[GateResult]:
    """Check that each new MX host takes mail with TLS and a certificate for its name.

    A host that could not be tested does not count as good.
    """
    seen = world.smtp.get("hosts") or {}
    results = []
    for host in new_hosts(world):
        view = seen.get(host)
        if view is None:
            results.append(
                not_yet(
                    NEW_HOSTS,
                    host,
                    "this new MX host has not been asked yet",
                    hint="It is asked when all else holds.",
                )
            )
        elif view["status"] == WRONG:
            results.append(
                cannot(
                    NEW_HOSTS,
                    host,
                    "this new MX host does not answer as it must: %s" % view["problem"],
                    _correct(host),
                )
            )
        elif view["status"] != OK:
            where = (view.get("looked_from") or {}).get("host") or "this machine"
            message = "this new MX host could not be asked from %s: %s" % (where, view["problem"])
            hint = (
                "Is port 25 open from there? Name a host in area1_probe_host that can reach it, or"
                " put %s:%s into area1_acknowledge." % (NEW_HOSTS, host)
            )
            results.append(not_yet(NEW_HOSTS, host, message, hint=hint))
    return results or [holds(NEW_HOSTS, "", "%d hosts answer with TLS" % len(new_hosts(world)))]


def _correct(host: str) -> str:
    return (
        "Are area1_location or area1_mx_records what the Cloudflare dashboard shows? Correct them,"
        " or put %s:%s into area1_acknowledge." % (NEW_HOSTS, host)
    )


def new_mx_recipient(world: World, name: str) -> GateResult:
    """Check that the new MX hosts that answer take mail for this domain.

    A host that does not answer is the matter of its own gate.
    """
    seen = world.smtp.get("hosts") or {}
    answers = {
        host: view["recipients"].get(name)
        for host, view in seen.items()
        if host in new_hosts(world) and view["status"] == OK
    }
    refused = [
        "%s: %s %s" % (host, item["code"], item["text"])
        for host, item in answers.items()
        if item and item["verdict"] == REFUSED
    ]
    if refused:
        return cannot(
            NEW_HOSTS,
            name,
            "the new MX hosts refuse its mail (%s)" % "; ".join(refused),
            "Is it active in Email Security under this account? Or put %s:%s into"
            " area1_acknowledge." % (NEW_HOSTS, name),
        )
    open_ones = [
        "%s: %s" % (host, (item or {}).get("text") or "not asked")
        for host, item in answers.items()
        if not item or item["verdict"] != ACCEPTED
    ]
    if open_ones:
        hint = (
            "Give a mailbox that exists in area1_canary_recipient, run again, or put %s:%s into"
            " area1_acknowledge." % (NEW_HOSTS, name)
        )
        return not_yet(
            NEW_HOSTS,
            name,
            "it is not clear whether the new MX hosts take its mail (%s)" % "; ".join(open_ones),
            hint=hint,
        )
    return holds(NEW_HOSTS, name)


def zone_control(world: World, name: str) -> GateResult:
    """Check that the delegation names the provider's servers and no others.

    Otherwise the records that are changed are not those that the world asks for [CUT-15].
    """
    delegation = _details(world, name).get("delegation") or {}
    provider = {
        host_name(host) for host in (world.dns_provider.get(name) or {}).get("name_servers") or ()
    }
    delegated = {
        host_name(host) for host in delegation.get("parent") or delegation.get("zone_servers") or ()
    }
    if not provider or not delegated:
        return holds("zone_control", name)
    foreign = sorted(delegated - provider)
    if not foreign:
        return holds("zone_control", name)
    whose = "none of them is" if not delegated & provider else "not all of them are"
    return cannot(
        "zone_control",
        name,
        "it is delegated to %s; %s of its DNS provider (%s)"
        % (describe(delegated), whose, ", ".join(sorted(provider))),
        "Name the dns_provider that serves it, or correct the delegation. Servers that copy the"
        " zone: put zone_control:%s into area1_acknowledge." % name,
    )


def shapes(world: World, name: str) -> list[GateResult]:
    """Report odd shapes that are no reason to stop, so that they surprise nobody [CUT-17]."""
    view = world.dns.get(name) or {}
    results = []
    if view.get("wildcard"):
        results.append(
            noticed(
                "dns_shape",
                name,
                "its MX records come from a wildcard above it; it gets records of its own",
            )
        )
    if view.get("implicit_mx"):
        results.append(
            noticed(
                "dns_shape",
                name,
                "it has no MX record: senders use its address record until it gets one",
            )
        )
    outside = world.hosts_below(name)
    if outside:
        results.append(
            noticed(
                "dns_shape",
                name,
                "a wildcard gives every name below it the MX %s; mail for those does not come by"
                " Area 1" % ", ".join(outside),
            )
        )
    results += [
        noticed(
            "dns_shape",
            other,
            "this accepted domain below %s has MX records of its own, which do not move with it"
            % name,
        )
        for other in sorted(world.accepted())
        if other.endswith("." + name)
        and other not in world.covered()
        and ((world.dns.get(other) or {}).get("records"))
    ]
    return results


def dane(world: World, name: str) -> list[GateResult]:
    """Report a domain that loses DANE, because the new hosts have no TLSA with DNSSEC [CUT-21]."""
    hosts = world.mail_hosts
    old = [host_name(item["host"]) for item in (world.dns.get(name) or {}).get("records") or []]
    had = _details(world, name).get("secure") and any(_bound(hosts.get(host)) for host in old)
    lacking = [host for host in new_hosts(world) if host in hosts and not _bound(hosts[host])]
    if had and lacking:
        message = (
            "senders that use DANE bind its mail to TLS today; the new hosts %s have no TLSA record"
            " that DNSSEC vouches for" % ", ".join(lacking)
        )
        return [noticed("dane", name, message)]
    return []


def unsigned_tlsa(world: World) -> list[GateResult]:
    hosts = world.mail_hosts
    loose = [
        host
        for host in new_hosts(world)
        if (hosts.get(host) or {}).get("tlsa") and not hosts[host].get("secure")
    ]
    return [
        noticed(
            "dane",
            host,
            "this new MX host has TLSA records that no DNSSEC vouches for; senders pass over them",
        )
        for host in loose
    ]


def _bound(host: t.Mapping[str, t.Any] | None) -> bool:
    return bool(host and host.get("tlsa") and host.get("secure"))


def tlsrpt(world: World, name: str) -> list[GateResult]:
    """Report MTA-STS without TLS reports, which would tell of waiting mail [CUT-20]."""
    records = (world.mta_sts.get(name) or {}).get("records")
    texts = (world.dns_texts.get(name) or {}).get("texts") or {}
    if records and not any(
        text.lower().startswith("v=tlsrptv1") for text in texts.get("_smtp._tls." + name) or []
    ):
        return [
            noticed(
                "tls_reporting",
                name,
                "it has MTA-STS but asks for no reports (TXT at _smtp._tls): nobody would hear of"
                " mail that waits",
            )
        ]
    return []


def _details(world: World, name: str) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", world.dns_details.get(name) or {})
