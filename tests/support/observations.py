# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run reads of a lab's world: the sections of its observation, made by the real readers.

`observe` does what the role preflight does, with the modules' own logic in this process. `recorded`
gives what `make observations` wrote to tests/data/observations: the same, with the times moved to
one moment and with what differs from run to run (ports, ids of mails) made equal. Tests of gates
and planners start from these, so that their shapes are those of the readers.
"""

from __future__ import annotations

import copy
import datetime
import json
import pickle
import re
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases.evaluate import (
    run_gate,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.snapshots.store import (
    run_snapshot,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.info import run as run_mx_info
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.delivery_log import (
    run_trace_info,
)
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.domains import inform
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import evaluate
from ansible_collections.mailflow.area1.plugins.module_utils._engine.observation import Observation
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.reads.mail_flow import (
    run_mail_flow_info,
)
from ansible_collections.mailflow.area1.plugins.module_utils._smtp.probe import (
    run_probe,
    section_of,
)
from lab.client import Lab
from lab.worlds.mail import EU

DIRECTORY = Path(__file__).resolve().parents[1] / "data" / "observations"
#: The worlds that are recorded: before a deployment, with a customer's own objects, with policies
#: of MTA-STS, begun by hand, behind another gateway, and finished.
WORLDS = ("fresh", "busy", "mta_sts", "half_finished", "former_gateway", "locked_year_ago")
#: The service's time of each recording.
MOMENT = datetime.datetime(2026, 11, 23, 20, tzinfo=datetime.timezone.utc)
EDGE = "northwind-example.mail.protection.outlook.com"
MX_HOSTS = [host for _priority, host in EU]

SECTIONS = (
    "organization",
    "accepted_domains",
    "connection_filter",
    "content_filter",
    "content_filter_rules",
    "inbound_connectors",
    "outbound_connectors",
    "transport_rules",
    "quarantine_policies",
    "preset_rules",
    "forwarding_hosts",
    "permissions",
    "blocked_connectors",
    "message_trace",
)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_MAIL_ID = re.compile(r"<\d{10,}[^>]*>")
_PORT = re.compile(r"(127\.0\.0\.1):\d+")
Sections = dict[str, Any]


class Reader:
    """One run's reads of a lab, as tasks would do them one after another."""

    def __init__(self, lab: Lab, directory: Path) -> None:
        self.lab, self.path = lab, str(directory / "observation.json")
        known = lab.extra_vars
        self._given = {
            "observation_path": self.path,
            "timeout": 60,
            "ca_path": lab.ca_path,
            **{key.removeprefix("o365_"): known[key] for key in known if key.startswith("o365_")},
            "account_id": known["area1_account_id"],
            "api_token": known["area1_api_token"],
            "api_url": known["area1_api_url"],
            "dns_provider": known["area1_dns_provider"],
            "dns_api_token": known["area1_api_token"],
            "dns_api_url": known["area1_api_url"],
            "dns_resolvers": known["area1_dns_resolvers"],
            "dns_authoritative_port": known["area1_dns_authoritative_port"],
            "mta_sts_port": known["area1_mta_sts_port"],
        }

    def do(self, logic: Callable[..., Any], **options: Any) -> dict[str, Any]:
        """Run one module's logic; it must not fail."""
        failed, result = evaluate(logic, {**self._given, **options}, Context())
        assert not failed, result
        return result

    def sections(self) -> Sections:
        return Observation(self.path).sections()


def observe(lab: Lab, directory: Path) -> Sections:
    """Read a lab as the role preflight does, and as the later roles do before they decide."""
    reader = Reader(lab, directory)
    covered = list(lab.extra_vars["area1_domains"])
    now = datetime.datetime.fromisoformat(lab.state()["clock"]["now"])
    since = (now - datetime.timedelta(days=2)).isoformat().replace("+00:00", "Z")
    reader.do(
        run_gate,
        phase="settings",
        settings={"domains": covered, "location": "eu"},
        fail_on_cannot=False,
    )
    tenant = reader.do(
        run_mail_flow_info, sections=list(SECTIONS), trace_since=since, trace_details=5
    )
    reader.do(inform, domains=covered)
    read = reader.do(
        run_mx_info, domains=covered, provider=True, details=True, mail_hosts=list(MX_HOSTS)
    )
    others = [name for name in tenant["domain_names"] if name not in covered]
    if others:
        reader.do(run_mx_info, domains=others)
    reader.do(run_trace_info, since=since, domains=covered)
    _probe(reader, covered, read["mail_hosts"])
    reader.do(run_snapshot, state="baseline", directory=str(directory / "state"))
    return reader.sections()


def _probe(reader: Reader, covered: list[str], known: Mapping[str, Any]) -> None:
    """Ask the new MX hosts, and leave the answers as the action plugin does."""
    result = reader.do(
        run_probe,
        hosts=[{"name": host, "addresses": known[host]["addresses"]} for host in MX_HOSTS],
        domains=covered,
        port=reader.lab.extra_vars["area1_smtp_port"],
    )
    observation = Observation(reader.path)
    observation.put("smtp", section_of(result, observation.any_age("smtp")))
    observation.save()


def record(world: str) -> Sections:
    """Return the sections of a world, in the form in which they are kept."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        (directory / "run").mkdir(mode=0o700)
        with Lab.start(world, directory / "lab", max_seconds=300) as lab:
            if world in ("fresh", "busy"):
                lab.send(EDGE, "news@s001.senders.example", "user1@northwind.example")
                lab.advance(minutes=1)
            return equal(observe(lab, directory / "run"))


def equal(sections: Sections) -> Sections:
    """Return sections with what differs from run to run made equal."""
    moment = datetime.datetime.fromisoformat(str(sections["service_date"]))
    shift = MOMENT - moment
    found: Sections = _walk(sections, "", shift)
    # what a person wants is not read
    del found["settings"]
    found["baseline_state"]["directory"] = "/var/lib/operator/state"
    for group in found["message_trace"]["groups"]:
        if group["sample"]:
            group["sample"]["id"] = "00000000-0000-0000-0000-000000000001"
    views = list(found["dns"].values())
    if "baseline" in found:
        found["baseline"]["digest"] = "0" * 64
        views += found["baseline"]["sections"]["dns"].values()
    for view in views:
        for resolver in view["resolvers"]:
            # what was left of the time to live
            resolver["ttl"] = view["ttl_max"] if resolver["ttl"] is not None else None
        view["name_servers"] = [{**each, "address": "192.0.2.53"} for each in view["name_servers"]]
    return found


def _walk(value: Any, key: str, shift: datetime.timedelta) -> Any:
    if isinstance(value, Mapping):
        return {name: _walk(item, name, shift) for name, item in value.items()}
    if isinstance(value, list):
        return [_walk(item, key, shift) for item in value]
    if key == "taken" and isinstance(value, (int, float)):
        return MOMENT.timestamp()
    if not isinstance(value, str):
        return value
    if _TIME.fullmatch(value):
        return _moved(value, shift)
    if key == "host" and "." not in value:
        return "runner"
    text = _MAIL_ID.sub("<1@lab.example>", _PORT.sub(r"\1:53", value))
    return _TIME.sub(lambda each: _moved(each[0], shift), text)


def _moved(text: str, shift: datetime.timedelta) -> str:
    """Move a time, to the whole minute: how long the reads took differs from run to run."""
    moment = datetime.datetime.fromisoformat(text) + shift + datetime.timedelta(seconds=30)
    return moment.strftime("%Y-%m-%dT%H:%M:00") + ("Z" if text.endswith("Z") else "+00:00")


@cache
def _read(world: str) -> Sections:
    text = (DIRECTORY / f"{world}.json").read_text(encoding="utf-8")
    found: Sections = json.loads(text)
    return found


def recorded(world: str) -> Sections:
    """Return a copy of the recorded sections of a world."""
    return copy.deepcopy(_read(world))


@cache
def _packed(world: str, *path: str) -> bytes:
    found: Any = _read(world)
    for step in path:
        found = found[step]
    return pickle.dumps(found)


def part(world: str, *path: str) -> Any:
    """Return a copy of one part of the recorded sections; property tests ask often."""
    return pickle.loads(_packed(world, *path))


def write() -> list[Path]:
    """Record all worlds anew."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    paths = []
    for world in WORLDS:
        path = DIRECTORY / f"{world}.json"
        text = json.dumps(record(world), indent=1, sort_keys=True, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
        paths.append(path)
    return paths


if __name__ == "__main__":
    for written in write():
        print(written)
