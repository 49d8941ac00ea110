# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Validate what a deployment is given, as a whole, before anything is read or written."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..._engine.errors import InputError
from ..._engine.host_names import parse_host_name
from ..._engine.values import as_list, boolean
from ..._facts import (
    connector_names as names,
    dispositions,
    egress_networks as networks,
    mail_hosts,
    use_cases,
)
from . import change_window as window, custom_use_case as own_use_case
from .settings import DomainSettings, MxRecord, Settings

DOMAIN_KEYS = tuple(field.name for field in dataclasses.fields(DomainSettings))
HEADER = re.compile(r"^[!-9;-~]{1,64}$")


def normalise(raw: t.Mapping[str, t.Any]) -> Settings:
    """Return the checked settings; raise InputError for the first that cannot be right."""
    location = raw.get("location") or ""
    networks_given = raw.get("egress_networks") or networks.PUBLISHED
    split = networks.for_exchange(networks_given)
    settings = Settings(
        domains=domains(raw.get("domains")),
        location=location,
        mx_records=mx_records(raw),
        regions=tuple(
            mail_hosts.regions_for(location or None, as_list(raw.get("regions")) or None)
        ),
        mx_ttl=_between("mx_ttl", raw.get("mx_ttl", Settings.mx_ttl), 30, 86400),
        mx_final_ttl=_between("mx_final_ttl", raw.get("mx_final_ttl") or 0, 0, 604800),
        egress=tuple(split.entries),
        egress_dropped=tuple(split.dropped),
        egress_split=tuple(split.split),
        egress_superset=networks.is_superset(networks_given, networks.PUBLISHED),
        connector_name=raw.get("connector_name") or names.CONNECTOR_NAME,
        connector_comment=names.CONNECTOR_COMMENT,
        lockdown_connector_name=raw.get("lockdown_connector_name") or names.LOCKDOWN_NAME,
        lockdown_comment=names.LOCKDOWN_COMMENT,
        allow_list=raw.get("allow_list") or Settings.allow_list,
        **_handling(raw),
        **_how_far(raw),
    )
    _refuse_contradictions(settings)
    _refuse_circles(settings)
    return settings


def _how_far(raw: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Read how far and when the deployment may go."""
    hours = raw.get("lockdown_soak_hours", Settings.soak_hours)
    minutes = raw.get("settle_minutes", Settings.settle_minutes)
    exempt = as_list(raw.get("lockdown_exempt_domains"))
    return {
        "lockdown": bool(raw.get("lockdown", Settings.lockdown)),
        "soak_hours": _between("lockdown_soak_hours", hours, 0, 24 * 365),
        "lockdown_scope": raw.get("lockdown_scope") or Settings.lockdown_scope,
        "exempt_domains": tuple(
            parse_host_name(name, "area1_lockdown_exempt_domains", "domain name").canonical
            for name in exempt
        ),
        "settle_minutes": _between("settle_minutes", minutes, 0, 24 * 60),
        "max_switches": _between("max_switches", raw.get("max_switches", 0), 0, 1000000),
        "change_window": window.parse(raw.get("change_window")),
        "canary_recipient": str(raw.get("canary_recipient") or "").strip(),
        "acknowledge": tuple(str(item) for item in as_list(raw.get("acknowledge"))),
    }


def _refuse_contradictions(settings: Settings) -> None:
    if settings.connector_name.lower() == settings.lockdown_connector_name.lower():
        raise InputError(
            "area1_connector_name and area1_lockdown_connector_name are both %r."
            % settings.connector_name,
            "They are two connectors: give two names.",
        )
    if settings.exempt_domains and settings.lockdown_scope != "covered":
        raise InputError(
            "area1_lockdown_exempt_domains needs area1_lockdown_scope: covered.",
            "With scope all no recipient is exempt.",
        )


def _handling(raw: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Read the use case, with SPOOF handled as wanted."""
    case = own_use_case.chosen(raw.get("use_case"), raw.get("use_case_variant") or "current")
    case = use_cases.with_spoof(case, raw.get("spoof_handling") or None)
    headers = dict.fromkeys(str(name).strip() for name in as_list(raw.get("disposition_header")))
    wrong = [name for name in headers if not HEADER.match(name)]
    if wrong:
        raise InputError(
            "area1_disposition_header: %r is not the name of a header." % wrong[0],
            "Give a name like %s." % dispositions.DISPOSITION_HEADER,
        )
    return {
        "use_case": case.to_data(),
        "dispositions": tuple(sorted(case.area1)),
        "disposition_headers": tuple(headers) or (dispositions.DISPOSITION_HEADER,),
        "rule_match_sender_ip": raw.get("rule_match_sender_ip") is not False,
        "content_filter_scope": raw.get("content_filter_scope") or Settings.content_filter_scope,
    }


def _refuse_circles(settings: Settings) -> None:
    """Refuse forwarding hosts that would send mail in a circle.

    What a person gave is known before anything is read; the gate looks at what is in place.
    """
    gateways = {item.host for item in settings.mx_records}
    for entry in settings.domains:
        host = entry.forward_to
        if host and (host in gateways or host == entry.name or mail_hosts.is_area1_host(host)):
            raise InputError(
                "area1_domains: forward_to %s of %s would send its mail in a circle: it is %s."
                % (
                    host,
                    entry.name,
                    "the domain itself" if host == entry.name else "a host of Area 1",
                ),
                "Give the host at which Microsoft 365 takes the domain's mail, or leave forward_to"
                " out.",
            )


def domains(given: t.Any) -> tuple[DomainSettings, ...]:
    """Read names or maps; refuse duplicates, unknown keys and what is no domain name."""
    found: dict[str, DomainSettings] = {}
    for item in as_list(given):
        entry = _domain(dict(item) if isinstance(item, t.Mapping) else {"name": item})
        if entry.name in found:
            raise InputError("area1_domains names %s twice." % entry.name, "Name each domain once.")
        found[entry.name] = entry
    if not found:
        raise InputError(
            "area1_domains is empty.", "Name the domains whose mail goes through Area 1."
        )
    return tuple(found.values())


def _domain(entry: t.Mapping[str, t.Any]) -> DomainSettings:
    unknown = sorted(set(entry) - set(DOMAIN_KEYS))
    if unknown:
        raise InputError(
            "area1_domains: unknown keys %s." % ", ".join(unknown),
            "Known are %s." % ", ".join(DOMAIN_KEYS),
        )
    name = parse_host_name(entry.get("name"), "area1_domains", "domain name").canonical
    dispositions_given = entry.get("drop_dispositions")
    return DomainSettings(
        name,
        forward_to=_forward_to(name, entry.get("forward_to")),
        dns_provider=str(entry.get("dns_provider") or ""),
        dns_account=str(entry.get("dns_account") or ""),
        canary=_flag(name, entry, "canary"),
        regions=tuple(map(str, as_list(entry.get("regions")))) or None,
        drop_dispositions=(
            None
            if dispositions_given in (None, "")
            else tuple(_own_dispositions(name, dispositions_given))
        ),
        mta_sts_id=_flag(name, entry, "mta_sts_id"),
    )


def _forward_to(name: str, given: t.Any) -> str:
    if not given:
        return ""
    return parse_host_name(given, "area1_domains: forward_to of %s" % name, "host name").canonical


def _own_dispositions(name: str, given: t.Any) -> list[str]:
    """Return what Area 1 holds back of this domain's mail, instead of what the use case says."""
    try:
        return dispositions.check_dispositions(as_list(given))
    except InputError as exc:
        raise InputError(
            "area1_domains: drop_dispositions of %s: %s" % (name, exc.message), exc.hint
        ) from None


def _flag(name: str, entry: t.Mapping[str, t.Any], key: str) -> bool:
    """Return a boolean of a domain's map, which may also be given as text."""
    value = entry.get(key)
    if value in (None, ""):
        return False
    found = boolean(value)
    if found is None:
        found = {"yes": True, "on": True, "1": True, "no": False, "off": False, "0": False}.get(
            str(value).strip().lower()
        )
    if found is None:
        raise InputError(
            "area1_domains: %s of %s is %r." % (key, name, value), "Give true or false."
        )
    return found


def mx_records(raw: t.Mapping[str, t.Any]) -> tuple[MxRecord, ...]:
    """Return the given MX records, else those of the location."""
    given = as_list(raw.get("mx_records"))
    if not given:
        if not raw.get("location"):
            raise InputError(
                "Neither area1_location nor area1_mx_records is given.",
                "Choose a location (%s) or give the MX records that the Cloudflare dashboard shows."
                % ", ".join(mail_hosts.LOCATIONS),
            )
        return tuple(MxRecord(**item) for item in mail_hosts.records_for(raw["location"]))
    found = []
    for item in given:
        if not isinstance(item, t.Mapping) or set(item) != {"priority", "host"}:
            raise InputError(
                "area1_mx_records: %r is not {priority, host}." % (item,),
                "Give a list like [{priority: 10, host: mx.example.net}].",
            )
        host = _mail_host(item["host"])
        found.append(MxRecord(_between("priority", item["priority"], 0, 65535), host))
    if len({item.host for item in found}) != len(found):
        raise InputError("area1_mx_records names a host twice.", "Name each host once.")
    return tuple(found)


def _mail_host(value: t.Any) -> str:
    """Read one wanted MX host; refuse an address and every host at which Microsoft takes mail."""
    host = parse_host_name(value, "area1_mx_records", "host name").canonical
    if mail_hosts.is_microsoft_host(host):
        raise InputError(
            "area1_mx_records: %s is where Microsoft 365 itself takes mail." % host,
            "Name hosts of Area 1 only. Mail that a sender delivers there goes past Area 1, and the"
            " lock-down refuses it.",
        )
    return host


def _between(name: str, value: t.Any, low: int, high: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise InputError(
            "area1_%s: %r is not a whole number." % (name, value),
            "Give a number from %d to %d." % (low, high),
        ) from None
    if not low <= number <= high:
        raise InputError(
            "area1_%s: %d is out of range." % (name, number),
            "Give a number from %d to %d." % (low, high),
        )
    return number
