# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The module area1_mx_info: MX records as the world and, on request, the provider has them."""

from __future__ import annotations

import typing as t

from .._engine.context import Context
from .._engine.errors import MailflowError, failure_text
from .._engine.module import Result
from .._engine.observation import Observation
from .drivers.accounts import DnsAccount, Drivers
from .drivers.contract import Driver
from .observed import DETAILS, MAIL_HOSTS, PROVIDER, STS, TEXTS, WORLD, iso, merge, provider_entry
from .options import domain_maps, given
from .public.details import domain_details, mail_hosts
from .sets.by_account import Accounts, by_account
from .sets.rrset import RecordSet, wanted_host


def run(params: t.Mapping[str, t.Any], context: Context) -> Result:
    drivers = Drivers(params, context)
    own = domain_maps(params.get("domains"), OTHER_KEYS)
    accounts = drivers.accounts_of(own) if params.get("provider") else {}
    observation = Observation(params.get("observation_path"), context.now)
    views = drivers.world.views(list(own))
    taken = context.now()
    for view in views.values():
        view.update(taken=taken, date=iso(taken))
    merge(observation, WORLD, views)
    values: dict[str, t.Any] = {"domains": views}
    held, failed = _providers(drivers, accounts)
    _more(params, drivers, accounts, views, observation, values)
    if accounts:
        entries = {name: _entry(drivers, accounts[name], name, held[name], taken) for name in held}
        values["providers"] = {
            name: {**_named(accounts[name]), **entry} for name, entry in entries.items()
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
    accounts: Accounts,
    views: t.Mapping[str, dict[str, t.Any]],
    observation: Observation,
    values: dict[str, t.Any],
) -> None:
    """Add details of the domains, and the mail hosts asked for, each as a section of its own."""
    found: dict[str, t.Any] = {}
    if params.get("details"):
        details, found = domain_details(
            drivers.world, views, int(params.get("mta_sts_port") or 443), given(params, "ca_path")
        )
        for name, entry in details.items():
            entry["date"] = views[name]["date"]
            entry["mta_sts"]["modified_on"] = (
                _sts_changed(drivers, accounts.get(name), name)
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


def _sts_changed(
    drivers: Drivers, account: DnsAccount | MailflowError | None, name: str
) -> str | None:
    """Return when the record got its present id, if the provider keeps that.

    Then no runner needs a clock for it.
    """
    if not isinstance(account, DnsAccount):
        return None
    try:
        found = drivers.get(account).read("_mta-sts." + name, "TXT")
    except MailflowError:
        return None
    return found.modified_on if found else None


def _entry(
    drivers: Drivers,
    account: DnsAccount | MailflowError,
    name: str,
    found: RecordSet | None,
    taken: float,
) -> dict[str, t.Any]:
    """Return what a provider holds of a domain, as it is handed on."""
    if isinstance(account, MailflowError):  # such a domain has an error and no set
        raise account
    driver = drivers.get(account)
    servers = driver.name_servers(name)
    return {
        **provider_entry(found, taken, driver.CAPABILITIES),
        "name_servers": None if servers is None else list(servers),
    }


def _named(account: DnsAccount | MailflowError) -> dict[str, t.Any]:
    if isinstance(account, MailflowError):
        return {}
    return {"dns_provider": account.provider, "dns_account": account.name or None}


# What area1_mx reads in the same maps; here it is of no effect.
OTHER_KEYS = frozenset({"records", "ttl", "max_ttl", "expect"})


def _providers(
    drivers: Drivers, accounts: Accounts
) -> tuple[dict[str, RecordSet | None], dict[str, MailflowError]]:
    """Return each domain's set at its provider, with the credentials proven, and the errors."""

    def look(name: str, driver: Driver) -> RecordSet | None:
        driver.check(name)
        return driver.read(name, "MX")

    held: dict[str, RecordSet | None] = {}
    failed: dict[str, MailflowError] = {}
    for name, found in by_account(drivers, accounts, look).items():
        if isinstance(found, MailflowError):
            failed[name] = found
        else:
            held[name] = found
    return held, failed
