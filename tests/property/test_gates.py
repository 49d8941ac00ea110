# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever the world looks like: no domain is switched whose gates do not hold, and what is open
stays explained.
"""

from __future__ import annotations

import datetime
from typing import Any

from hypothesis import event, given, settings, strategies as st

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model import gate
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.gate import (
    Evaluation,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.registry import (
    acknowledgeable,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import deploy as phases
from ansible_collections.mailflow.area1.plugins.module_utils._engine.timestamps import iso
from tests.unit.cutover.worlds import (
    NEW,
    NOW,
    OLD,
    ONE,
    TWO,
    accepted,
    connector,
    records,
    sections,
    view,
    wanted,
)

bounded = settings(max_examples=150, deadline=None)
# At most two things are wrong at a time: so every condition is often the only one that fails, and
# the good case is common.
TENANT_DEFECTS = (
    "Enabled",
    "EFSkipLastIP",
    "EFTestMode",
    "EFUsers",
    "SenderDomains",
    "SenderIPAddresses",
    "RestrictDomainsToIPAddresses",
    "young",
    "old gateway",
    "rule",
    "spf",
    "allow list",
)
DOMAIN_DEFECTS = (
    "moved",
    "relay",
    "readiness",
    "transport",
    "modes",
    "restrictions",
    "ttl",
    "cached",
    "lowered",
    "silent",
    "all silent",
    "no resolver",
    "agree",
    "cname",
    "null_mx",
)
NAMES = [ONE, TWO]


class Drawn:
    """A tenant before the switch.

    ``blocked``: by domain, why it must not move (as facts, not as gates).
    """

    def __init__(self, data: st.DataObject) -> None:
        hopeless = [
            "ttl",
            "settled",
            "area1_domain",
            "dns_shape",
            "dns_silent",
            "adopted_connector",
        ]
        decisions = st.sampled_from([[], ["domain_type"], ["old_ttl"], ["name_server"], hopeless])
        decisions |= st.sampled_from(
            [["restricting_connector"], ["transport_rule", "spf_hard_fail"]]
        )
        self.decided = data.draw(decisions, "decided")
        limit = data.draw(st.sampled_from([0, 0, 1]), "limit")
        canary = data.draw(st.sampled_from([False, False, True]), "canary")
        self.chosen = wanted(
            domains=[ONE, {"name": TWO, "canary": canary}],
            acknowledge=self.decided,
            max_switches=limit,
        )
        self.found = sections(self.chosen)
        tenant = st.sampled_from(TENANT_DEFECTS)
        domain = st.tuples(st.sampled_from(NAMES), st.sampled_from(DOMAIN_DEFECTS))
        self.defects: set[Any] = data.draw(st.sets(domain | domain | tenant, max_size=2), "defects")
        self.tenant_blocked: list[str] = []
        self.blocked: dict[str, list[str]] = {ONE: [], TWO: []}
        self._tenant(data)
        for name in NAMES:
            self._domain(data, name)

    def _tenant(self, data: st.DataObject) -> None:
        egress = self.chosen.egress
        minutes = data.draw(st.sampled_from([0, 1, 59])) if "young" in self.defects else 60
        fields: dict[str, Any] = {"WhenChangedUTC": iso(NOW - datetime.timedelta(minutes=minutes))}
        wrong: dict[str, Any] = {
            "Enabled": False,
            "EFSkipLastIP": None,
            "EFTestMode": True,
            "EFUsers": ["a@b.example"],
            "SenderDomains": ["smtp:a.example;1"],
            "SenderIPAddresses": egress[:-1],
            "RestrictDomainsToIPAddresses": True,
        }
        for name, bad in wrong.items():
            if name in self.defects:
                fields[name] = bad
                self.tenant_blocked.append(name)
        if minutes < 60:
            self.tenant_blocked.append("young connector")
        self.found["inbound_connectors"] = [connector(egress, **fields)]
        self._refusing(data)
        if "allow list" in self.defects:
            self.found["connection_filter"][0]["IPAllowList"] = egress[1:]
            self.tenant_blocked.append("allow list")

    def _refusing(self, data: st.DataObject) -> None:
        """What else refuses mail from Area 1, and each may be decided about."""
        if "old gateway" in self.defects:
            whose = data.draw(
                st.sampled_from([["*"], ["smtp:partner.example;1"]]), "sender domains"
            )
            kind = data.draw(
                st.sampled_from(["RestrictDomainsToIPAddresses", "RestrictDomainsToCertificate"]),
                "restricts by",
            )
            self.found["inbound_connectors"].append(
                connector(["192.0.2.1"], **{"Name": "Old", "SenderDomains": whose, kind: True})
            )
        if "rule" in self.defects:
            self.found["transport_rules"] = [
                {
                    "Name": "Only the gateway",
                    "ExceptIfSenderIpRanges": ["192.0.2.1"],
                    "Quarantine": True,
                }
            ]
        if "spf" in self.defects:
            self.found["content_filter"][0]["MarkAsSpamSpfRecordHardFail"] = "On"
        gates = {
            "old gateway": "restricting_connector",
            "rule": "transport_rule",
            "spf": "spf_hard_fail",
        }
        self.tenant_blocked += [
            defect
            for defect, gate in gates.items()
            if defect in self.defects and gate not in self.decided
        ]

    def _domain(self, data: st.DataObject, name: str) -> None:
        say = self.blocked[name].append
        if (name, "moved") in self.defects:
            self.found["dns_provider"][name]["records"] = records(NEW)
            say("moved")
        self.found["accepted_domains"] = [
            item for item in self.found["accepted_domains"] if item["Name"] != name
        ]
        relay = (name, "relay") in self.defects
        self.found["accepted_domains"].append(
            accepted(name, DomainType="InternalRelay" if relay else "Authoritative")
        )
        if relay and "domain_type" not in self.decided:
            say("relay")
        status = (
            data.draw(st.sampled_from(["not_yet", "cannot", "", None]))
            if (name, "readiness") in self.defects
            else "ready"
        )
        self.found["email_security"][name]["readiness"] = {"status": status}
        if status != "ready":
            say("not ready")
        wrong = (
            ("transport", "transport", ""),
            ("modes", "allowed_delivery_modes", ["API"]),
            ("restrictions", "ip_restrictions", ["192.0.2.1"]),
        )
        for defect, field, bad in wrong:
            if (name, defect) in self.defects:
                self.found["email_security"][name][field] = bad
                say(defect)
        self._records(data, name, say)

    def _records(self, data: st.DataObject, name: str, say: Any) -> None:
        ttl = data.draw(
            st.sampled_from([301, 86400])
            if (name, "ttl") in self.defects
            else st.sampled_from([60, 300])
        )
        cached = data.draw(
            st.sampled_from([301, 3600])
            if (name, "cached") in self.defects
            else st.sampled_from([0, 300])
        )
        lowered = data.draw(
            st.sampled_from([1, 59])
            if (name, "lowered") in self.defects
            else st.sampled_from([60, 600])
        )
        shown = view(OLD[name], ttl=ttl, resolver_ttl=cached)
        at = iso(NOW - datetime.timedelta(minutes=lowered))
        self.found["timeline"] = [
            item for item in self.found["timeline"] if item["domain"] != name
        ] + [{"domain": name, "event": "ttl_lowered", "at": at}]
        if ttl > 300:
            say("high TTL")
        if (lowered < 60 or cached > 300) and "old_ttl" not in self.decided:
            say("caches")
        if (name, "silent") in self.defects:
            # One of two: the switch goes on, the lock-down waits.
            shown["name_servers"][0].update(status="timeout", records=None)
        for defect, side in (("all silent", "name_servers"), ("no resolver", "resolvers")):
            if (name, defect) in self.defects:
                for server in shown[side]:
                    server.update(status="timeout", records=None)
                say(defect)
        for field, bad in (("agree", False), ("cname", "x.example"), ("null_mx", True)):
            if (name, field) in self.defects:
                shown[field] = bad
                # The gate names one cause: where all are silent, it is not that they disagree.
                if field != "agree" or shown["name_servers"][1]["status"] == "ok":
                    say(field)
        self.found["dns"][name] = shown

    def evaluate(self, phase: str) -> Evaluation:
        return phases.evaluate(phase, World(self.found, self.chosen))


@bounded
@given(st.data())
def test_no_domain_is_switched_whose_gates_do_not_hold(data: st.DataObject) -> None:
    drawn = Drawn(data)
    evaluation = drawn.evaluate("switch")
    names = [item["name"] for item in evaluation.values["domains"]]
    event("switched %d" % len(names))
    if names:
        assert not drawn.tenant_blocked
    for name in names:
        assert not drawn.blocked[name], name
    limit = drawn.chosen.max_switches
    assert not limit or len(names) <= limit
    canary = next((item.name for item in drawn.chosen.domains if item.canary), None)
    if canary and ONE in names:
        assert "moved" in drawn.blocked[canary], "before the canary"


@bounded
@given(st.data())
def test_a_domain_that_is_held_back_is_explained(data: st.DataObject) -> None:
    drawn = Drawn(data)
    evaluation = drawn.evaluate("switch")
    if evaluation.values["done"]:
        assert all("moved" in causes for causes in drawn.blocked.values())
        return
    names = {item["name"] for item in evaluation.values["domains"]}
    closed = {result.object for result in evaluation.results if not result.open}
    if drawn.tenant_blocked:
        assert not names and closed
    for name in NAMES:
        waits = name not in names and "moved" not in drawn.blocked[name]
        assert not waits or drawn.tenant_blocked or name in closed, name
    for result in evaluation.results:
        assert result.open or (result.message and (result.hint or result.until)), result


@bounded
@given(st.data())
def test_ttls_are_lowered_only_where_the_set_is_understood(data: st.DataObject) -> None:
    drawn = Drawn(data)
    names = [item["name"] for item in drawn.evaluate("lower_ttl").values["domains"]]
    for name in names:
        assert not {"moved", "agree", "cname", "null_mx"} & set(drawn.blocked[name])
        assert "all silent" not in drawn.blocked[name] or "name_server" in drawn.decided


statuses = st.sampled_from([gate.HOLDS, gate.NOT_YET, gate.CANNOT, gate.NOT_CHECKED])
names = st.sampled_from(
    [
        *sorted(acknowledgeable()),
        "settled",
        "exposed",
        "area1_domain",
        "ttl",
        "soak",
        "customization",
    ]
)
results = st.lists(
    st.builds(gate.GateResult, names, statuses, st.sampled_from([ONE, TWO, ""])), max_size=6
)


@bounded
@given(results, st.data())
def test_acknowledging_opens_only_what_may_be_and_never_closes(
    found: list[gate.GateResult], data: st.DataObject
) -> None:
    words = [
        text for result in found for text in (result.gate, "%s:%s" % (result.gate, result.object))
    ]
    decided = data.draw(st.lists(st.sampled_from(words), max_size=4)) if words else []
    once = gate.acknowledge(found, decided)
    assert gate.acknowledge(once, decided) == once
    for before, after in zip(found, once, strict=True):
        if before == after:
            continue
        assert (
            before.status != gate.HOLDS
            and after.status == gate.HOLDS
            and after.acknowledged
            and before.gate in acknowledgeable()
        )
        assert before.gate in decided or "%s:%s" % (before.gate, before.object) in decided
