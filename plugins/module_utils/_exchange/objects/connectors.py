# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Inbound connectors and their enhanced filtering."""

from __future__ import annotations

import ipaddress
import typing as t

from ..._engine.context import Context
from ..._engine.errors import InputError
from ..._engine.module import Result
from ..._engine.observation import Observation
from ..._engine.plan import ListIntent
from ..._engine.timeline import happened
from ..._engine.values import as_list, ip_span
from ..._facts.exchange_objects import CONNECTOR, ENHANCED_FILTERING, ObjectType
from ..transport import open_transport
from .store import ObjectSteps, Store, drive, find
from .tables import check_addresses

PARTNER_ONLY = (
    "restrict_domains_to_ip_addresses",
    "restrict_domains_to_certificate",
    "require_tls",
)


def run_connector(params: t.Mapping[str, t.Any], context: Context) -> Result:
    present = params["state"] == "present"
    wanted = _connector_wanted(params) if present else None
    create = {"SenderDomains": ListIntent(set=("*",)), "ConnectorType": "Partner"}
    return _drive(
        params,
        context,
        CONNECTOR,
        wanted,
        create=create,
        section=params.get("report_section") or "connectors",
    )


def _connector_wanted(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    wanted = CONNECTOR.wanted(params)
    for prop in CONNECTOR.properties:
        if prop.kind.is_list and prop.name in wanted:
            wanted[prop.name] = intent = t.cast(ListIntent, ListIntent.of(wanted[prop.name]))
            intent.check(prop)
    addresses = wanted.get("SenderIPAddresses")
    if addresses is not None:
        check_addresses(
            "sender_ip_addresses", (*addresses.add, *(addresses.set or ())), ranges=False
        )
    if wanted.get("RestrictDomainsToIPAddresses") and addresses is not None and addresses.set == ():
        raise InputError(
            "restrict_domains_to_ip_addresses without any sender_ip_addresses would refuse all"
            " mail.",
            "Give the addresses that may deliver.",
        )
    if (
        params.get("tls_sender_certificate_name")
        and addresses is not None
        and (addresses.set or addresses.add)
    ):
        raise InputError(
            "A partner connector is matched by certificate or by address, not by both.",
            "Give either tls_sender_certificate_name or sender_ip_addresses.",
        )
    if str(wanted.get("ConnectorType", "")).lower() == "onpremises" and any(
        params.get(option) for option in PARTNER_ONLY
    ):
        raise InputError(
            "%s apply only to connector_type Partner." % ", ".join(PARTNER_ONLY),
            "Leave them out or use Partner.",
        )
    return wanted


def run_enhanced_filtering(params: t.Mapping[str, t.Any], context: Context) -> Result:
    if params["state"] == "absent":
        given: dict[str, t.Any] = {"skip_last_ip": False, "skip_ips": [], "users": []}
    else:
        given = {key: params.get(key) for key in ("skip_last_ip", "skip_ips", "users")}
        if given["skip_last_ip"] and given["skip_ips"]:
            raise InputError(
                "skip_last_ip and skip_ips exclude each other: EFSkipIPs is used only when"
                " EFSkipLastIP is false.",
                "Give one of them.",
            )
    for address in given["skip_ips"] or ():
        _check_skip(address)
    wanted = ENHANCED_FILTERING.wanted(given)
    hint = (
        "Enhanced filtering belongs to a connector: create it first with"
        " mailflow.area1.o365_connector."
    )
    return _drive(
        params,
        context,
        ENHANCED_FILTERING,
        wanted,
        must_exist=hint,
        section=params.get("report_section") or "enhanced_filtering",
        name=params["connector"],
    )


def _check_skip(address: str) -> None:
    version, first, last = ip_span(address)
    if (
        version != 4
        or ipaddress.IPv4Address(first).is_private
        or ipaddress.IPv4Address(last).is_private
    ):
        raise InputError(
            "skip_ips: %s is refused by Exchange Online (private, or not IPv4)." % address,
            "Give public IPv4 addresses of the gateway.",
        )


def _drive(
    params: t.Mapping[str, t.Any],
    context: Context,
    kind: ObjectType,
    wanted: dict[str, t.Any] | None,
    section: str,
    create: t.Mapping[str, t.Any] | None = None,
    must_exist: str = "",
    name: str = "",
) -> Result:
    name = name or params["name"]
    observation = Observation(params.get("observation_path"))
    store = Store(open_transport(params, context), observation)
    steps = ObjectSteps(store, kind, name, wanted, create=create, must_exist=must_exist)
    outcome = drive(steps, context, section)
    if params.get("event") and outcome.changed:
        subject = str(params.get("event_subject") or "")
        happened(observation, params["event"], [name], context.check_mode, subject)
    observation.save()
    return Result(
        outcome.changed,
        [outcome.plan],
        {
            "connector": _values(kind, find(outcome.world, name)),
            "date": observation.any_age("service_date"),
        },
    )


def _values(kind: ObjectType, record: dict[str, t.Any] | None) -> dict[str, t.Any] | None:
    if record is None:
        return None
    values = {
        prop.option: as_list(record.get(prop.name)) if prop.kind.is_list else record.get(prop.name)
        for prop in kind.properties
    }
    return {"name": record.get("Name"), **values}
