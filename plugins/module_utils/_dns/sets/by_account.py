# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Work on the domains of several DNS accounts at once, each account at its own pace."""

from __future__ import annotations

import concurrent.futures
import typing as t

from ..._engine.context import Context
from ..._engine.errors import MailflowError
from ..drivers.accounts import DnsAccount, Drivers
from ..drivers.contract import Driver

T = t.TypeVar("T")
Accounts = t.Mapping[str, "DnsAccount | MailflowError"]


def by_account(
    drivers: Drivers,
    accounts: Accounts,
    work: t.Callable[[str, Driver], T],
    asked: t.Container[str] | None = None,
) -> dict[str, T | MailflowError]:
    """Return what ``work`` gave for each domain, or the error that it or its account raised.

    Each account has threads of its own, so that a slow or silent provider delays only its own
    domains. ``asked`` are the domains whose provider will be asked, for its preparation; None is
    all.
    """
    found: dict[str, T | MailflowError] = {
        name: one for name, one in accounts.items() if isinstance(one, MailflowError)
    }
    groups: dict[DnsAccount, list[str]] = {}
    for name, one in accounts.items():
        if isinstance(one, DnsAccount):
            groups.setdefault(one, []).append(name)

    def one_account(account: DnsAccount) -> dict[str, T | MailflowError]:
        driver = drivers.get(account)
        wanted = [name for name in groups[account] if asked is None or name in asked]
        if wanted:
            driver.prepare(wanted)

        def one(name: str) -> T | MailflowError:
            try:
                return work(name, driver)
            except MailflowError as exc:
                return drivers.explained(name, account, exc)

        with concurrent.futures.ThreadPoolExecutor(driver.CAPABILITIES.threads) as pool:
            return dict(zip(groups[account], pool.map(one, groups[account]), strict=True))

    if groups:
        with concurrent.futures.ThreadPoolExecutor(len(groups)) as pool:
            for part in pool.map(one_account, groups):
                found.update(part)
    return {name: found[name] for name in accounts}


def settle(
    drivers: Drivers, accounts: Accounts, changed: t.Iterable[str], context: Context
) -> None:
    """Wait until the providers' servers have the changes; warn of those that have not."""
    groups: dict[DnsAccount, list[str]] = {}
    for name in changed:
        account = accounts[name]
        if isinstance(account, DnsAccount):
            groups.setdefault(account, []).append(name)

    def one(account: DnsAccount) -> tuple[str, ...]:
        try:
            return drivers.get(account).settle(groups[account])
        except MailflowError as exc:
            context.warn(f"{account}: whether its servers have the changes is not known: {exc}")
            return ()

    if not groups:
        return
    with concurrent.futures.ThreadPoolExecutor(len(groups)) as pool:
        for account, late in zip(groups, pool.map(one, groups), strict=True):
            if late:
                context.warn(
                    f"{', '.join(late)}: not all name servers of {account} have the change yet."
                )
