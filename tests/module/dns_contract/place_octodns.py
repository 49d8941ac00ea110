# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""octoDNS as the bridge to a real PowerDNS, by its HTTP API."""

from __future__ import annotations

from typing import Any, ClassVar

from tests.module.dns_contract.place_bind import PowerDnsPlace


class OctodnsPlace(PowerDnsPlace):
    """The zones of PowerDNS; other administrators use dynamic updates."""

    provider = "octodns"
    troubles: ClassVar[frozenset[str]] = frozenset({"alias", "wrong_credentials"})

    def options(self) -> dict[str, Any]:
        return {
            "dns_octodns_class": "octodns_powerdns.PowerDnsProvider",
            "dns_octodns_arguments": {
                "host": self._server.address,
                "port": self._server.api_port,
                "soa_edit_api": "increase",
            },
            "dns_octodns_secrets": {"api_key": self._server.api_key},
        }

    def make(self, trouble: str, name: str = "") -> None:
        if trouble == "wrong_credentials":
            self._changed = {"dns_octodns_secrets": {"api_key": "another-key-0123456789"}}
        else:
            super().make(trouble, name)

    def secrets(self) -> list[str]:
        return [self._server.api_key, "another-key-0123456789"]
