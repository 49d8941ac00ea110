# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The DNS accounts of one task: a provider with one set of credentials each.

A domain names an account, or a provider whose credentials are the task's own options, or leaves it
to its delegation (``auto``).
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import threading
import typing as t

from ..._engine.context import Context
from ..._engine.errors import InputError, MailflowError, ReadError
from ..._facts.dns_hosts import describe, dns_hosts
from ..options import AUTO, given, known_provider
from ..public.public_dns import PublicDns
from ..public.resolvers import Resolvers
from .contract import Driver, DriverOptions, Surroundings
from .table import PROVIDERS, driver_class

LOOKS = 16


@dataclasses.dataclass(frozen=True, order=True)
class DnsAccount:
    """A provider, and the name of its set of credentials; empty: the task's own options."""

    provider: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.provider} (account {self.name})" if self.name else self.provider


class Drivers:
    """The drivers and the public DNS of one task; several threads may use it at the same time."""

    def __init__(self, params: t.Mapping[str, t.Any], context: Context) -> None:
        self._params = params
        self._context = context
        self._named = _named_accounts(params.get("dns_accounts"))
        self._drivers: dict[DnsAccount, Driver] = {}
        self._world: PublicDns | None = None
        self._lock = threading.RLock()

    def account_of(self, domain: str, own: t.Mapping[str, t.Any] | None = None) -> DnsAccount:
        """Return the account that a domain names, else the provider for all; may be ``auto``.

        Raise InputError where it names none, an unknown one, or two that differ.
        """
        settings = own or {}
        name = str(settings.get("dns_account") or "").strip()
        provider = str(settings.get("dns_provider") or "").strip()
        if not name:
            return DnsAccount(
                known_provider(provider or given(self._params, "dns_provider"), domain)
            )
        if name not in self._named:
            known = ", ".join(sorted(self._named)) or "none"
            raise InputError(
                f"{domain}: there is no DNS account {name}.",
                f"area1_dns_accounts has: {known}.",
            )
        found = DnsAccount(self._named[name][0], name)
        if provider and known_provider(provider, domain) not in (AUTO, found.provider):
            raise InputError(
                f"{domain}: dns_provider is {provider}, and its account {name} is one of"
                f" {found.provider}.",
                "Leave dns_provider out where a domain has a dns_account.",
            )
        return found

    def accounts_of(
        self, own: t.Mapping[str, t.Mapping[str, t.Any]]
    ) -> dict[str, DnsAccount | MailflowError]:
        """Return the account of each domain; ``auto`` is settled by the delegation.

        What can never be right is raised, before anybody is asked. A domain whose delegation does
        not decide has an error of its own.
        """
        found: dict[str, DnsAccount | MailflowError] = {
            name: self.account_of(name, settings) for name, settings in own.items()
        }
        for account in sorted({one for one in found.values() if isinstance(one, DnsAccount)}):
            if account.provider != AUTO:
                self.get(account)
        unsettled = [name for name, one in found.items() if one == DnsAccount(AUTO)]
        with concurrent.futures.ThreadPoolExecutor(max_workers=LOOKS) as pool:
            found.update(zip(unsettled, pool.map(self._delegated, unsettled), strict=True))
        return found

    def get(self, account: DnsAccount | str) -> Driver:
        """Return the driver of an account; raise InputError where its options are incomplete."""
        key = DnsAccount(account) if isinstance(account, str) else account
        with self._lock:
            if key not in self._drivers:
                self._drivers[key] = self._make(key)
            return self._drivers[key]

    @property
    def world(self) -> PublicDns:
        """Return the view of resolvers and name servers, made when it is first needed."""
        with self._lock:
            if self._world is None:
                resolvers = Resolvers(
                    self._params.get("dns_resolvers"), given(self._params, "ca_path"), self._context
                )
                self._world = PublicDns(
                    resolvers, int(self._params.get("dns_authoritative_port") or 53), self._context
                )
            return self._world

    def explained(self, name: str, account: DnsAccount, error: MailflowError) -> MailflowError:
        """Add to an error who serves the domain, where that is another than its provider."""
        if not isinstance(error, InputError) or account.provider == "manual":
            return error
        try:
            servers = [server.name for server in self.world.delegation(name).servers]
        except MailflowError:
            return error
        others = {host for _server, host in dns_hosts(servers)}
        if None not in others and not any(
            host.driver == account.provider for host in others if host
        ):
            error.hint = f"{error.hint} {_seen(name, servers)}".strip()
        return error

    def _delegated(self, domain: str) -> DnsAccount | MailflowError:
        """Settle ``auto`` for one domain."""
        try:
            servers = [server.name for server in self.world.delegation(domain).servers]
        except MailflowError as exc:
            return ReadError(
                f"{domain}: its delegation could not be read, so dns_provider auto cannot choose:"
                f" {exc.message}",
                "Run again, or name the dns_provider of the domain.",
            )
        hosts = {host for _server, host in dns_hosts(servers)}
        (host,) = hosts if len(hosts) == 1 else (None,)
        if host is None or host.driver not in PROVIDERS:
            return InputError(
                f"{domain}: dns_provider is auto, and its delegation does not lead to one of"
                f" {', '.join(one for one in PROVIDERS if one != 'manual')}.",
                f"{_seen(domain, servers)} Name the dns_provider of the domain; manual prints what"
                " to set by hand.",
            )
        named = sorted(name for name, (one, _more) in self._named.items() if one == host.driver)
        if len(named) > 1:
            return InputError(
                f"{domain}: it is served by {host.title}, for which there are the accounts"
                f" {', '.join(named)}.",
                "Name the dns_account of the domain.",
            )
        account = DnsAccount(host.driver, named[0] if named else "")
        try:
            self.get(account)
        except MailflowError as exc:
            return InputError(f"{domain}: it is served by {host.title}. {exc.message}", exc.hint)
        return account

    def _make(self, account: DnsAccount) -> Driver:
        driver = driver_class(account.provider)
        surroundings = Surroundings(
            self._context,
            lambda: self.world,
            given(self._params, "ca_path"),
            float(self._params.get("timeout") or 300),
        )
        values = self._params
        if account.name:
            settings = self._named[account.name][1]
            keys = {option.account_key: option.name for option in driver.OPTIONS}
            wrong = sorted(key for key, value in settings.items() if value and key not in keys)
            if wrong:
                raise InputError(
                    f"area1_dns_accounts: {account.name} has {', '.join(wrong)}, which the provider"
                    f" {account.provider} does not know.",
                    f"It takes {', '.join(sorted(keys)) or 'nothing'}.",
                )
            values = {keys[key]: value for key, value in settings.items() if key in keys}
        return driver.from_options(
            DriverOptions(account.provider, driver.OPTIONS, values, account.name), surroundings
        )


def _seen(domain: str, servers: t.Iterable[str]) -> str:
    """Return a sentence with the name servers and who runs them."""
    return f"The name servers of {domain} are {describe(servers)}."


def _named_accounts(accounts: t.Any) -> dict[str, tuple[str, dict[str, t.Any]]]:
    """Return provider and settings of each account by its name."""
    found: dict[str, tuple[str, dict[str, t.Any]]] = {}
    for entry in accounts or ():
        name = str(entry.get("name") or "").strip()
        settings = dict(entry.get("settings") or {})
        if not name or name in found:
            raise InputError(
                f"area1_dns_accounts: {name or 'an account'} "
                + ("is named twice." if name else "has no name."),
                "Give each account a name of its own.",
            )
        provider = known_provider(settings.pop("provider", None), f"area1_dns_accounts: {name}")
        if provider == AUTO:
            raise InputError(
                f"area1_dns_accounts: the provider of {name} is auto.",
                f"Name one of {', '.join(PROVIDERS)}.",
            )
        found[name] = (provider, settings)
    return found
