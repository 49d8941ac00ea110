# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant whose mail goes through Area 1, made by the functions behind the modules with what their
gates allow; and mail to it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.mailflow.area1.plugins.module_utils._dns import info
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets import mx
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.delivery_log import (
    run_trace_info,
)
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.domains import inform
from ansible_collections.mailflow.area1.plugins.module_utils._engine.observation import Observation
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.objects import content_filter
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.objects.connectors import (
    run_connector,
    run_enhanced_filtering,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.objects.filters import (
    run_connection_filter,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.reads.mail_flow import (
    run_mail_flow_info,
)
from ansible_collections.mailflow.area1.plugins.module_utils._smtp.probe import (
    run_probe,
    section_of,
)
from ansible_collections.mailflow.area1.plugins.modules import (
    area1_domain,
    area1_domain_info,
    area1_mx,
    area1_mx_info,
    area1_trace_info,
    mail_flow_probe,
)
from lab.client import Lab
from tests.module.handling_runs import Run
from tests.module.places import AREA1, Place
from tests.module.plays import area1_defaults, dns_defaults

EDGE = "northwind-example.mail.protection.outlook.com"
SENDER, RECIPIENT = "anna@s001.senders.example", "ann@northwind.example"
LOCKDOWN = "Secure O365 Inbound"


class Tenant:
    """``run`` is its message handling. Changes act when the constructor is done."""

    def __init__(self, directory: Path, lab: Lab, **settings: Any) -> None:
        self.lab, self._directory, self._settings = lab, directory, settings
        self.names = lab.extra_vars["area1_domains"]
        self.run = Run(directory, lab, **settings)
        self._numbers = itertools.count(2)
        assert not self.run.problem and self.run.gate["open"], (self.run.problem, self.run.gate)
        self._exchange()
        self._area1()
        self._hosts = itertools.cycle(self._records)
        lab.advance(hours=2)

    def _exchange(self) -> None:
        networks = self.run.allowed("connection_filter")["entries"]
        self.run.do(run_connection_filter, identity="Default", ip_allow_list={"add": networks})
        self.run.do(
            content_filter.run_content_filter,
            scope="applying",
            mark_as_spam_spf_record_hard_fail=False,
        )
        allowed = self.run.allowed("enhanced_filtering")
        name = allowed["name"]
        self.run.do(run_connector, name=name, state="present", **allowed["connector"])
        self.run.do(run_enhanced_filtering, connector=name, state="present", **allowed["filtering"])

    def _area1(self) -> None:
        """Its domains with the use case's dispositions, and the MX records at it."""
        self._domains()
        switch = self.run.setting("mx_records")
        self._records = [record["host"] for record in switch]
        self.module(
            area1_mx.SPEC,
            mx.run,
            **dns_defaults(self.lab),
            domains=self.names,
            records=switch,
            ttl=300,
        )

    def _domains(self) -> None:
        self.run.do(run_mail_flow_info, sections=["forwarding_hosts"], domains=self.names)
        allowed = self.run.allowed("area1_domains")
        given = dict(allowed)
        self.module(
            area1_domain.ARGUMENT_SPEC,
            area1_domain.run,
            **{**dns_defaults(self.lab), **area1_defaults(self.lab), **given},
        )

    def module(
        self, spec: dict[str, Any], logic: Callable[..., Any], **options: Any
    ) -> dict[str, Any]:
        """With the defaults of its own options."""
        path = {"observation_path": self.run.path} if "observation_path" in spec else {}
        checked = ArgumentSpecValidator(spec).validate({**options, **path})
        assert not checked.error_messages, checked.error_messages
        return self.run.do(logic, **checked.validated_parameters)

    @property
    def host(self) -> str:
        """Each time another one of Area 1's."""
        return str(next(self._hosts))

    def again(self, role: bool = True) -> Run:
        """A later run, with the same message handling."""
        self.lab.advance(minutes=1)
        directory = self._directory.with_name("%s-%d" % (self._directory.name, next(self._numbers)))
        self.run = Run(directory, self.lab, role=role, **self._settings)
        return self.run

    def change(self, **settings: Any) -> None:
        """A later run with other settings: the domains first, as the playbook has it."""
        self._settings.update(settings)
        self.again(role=False)
        self._read_area1()
        self.run.remember()
        self._domains()
        self.run.role()

    def _read_area1(self) -> None:
        self.module(
            area1_domain_info.ARGUMENT_SPEC, inform, **area1_defaults(self.lab), domains=self.names
        )
        self.module(area1_mx_info.SPEC, info.run, **dns_defaults(self.lab), domains=self.names)

    def ranges(self) -> list[str]:
        """The addresses that the rules ask for."""
        return [
            address
            for rule in self.lab.state()["tenant"]["transport_rules"]
            for address in rule["SenderIpRanges"] or []
        ]

    def through(self, disposition: str, **more: Any) -> Place:
        """Where a message that Area 1 finds to be this ends, sent to one of its MX hosts."""
        return self.place(self.sent(self.host, subject="[lab:%s] Hello" % disposition, **more))

    def straight(self, **headers: str) -> Place:
        """Past Area 1, from an address on the Internet, with headers that the sender wrote
        himself.
        """
        return self.place(self.sent(EDGE, headers=headers))

    def sent(self, host: str, recipient: str = RECIPIENT, **more: Any) -> str:
        reply = self.lab.send(host, SENDER, recipient, **more)
        assert reply["code"] == 250, reply
        return str(reply["message_id"])

    def place(self, message_id: str) -> Place:
        if any(item["message_id"] == message_id for item in self.lab.messages("held")):
            return AREA1
        (found,) = [item for item in self.lab.messages() if item["message_id"] == message_id]
        return found["folder"], found["policy"], found["release"]

    def lock_down(self) -> None:
        """On, and past its time to act."""
        self.run.do(
            run_connector,
            name=LOCKDOWN,
            state="present",
            connector_type="Partner",
            enabled=True,
            sender_domains={"set": ["*"]},
            sender_ip_addresses={"set": self.run.setting("egress")},
            require_tls=True,
            restrict_domains_to_ip_addresses=True,
        )
        self.run.do(
            run_enhanced_filtering, connector=LOCKDOWN, state="present", skip_last_ip=True, users=[]
        )
        self.lab.advance(hours=2)

    def look(self, deliver: bool = False) -> dict[str, Any]:
        """A later run: what it reads with the proof, and its answers of the end state by their
        gates. C(deliver): it tries to get in past Area 1.
        """
        self.again()
        self._read_area1()
        aim = self.run.allowed("proof")
        if aim["look"]:
            self.run.do(
                run_mail_flow_info,
                sections=["message_trace"],
                trace_since=aim["trace_since"],
                trace_details=5,
                trace_known=aim["entries"],
            )
        if aim["outbound_since"]:
            self.module(
                area1_trace_info.ARGUMENT_SPEC,
                run_trace_info,
                **area1_defaults(self.lab),
                since=aim["outbound_since"],
            )
            self.run.do(
                run_mail_flow_info,
                sections=["message_events"],
                message_ids=self.run.allowed("proof")["message_ids"],
            )
        if deliver:
            self._deliver(aim)
        return {result["gate"]: result for result in self.run.ask_gate("verify")["results"]}

    def _deliver(self, aim: dict[str, Any]) -> None:
        self.module(
            area1_mx_info.SPEC,
            info.run,
            **dns_defaults(self.lab),
            domains=aim["mail_domains"],
            mail_hosts=aim["mail_hosts"],
        )
        there = {"port": self.lab.extra_vars["area1_smtp_port"], "ca_path": self.lab.ca_path}
        direct = self.run.allowed("proof")["direct"]
        seen = self.module(
            mail_flow_probe.ARGUMENT_SPEC,
            run_probe,
            **there,
            direct=direct,
            internal_domains=aim["internal_domains"],
        )
        # As the action plugin does: the probe may run on another host.
        observation = Observation(self.run.path)
        observation.put("smtp", section_of(seen, None))
        observation.save()

    def acted(self) -> list[bool]:
        """Of the messages that were looked at, whether a rule was seen to act."""
        return [bool(item["rules"]) for item in self.run.section("message_events")]

    def look_at(self, gate: str, deliver: bool = False) -> str | None:
        """The answer of one of them; None where nothing is missing."""
        found = self.look(deliver).get(gate)
        return found["status"] if found else None
