# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Made-up worlds for the gates: a tenant with two domains, and the ways in which it can be wrong.

Every part starts from what the real readers gave for a world of the lab (tests/data/observations),
so that its shape is theirs; values that a test is about are replaced.
"""

from __future__ import annotations

import datetime
import pickle
from collections.abc import Sequence
from typing import Any

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.handling import (
    objects as handling,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.lockdown import (
    stamp as stamp_module,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model import (
    settings,
    settings_input,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.gate import GateResult
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._engine.timestamps import iso
from tests.support.observations import part

NOW = datetime.datetime(2026, 11, 23, 20, tzinfo=datetime.timezone.utc)
TENANT = "11111111-2222-3333-4444-555555555555"
ONE, TWO = "northwind.example", "nw-labs.example"
INITIAL, ROUTING = "northwind.onmicrosoft.com", "northwind.mail.onmicrosoft.com"
CONNECTOR, LOCKDOWN = "Area 1 Inbound Connector", "Secure O365 Inbound"
OLD = {
    ONE: [(0, "northwind-example.mail.protection.outlook.com")],
    TWO: [(0, "nwlabs-example.mail.protection.outlook.com")],
}
NEW = [
    (5, "mailstream-eu1.mxrecord.io"),
    (10, "mailstream-central.mxrecord.mx"),
    (20, "mailstream-east.mxrecord.io"),
    (20, "mailstream-west.mxrecord.io"),
]
SERVERS = ("ns1.example", "ns2.example")
Pairs = Sequence[tuple[int, str]]


def ago(**span: float) -> str:
    return iso(NOW - datetime.timedelta(**span))


def ahead(**span: float) -> str:
    return iso(NOW + datetime.timedelta(**span))


def wanted(**options: Any) -> settings.Settings:
    return settings_input.normalise({"domains": [ONE, TWO], "location": "eu", **options})


def records(pairs: Pairs) -> list[dict[str, Any]]:
    return [{"priority": priority, "host": host} for priority, host in pairs]


def view(
    pairs: Pairs, ttl: int = 300, resolver: Pairs | None = None, resolver_ttl: int = 60
) -> dict[str, Any]:
    """What two name servers and one resolver answer, as the DNS package returns it."""
    read = part("fresh", "dns", ONE)
    servers = [
        {
            **read["name_servers"][0],
            "name": name,
            "address": "192.0.2.53",
            "status": "ok",
            "ttl": ttl,
            "serial": 1,
            "records": records(pairs),
        }
        for name in SERVERS
    ]
    cached = {
        **read["resolvers"][0],
        "address": "9.9.9.9",
        "status": "ok",
        "ttl": resolver_ttl,
        "records": records(pairs if resolver is None else resolver),
    }
    return {
        **read,
        "name_servers": servers,
        "resolvers": [cached],
        "agree": True,
        "complete": True,
        "records": records(pairs),
        "ttl_max": ttl,
        "cname": None,
        "null_mx": False,
        "error": None,
    }


def accepted(name: str, **fields: Any) -> dict[str, Any]:
    """Return an accepted domain as Exchange Online has it."""
    read = _named(part("fresh", "accepted_domains"), ONE)
    own = dict.fromkeys(("Name", "Identity", "Id", "DomainName"), name)
    return {**read, "Default": False, **own, **fields}


def _named(items: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(item for item in items if item["Name"] == name)


def connector(egress: Sequence[str], **fields: Any) -> dict[str, Any]:
    return {
        **_named(part("locked_year_ago", "inbound_connectors"), CONNECTOR),
        "Name": CONNECTOR,
        "Identity": CONNECTOR,
        "Enabled": True,
        "ConnectorType": "Partner",
        "SenderDomains": ["smtp:*;1"],
        "SenderIPAddresses": list(egress),
        "RestrictDomainsToIPAddresses": False,
        "RestrictDomainsToCertificate": False,
        "TlsSenderCertificateName": None,
        "AssociatedAcceptedDomains": [],
        "EFSkipLastIP": True,
        "EFSkipIPs": [],
        "EFTestMode": False,
        "EFUsers": [],
        "Comment": "Inbound connector for Enhanced Filtering",
        "WhenCreatedUTC": ago(days=2),
        "WhenChangedUTC": ago(days=2),
        **fields,
    }


def protected(name: str, **fields: Any) -> dict[str, Any]:
    """Return a domain as Email Security has it once it is set up for MX.

    Without a date of its last change, which is optional in the API: a test that needs one gives it.
    """
    read = part("locked_year_ago", "email_security", ONE)
    del read["modified_at"], read["last_modified"]
    return {
        **read,
        "domain": name,
        "transport": OLD[name][0][1],
        "allowed_delivery_modes": ["DIRECT"],
        "ip_restrictions": [],
        "drop_dispositions": ["MALICIOUS", "SPAM", "SPOOF"],
        "regions": list(wanted().regions),
        "readiness": {**read["readiness"], "status": "ready", "message": "Active."},
        **fields,
    }


def details(**fields: Any) -> dict[str, Any]:
    """What area1_mx_info says of a domain that has nothing odd."""
    servers = list(SERVERS)
    return {
        **part("fresh", "dns_details", ONE),
        "delegation": {"zone": ONE, "parent": servers, "zone_servers": servers, "error": ""},
        "below": [],
        "secure": False,
        **fields,
    }


def sts(**fields: Any) -> dict[str, Any]:
    """What area1_mx_info says of MTA-STS where there is none."""
    return {**part("fresh", "mta_sts", ONE), **fields}


def mail_host(name: str, **fields: Any) -> dict[str, Any]:
    """What area1_mx_info says of a mail host."""
    read = part("fresh", "mail_hosts", NEW[0][1])
    return {**read, "name": name, "addresses": ["192.0.2.25"], **fields}


def answering(names: Sequence[str], **fields: Any) -> dict[str, Any]:
    """What mail_flow_probe says of a new MX host that is as it should be."""
    read = part("locked_year_ago", "smtp", "hosts", NEW[0][1])
    good = {
        **read["recipients"][ONE],
        "verdict": "accepted",
        "code": 250,
        "enhanced": "2.1.5",
        "text": "2.1.5 ok",
    }
    return {**read, "addresses": [], "recipients": dict.fromkeys(names, good), **fields}


def stamped(
    chosen: settings.Settings, staged: datetime.datetime, due: datetime.datetime, **fields: Any
) -> dict[str, Any]:
    """The lock-down connector as staging leaves it."""
    names = chosen.names
    stamp = stamp_module.Stamp(staged, due, len(names), stamp_module.digest(TENANT, names, staged))
    given = {
        "Name": LOCKDOWN,
        "Identity": LOCKDOWN,
        "Enabled": False,
        "RestrictDomainsToIPAddresses": True,
        "Comment": stamp.comment(chosen.lockdown_comment),
        "WhenCreatedUTC": iso(staged),
        "WhenChangedUTC": iso(staged),
    }
    return connector(chosen.egress, **{**given, **fields})


def traced(
    *groups: dict[str, Any], since: str | dict[str, str] = "2026-11-01T00:00:00Z", **fields: Any
) -> dict[str, Any]:
    """The message trace as the Exchange package leaves it."""
    return {
        **part("fresh", "message_trace"),
        "since": since,
        "start": "2026-11-01T00:00:00Z",
        "end": iso(NOW),
        "error": "",
        "truncated": "",
        "rows": 0,
        "groups": list(groups),
        **fields,
    }


def sent(address: str, domain: str = ONE, last: str = "", **fields: Any) -> dict[str, Any]:
    """Mail from one address to one domain."""
    (read,) = part("fresh", "message_trace", "groups")
    return {
        **read,
        "via": "",
        "from_ip": address,
        "domain": domain,
        "count": 3,
        "statuses": {"Delivered": 3},
        "senders": ["scan@%s" % domain],
        "first": ago(days=1),
        "last": last or ago(hours=1),
        "sample": {},
        **fields,
    }


def handled(chosen: settings.Settings) -> dict[str, Any]:
    """The sections of message handling with the use case in place."""
    (default,) = part("fresh", "content_filter")
    undated = {key: value for key, value in default.items() if not key.startswith("When")}
    blank = {"content_filter": [{**undated, "QuarantineRetentionPeriod": 30}]}
    built_in = part("fresh", "quarantine_policies")
    made = World(
        {
            **blank,
            "transport_rules": [],
            "quarantine_policies": [],
            "applying_policies": ["Default"],
            "inbound_connectors": [],
        },
        chosen,
    )
    values, _ = handling.filter_properties(handling.filter_options(made, "Default"))
    policies = [
        {
            **built_in[0],
            "Name": name,
            "Identity": name,
            "AdminDisplayName": handling.policy_stamp(name),
            **handling.policy_properties(entry),
        }
        for name, entry in handling.case_of(made).policies.items()
    ]
    rules = [
        {
            **blank_rule(),
            "Name": rule.name,
            "Identity": rule.name,
            "Priority": number,
            "WhenChanged": ago(days=2),
            **rule.properties,
        }
        for number, rule in enumerate(handling.wanted_rules(made))
    ]
    return {
        "content_filter": [{**blank["content_filter"][0], **values}],
        "quarantine_policies": built_in + policies,
        "transport_rules": rules,
        "preset_rules": [],
    }


def blank_rule() -> dict[str, Any]:
    """Return a transport rule as Exchange Online has it, with nothing set and without dates.

    The answers of live tenants that are known name no dates; a test that needs one gives it.
    """
    rules = part("busy", "transport_rules")
    return {
        key: _unset([rule[key] for rule in rules]) for key in rules[0] if not key.startswith("When")
    }


def _unset(values: list[Any]) -> Any:
    return next((value for value in values if value is None or value is False), values[0])


def sections(chosen: settings.Settings, moved: bool = False) -> dict[str, Any]:
    """All that a run reads.

    Everything of Exchange and Email Security is in place and settled; the MX records as ``moved``
    says.
    """
    names = [ONE, TWO]
    mx = {name: NEW if moved else OLD[name] for name in names}
    hosts = [host for _priority, host in NEW]
    # each world has parts of its own
    found: dict[str, Any] = pickle.loads(
        pickle.dumps(
            {
                "service_date": iso(NOW),
                "tenant": {"id": TENANT, "initial_domain": INITIAL},
                "organization": part("fresh", "organization"),
                "permissions": part("fresh", "permissions"),
                "accepted_domains": [
                    accepted(INITIAL, InitialDomain=True),
                    accepted(ROUTING),
                    *map(accepted, names),
                ],
                "connection_filter": [allowing(chosen.egress)],
                "inbound_connectors": [connector(chosen.egress)],
                "content_filter_rules": [],
                "applying_policies": ["Default"],
                **handled(chosen),
                "email_security": {
                    name: protected(
                        name,
                        drop_dispositions=handling.to_hold(World({}, chosen), name),
                        modified_at=ago(days=30),
                    )
                    for name in names
                },
                "forwarding_hosts": {
                    name: {"hosts": [OLD[name][0][1]], "error": ""} for name in names
                },
                "dns": {name: view(mx[name]) for name in names},
                "dns_provider": {name: held(mx[name], 300) for name in names},
                "dns_details": {name: details() for name in names},
                "dns_texts": {name: {"texts": {}} for name in names},
                "outbound_connectors": [],
                "mta_sts": {name: sts() for name in names},
                "mail_hosts": {host: mail_host(host) for host in hosts},
                "smtp": {
                    **part("fresh", "smtp"),
                    "hosts": {host: answering(names) for host in hosts},
                },
                "message_trace": traced(),
                "baseline": past(
                    {"dns": {name: view(OLD[name], ttl=3600) for name in names}}, ago(days=3)
                ),
                "baseline_state": found_baseline(ago(days=3)),
                "timeline": [
                    {"domain": name, "event": "ttl_lowered", "at": ago(days=2)} for name in names
                ],
            }
        )
    )
    return found


def allowing(entries: Sequence[str], **fields: Any) -> dict[str, Any]:
    """Return the connection filter policy with an allow list."""
    (read,) = part("fresh", "connection_filter")
    return {**read, "IPAllowList": list(entries), "WhenChangedUTC": ago(days=2), **fields}


def held(pairs: Pairs, ttl: int, auto: bool = False, modified: str = "") -> dict[str, Any]:
    """Return what the DNS provider holds of a domain."""
    return {
        **part("fresh", "dns_provider", ONE),
        "records": records(pairs),
        "ttl": ttl,
        "min_ttl": 60,
        "auto_ttl": auto,
        "name_servers": list(SERVERS),
        "modified_on": modified or ago(days=2),
    }


def past(before: dict[str, Any], taken: str) -> dict[str, Any]:
    """Return a baseline with these sections alone."""
    said = {key: part("fresh", "baseline", key) for key in ("format", "kind", "digest")}
    return {**said, "taken": taken, "sections": before}


def found_baseline(taken: str) -> dict[str, Any]:
    """Return what the snapshot module says of a baseline that it found."""
    said = {"status": "found", "message": "baseline of %s" % taken}
    return {**part("fresh", "baseline_state"), **said}


def world(chosen: settings.Settings | None = None, moved: bool = False, **changed: Any) -> World:
    """The world above with whole sections replaced by ``changed``."""
    chosen = chosen or wanted()
    return World({**sections(chosen, moved), **changed}, chosen)


def changed_view(name: str, moved: bool = False, **fields: Any) -> dict[str, Any]:
    """The section dns, with fields of one domain's view replaced."""
    found = sections(wanted(), moved)["dns"]
    found[name].update(fields)
    return dict(found)


def only(results: Sequence[GateResult]) -> GateResult:
    """The one answer; one that stops says what to do, or when."""
    (result,) = results
    if not result.open:
        assert result.message and (result.hint or result.until), "what to do, or when, is missing"
    return result
