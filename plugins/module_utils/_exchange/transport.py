# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""How cmdlets reach Exchange Online. Modules know this interface and no transport."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from .._engine.context import Context


@dataclasses.dataclass(frozen=True)
class ExchangeAnswer:
    """What a cmdlet returned.

    ``values`` are plain objects by property, alike over every transport. ``date`` is the clock of
    the other side: of the service (REST), or of the Windows management host (PSRP).
    """

    values: list[dict[str, t.Any]]
    warnings: list[str]
    date: datetime.datetime


class Transport(t.Protocol):
    """A signed-in connection to one tenant. Opened on first use."""

    @property
    def tenant_id(self) -> str:
        """Id of the tenant that is connected to."""

    @property
    def tenant_option(self) -> str:
        """The tenant as the operator named it; empty when it was left to the token."""

    def invoke(
        self,
        cmdlet: str,
        parameters: t.Mapping[str, t.Any] | None = None,
        select: t.Sequence[str] = (),
    ) -> ExchangeAnswer:
        """Run one cmdlet.

        Values of ``parameters`` are plain data or a Delta. ``select`` names the properties that
        are needed; a transport may return more. Verbs Get, Test and Validate are reads and may be
        repeated; a read that failed is ReadError. A write whose outcome is unknown is
        AmbiguousWrite and was not repeated.
        """

    def exported_cmdlets(self) -> frozenset[str]:
        """Return the cmdlets that the identity's roles allow, in lower case.

        Empty where the service does not say.
        """


def open_transport(params: t.Mapping[str, t.Any], context: Context) -> Transport:
    """Return the transport that the options ask for; it ends with the task.

    :param params: a module's parameters, with those of C(EXCHANGE_OPTIONS).
    """
    # Imported here: a task loads its own transport only.
    if str(params.get("transport") or "rest").strip().lower() == "psrp":
        from .psrp.transport import PsrpTransport

        return PsrpTransport(params, context)
    from .rest.transport import ExchangeClient

    return ExchangeClient(params, context)
