# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PowerDNS and Knot on loopback, used as :class:`tests.support.bind.Bind` is.

Both run without root's rights on a free high port, with a key made on the spot, and are stopped by
their own pid.
"""

from __future__ import annotations

import secrets
import sqlite3
import subprocess
from pathlib import Path

from tests.support.bind import ADDRESS, Bind, free_port, hand_over, program, zone_text

PDNS_SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
# "no" to everything that is not signed, or about another type than those of the table.
PDNS_POLICY = """\
function updatepolicy(input)
  local granted = { %s }
  return input:getTsigName():toString() ~= "." and granted[input:getQType()] == true
end
"""
PDNS_TYPES = {"MX": 15, "TXT": 16, "CNAME": 5}


class PowerDns(Bind):
    """The authoritative server with its SQLite backend; ``granted`` types may be updated."""

    policy = False
    api_port = 0
    api_key = ""

    def _write(self, folder: Path) -> None:
        self.api_port = free_port()
        self.api_key = secrets.token_urlsafe(24)
        settings = {
            "webserver": "yes",
            "webserver-address": ADDRESS,
            "webserver-port": self.api_port,
            "api": "yes",
            "api-key": self.api_key,
            "launch": "gsqlite3",
            "gsqlite3-database": folder / "pdns.sqlite",
            "local-address": ADDRESS,
            "local-port": self.port,
            "socket-dir": folder,
            "dnsupdate": "yes",
            "daemon": "no",
            "guardian": "no",
            "disable-syslog": "yes",
            "cache-ttl": 0,
            "query-cache-ttl": 0,
            "negquery-cache-ttl": 0,
            "zone-cache-refresh-interval": 0,
            "consistent-backends": "no",
        }
        if self.policy:
            policy = folder / "policy.lua"
            granted = ", ".join(f"[{PDNS_TYPES[one]}] = true" for one in self._granted.split())
            policy.write_text(PDNS_POLICY % granted)
            settings["lua-dnsupdate-policy-script"] = policy
        text = "\n".join(f"{name}={value}" for name, value in settings.items())
        (folder / "pdns.conf").write_text(text + "\n")
        database = sqlite3.connect(folder / "pdns.sqlite")
        database.executescript(PDNS_SCHEMA.read_text())
        database.close()
        self._util(folder, "import-tsig-key", self.key.name, self.key.algorithm, self.key.secret)
        for origin, lines in self._zones.items():
            (folder / f"{origin}.zone").write_text(zone_text(origin, lines))
            self._util(folder, "load-zone", origin, str(folder / f"{origin}.zone"))
            self._util(folder, "set-meta", origin, "TSIG-ALLOW-DNSUPDATE", self.key.name)
            self._util(folder, "set-meta", origin, "ALLOW-DNSUPDATE-FROM", f"{ADDRESS}/32")
            self._util(folder, "set-meta", origin, "SOA-EDIT-DNSUPDATE", "INCREASE")
        hand_over(folder)

    @staticmethod
    def _util(folder: Path, *arguments: str) -> None:
        subprocess.run(
            [program("pdnsutil"), f"--config-dir={folder}", *arguments],
            check=True,
            capture_output=True,
            timeout=60,
        )

    def _command(self, folder: Path) -> list[str]:
        return [program("pdns_server"), f"--config-dir={folder}"]


class PowerDnsWithPolicy(PowerDns):
    """The same with an update policy in Lua, which decides for each record of an update."""

    policy = True


class Knot(Bind):
    """Knot DNS; the key may update the granted types."""

    def _write(self, folder: Path) -> None:
        types = self._granted.replace(" ", ", ")
        limited = "" if self._granted == "ANY" else f"    update-type: [{types}]\n"
        zones = ""
        for origin, lines in self._zones.items():
            (folder / f"{origin}.zone").write_text(zone_text(origin, lines))
            zones += f"  - domain: {origin}\n    file: {folder}/{origin}.zone\n    acl: update\n"
        (folder / "knot.conf").write_text(
            f"""\
server:
  rundir: "{folder}"
  pidfile: "{folder}/knot.pid"
  listen: {ADDRESS}@{self.port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "{folder}/db"
log:
  - target: stderr
    any: info
key:
  - id: {self.key.name}
    algorithm: {self.key.algorithm}
    secret: {self.key.secret}
acl:
  - id: update
    key: {self.key.name}
    action: update
{limited}zone:
{zones}"""
        )
        (folder / "db").mkdir(exist_ok=True)
        hand_over(folder)

    def _command(self, folder: Path) -> list[str]:
        return [program("knotd"), "-c", str(folder / "knot.conf")]
