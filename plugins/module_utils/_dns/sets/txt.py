# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The ownership proof of a domain: a TXT value that joins what is at its name."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine.context import Context
from ..._engine.errors import MailflowError
from ..drivers.accounts import Drivers
from ..drivers.contract import Driver
from .planner import WantedSet
from .reconcile_set import SetOutcome, SetSteps, bring
from .rrset import wanted_host


@dataclasses.dataclass(frozen=True)
class TxtOutcome:
    """The outcome for one TXT value.

    ``present``: the provider shows the value. ``pending``: a person is to set ``zone_lines``.
    """

    changed: bool
    present: bool
    pending: bool
    zone_lines: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]


def publish_txt(
    params: t.Mapping[str, t.Any],
    context: Context,
    name: str,
    value: str,
    own: t.Mapping[str, t.Any] | None = None,
    drivers: Drivers | None = None,
) -> TxtOutcome:
    """Add ``value`` to the TXT set at ``name``; other values stay.

    Writes nothing in check mode or where it is there.

    ``own`` has the domain's dns_provider or dns_account, if any; give ``drivers`` to share
    look-ups between calls.
    """
    owner = wanted_host(name, "TXT name")
    drivers = drivers or Drivers(params, context)
    driver = _driver_of(drivers, owner, own)
    steps = SetSteps(driver, owner, "TXT", WantedSet(add=(value,)))
    return _outcome(bring(steps, driver, context), value)


def txt_present(
    params: t.Mapping[str, t.Any],
    context: Context,
    name: str,
    value: str,
    own: t.Mapping[str, t.Any] | None = None,
    drivers: Drivers | None = None,
) -> bool:
    """Return whether the provider shows the value."""
    owner = wanted_host(name, "TXT name")
    drivers = drivers or Drivers(params, context)
    found = _driver_of(drivers, owner, own).read(owner, "TXT")
    return found is not None and value in found.values


def _driver_of(drivers: Drivers, name: str, own: t.Mapping[str, t.Any] | None) -> Driver:
    account = drivers.accounts_of({name: own or {}})[name]
    if isinstance(account, MailflowError):
        raise account
    return drivers.get(account)


def _outcome(outcome: SetOutcome, value: str) -> TxtOutcome:
    before = outcome.before.values if outcome.before else ()
    after = outcome.after.values if outcome.after else ()
    present = value in (before if outcome.pending or outcome.predicted else after)
    return TxtOutcome(outcome.changed, present, outcome.pending, outcome.zone_lines, before, after)
