# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One cmdlet of the tenant, whichever way it was asked for: over REST or from a PowerShell host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.exchange import access, checks, organization
from lab.exchange.call import Call
from lab.exchange.cmdlets import CMDLETS
from lab.exchange.errors import CmdletError
from lab.exchange.schema import bind, known
from lab.server import Hub
from lab.tokens import EXCHANGE, Identity

# codes that may come with HTTP 400 and pass [EXO-1.6]
_TRANSIENT = "ServerBusyException"


class NotGranted(Exception):
    """The identity's roles do not carry the cmdlet, or there is none of this name."""


class NotBuilt(Exception):
    """The table knows the cmdlet and the lab does not have it."""


def invoke(
    hub: Hub,
    cmdlet: str,
    parameters: Mapping[str, Any],
    identity: Identity,
    names: list[str],
    number: int = 0,
) -> tuple[Call, list[dict[str, Any]]]:
    """Run a cmdlet and return its call, with warnings and confirmation, and its objects.

    :param names: what faults are matched against.
    :param number: how many errors were answered so far; some alternate in wording.
    """
    name = known(cmdlet)
    if name is None or (name in CMDLETS and not access.allowed(identity, name)):
        raise NotGranted(cmdlet)
    if name not in CMDLETS:
        raise NotBuilt(f"the lab does not have {name} yet")
    _fault_before(hub, names)
    organization.advance(hub)
    hidden = identity.app.get("hidden_parameters", {}).get(name, [])
    bound = bind(name, parameters, hidden, hub.setting("refuse_reserved", True))
    reads = name.startswith("Get-")
    stale = hub.faults.take(EXCHANGE, names, ["stale"]) if reads else None
    call = Call(hub, name, bound, identity, stale=stale is not None)
    organization.refuse_dehydrated(call, number)
    checks.pass_over(call)
    if not reads and hub.faults.take(EXCHANGE, names, ["ignore_write"]):
        return call, []  # reported as done, and not done [EXO-4.12]
    value = CMDLETS[name](call)
    late = hub.faults.take(EXCHANGE, names, ["cmdlet_error_after"])
    if late:
        raise _ordered(late.options)
    return call, value


def _fault_before(hub: Hub, names: list[str]) -> None:
    fault = hub.faults.take(EXCHANGE, names, ["transient", "cmdlet_error"])
    if fault and fault.kind == "transient":
        code = str(fault.options.get("code", _TRANSIENT))
        raise CmdletError(
            f"Microsoft.Exchange.Data.Storage.{code}",
            "The server is busy. The issue may be transient. Try again later.",
            code=code,
        )
    if fault:
        raise _ordered(fault.options)


def _ordered(options: dict[str, Any]) -> CmdletError:
    return CmdletError(
        str(options.get("type", "System.Exception")),
        str(options.get("message", "The operation failed.")),
        int(options.get("status", 400)),
    )
