# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""area1_mx_info: what the world sees of many domains and, on request, what their DNS providers hold."""

from __future__ import annotations

import concurrent.futures
import typing as t

from .._engine.context import Context
from .._engine.errors import MailflowError
from .._engine.module import Result
from .._engine.observation import Observation
from .drivers import Drivers
from .handing import PROVIDER, WORLD, iso, merge, provider_entry
from .mx import THREADS, failure_text, prepare
from .options import domain_maps
from .rrset import RecordSet


def run(params: t.Mapping[str, t.Any], context: Context) -> Result:
    drivers = Drivers(params, context)
    own = domain_maps(params.get("domains"), OTHER_KEYS)
    providers = {name: drivers.provider_for(name, settings.get("dns_provider")) for name, settings in own.items()} if params.get("provider") else {}
    observation = Observation(params.get("observation_path"), context.now)
    views = drivers.world.views(list(own))
    taken = context.now()
    for view in views.values():
        view.update(taken=taken, date=iso(taken))
    merge(observation, WORLD, views)
    values: dict[str, t.Any] = {"domains": views}
    held, failed = _providers(drivers, providers)
    if providers:
        entries = {name: provider_entry(found, taken, drivers.get(providers[name]).capabilities) for name, found in held.items()}
        values["providers"] = {name: {"dns_provider": providers[name], **entry} for name, entry in entries.items()}
        merge(observation, PROVIDER, entries, failed)
    for name, error in failed.items():
        observation.note(section="mx", object=name, status="failed", message=error.message, hint=error.hint)
    observation.save()
    if failed:
        values.update(next(iter(failed.values())).to_result())
        values["failed_domains"] = {name: error.to_result()["error"] for name, error in failed.items()}
    return Result(False, (), values, failure_text(failed, len(own)))


# What area1_mx reads in the same maps; here it is of no effect.
OTHER_KEYS = frozenset({"records", "ttl", "max_ttl", "expect"})


def _providers(drivers: Drivers, providers: t.Mapping[str, str]) -> tuple[dict[str, RecordSet | None], dict[str, MailflowError]]:
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
