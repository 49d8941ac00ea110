# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant moves behind Area 1, day by day, on the lab: `make demo`.

Each day is one real run of ansible-playbook in the foreground, with its own output. This script
only moves the lab's clock between the runs and then checks for itself: a day that did not bring
what it should have brought fails the demo.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import dns.message
import dns.query
import dns.rdatatype

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from lab.client import Lab, LabError  # noqa: E402

HOST = "northwind"
LOCKDOWN = "Secure O365 Inbound"
MAILS, ATTACKS = 60, 6
GATEWAY = (
    "mailstream-central.mxrecord.mx",
    "mailstream-east.mxrecord.io",
    "mailstream-eu1.mxrecord.io",
    "mailstream-west.mxrecord.io",
)
PLAYBOOK = """---
- name: Put Area 1 in front of Microsoft 365
  ansible.builtin.import_playbook: mailflow.area1.deploy_area1
"""
INVENTORY = """---
all:
  hosts:
    northwind:            # an inventory host is a tenant
      o365_tenant: %(tenant)s
      area1_location: eu
      area1_dns_provider: cloudflare
      area1_domains:
%(domains)s
"""
IN_INVENTORY = ("o365_tenant", "area1_dns_provider", "area1_domains")


class DemoError(Exception):
    """The story did not go as it should."""


@dataclasses.dataclass(frozen=True)
class Day:
    """A day of the demo: ``after`` days of the lab's clock, one run, and what must be true then."""

    title: str
    after: int
    check: Callable[[Lab, int], str]
    # What becomes of mail that an attacker sends straight to Microsoft; none is sent where nothing
    # is said.
    attacks: str = ""


def mx_hosts(lab: Lab) -> dict[str, tuple[str, ...]]:
    """Return the MX hosts that each zone has, from the lab's own state."""
    zones = lab.state()["cloudflare"]["zones"]
    return {
        name: tuple(
            sorted(
                item["content"]
                for item in zone["records"]
                if item["type"] == "MX" and item["name"] == name
            )
        )
        for name, zone in zones.items()
    }


def moved(lab: Lab) -> int:
    return sum(hosts == GATEWAY for hosts in mx_hosts(lab).values())


def connectors(lab: Lab) -> dict[str, bool]:
    return {
        item["Name"]: bool(item["Enabled"]) for item in lab.state()["tenant"]["inbound_connectors"]
    }


def expect(condition: bool, text: str) -> str:
    if not condition:
        raise DemoError("this is not what the lab holds: %s" % text)
    return text


def day_prepared(lab: Lab, mark: int) -> str:
    entries = len(lab.state()["tenant"]["connection_filter"]["IPAllowList"])
    return expect(
        moved(lab) == 0 and entries == 42 and len(connectors(lab)) == 1,
        "42 networks allowed, one connector, no MX record moved",
    )


def day_switched(lab: Lab, mark: int) -> str:
    return expect(
        moved(lab) == 3 and LOCKDOWN not in connectors(lab),
        "the MX records of all 3 domains name Area 1; no lock-down",
    )


def day_staged(lab: Lab, mark: int) -> str:
    return expect(connectors(lab).get(LOCKDOWN) is False, "%s exists, switched off" % LOCKDOWN)


def day_locked(lab: Lab, mark: int) -> str:
    return expect(connectors(lab).get(LOCKDOWN) is True, "%s is on" % LOCKDOWN)


def nothing_left(lab: Lab, mark: int) -> str:
    return expect(not lab.writes(mark), "the last run sent no write")


STORY = (
    Day("Day 1: everything but the switch", 0, day_prepared, attacks="got in"),
    Day("Day 2: the switch", 1, day_switched),
    Day("Day 3: the lock-down is staged, switched off on purpose", 1, day_staged),
    Day("Day 6: locked", 3, day_locked, attacks="were refused"),
    Day(
        "Day 7: a run on a finished tenant changes nothing", 1, nothing_left, attacks="were refused"
    ),
)


def say(text: str = "") -> None:
    print(text, flush=True)


def title(text: str) -> None:
    say("\n\n%s\n%s" % (text, "#" * len(text)))


def prepare(lab: Lab, folder: Path) -> list[str]:
    """Write the operator's files (playbook, inventory) and the lab's addresses and credentials."""
    given = lab.extra_vars
    domains = "\n".join("        - %s" % name for name in given["area1_domains"])
    texts = {
        "deploy_area1.yml": PLAYBOOK,
        "inventory.yml": INVENTORY % {"tenant": given["o365_tenant"], "domains": domains},
        "lab-vars.json": json.dumps(
            {key: value for key, value in given.items() if key not in IN_INVENTORY}
        ),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name in ("deploy_area1.yml", "inventory.yml"):
        say(
            "\n%s:\n" % name
            + "".join("  %s\n" % line for line in texts[name].splitlines()).rstrip()
        )
    say("\nlab-vars.json: the lab's addresses and credentials")
    return ["ansible-playbook", "-i", "inventory.yml", "deploy_area1.yml", "-e", "@lab-vars.json"]


def environment(folder: Path) -> dict[str, str]:
    """Return the caller's environment without settings and credentials of its own.

    State goes into the demo's folder, and tasks that are ok are not printed.
    """
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("ANSIBLE_", "O365_", "AREA1_"))
    }
    return {
        **kept,
        "PATH": os.pathsep.join(
            [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
        ),
        "XDG_STATE_HOME": str(folder / "state"),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible_root"),
        "ANSIBLE_DISPLAY_OK_HOSTS": "false",
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
    }


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that may be ending already, because Ctrl-C reaches it too."""
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def play(command: list[str], folder: Path) -> None:
    say("$ %s\n" % " ".join(command))
    process = subprocess.Popen(
        command, cwd=folder, env=environment(folder), stdin=subprocess.DEVNULL
    )
    try:
        code = process.wait(timeout=180)
    except BaseException:
        end(process)
        raise
    if code != 0:
        raise DemoError("ansible-playbook ended with exit code %d" % code)


def mail(lab: Lab, day: Day) -> str:
    """Send real mail to the lab's mail servers, and return the tally.

    Some senders use a cached MX record, and attackers deliver past it.
    """
    lab.advance(hours=2)
    before = lab.traffic()
    lab.traffic(senders=20, mails=MAILS, attacks=ATTACKS if day.attacks else 0)
    lab.settle()
    after = lab.traffic()
    count = {
        name: after[name] - before[name]
        for name in ("delivered", "lost", "accepted_direct", "refused_direct")
    }
    text = "%d ordinary mails: %d delivered, %d lost" % (MAILS, count["delivered"], count["lost"])
    fine = count["delivered"] == MAILS and after["lost"] == 0
    if day.attacks:
        text += "; %d mails past the MX, straight at Microsoft, %s" % (ATTACKS, day.attacks)
        fine = (
            fine
            and count["refused_direct" if day.attacks == "were refused" else "accepted_direct"]
            == ATTACKS
        )
    return expect(fine, text)


def live(day: Day, lab: Lab, command: list[str], folder: Path) -> int:
    title(day.title)
    lab.advance(days=day.after)
    moves = (
        "moves on by %d day%s" % (day.after, "" if day.after == 1 else "s")
        if day.after
        else "shows the real time"
    )
    say("(the lab's clock %s: %s)" % (moves, lab.state()["clock"]["now"]))
    mark = lab.mark()
    play(command, folder)
    say("(seen in the lab: %s)" % day.check(lab, mark))
    say("(two hours later, mail: %s)" % mail(lab, day))
    return mark


def wire(lab: Lab, mark: int) -> None:
    """Print what the last run sent, from the log of the lab's servers."""
    title("The wire: requests of the last run, from the lab's log")
    log = lab.log(mark)
    requests, writes = (
        Counter(entry["service"] for entry in log),
        Counter(entry["service"] for entry in log if entry["write"]),
    )
    for service, count in sorted(requests.items()):
        say("%-12s %3d requests  %3d writes" % (service, count, writes[service]))


def ask(lab: Lab) -> None:
    """Print the final MX records, by an ordinary DNS query to the lab's resolver."""
    address, _colon, port = lab.extra_vars["area1_dns_resolvers"][0].rpartition(":")
    title("The world: MX records, asked at the resolver")
    for name in lab.extra_vars["area1_domains"]:
        answer = dns.query.udp(
            dns.message.make_query(name, dns.rdatatype.MX), address, port=int(port), timeout=5
        ).answer
        for rrset in answer:
            for record in sorted(rrset):
                say("%-26s %4d  MX %s" % (name, rrset.ttl, record.to_text()))


def tell(folder: Path) -> None:
    started = time.monotonic()
    say(
        "A Microsoft 365 tenant with three domains moves behind Area 1. All services are the lab's,"
        " on this machine's loopback;"
    )
    say(
        "ansible-playbook, the collection and what they print are real. Tasks that changed nothing"
        " are not shown."
    )
    with Lab.start("fresh", folder / "lab", max_seconds=900) as lab:
        command = prepare(lab, folder)
        mark = 0
        for day in STORY:
            mark = live(day, lab, command, folder)
        wire(lab, mark)
        ask(lab)
    title("Done")
    say("The demo's own directory is removed now, and with it the reports named above.")
    say(
        "A week in %.0f seconds. Not one ordinary mail was lost; what goes past Area 1 is refused."
        % (time.monotonic() - started)
    )


def stop(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        with tempfile.TemporaryDirectory(
            prefix="area1-demo-", ignore_cleanup_errors=True
        ) as folder:
            tell(Path(folder))
    except KeyboardInterrupt:
        say("\nInterrupted. The lab is stopped.")
        return 130
    except (DemoError, LabError, OSError, subprocess.TimeoutExpired) as error:
        print("\nDEMO FAILED: %s" % error, file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
