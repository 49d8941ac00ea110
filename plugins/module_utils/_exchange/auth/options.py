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

import dataclasses
import os
import typing as t

from ..._engine.errors import InputError
from ..._http import check_url
from ..psrp.options import PSRP_OPTIONS
from .clouds import CLOUDS, Endpoints, endpoints

EXCHANGE_OPTIONS: dict[str, t.Any] = {
    "tenant": {"type": "str"},
    "client_id": {"type": "str"},
    "client_secret": {"type": "str", "no_log": True},
    "certificate_path": {"type": "path"},
    "certificate_passphrase": {"type": "str", "no_log": True},
    "federated_token_file": {"type": "path", "no_log": False},
    "managed_identity": {"type": "str"},
    "access_token": {"type": "str", "no_log": True},
    "graph_access_token": {"type": "str", "no_log": True},
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
    "client_secret": "O365_CLIENT_SECRET",
    "certificate_path": "O365_CERTIFICATE_PATH",
    "certificate_passphrase": "O365_CERTIFICATE_PASSPHRASE",
    "access_token": "O365_ACCESS_TOKEN",
    "cloud": "O365_CLOUD",
}

SECRETS = ("client_secret", "certificate_passphrase", "access_token", "graph_access_token")
WAYS = ("client_secret", "certificate_path", "federated_token_file", "managed_identity")
TOKEN_OPTION = {"exchange": "access_token", "graph": "graph_access_token"}
SHORTEST_SECRET = 8


@dataclasses.dataclass(frozen=True)
class Connection:
    """The options after the environment, checked. C(values) holds secrets and is never shown."""

    values: t.Mapping[str, str] = dataclasses.field(repr=False)
    ways: tuple[str, ...]
    ways_from_environment: bool
    endpoints: Endpoints
    ca_path: str | None
    timeout: int

    def get(self, option: str) -> str:
        return self.values.get(option, "")

    @property
    def secrets(self) -> list[str]:
        return [self.values[name] for name in SECRETS if self.values.get(name)]

    def given_token(self, audience: str) -> str:
        return self.get(TOKEN_OPTION[audience])

    def way(self) -> str:
        """The one way to sign in; "" when there is none."""
        if len(self.ways) > 1:
            raise _several(self.ways, self.ways_from_environment)
        return self.ways[0] if self.ways else ""

    def can_sign_in(self) -> bool:
        """Are the credentials complete, so that a token for another audience could be had?"""
        way = self.way()
        return bool(way) and (
            way == "managed_identity" or bool(self.get("tenant") and self.get("client_id"))
        )


def resolve(
    params: t.Mapping[str, t.Any], environ: t.Mapping[str, str] | None = None
) -> Connection:
    """Options and environment become one connection, or an error that says what to give."""
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
        if _text(source.get("managed_identity")).lower() in ("false", "no", "off", "0"):
            source.pop("managed_identity", None)
    explicit_ways = tuple(name for name in WAYS if name in explicit)
    if len(explicit_ways) > 1:
        raise _several(explicit_ways, False)
    ways = explicit_ways or tuple(name for name in WAYS if name in values)
    for name in WAYS:
        if name not in ways:
            values.pop(name, None)
    if explicit_ways and "access_token" not in explicit:
        values.pop("access_token", None)
    if "certificate_path" not in ways:
        values.pop("certificate_passphrase", None)
    _check(values, params)
    connection = Connection(
        values=values,
        ways=ways,
        ways_from_environment=not explicit_ways,
        endpoints=_endpoints(values),
        ca_path=_ca_path(values.get("ca_path")),
        timeout=_timeout(params.get("timeout")),
    )
    if not values.get("access_token"):
        connection.way()
    return connection


def _text(value: t.Any) -> str:
    return "" if value is None else str(value).strip()


def _several(ways: t.Sequence[str], from_environment: bool) -> InputError:
    if from_environment:
        names = ["%s (%s)" % (name, ENVIRONMENT[name]) for name in ways]
        return InputError(
            "The environment gives more than one way to sign in: %s." % ", ".join(names),
            "Unset all but one of these variables, or name the wanted one as an option.",
        )
    return InputError(
        "More than one way to sign in is given: %s." % ", ".join(ways),
        "Give exactly one of %s." % ", ".join(WAYS),
    )


def _check(values: t.Mapping[str, str], params: t.Mapping[str, t.Any]) -> None:
    if _text(params.get("transport")).lower() == "psrp":
        raise InputError(
            "The transport psrp is not available: Exchange Online has closed Remote PowerShell for"
            " every tenant.",
            "Use the transport rest, which drives the same cmdlets.",
        )
    for name in SECRETS:
        if name in values and len(values[name]) < SHORTEST_SECRET:
            raise InputError(
                "The value of %s has fewer than %d characters and cannot be a real one."
                % (_named(name), SHORTEST_SECRET),
                "Ansible masks a secret wherever it occurs, so a short one would blacken the whole"
                " output.",
            )
    if values.get("cloud", "public") not in CLOUDS:
        raise InputError(
            "%r is not a known cloud." % values["cloud"],
            "%s takes one of %s." % (_named("cloud"), ", ".join(CLOUDS)),
        )


def _named(option: str) -> str:
    return "%s (%s)" % (option, ENVIRONMENT[option]) if option in ENVIRONMENT else option


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
