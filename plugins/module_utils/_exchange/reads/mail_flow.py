# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""One observation of all that decides a tenant's inbound mail flow."""

from __future__ import annotations

import datetime
import typing as t

from ..._engine.context import Context
from ..._engine.errors import Conflict, InputError, PermissionDenied, ReadError, SignInError
from ..._engine.module import Result
from ..._engine.observation import Observation
from ..._engine.values import as_list, boolean, host_name
from ..objects.filters import applying_policies
from ..objects.store import Records, Store
from ..objects.tables import READS
from ..transport import Transport, open_transport
from .trace import QUERIES, look_closer, read_trace
from .trace_messages import follow, read_messages

FORWARDING = "forwarding_hosts"
PERMISSIONS = "permissions"
TRACE = "message_trace"
EVENTS = "message_events"
FOLLOWED = "followed_messages"
PRESET_RULES = "preset_rules"

#: Cmdlets with which a deployment writes; the service lists beforehand which of them the
#: application's roles allow [EXO-1.5].
ENABLE = "Enable-OrganizationCustomization"
WRITES = (
    "Set-HostedConnectionFilterPolicy",
    "Set-HostedContentFilterPolicy",
    "New-InboundConnector",
    "Set-InboundConnector",
    "New-QuarantinePolicy",
    "Set-QuarantinePolicy",
    "New-TransportRule",
    "Set-TransportRule",
    "Enable-TransportRule",
)
#: Cmdlets with which a change of use case and a rollback remove objects.
REMOVALS = ("Remove-TransportRule", "Remove-QuarantinePolicy", "Remove-InboundConnector")


def run_mail_flow_info(params: t.Mapping[str, t.Any], context: Context) -> Result:
    """Read the sections asked for.

    Exchange must answer all of them; Graph may be out of reach, which is said, not hidden.
    """
    known = [*READS, FORWARDING, PERMISSIONS, TRACE, EVENTS, FOLLOWED]
    sections = params.get("sections") or [*READS, FORWARDING]
    unknown = sorted(set(sections) - set(known))
    if unknown:
        raise InputError(
            "Unknown sections: %s." % ", ".join(unknown), "Known are %s." % ", ".join(known)
        )
    observation = Observation(params.get("observation_path"))
    client = open_transport(params, context)
    store = Store(client, observation)
    found: dict[str, t.Any] = {
        section: _read(store, section, context) for section in READS if section in sections
    }
    if "accepted_domains" in found:
        check_tenant(client, found["accepted_domains"])
        observation.put(
            "tenant",
            {"id": client.tenant_id, "initial_domain": initial_domain(found["accepted_domains"])},
        )
    if FORWARDING in sections:
        found[FORWARDING] = _forwarding(
            params, context, observation, found.get("accepted_domains") or []
        )
    if "content_filter" in found and "content_filter_rules" in found:
        names = [
            str(policy.get("Name"))
            for policy in applying_policies(found["content_filter"], found["content_filter_rules"])
        ]
        observation.put("applying_policies", names)
    if PERMISSIONS in sections:
        dehydrated = any(
            boolean(item.get("IsDehydrated")) for item in found.get("organization") or []
        )
        found[PERMISSIONS] = missing_permissions(
            client, (*WRITES, ENABLE) if dehydrated else WRITES
        )
        observation.put(PERMISSIONS, found[PERMISSIONS])
    if TRACE in sections:
        found[TRACE] = _trace(params, context, store)
    if EVENTS in sections:
        found[EVENTS] = _events(params, context, store)
    if FOLLOWED in sections:
        found[FOLLOWED] = follow(
            store.client,
            [str(item) for item in as_list(params.get("follow"))],
            _connector_names(store),
        )
        observation.put(FOLLOWED, found[FOLLOWED], names=as_list(params.get("follow")))
    observation.save()
    values = {
        "mail_flow": found,
        "date": observation.any_age("service_date"),
        "tenant_id": client.tenant_id,
        "domain_names": domain_names(found.get("accepted_domains") or []),
        "initial_domain": (observation.any_age("tenant") or {}).get("initial_domain", ""),
    }
    return Result(False, (), values)


def _read(store: Store, section: str, context: Context) -> t.Any:
    """Read a section; a missing permission for one that only informs counts as unknown.

    Unknown is not an empty list. All other sections must answer.
    """
    try:
        return store.read(section)
    except PermissionDenied as exc:
        if section != PRESET_RULES:
            raise
        context.warn_once("For whom preset security policies apply is not known: %s" % exc.message)
        store.observation.put(section, None)
        return None


def _trace(params: t.Mapping[str, t.Any], context: Context, store: Store) -> dict[str, t.Any]:
    """Read the message trace up to the service's own time.

    A trace that cannot be read says so, and does not count as an empty one.
    """
    since = params.get("trace_since")
    if not since:
        raise InputError(
            "sections holds message_trace, but trace_since is not given.",
            "Give the time from which on it is read.",
        )
    found = read_trace(
        store.client, _dated(store, context), since, int(params.get("trace_queries") or QUERIES)
    )
    known = [str(item) for item in as_list(params.get("trace_known"))]
    look_closer(
        store.client, found, known, _connector_names(store), int(params.get("trace_details") or 0)
    )
    if found["error"]:
        context.warn_once("The message trace could not be read: %s" % found["error"])
    store.observation.put(TRACE, found)
    return found


def _dated(store: Store, context: Context) -> datetime.datetime:
    """Return the service's own time."""
    if store.dated is None:
        store.read("organization")
    return store.now(context)


def _events(
    params: t.Mapping[str, t.Any], context: Context, store: Store
) -> list[dict[str, t.Any]]:
    """Read the events of the messages asked for.

    Rules are recognised by the names and ids that were read before.
    """
    ids = [str(item) for item in as_list(params.get("message_ids"))]
    found = read_messages(
        store.client, _dated(store, context), ids, store.handed_on("transport_rules") or []
    )
    store.observation.put(EVENTS, found, names=ids)
    return found


def _connector_names(store: Store) -> list[str]:
    return [str(item.get("Name") or "") for item in store.handed_on("inbound_connectors") or []]


def missing_permissions(client: Transport, needed: t.Iterable[str]) -> dict[str, t.Any]:
    """Return which cmdlets the application may not run.

    ``known``: the service said which cmdlets are allowed. ``missing``: those of a deployment that
    are not; ``removals``: those that remove objects.
    """
    exported = client.exported_cmdlets()

    def denied(names: t.Iterable[str]) -> list[str]:
        return [name for name in names if exported and name.lower() not in exported]

    return {"known": bool(exported), "missing": denied(needed), "removals": denied(REMOVALS)}


def check_tenant(client: Transport, accepted: Records) -> None:
    """Check that the token is for the tenant that the operator named.

    It is compared by id, or by name with the accepted domains.
    """
    tenant = client.tenant_option
    name = host_name(tenant)
    if not name or name == client.tenant_id.lower():
        return
    names = {host_name(domain.get("DomainName") or domain.get("Name") or "") for domain in accepted}
    if name not in names and "." in name:
        raise SignInError(
            "Signed in to a tenant that does not own %s (its initial domain is %s)."
            % (tenant, initial_domain(accepted) or "unknown"),
            "The token or the application belongs to another tenant: check o365_tenant and the"
            " credentials.",
        )


def domain_names(accepted: Records) -> list[str]:
    """Return the accepted domains without those that every tenant has (``*.onmicrosoft.com``)."""
    names = [host_name(domain.get("DomainName") or domain.get("Name") or "") for domain in accepted]
    return [name for name in names if name and not name.endswith(".onmicrosoft.com")]


def initial_domain(accepted: Records) -> str:
    found = [
        host_name(domain.get("DomainName") or domain.get("Name") or "")
        for domain in accepted
        if boolean(domain.get("InitialDomain"))
    ]
    if len(found) > 1:
        raise Conflict(
            "More than one initial domain: %s." % ", ".join(found),
            "Is the answer filtered by something in between?",
        )
    return found[0] if found else ""


def _forwarding(
    params: t.Mapping[str, t.Any], context: Context, observation: Observation, accepted: Records
) -> dict[str, t.Any]:
    """Return {domain: {hosts, error}} from Graph.

    It reads the domains asked for, else all accepted domains except the initial ones.
    """
    from . import graph

    domains = [host_name(name) for name in as_list(params.get("domains"))]
    domains = domains or domain_names(accepted)
    try:
        found = graph.forwarding_hosts(params, context, domains)
    except (PermissionDenied, ReadError, SignInError) as exc:
        context.warn_once("Forwarding hosts could not be read from Graph: %s" % exc)
        found = {domain: {"hosts": [], "error": exc.message} for domain in domains}
    observation.put(FORWARDING, found)
    return found
