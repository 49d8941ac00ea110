# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The shared connection options of the Email Security modules."""

from __future__ import annotations

import os
import re
import typing as t

from .._cloudflare_api import DEFAULT_API_URL, CloudflareApi
from .._engine.context import Context
from .._engine.errors import InputError

# The environment is read here and not by the argument spec: an empty option counts as not given.
AREA1_OPTIONS: dict[str, t.Any] = {
    "account_id": {"type": "str"},
    "api_token": {"type": "str", "no_log": True},
    "api_url": {"type": "str", "default": DEFAULT_API_URL},
    "ca_path": {"type": "path"},
    "timeout": {"type": "int", "default": 300},
}

ENVIRONMENT = {"account_id": "AREA1_ACCOUNT_ID", "api_token": "AREA1_API_TOKEN"}

_ACCOUNT_ID = re.compile(r"^[0-9a-f]{32}$")


def given(
    params: t.Mapping[str, t.Any], option: str, environ: t.Mapping[str, str] | None = None
) -> str:
    """Return the option, else its environment variable, else ""."""
    environ = os.environ if environ is None else environ
    return (
        str(params.get(option) or "").strip()
        or environ.get(ENVIRONMENT.get(option, ""), "").strip()
    )


def account_of(params: t.Mapping[str, t.Any]) -> str:
    account = given(params, "account_id").lower()
    if not account:
        raise InputError(
            "No Cloudflare account is given.",
            "Give account_id, or AREA1_ACCOUNT_ID in the environment.",
        )
    if not _ACCOUNT_ID.match(account):
        raise InputError(
            "account_id is not the ID of a Cloudflare account.",
            "It is 32 hexadecimal digits, as in the dashboard's address.",
        )
    return account


def api_of(params: t.Mapping[str, t.Any], context: Context) -> CloudflareApi:
    token = given(params, "api_token")
    if not token:
        raise InputError(
            "No Cloudflare API token is given.",
            "Give api_token, or AREA1_API_TOKEN in the environment.",
        )
    timeout = int(params.get("timeout") or 300)
    if timeout < 1:
        raise InputError("timeout must be at least 1 second.", "Leave it out for 300.")
    return CloudflareApi(
        params.get("api_url") or DEFAULT_API_URL, token, params.get("ca_path"), timeout, context
    )
