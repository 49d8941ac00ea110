# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""mail_flow_probe on the lab's mail path: hosts that misbehave, the edge with and without a
lock-down, and another host that looks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._dns.info import run as read_dns
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.objects.connectors import (
    run_connector,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.reads.mail_flow import (
    run_mail_flow_info,
)
from ansible_collections.mailflow.area1.plugins.module_utils._smtp.probe import run_probe
from ansible_collections.mailflow.area1.plugins.modules.o365_connector import ARGUMENT_SPEC
from ansible_collections.mailflow.area1.plugins.modules.o365_mail_flow_info import (
    ARGUMENT_SPEC as INFO_SPEC,
)
from lab.client import Lab
from tests.module.plays import ROOT, dns_defaults, exchange_defaults, play

NEW, EDGE = "mailstream-eu1.mxrecord.io", "northwind-example.mail.protection.outlook.com"
DOMAIN = "northwind.example"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab.start(world="fresh", directory=tmp_path_factory.mktemp("lab"), max_seconds=900) as lab:
        yield lab


@pytest.fixture
def lab(running: Lab) -> Lab:
    running.reset("fresh")
    return running


def addresses(lab: Lab) -> dict[str, Any]:
    found = read_dns(
        {"domains": [DOMAIN], "mail_hosts": [NEW, EDGE], **dns_defaults(lab)}, Context()
    ).values
    hosts: dict[str, Any] = found["mail_hosts"]
    return hosts


def probe(lab: Lab, check: bool = False, **options: Any) -> dict[str, Any]:
    given = {
        "port": lab.extra_vars["area1_smtp_port"],
        "ca_path": lab.ca_path,
        "timeout": 10,
        **options,
    }
    return run_probe(given, Context(check_mode=check)).values


def edge(lab: Lab, option: str = "direct", check: bool = False, **options: Any) -> dict[str, Any]:
    target = {"name": DOMAIN, "host": EDGE, "addresses": addresses(lab)[EDGE]["addresses"]}
    view: dict[str, Any] = probe(lab, check, **{option: [target]}, **options)[option][DOMAIN]
    return view


def connector(lab: Lab, **options: Any) -> None:
    defaults = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    egress = {"add": ["104.30.32.0/24"], "remove": None, "set": None}
    given = {
        "connector_type": "Partner",
        "sender_domains": {"add": None, "remove": None, "set": ["*"]},
        "sender_ip_addresses": egress,
        "require_tls": True,
    }
    run_connector(
        {**defaults, **exchange_defaults(lab), "name": "Ours", "enabled": True, **given, **options},
        Context(),
    )
    lab.advance(hours=1)


@pytest.mark.parametrize(
    ("trouble", "status", "problem"),
    [
        ({}, "ok", ""),
        ({"mode": "down"}, "unknown", "connection refused"),
        ({"mode": "silent"}, "unknown", "no answer in time"),
        ({"mode": "no_starttls"}, "wrong", "STARTTLS"),
        ({"mode": "wrong_certificate"}, "wrong", "certificate is not valid for %s" % NEW),
        ({"banner": "554 5.7.1 Not from there"}, "unknown", "554"),
    ],
)
def test_a_new_mx_host(lab: Lab, trouble: dict[str, Any], status: str, problem: str) -> None:
    lab.mutate(["mail", "hosts", NEW], value=trouble)
    view = probe(lab, hosts=[addresses(lab)[NEW]], domains=[DOMAIN], timeout=2)["hosts"][NEW]
    assert view["status"] == status and problem in view["problem"]
    verdict = view["recipients"][DOMAIN]["verdict"]
    assert verdict == ("refused" if status == "ok" else "unknown"), (
        "Area 1 does not know the domain"
    )


def test_the_edge_takes_direct_mail_until_it_is_locked(lab: Lab) -> None:
    assert edge(lab)["verdict"] == "inconclusive"
    assert (
        edge(lab, canary_recipient="canary@%s" % DOMAIN, check=True)["verdict"] == "inconclusive"
        and lab.messages() == []
    )
    opened = edge(lab, canary_recipient="canary@%s" % DOMAIN)
    assert opened["verdict"] == "open"
    assert [item["message_id"] for item in lab.messages()] == [opened["canary"]["message_id"]]
    connector(lab, restrict_domains_to_ip_addresses=True)
    locked = edge(lab)
    assert (locked["verdict"], locked["stage"], locked["enhanced"]) == ("locked", "rcpt", "5.7.51")
    lab.setting("edge_refuses_at", "data")
    assert edge(lab)["verdict"] == "inconclusive"
    late = edge(lab, canary_recipient="canary@%s" % DOMAIN)
    assert (late["verdict"], late["stage"]) == ("locked", "message") and late["canary"][
        "accepted"
    ] is False


def test_other_refusals_are_no_lock_down(lab: Lab) -> None:
    lab.mutate(["tenant", "organization", "RejectDirectSend"], value=True)
    assert edge(lab)["verdict"] == "inconclusive", "the sender is nobody of the tenant"
    lab.mutate(["mail", "hosts", "*"], value={"mode": "defer"})
    put_off = edge(lab)
    assert (put_off["verdict"], put_off["enhanced"]) == ("unknown", "4.7.500") and put_off[
        "meaning"
    ]


def test_a_connector_that_catches_other_mail_shows_in_the_difference_that_tls_makes(
    lab: Lab,
) -> None:
    assert edge(lab, "plain")["verdict"] == "accepted"
    connector(lab)
    assert edge(lab, "plain")["verdict"] == "accepted", "it is for its own addresses"
    lab.setting("partner_ip_list", "ignored")
    caught = edge(lab, "plain")
    assert (
        caught["verdict"] == "needs_tls"
        and caught["without_tls"]["code"] == 451
        and lab.messages() == []
    )


def test_another_host_looks_and_the_observation_stays_here(lab: Lab, tmp_path: Path) -> None:
    """Over AnsiballZ, so with nothing but the standard library and what is ours; and not from here
    under another's name.
    """
    directory = tmp_path / "run"
    directory.mkdir(mode=0o700)
    observation = str(directory / "observation.json")
    options = {
        "port": lab.extra_vars["area1_smtp_port"],
        "ca_path": lab.ca_path,
        "observation_path": observation,
    }
    tasks: list[dict[str, Any]] = [
        {
            "name": "Hosts",
            "ansible.builtin.add_host": {
                "name": "prober",
                "ansible_connection": "elsewhere",
                "ansible_python_interpreter": sys.executable,
            },
        },
        {"name": "Pretender", "ansible.builtin.add_host": {"name": "pretender"}},
        {
            "name": "Addresses",
            "mailflow.area1.area1_mx_info": {
                "domains": [DOMAIN],
                "mail_hosts": [NEW],
                "observation_path": observation,
            },
        },
        {
            "name": "Pretend",
            "mailflow.area1.mail_flow_probe": {"hosts": [{"name": NEW}], **options},
            "delegate_to": "pretender",
            "ignore_errors": True,
        },
        {
            "name": "Look",
            "mailflow.area1.mail_flow_probe": {
                "hosts": [{"name": NEW}],
                "domains": [DOMAIN],
                **options,
            },
            "delegate_to": "prober",
        },
        {
            "name": "Look from here",
            "mailflow.area1.mail_flow_probe": {"hosts": [{"name": NEW}], **options},
            "delegate_to": "localhost",
        },
    ]
    environment = {
        "ANSIBLE_CONNECTION_PLUGINS": str(ROOT / "tests" / "support" / "connection_plugins")
    }
    played = play(tmp_path, tasks, {"dns": dns_defaults(lab)}, environment=environment)
    assert played.rc == 0, played.stdout
    assert played.failed == ["Pretend"] and "no connection of its own" in played["Pretend"]["msg"]
    assert (
        played["Look"]["hosts"][NEW]["status"] == "ok"
        and played["Look"]["looked_from"]["address"] == "127.0.0.1"
    )
    assert played.changed == ["Hosts", "Pretender"]
    kept = json.loads(Path(observation).read_text())["sections"]["smtp"]["value"]
    assert kept["hosts"][NEW]["status"] == "ok" and kept["hosts"][NEW]["looked_from"]["host"]


def test_all_outbound_connectors_are_read(lab: Lab) -> None:
    """One query does not show those in test mode, nor those for rules only ([EXO-2.8])."""
    defaults = {name: spec.get("default") for name, spec in INFO_SPEC.items()}
    lab.reset("busy")
    (present,) = lab.state()["tenant"]["outbound_connectors"]
    for name, fields in (
        ("Testing", {"TestMode": True}),
        ("By rule", {"IsTransportRuleScoped": True}),
    ):
        lab.mutate(
            ["tenant", "outbound_connectors"],
            append={**present, "Name": name, "Identity": name, **fields},
        )
    since = lab.mark()
    found = run_mail_flow_info(
        {**defaults, **exchange_defaults(lab), "sections": ["outbound_connectors"]}, Context()
    ).values["mail_flow"]
    assert sorted(item["Name"] for item in found["outbound_connectors"]) == [
        "By rule",
        "Outbound to headquarters",
        "Testing",
    ]
    assert (
        len([entry for entry in lab.log(since) if entry.get("cmdlet") == "Get-OutboundConnector"])
        == 3
    )
