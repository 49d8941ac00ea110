# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""area1_mx_info: what the world sees of many domains and, on request, what their DNS providers
hold.
"""

from __future__ import annotations

import concurrent.futures
import typing as t

from .._engine.context import Context
from .._engine.errors import MailflowError
from .._engine.module import Result
from .._engine.observation import Observation
from .drivers.accounts import Drivers
from .observed import DETAILS, MAIL_HOSTS, PROVIDER, STS, TEXTS, WORLD, iso, merge, provider_entry
from .options import domain_maps, given
from .public.details import domain_details, mail_hosts
from .sets.mx import THREADS, failure_text, prepare
from .sets.rrset import RecordSet, wanted_host


def run(params: t.Mapping[str, t.Any], context: Context) -> Result:
    drivers = Drivers(params, context)
    own = domain_maps(params.get("domains"), OTHER_KEYS)
    providers = (
        {
            name: drivers.provider_for(name, settings.get("dns_provider"))
            for name, settings in own.items()
        }
        if params.get("provider")
        else {}
    )
    observation = Observation(params.get("observation_path"), context.now)
    views = drivers.world.views(list(own))
    taken = context.now()
    for view in views.values():
        view.update(taken=taken, date=iso(taken))
    merge(observation, WORLD, views)
    values: dict[str, t.Any] = {"domains": views}
    held, failed = _providers(drivers, providers)
    _more(params, drivers, providers, views, observation, values)
    if providers:
        entries = {
            name: {
                **provider_entry(found, taken, drivers.get(providers[name]).CAPABILITIES),
                "name_servers": _servers(drivers, providers[name], name),
            }
            for name, found in held.items()
        }
        values["providers"] = {
            name: {"dns_provider": providers[name], **entry} for name, entry in entries.items()
        }
        merge(observation, PROVIDER, entries, failed)
    for name, error in failed.items():
        observation.note(
            section="mx", object=name, status="failed", message=error.message, hint=error.hint
        )
    observation.save()
    if failed:
        values.update(next(iter(failed.values())).to_result())
        values["failed_domains"] = {
            name: error.to_result()["error"] for name, error in failed.items()
        }
    return Result(False, (), values, failure_text(failed, len(own)))


def _more(
    params: t.Mapping[str, t.Any],
    drivers: Drivers,
    providers: t.Mapping[str, str],
    views: t.Mapping[str, dict[str, t.Any]],
    observation: Observation,
    values: dict[str, t.Any],
) -> None:
    """Details of the domains and the mail hosts asked for, each a section of its own."""
    found: dict[str, t.Any] = {}
    if params.get("details"):
        details, found = domain_details(
            drivers.world, views, int(params.get("mta_sts_port") or 443), given(params, "ca_path")
        )
        for name, entry in details.items():
            entry["date"] = views[name]["date"]
            entry["mta_sts"]["modified_on"] = (
                _sts_changed(drivers, providers.get(name), name)
                if entry["mta_sts"]["records"]
                else None
            )
        values["details"] = details
        merge(
            observation,
            DETAILS,
            {
                name: {key: entry[key] for key in ("delegation", "below", "secure", "date")}
                for name, entry in details.items()
            },
        )
        merge(observation, STS, {name: entry["mta_sts"] for name, entry in details.items()})
        merge(
            observation, TEXTS, {name: {"texts": entry["texts"]} for name, entry in details.items()}
        )
    names = [wanted_host(host, "mail_hosts") for host in params.get("mail_hosts") or []]
    found.update(mail_hosts(drivers.world, [name for name in names if name not in found]))
    if found or names:
        values["mail_hosts"] = found
        merge(observation, MAIL_HOSTS, found)


def _sts_changed(drivers: Drivers, provider: str | None, name: str) -> str | None:
    """When the record got its present id, where the provider keeps that: a clock that no runner has
    to keep.
    """
    if provider is None:
        return None
    try:
        found = drivers.get(provider).read("_mta-sts." + name, "TXT")
    except MailflowError:
        return None
    return found.modified_on if found else None


def _servers(drivers: Drivers, provider: str, name: str) -> list[str] | None:
    found = drivers.get(provider).name_servers(name)
    return None if found is None else list(found)


# What area1_mx reads in the same maps; here it is of no effect.
OTHER_KEYS = frozenset({"records", "ttl", "max_ttl", "expect"})


def _providers(
    drivers: Drivers, providers: t.Mapping[str, str]
) -> tuple[dict[str, RecordSet | None], dict[str, MailflowError]]:
    """Each domain's set at its provider, with the credentials proven; and what went wrong."""
    held: dict[str, RecordSet | None] = {}
    failed: dict[str, MailflowError] = {}
    prepare(drivers, providers)

    def look(name: str) -> RecordSet | None | MailflowError:
        try:
            driver = drivers.get(providers[name])
            driver.check(name)
            return driver.read(name, "MX")
        except MailflowError as exc:
            return exc

    with concurrent.futures.ThreadPoolExecutor(max_workers=THREADS) as pool:
        for name, found in zip(providers, pool.map(look, providers), strict=True):
            if isinstance(found, MailflowError):
                failed[name] = found
            else:
                held[name] = found
    return held, failed
