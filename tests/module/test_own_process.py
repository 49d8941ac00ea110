# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module in a process of its own (an asynchronous task) does what it does in the controller's
process.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab.client import Lab
from tests.module.plays import area1_defaults, dns_defaults, exchange_defaults, play

CONNECTOR = {
    "mailflow.area1.o365_connector": {
        "name": "Gateway",
        "connector_type": "Partner",
        "sender_ip_addresses": {"set": ["52.11.209.211"]},
    }
}
MX = {"mailflow.area1.area1_mx": {"domains": ["northwind.example"], "max_ttl": 300}}
OWN = {"async": 120, "poll": 1}


def test_a_process_of_its_own_and_the_controller_s_agree(tmp_path: Path) -> None:
    with Lab.start("fresh", tmp_path / "lab") as lab:
        defaults = {
            "exchange": exchange_defaults(lab, signed_in=True),
            "area1": area1_defaults(lab),
            "dns": dns_defaults(lab),
        }
        tasks: list[dict[str, Any]] = [
            {"name": "own connector", **CONNECTOR, **OWN},
            {"name": "same connector", **CONNECTOR},
            {"name": "MX here", **MX},
            {"name": "MX there", **MX, **OWN},
            {
                "name": "unknown option",
                "mailflow.area1.o365_connector": {"name": "Gateway", "nonsense": 1},
                "ignore_errors": True,
            },
            {
                "name": "two at once",
                "mailflow.area1.area1_mx": {
                    "domains": ["northwind.example"],
                    "ttl": 60,
                    "max_ttl": 300,
                },
                "ignore_errors": True,
            },
        ]
        played = play(tmp_path, tasks, defaults)
    assert played.rc == 0, played.stdout
    assert played.changed == ["own connector", "MX here"]
    assert played["same connector"]["connector"] == played["own connector"]["connector"]
    assert played["MX there"]["results"][0]["changed"] is False
    assert played.failed == ["unknown option", "two at once"]
    assert "nonsense" in played["unknown option"]["msg"]
    assert "mutually exclusive" in played["two at once"]["msg"]
