# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The module mail_flow_probe: evidence by SMTP, from the host that runs this.

Standard library only, so that any host can run it.
"""

from __future__ import annotations

import concurrent.futures
import datetime
import socket
import typing as t

from .._engine.context import Context
from .._engine.errors import InputError
from .._engine.module import Result
from .._facts.smtp_replies import ACCEPTED, OK
from .canary import Canary
from .conversation import check_address, check_helo
from .delivery import Delivery, deliver_directly, deliver_plainly
from .mx_hosts import Visit, host_view, visit
from .targets import DirectTarget, HostTarget, Probe, Recipient

THREADS = 16
SEEN = ("hosts", "direct", "plain")
# Recipients of one conversation: servers end a long one.
BATCH = 40


#: What the option C(targets) may hold.
TARGETS = ("hosts", "domains", "direct", "plain", "internal_domains", "canary_recipient")


def with_targets(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the options with those that came in the map C(targets)."""
    targets = params.get("targets") or {}
    unknown = sorted(set(targets) - set(TARGETS))
    if unknown:
        raise InputError(
            "targets: unknown keys %s." % ", ".join(unknown), "Known are %s." % ", ".join(TARGETS)
        )
    return {**params, **targets}


def run_probe(params: t.Mapping[str, t.Any], context: Context) -> Result:
    probe = probe_of(with_targets(params), context)
    with concurrent.futures.ThreadPoolExecutor(max_workers=THREADS) as pool:
        visits = [
            (target, pool.submit(visit, probe, target, address, batch))
            for target, address, batch in _visits(probe)
        ]
        direct = {
            target.domain: pool.submit(deliver_directly, probe, target) for target in probe.direct
        }
        plain = {
            target.domain: pool.submit(deliver_plainly, probe, target) for target in probe.plain
        }
        seen: dict[str, list[Visit]] = {target.name: [] for target in probe.hosts}
        for target, future in visits:
            seen[target.name].append(future.result())
        deliveries = {domain: future.result() for domain, future in direct.items()}
        plainly = {domain: future.result() for domain, future in plain.items()}
    hosts = {target.name: host_view(target, seen[target.name]) for target in probe.hosts}
    canary = _canary(probe, hosts)
    values = {
        "hosts": hosts,
        "direct": deliveries,
        "plain": plainly,
        "canary": canary,
        "looked_from": {
            "host": probe.looked_from,
            "address": _source(hosts, [*deliveries.values(), *_with_tls(plainly)]),
        },
        "port": probe.port,
        "date": (
            datetime.datetime.fromtimestamp(context.now(), datetime.timezone.utc).strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            )
        ),
    }
    return Result(False, (), values)


def _with_tls(plainly: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    return [view["with_tls"] for view in plainly.values()]


def _source(
    hosts: t.Mapping[str, t.Mapping[str, t.Any]], deliveries: t.Iterable[t.Mapping[str, t.Any]]
) -> str:
    """Return the first known address from which a conversation was held, or ""."""
    views = [*(item for view in hosts.values() for item in view["addresses"]), *deliveries]
    return next((str(item["source"]) for item in views if item["source"]), "")


def section_of(
    values: t.Mapping[str, t.Any], before: t.Mapping[str, t.Any] | None
) -> dict[str, t.Any]:
    """Return the section ``smtp`` of the observation: these answers beside those of earlier probes.

    Each says when and from where it was obtained.
    """
    where = {"date": values.get("date", ""), "looked_from": values.get("looked_from") or {}}
    section: dict[str, t.Any] = {key: dict((before or {}).get(key) or {}) for key in SEEN}
    for key in SEEN:
        section[key].update(
            {name: {**view, **where} for name, view in (values.get(key) or {}).items()}
        )
    canaries = list((before or {}).get("canaries") or [])
    sent = [
        {**item, **where}
        for item in [
            values.get("canary"),
            *(view.get("canary") for view in (values.get("direct") or {}).values()),
        ]
        if item
    ]
    section["canaries"] = canaries + sent
    return {**section, **where}


def probe_of(params: t.Mapping[str, t.Any], context: Context) -> Probe:
    """Return the checked options, before the first connection."""
    port = int(params.get("port") or 25)
    seconds = int(params.get("timeout") or 60)
    if not 0 < port < 65536 or not 0 < seconds <= 3600:
        raise InputError(
            "port %s or timeout %s is out of range." % (port, seconds),
            "A port is 1 to 65535, a timeout 1 to 3600 seconds.",
        )
    canary = (
        check_address(params["canary_recipient"], "canary_recipient")
        if params.get("canary_recipient")
        else ""
    )
    looked_from = socket.gethostname()
    helo = _helo(params.get("helo"), looked_from)
    recipients = tuple(Recipient.of(item, canary) for item in params.get("domains") or ())
    hosts = tuple(HostTarget.of(item) for item in params.get("hosts") or ())
    direct = tuple(DirectTarget.of(item, canary) for item in params.get("direct") or ())
    plain = tuple(DirectTarget.of(item, "", "plain") for item in params.get("plain") or ())
    own = {str(name).lower() for name in params.get("internal_domains") or ()}
    own |= {item.domain for item in recipients} | {item.domain for item in (*direct, *plain)}
    _refuse_doubles("hosts", [item.name for item in hosts])
    _refuse_doubles("direct", [item.domain for item in direct])
    _refuse_doubles("plain", [item.domain for item in plain])
    return Probe(
        hosts=hosts,
        recipients=recipients,
        direct=direct,
        plain=plain,
        port=port,
        seconds=float(seconds),
        ca_path=str(params.get("ca_path") or ""),
        helo=helo,
        sender=_sender(params.get("sender"), helo, own),
        canary=Canary.of(canary) if canary and not context.check_mode else None,
        looked_from=looked_from,
    )


def _helo(given: t.Any, looked_from: str) -> str:
    """Return the name for EHLO: given, else the host's full name, else "" (its address)."""
    if given:
        return check_helo(given)
    return looked_from if "." in looked_from else ""


def _refuse_doubles(what: str, names: t.Sequence[str]) -> None:
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise InputError(
            "%s: %s is named more than once." % (what, ", ".join(double)), "Name each once."
        )


def _sender(given: t.Any, helo: str, own: t.Collection[str]) -> str:
    """Return an envelope sender outside the tenant; "" is the null sender.

    For a sender inside it, RejectDirectSend would answer [CUT-2.3].
    """
    if given:
        sender = check_address(given, "sender")
        if _inside(sender.rpartition("@")[2], own):
            raise InputError(
                "sender: %s is in a domain of the tenant itself." % sender,
                "A refusal could then be RejectDirectSend's: give an address of another domain, or"
                " none.",
            )
        return sender
    outside = helo and not helo.startswith("[") and "." in helo and not _inside(helo.lower(), own)
    return "mailflow-probe@%s" % helo.lower() if outside else ""


def _inside(name: str, own: t.Collection[str]) -> bool:
    """Return whether a name is one of these domains, or below one (MatchSubDomains)."""
    return any(name == domain or name.endswith("." + domain) for domain in own)


def _visits(probe: Probe) -> list[tuple[HostTarget, str, tuple[Recipient, ...]]]:
    batches = [
        probe.recipients[start : start + BATCH] for start in range(0, len(probe.recipients), BATCH)
    ] or [()]
    return [
        (target, address, batch)
        for target in probe.hosts
        for address in target.addresses
        for batch in batches
    ]


def _canary(probe: Probe, hosts: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, t.Any] | None:
    """Send one real message through the first new MX host that takes the canary's domain."""
    if probe.canary is None or probe.canary.domain not in {
        item.domain for item in probe.recipients
    }:
        return None
    for target in probe.hosts:
        view = hosts[target.name]
        if (
            view["status"] == OK
            and view["recipients"].get(probe.canary.domain, {}).get("verdict") == ACCEPTED
        ):
            address = next(item["address"] for item in view["addresses"] if item["status"] == OK)
            return (
                Delivery(probe, target.name, address, verify=True)
                .send(probe.canary.recipient, probe.canary.message(probe.sender, target.name))
                .to_canary()
            )
    return {
        "recipient": probe.canary.recipient,
        "accepted": False,
        "message_id": "",
        "text": "no new MX host took the recipient",
    }
