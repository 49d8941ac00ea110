# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each check of the audit: what passes, what fails, what is only worth a line."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.gate import (
    HOLDS,
    NOT_CHECKED,
    NOT_YET,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import (
    audit_checks as audit,
    evaluate as gating,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.report import (
    audit as report_audit,
)
from tests.unit.cutover.past_worlds import after, held, lock_of
from tests.unit.cutover.worlds import (
    CONNECTOR,
    LOCKDOWN,
    NEW,
    ONE,
    TWO,
    connector,
    only,
    sections,
    wanted,
    world,
)


def statuses(check: str, **changed: Any) -> dict[str, str]:
    return {result.object: result.status for result in getattr(audit, check)(world(**changed))}


@pytest.mark.parametrize(
    ("fields", "fails"),
    [
        ({}, False),
        ({"EFSkipLastIP": False}, True),
        ({"EFSkipLastIP": False, "EFSkipIPs": ["192.0.2.1"]}, False),
        ({"EFTestMode": True}, True),
        ({"EFUsers": ["a@northwind.example"]}, True),
        ({"EFSkipLastIP": False, "Enabled": False}, False),
        ({"EFSkipLastIP": False, "SenderDomains": ["contoso.example"]}, False),
    ],
)
def test_orca_233(fields: dict[str, Any], fails: bool) -> None:
    """The rule set as ORCA has it, for every connector, whoever made it."""
    found = statuses(
        "enhanced_filtering", inbound_connectors=[connector([], Name="Gateway", **fields)]
    )
    assert found == ({"Gateway": NOT_YET} if fails else {"": HOLDS})


def test_blocked_connectors() -> None:
    (unread,) = audit.blocked_connectors(world())
    assert unread.status == NOT_CHECKED
    assert only(audit.blocked_connectors(world(blocked_connectors=[]))).open
    there = [connector([], Guid="11")]
    blocked = only(
        audit.blocked_connectors(
            world(blocked_connectors=[{"ConnectorId": "11"}], inbound_connectors=there)
        )
    )
    assert blocked.status == NOT_YET and blocked.object == CONNECTOR


def test_connector_scope() -> None:
    found = after()
    assert statuses("connector_scope", **found) == {LOCKDOWN: HOLDS}
    lock_of(found).update(
        AssociatedAcceptedDomains=[ONE], RequireTls=False, SenderDomains=["contoso.example"]
    )
    result = only(audit.connector_scope(world(**found)))
    assert (
        result.status == NOT_YET
        and "TLS" in result.message
        and "contoso.example" in result.message
        and "some accepted" in result.message
    )
    assert audit.connector_scope(world(**after(locked=False))) == []


@pytest.mark.parametrize(
    ("rule", "fails"),
    [
        ({"SetSCL": "-1"}, True),
        ({"SetSCL": -1, "SenderIpRanges": ["104.30.40.0/24"]}, True),
        ({"SetSCL": "-1", "SenderIpRanges": ["192.0.2.77"]}, False),
        ({"SetSCL": "-1", "State": "Disabled"}, False),
        ({"SetSCL": "-1", "Mode": "Audit"}, False),
        ({"SetSCL": "5"}, False),
        ({"SetSCL": None}, False),
    ],
)
def test_rules_that_skip_the_filter(rule: dict[str, Any], fails: bool) -> None:
    found = statuses("bypass_rules", transport_rules=[{"Name": "Rule", **rule}])
    assert found == ({"Rule": NOT_YET} if fails else {"": HOLDS})


def test_the_allow_list_passes_with_a_note_on_those_who_flag_it() -> None:
    result = only(audit.allow_list(world()))
    assert (
        result.open
        and result.notice
        and "ORCA-114" in result.message
        and "CIS 2.1.12" in result.message
    )
    assert not only(
        audit.allow_list(world(connection_filter=[{"Name": "Default", "IPAllowList": []}]))
    ).notice


def test_presets_with_hard_fail_are_named() -> None:
    preset = {
        "Name": "Standard",
        "RecommendedPolicyType": "Standard",
        "MarkAsSpamSpfRecordHardFail": "On",
    }
    assert only(audit.spf_hard_fail(world(content_filter=[preset]))).notice
    assert not only(
        audit.spf_hard_fail(world(content_filter=[{**preset, "RecommendedPolicyType": "Custom"}]))
    ).notice


def test_direct_send_and_tls_reports() -> None:
    assert only(audit.direct_send(world())).notice
    assert not only(audit.direct_send(world(organization=[{"RejectDirectSend": True}]))).notice
    (unread,) = audit.tls_reporting(world(dns_texts={}))
    assert unread.status == NOT_CHECKED and ONE in unread.message and TWO in unread.message
    texts = {
        name: {"texts": {"_smtp._tls." + name: found}}
        for name, found in ((ONE, ["v=TLSRPTv1; rua=mailto:a@b.example"]), (TWO, []))
    }
    (missing,) = audit.tls_reporting(world(dns_texts=texts))
    assert missing.object == TWO and missing.notice


def test_a_ttl_that_stayed_low_is_named_once_the_lock_down_is_on() -> None:
    found = after()
    found["baseline"] = sections(wanted())["baseline"]
    assert {result.object for result in audit.ttl_restored(world(moved=True, **found))} == {
        ONE,
        TWO,
    }
    found["dns_provider"][ONE] = held(NEW, 3600)
    assert {result.object for result in audit.ttl_restored(world(moved=True, **found))} == {TWO}
    lock_of(found).update(Enabled=False)
    assert audit.ttl_restored(world(moved=True, **found)) == []


def test_a_check_that_failed_never_stops_and_can_be_acknowledged() -> None:
    bad = [connector([], Name="Gateway", EFTestMode=True)]
    found = gating.EVALUATORS["audit"](world(inbound_connectors=bad))
    assert [result.gate for result in found.results if result.status == NOT_YET] == [
        "orca_233"
    ] and "done" in found.values
    decided = gating.EVALUATORS["audit"](
        world(wanted(acknowledge=["orca_233:Gateway"]), inbound_connectors=bad)
    )
    assert [result.gate for result in decided.results if result.acknowledged] == ["orca_233"]
    assert not [result for result in decided.results if result.status == NOT_YET]


@pytest.mark.parametrize(
    ("entry", "clean", "stops"),
    [
        ({"status": "would change"}, False, False),
        ({"status": "finding", "gate": "orca_233"}, False, False),
        ({"status": "cannot", "gate": "foreign_connector"}, False, False),
        ({"status": "cannot", "gate": "permissions"}, True, False),
        ({"status": "cannot", "gate": "lockdown_exposed"}, False, True),
        ({"status": "failed"}, False, True),
        ({"status": "due", "gate": "soak"}, True, False),
    ],
)
def test_the_outcome(entry: dict[str, Any], clean: bool, stops: bool) -> None:
    assert report_audit.stops(entry) is stops
    assert report_audit.outcome([entry], ["x"] if stops else [])["clean"] is clean
