# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft Entra's side of the lab: tokens for apps, people and machines, and a foreign issuer."""

from lab.entra.issuer import IssuerService
from lab.entra.machine import MachineService
from lab.entra.service import EntraService

__all__ = ["EntraService", "IssuerService", "MachineService"]
