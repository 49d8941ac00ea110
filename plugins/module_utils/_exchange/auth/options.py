# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The shared connection options of the Exchange Online modules, and which of them count.

The environment is read here and not by the argument spec: an empty option must count as not given,
and an explicit way to sign in must win over another way in the environment, which needs to know
where a value came from.
"""

from __future__ import annotations

import os
import typing as t

from ..._engine.errors import InputError
from ..._http import check_url
from ..psrp.options import PSRP_OPTIONS
from .clouds import CLOUDS, Endpoints, endpoints
from .connection import TOKEN_OPTION, Connection, several
from .methods.table import BESIDE, ENVIRONMENT as METHOD_ENVIRONMENT, METHODS, SPEC as METHOD_SPEC

__all__ = ["ENVIRONMENT", "EXCHANGE_OPTIONS", "TOKEN_OPTION", "Connection", "resolve"]

EXCHANGE_OPTIONS: dict[str, t.Any] = {
    "tenant": {"type": "str"},
    "client_id": {"type": "str"},
    **METHOD_SPEC,
    "access_token": {"type": "str", "no_log": True},
    "graph_access_token": {"type": "str", "no_log": True},
    "token_cache": {"type": "path", "no_log": False},
    "cloud": {"type": "str", "choices": ["public", "gcc_high", "dod", "china"]},
    "authority_url": {"type": "str"},
    "exchange_url": {"type": "str"},
    "graph_url": {"type": "str"},
    "ca_path": {"type": "path"},
    "timeout": {"type": "int", "default": 300},
    "transport": {"type": "str", "choices": ["rest", "psrp"], "default": "rest"},
    **PSRP_OPTIONS,
}

ENVIRONMENT: dict[str, str] = {
    "tenant": "O365_TENANT",
    "client_id": "O365_CLIENT_ID",
    **METHOD_ENVIRONMENT,
    "access_token": "O365_ACCESS_TOKEN",
    "graph_access_token": "O365_GRAPH_ACCESS_TOKEN",
    "token_cache": "O365_TOKEN_CACHE",
    "cloud": "O365_CLOUD",
}

SECRETS = tuple(name for name, spec in EXCHANGE_OPTIONS.items() if spec.get("no_log"))
WAYS = tuple(METHODS)
SHORTEST_SECRET = 8
_NEEDS = {name: method.needs for name, method in METHODS.items()}
_NOT = ("false", "no", "off", "0")
# Their "false" means that they are not used.
_SWITCHES = ("managed_identity", "device_code")


def resolve(
    params: t.Mapping[str, t.Any], environ: t.Mapping[str, str] | None = None
) -> Connection:
    """Make one connection of options and environment, or say what to give."""
    environ = os.environ if environ is None else environ
    explicit = {name: text for name in EXCHANGE_OPTIONS if (text := _text(params.get(name)))}
    values = {
        **{
            name: text
            for name, variable in ENVIRONMENT.items()
            if (text := _text(environ.get(variable)))
        },
        **explicit,
    }
    for source in (explicit, values):
        for name in _SWITCHES:
            if _text(source.get(name)).lower() in _NOT:
                source.pop(name, None)
    sources = {name: _source(name, name in explicit) for name in values}
    explicit_ways = tuple(name for name in WAYS if name in explicit)
    if len(explicit_ways) > 1:
        raise several(explicit_ways, sources)
    ways = explicit_ways or tuple(name for name in WAYS if name in values)
    _drop_unused(values, ways, bool(explicit_ways) and "access_token" not in explicit)
    _check(values, sources, params)
    connection = Connection(
        values=values,
        ways=ways,
        sources=sources,
        needs=_NEEDS,
        secret_options=SECRETS,
        endpoints=_endpoints(values),
        ca_path=_ca_path(values.get("ca_path")),
        timeout=_timeout(params.get("timeout")),
    )
    if not values.get("access_token"):
        connection.way()
    return connection


def _drop_unused(values: dict[str, str], ways: t.Sequence[str], drop_token: bool) -> None:
    """Take out what does not count: other ways of the environment, and what belongs to them."""
    for name in WAYS:
        if name not in ways:
            values.pop(name, None)
    for name, owners in BESIDE.items():
        if not set(owners) & set(ways):
            values.pop(name, None)
    if drop_token:
        values.pop("access_token", None)


def _text(value: t.Any) -> str:
    return "" if value is None else str(value).strip()


def _source(name: str, explicit: bool) -> str:
    """Say where a value comes from: the option (a playbook's variable), or the environment."""
    if explicit:
        return "option, variable o365_%s" % name
    return "environment %s" % ENVIRONMENT[name]


def missing_inputs(params: t.Mapping[str, t.Any]) -> list[str]:
    """Return what is not given and needed, each as a sentence that names every place for it."""
    connection = resolve(params)
    if connection.given_token("exchange"):
        return []
    lacking = [_place(name) for name in connection.missing()]
    if not connection.way():
        lacking = [
            *[_place(name) for name in ("tenant", "client_id") if not connection.get(name)],
            "one way to sign in: " + "; or ".join(_place(name) for name in (*WAYS, "access_token")),
        ]
    return lacking


def _place(name: str) -> str:
    variable = ENVIRONMENT.get(name)
    return "o365_%s%s" % (name, " (environment %s)" % variable if variable else "")


def _check(
    values: t.Mapping[str, str], sources: t.Mapping[str, str], params: t.Mapping[str, t.Any]
) -> None:
    for name in SECRETS:
        if name in values and len(values[name]) < SHORTEST_SECRET:
            raise InputError(
                "The value of %s (%s) has fewer than %d characters and cannot be a real one."
                % (name, sources[name], SHORTEST_SECRET),
                "Ansible masks a secret wherever it occurs, so a short one would blacken the whole"
                " output.",
            )
    if values.get("cloud", "public") not in CLOUDS:
        raise InputError(
            "%r is not a known cloud." % values["cloud"],
            "cloud (%s) takes one of %s." % (sources["cloud"], ", ".join(CLOUDS)),
        )


def _endpoints(values: t.Mapping[str, str]) -> Endpoints:
    urls = {}
    for name in ("authority_url", "exchange_url", "graph_url"):
        if not values.get(name):
            continue
        try:
            url = check_url(values[name])
        except InputError as exc:
            raise InputError(
                "%s: %s" % (name, exc.message),
                "Give scheme and host, like https://outlook.office365.com.",
            ) from None
        if name == "authority_url" and not url.startswith("https://"):
            raise InputError(
                "authority_url: the sign-in library takes only an https address.",
                "Give it like https://login.microsoftonline.com.",
            )
        urls[name] = url
    return endpoints(values.get("cloud", "public"), **urls)


def _ca_path(path: str | None) -> str | None:
    if path and not os.path.exists(path):
        raise InputError(
            "ca_path: there is no file or directory %s on the machine that runs the task." % path,
            "Name a CA bundle in PEM form.",
        )
    return path or None


def _timeout(value: t.Any) -> int:
    seconds = 300 if value in (None, "") else int(value)
    if seconds < 1:
        raise InputError(
            "timeout must be at least 1 second.",
            "The service may take up to 900 seconds for one cmdlet.",
        )
    return seconds
