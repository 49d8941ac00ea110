# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Options of every module that talks to the DNS, and what is read from them."""

from __future__ import annotations

import os
import typing as t

from .._engine.errors import InputError
from .drivers.argument_spec import ACCOUNT_OPTIONS, DRIVER_OPTIONS, PROVIDERS
from .sets.rrset import wanted_host

# Keys of the playbooks' domain maps that other modules read.
FOREIGN_KEYS = frozenset({"forward_to", "regions", "drop_dispositions", "canary", "mta_sts_id"})


# By the delegation of each domain.
AUTO = "auto"

DNS_OPTIONS: dict[str, t.Any] = {
    "dns_provider": {"type": "str"},
    "dns_accounts": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "settings": {"type": "dict", "required": True, "options": ACCOUNT_OPTIONS},
        },
    },
    **DRIVER_OPTIONS,
    "dns_resolvers": {
        "type": "list",
        "elements": "str",
        "default": ["1.1.1.1", "8.8.8.8", "9.9.9.9", "208.67.222.222"],
    },
    "dns_authoritative_port": {"type": "int", "default": 53},
    "ca_path": {"type": "path"},
    "timeout": {"type": "int", "default": 300},
}


def given(
    params: t.Mapping[str, t.Any], name: str, environment: t.Sequence[str] = ()
) -> str | None:
    """Return the option's text; an empty one counts as not given.

    Then the environment counts.
    """
    value = params.get(name)
    if value is not None and str(value).strip():
        return str(value).strip()
    return next(
        (os.environ[variable] for variable in environment if os.environ.get(variable)), None
    )


def known_provider(name: str | None, what: str) -> str:
    """Return the word for a provider, without regard to case; raise InputError for another."""
    provider = (name or "").strip().lower()
    if provider in PROVIDERS or provider == AUTO:
        return provider
    available = "Choose one of %s, or auto." % ", ".join(PROVIDERS)
    if not provider:
        raise InputError("%s: no dns_provider is given." % what, available)
    raise InputError("%s: %r is not a dns_provider." % (what, name), available)


def domain_maps(domains: t.Any, keys: t.Container[str] = ()) -> dict[str, dict[str, t.Any]]:
    """Return ``domains`` as {canonical name: the map's own settings}.

    Names may be given alone, one a line, or in maps.
    """
    found: dict[str, dict[str, t.Any]] = {}
    for entry in _entries(domains):
        if not isinstance(entry, t.Mapping) or not entry.get("name"):
            raise InputError(
                "domains: %r is neither a name nor a map with a name." % (entry,),
                "Like contoso.com or {name: contoso.com, ttl: 300}.",
            )
        name = wanted_host(entry["name"], "domains")
        unknown = sorted(
            key
            for key in entry
            if key != "name"
            and key not in keys
            and key not in FOREIGN_KEYS
            and key not in ("dns_provider", "dns_account")
        )
        if unknown:
            raise InputError(
                "domains: %s has the unknown key %s." % (name, ", ".join(map(str, unknown))),
                "See the module's documentation of domains.",
            )
        if name in found:
            raise InputError(
                "domains: %s is named more than once." % name, "Name each domain once."
            )
        found[name] = {
            key: value
            for key, value in entry.items()
            if key != "name" and value is not None and value != ""
        }
    if not found:
        raise InputError("domains is empty.", "Name at least one domain.")
    return found


def _entries(domains: t.Any) -> list[t.Any]:
    entries: list[t.Any] = []
    for entry in [domains] if isinstance(domains, (str, t.Mapping)) else domains or []:
        if isinstance(entry, str):
            entries.extend({"name": name} for name in entry.replace(",", " ").split())
        else:
            entries.append(entry)
    return entries


def whole_number(value: t.Any, what: str, low: int, high: int) -> int | None:
    """Return an integer option of a domain's map; strings count, as surveys give them."""
    if value is None or value == "":
        return None
    text = str(value).strip()
    if isinstance(value, bool) or not text.isdigit() or not low <= int(text) <= high:
        raise InputError(
            "%s: %r is not a whole number from %d to %d." % (what, value, low, high),
            "TTLs are seconds.",
        )
    return int(text)
