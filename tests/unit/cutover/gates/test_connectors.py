# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gates on connectors, filters and rules: what Exchange would do with mail that Area 1 brings."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.gates import (
    connectors as connector_gates,
    foreign,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.gate import (
    CANNOT,
    HOLDS,
    NOT_YET,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import deploy as phases
from tests.unit.cutover.worlds import (
    CONNECTOR,
    LOCKDOWN,
    ONE,
    TWO,
    ago,
    ahead,
    connector,
    only,
    wanted,
    world,
)

EGRESS = wanted().egress


def with_connectors(*more: dict[str, Any], **settings: Any) -> World:
    return world(wanted(**settings), inbound_connectors=[connector(EGRESS), *more])


@pytest.mark.parametrize(
    ("fields", "claims"),
    [
        ({"SenderIPAddresses": ["52.11.209.211"]}, True),
        ({"SenderIPAddresses": ["104.30.40.7"]}, True),
        ({"SenderIPAddresses": ["104.30.0.0/16"]}, True),
        ({"SenderIPAddresses": ["158.51.64.10-158.51.64.20"]}, True),
        ({"SenderIPAddresses": ["192.0.2.1"]}, False),
        ({"SenderIPAddresses": []}, False),
        ({"SenderIPAddresses": ["52.11.209.211"], "Enabled": False}, False),
        ({"SenderIPAddresses": ["52.11.209.211"], "Name": LOCKDOWN.upper()}, False),
        ({"SenderIPAddresses": ["a form nobody knows"]}, False),
    ],
)
def test_foreign_connector(fields: dict[str, Any], claims: bool) -> None:
    results = connector_gates.foreign_connector(
        with_connectors(connector([], **{"Name": "Old gateway", **fields}))
    )
    assert only(results).status == (CANNOT if claims else HOLDS)
    if claims:
        assert (
            results[0].object == "Old gateway"
            and "area1_connector_name: Old gateway" in results[0].hint
        )


def test_a_foreign_lock_down_is_named_for_adoption_as_such() -> None:
    found = with_connectors(
        connector(EGRESS, Name="Secure M365 Inbound", RestrictDomainsToIPAddresses=True)
    )
    assert (
        "area1_lockdown_connector_name: Secure M365 Inbound"
        in only(connector_gates.foreign_connector(found)).hint
    )
    adopted = with_connectors(
        connector(EGRESS, Name="Secure M365 Inbound", RestrictDomainsToIPAddresses=True),
        lockdown_connector_name="Secure M365 Inbound",
    )
    assert only(connector_gates.foreign_connector(adopted)).open


def gateway(**fields: Any) -> dict[str, Any]:
    """Somebody else's connector that restricts senders to its own addresses."""
    return connector(
        [],
        **{
            "Name": "Old gateway",
            "RestrictDomainsToIPAddresses": True,
            "SenderIPAddresses": ["192.0.2.1"],
            **fields,
        },
    )


@pytest.mark.parametrize(
    ("fields", "refuses"),
    [
        ({}, True),
        ({"RestrictDomainsToIPAddresses": "True", "SenderIPAddresses": EGRESS[1:]}, True),
        ({"SenderIPAddresses": [*EGRESS, "192.0.2.1"]}, False),
        (
            {
                "RestrictDomainsToIPAddresses": False,
                "RestrictDomainsToCertificate": True,
                "SenderIPAddresses": EGRESS,
            },
            True,
        ),
        ({"SenderDomains": ["smtp:partner.example;1"]}, True),
        ({"SenderDomains": ["partner.example", "*"]}, True),
        ({"SenderDomains": ["smtp:partner.example;1"], "SenderIPAddresses": EGRESS}, False),
        ({"AssociatedAcceptedDomains": [TWO.upper()]}, True),
        ({"AssociatedAcceptedDomains": ["shop.example"]}, False),
        ({"AssociatedAcceptedDomains": ["shop.example", ONE]}, True),
        ({"Enabled": False}, False),
        ({"RestrictDomainsToIPAddresses": False}, False),
    ],
)
def test_restricting_connector(fields: dict[str, Any], refuses: bool) -> None:
    result = only(foreign.restricting_connector(with_connectors(gateway(**fields))))
    assert result.status == (CANNOT if refuses else HOLDS)
    assert (
        not refuses or 'Set-InboundConnector -Identity "Old gateway" -Enabled $false' in result.hint
    )


def test_a_restricting_connector_says_whose_mail_it_refuses() -> None:
    result = only(
        foreign.restricting_connector(
            with_connectors(gateway(SenderDomains=["smtp:p.example;1", "q.example"]))
        )
    )
    assert "mail of p.example, q.example" in result.message
    assert (
        "mail of every sender domain"
        in only(foreign.restricting_connector(with_connectors(gateway()))).message
    )


def test_every_restricting_connector_is_named_and_each_may_be_decided_about() -> None:
    found = [gateway(), gateway(Name="Partner", SenderDomains=["p.example"])]
    one = phases.evaluate(
        "switch", with_connectors(*found, acknowledge=["restricting_connector:Old gateway"])
    )
    assert [result.object for result in one.results if not result.open] == [
        "Partner"
    ] and one.values["domains"] == []
    both = phases.evaluate("switch", with_connectors(*found, acknowledge=["restricting_connector"]))
    assert len(both.values["domains"]) == 2 and [
        result.object for result in both.results if result.acknowledged
    ] == ["Old gateway", "Partner"]


@pytest.mark.parametrize(
    "fields",
    [
        {"SenderIPAddresses": EGRESS[1:]},
        {"SenderIPAddresses": EGRESS[3:], "Name": LOCKDOWN.lower()},
    ],
)
def test_our_own_lock_down_counts_while_networks_are_missing_in_it(fields: dict[str, Any]) -> None:
    result = only(
        foreign.restricting_connector(with_connectors(gateway(**{"Name": LOCKDOWN, **fields})))
    )
    assert (
        result.status == NOT_YET
        and "leaves out %d egress" % (len(EGRESS) - len(fields["SenderIPAddresses"]))
        in result.message
    )
    assert only(
        foreign.restricting_connector(
            with_connectors(gateway(Name=LOCKDOWN, SenderIPAddresses=EGRESS))
        )
    ).open


def test_our_own_lock_down_that_asks_for_a_certificate_is_no_matter_of_networks() -> None:
    by_certificate = gateway(
        Name=LOCKDOWN,
        SenderIPAddresses=EGRESS,
        RestrictDomainsToCertificate=True,
        TlsSenderCertificateName="mx.old.example",
    )
    assert only(foreign.restricting_connector(with_connectors(by_certificate))).status == CANNOT


@pytest.mark.parametrize("field", ["RestrictDomainsToIPAddresses", "RestrictDomainsToCertificate"])
def test_a_first_connector_that_restricts_is_not_adopted(field: str) -> None:
    found = world(
        wanted(acknowledge=["foreign_connector", "adopted_connector"]),
        inbound_connectors=[connector(EGRESS, **{field: True})],
    )
    result = only(connector_gates.foreign_connector(found))
    assert (result.gate, result.status, result.object) == ("adopted_connector", CANNOT, CONNECTOR)
    assert "area1_lockdown_connector_name" in result.hint
    for phase in ("enhanced_filtering", "switch"):
        evaluation = phases.evaluate(phase, found)
        assert "adopted_connector" in {item.gate for item in evaluation.results if not item.open}, (
            "and nobody can decide otherwise"
        )


def rule(**fields: Any) -> dict[str, Any]:
    """The usual lock-down by rule: all from outside, except from the gateway's addresses, is
    refused.
    """
    return {
        "Name": "Gateway only",
        "State": "Enabled",
        "Mode": "Enforce",
        "FromScope": "NotInOrganization",
        "ExceptIfSenderIpRanges": ["192.0.2.0/24"],
        "RejectMessageReasonText": "Use our MX.",
        **fields,
    }


NO_ACTION: dict[str, Any] = {"RejectMessageReasonText": None}


@pytest.mark.parametrize(
    ("fields", "refuses"),
    [
        ({}, True),
        ({"FromScope": None}, True),
        ({**NO_ACTION, "RejectMessageEnhancedStatusCode": "5.7.1"}, True),
        ({**NO_ACTION, "DeleteMessage": True}, True),
        ({**NO_ACTION, "Quarantine": True}, True),
        ({**NO_ACTION, "RedirectMessageTo": ["a@b.example"]}, True),
        ({"ExceptIfSenderIpRanges": ["192.0.2.1", *EGRESS[1:]]}, True),
        ({"ExceptIfSenderIpRanges": [*EGRESS, "192.0.2.1"]}, False),
        ({"ExceptIfSenderIpRanges": ["0.0.0.0/0"]}, False),
        ({"ExceptIfSenderIpRanges": []}, False),
        ({"State": "Disabled"}, False),
        ({"Mode": "Audit"}, False),
        ({"FromScope": "InOrganization"}, False),
        (
            {**NO_ACTION, "DeleteMessage": False, "Quarantine": False, "RedirectMessageTo": []},
            False,
        ),
    ],
)
def test_transport_rule(fields: dict[str, Any], refuses: bool) -> None:
    found = world(transport_rules=[rule(**fields)])
    result = only(foreign.transport_rules(found))
    assert (result.gate, result.status) == ("transport_rule", CANNOT if refuses else HOLDS)
    assert bool(phases.evaluate("switch", found).values["domains"]) is not refuses
    if refuses:
        assert result.object == "Gateway only" and "transport_rule:Gateway only" in result.hint
        decided = phases.evaluate(
            "switch", World(found.sections, wanted(acknowledge=["transport_rule:Gateway only"]))
        )
        assert len(decided.values["domains"]) == 2 and "Gateway only" in {
            item.object for item in decided.results if item.acknowledged
        }


@pytest.mark.parametrize(
    ("value", "applying", "open"),
    [
        ("On", ["Default"], False),
        ("on", ["DEFAULT"], False),
        ("Off", ["Default"], True),
        ("Test", ["Default"], True),
        (None, ["Default"], True),
        ("On", ["Strict"], True),
        ("On", [], True),
    ],
)
def test_spf_hard_fail(value: str | None, applying: list[str], open: bool) -> None:
    policies = [
        {"Name": "Default", "MarkAsSpamSpfRecordHardFail": value},
        {"Name": "Strict", "MarkAsSpamSpfRecordHardFail": "Off"},
    ]
    found = world(content_filter=policies, applying_policies=applying)
    result = only(connector_gates.spf_hard_fail(found))
    assert (result.gate, result.status) == ("spf_hard_fail", HOLDS if open else NOT_YET)
    assert bool(phases.evaluate("switch", found).values["domains"]) is open
    if not open:
        assert result.object == "Default" and "allow_list" in result.hint
        assert phases.evaluate(
            "switch", World(found.sections, wanted(acknowledge=["spf_hard_fail"]))
        ).values["domains"]


@pytest.mark.parametrize(
    "fields",
    [
        {"Enabled": False},
        {"SenderIPAddresses": EGRESS[1:]},
        {"EFSkipLastIP": False},
        {"EFTestMode": True},
        {"EFTestMode": "True"},
        {"EFUsers": ["a@northwind.example"]},
        {"SenderDomains": ["smtp:partner.example;1"]},
        {"SenderDomains": []},
    ],
)
def test_settled_needs_a_connector_that_recognises_area_1(fields: dict[str, Any]) -> None:
    result = only(connector_gates.settled(world(inbound_connectors=[connector(EGRESS, **fields)])))
    assert result.status == NOT_YET and "enhanced_filtering" in result.hint


def test_settled_needs_the_connector_and_the_list() -> None:
    assert only(connector_gates.settled(world())).open
    assert "does not exist" in only(connector_gates.settled(world(inbound_connectors=[]))).message
    missing = world(
        connection_filter=[
            {"Name": "Default", "IPAllowList": EGRESS[2:], "WhenChangedUTC": ago(days=2)}
        ]
    )
    assert "2 egress networks are missing" in only(connector_gates.settled(missing)).message
    unmanaged = World({**missing.sections}, wanted(allow_list="skip"))
    assert only(connector_gates.settled(unmanaged)).open


@pytest.mark.parametrize("name", ["WhenChangedUTC", "WhenChanged"])
def test_settled_waits_after_each_change(name: str) -> None:
    young = {"WhenChangedUTC": None, name: ago(minutes=59)}
    result = only(connector_gates.settled(world(inbound_connectors=[connector(EGRESS, **young)])))
    assert result.status == NOT_YET and result.until == ahead(minutes=1)
    policy = {"Name": "Default", "IPAllowList": EGRESS, "WhenChangedUTC": ago(minutes=10)}
    result = only(connector_gates.settled(world(connection_filter=[policy])))
    assert (result.object, result.until) == ("connection filter", ahead(minutes=50))
    assert only(
        connector_gates.settled(
            World(world(connection_filter=[policy]).sections, wanted(settle_minutes=10))
        )
    ).open
    assert only(
        connector_gates.settled(
            World(world(connection_filter=[policy]).sections, wanted(allow_list="skip"))
        )
    ).open


@pytest.mark.parametrize(
    "section",
    [
        {
            "inbound_connectors": [
                connector(EGRESS),
                gateway(Enabled=False, WhenChangedUTC=ago(minutes=20)),
            ]
        },
        {
            "inbound_connectors": [
                connector(EGRESS),
                gateway(SenderIPAddresses=EGRESS, WhenChangedUTC=ago(minutes=20)),
            ]
        },
        {"transport_rules": [rule(State="Disabled", WhenChanged=ago(minutes=20))]},
        {"transport_rules": [rule(ExceptIfSenderIpRanges=EGRESS, WhenChanged=ago(minutes=20))]},
    ],
)
def test_what_refused_until_a_moment_ago_may_still_do_so(section: dict[str, Any]) -> None:
    found = world(**section)
    result = only(connector_gates.settled(found))
    assert (result.gate, result.status, result.until) == ("settled", NOT_YET, ahead(minutes=40))
    assert phases.evaluate("switch", found).values["domains"] == []
    assert only(connector_gates.settled(World(found.sections, wanted(settle_minutes=20)))).open


@pytest.mark.parametrize(
    "fields",
    [
        {"RestrictDomainsToIPAddresses": False},
        {"AssociatedAcceptedDomains": ["shop.example"]},
        {"Name": LOCKDOWN, "Enabled": False},
    ],
)
def test_a_fresh_change_that_has_nothing_to_do_with_it_holds_nothing(
    fields: dict[str, Any],
) -> None:
    assert only(
        connector_gates.settled(
            with_connectors(
                gateway(**{"Enabled": False, "WhenChangedUTC": ago(minutes=1), **fields})
            )
        )
    ).open
