# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's cmdlets: what they keep, how they answer, what they refuse.

Each refusal leaves the tenant as it was.
"""

from __future__ import annotations

from typing import Any

import pytest

from lab.client import Lab
from tests.lab.conftest import Tenant, refusal

HASH = "#Exchange.GenericHashTable"
NEW: dict[str, Any] = {
    "Name": "c",
    "SenderDomains": ["*"],
    "ConnectorType": "Partner",
    "RequireTls": True,
}


def allow_list(tenant: Tenant) -> list[str]:
    return list(tenant.values("Get-HostedConnectionFilterPolicy")[0]["IPAllowList"])


# --- reading ---


def test_a_read_has_sidecars_dates_and_every_key(tenant: Tenant) -> None:
    policy = tenant.values("Get-HostedContentFilterPolicy", Identity="Default")[0]
    assert (
        policy["BulkThreshold@data.type"] == "System.Int32"
        and policy["AllowedSenders@odata.type"] == "#Collection(String)"
    )
    assert policy["Guid@odata.type"] == "#Guid" and policy["WhenChangedUTC"].endswith(".0000000Z")
    assert policy["IsDefault"] is True and policy["RecommendedPolicyType"] == "Custom"
    tenant.ok("New-InboundConnector", **NEW)
    keys = {
        "Enabled",
        "ConnectorType",
        "ConnectorSource",
        "Comment",
        "SenderIPAddresses",
        "SenderDomains",
        "TrustedOrganizations",
        "ClientHostNames",
        "AssociatedAcceptedDomains",
        "RequireTls",
        "RestrictDomainsToIPAddresses",
        "RestrictDomainsToCertificate",
        "CloudServicesMailEnabled",
        "TreatMessagesAsInternal",
        "TlsSenderCertificateName",
        "EFTestMode",
        "ScanAndDropRecipients",
        "EFSkipLastIP",
        "EFSkipIPs",
        "EFSkipMailGateway",
        "EFUsers",
        "AdminDisplayName",
        "Name",
        "Identity",
        "WhenChangedUTC",
        "WhenCreatedUTC",
        "Guid",
        "IsValid",
    }
    assert keys <= set(tenant.connector("c"))


def test_select_and_warnings(tenant: Tenant) -> None:
    answer = tenant.invoke("Get-OrganizationConfig", query="?$select=IsDehydrated").json()
    assert answer["value"] == [{"IsDehydrated": False}] and answer["@adminapi.warnings"] == []


def test_an_unknown_identity_returns_all_or_an_error(lab: Lab, tenant: Tenant) -> None:
    assert len(tenant.values("Get-AcceptedDomain", Identity="contoso.example")) == 5
    assert [
        item["Name"] for item in tenant.values("Get-AcceptedDomain", Identity="NW-labs.example")
    ] == ["nw-labs.example"]
    lab.setting("unknown_identity", "not_found")
    assert (
        refusal(tenant.invoke("Get-AcceptedDomain", Identity="contoso.example"))[0]
        == "ManagementObjectNotFoundException"
    )


def test_outbound_connectors_need_three_queries(lab: Lab, tenant: Tenant) -> None:
    lab.reset("busy")
    for name, flags in (("test", {"TestMode": True}), ("scoped", {"IsTransportRuleScoped": True})):
        tenant.ok(
            "New-OutboundConnector",
            Name=name,
            ConnectorType="Partner",
            RecipientDomains=["x.example"],
            **flags,
        )
    seen = [
        [item["Name"] for item in tenant.values("Get-OutboundConnector", **flags)]
        for flags in (
            {},
            {"IncludeTestModeConnectors": True},
            {"IsTransportRuleScoped": True},
        )
    ]
    assert seen == [["Outbound to headquarters"], ["test"], ["scoped"]]


def test_quarantine_policies_by_type(tenant: Tenant) -> None:
    names = [item["Name"] for item in tenant.values("Get-QuarantinePolicy")]
    assert "AdminOnlyAccessPolicy" in names and "DefaultGlobalTag" not in names
    assert [
        item["Name"]
        for item in tenant.values(
            "Get-QuarantinePolicy", QuarantinePolicyType="GlobalQuarantinePolicy"
        )
    ] == ["DefaultGlobalTag"]


# --- parameters ---


@pytest.mark.parametrize(
    ("cmdlet", "parameters", "kind", "text"),
    [
        ("Get-AcceptedDomain", {"Bogus": 1}, "AmbiguousParameterSetException", "Bogus"),
        (
            "Set-InboundConnector",
            {"Identity": "c", "ConnectorType": "Nonsense"},
            "ParameterTransformationException",
            "try again: OnPremises, Partner",
        ),
        (
            "Set-InboundConnector",
            {"Identity": "c", "ConnectorSource": "AdminUI"},
            "ParameterTransformationException",
            "HybridWizard",
        ),
        (
            "Set-InboundConnector",
            {"Identity": "c", "Enabled": "true"},
            "ParameterTransformationException",
            "Boolean",
        ),
        ("Set-InboundConnector", {"Enabled": True}, "ParameterBindingException", "Identity"),
        (
            "Set-InboundConnector",
            {"Identity": "", "Enabled": True},
            "ParameterBindingValidationException",
            "Identity",
        ),
        (
            "Set-InboundConnector",
            {"Identity": "nobody", "Enabled": True},
            "ManagementObjectNotFoundException",
            "nobody",
        ),
        (
            "Set-InboundConnector",
            {"Identity": "c", "SenderIPAddresses": {"add": ["192.0.2.1"]}},
            "ParameterTransformationException",
            "JObject",
        ),
        (
            "Set-InboundConnector",
            {"Identity": "c", "SenderIPAddresses": [1]},
            "ParameterTransformationException",
            "text",
        ),
        (
            "Set-InboundConnector",
            {"Identity": "c", "EFTestMode": True},
            "AmbiguousParameterSetException",
            "EFTestMode",
        ),
        ("New-InboundConnector", {"Name": "d"}, "ParameterBindingException", "SenderDomains"),
        ("New-InboundConnector", {**NEW}, "ADObjectAlreadyExistsException", "already exists"),
        (
            "New-InboundConnector",
            {**NEW, "Name": "d", "SenderIPAddresses": ["104.30.32.0/19"]},
            "DataValidationException",
            "104.30.32.0/19",
        ),
        (
            "New-InboundConnector",
            {**NEW, "Name": "d", "SenderIPAddresses": ["2405:8100:c400::/38"]},
            "DataValidationException",
            "2405",
        ),
        (
            "New-InboundConnector",
            {**NEW, "Name": "d", "SenderIPAddresses": ["192.0.2.1-192.0.2.9"]},
            "DataValidationException",
            "192.0.2.1-",
        ),
        (
            "New-InboundConnector",
            {**NEW, "Name": "d", "SenderDomains": ["con*.example"]},
            "DataValidationException",
            "con",
        ),
        (
            "New-InboundConnector",
            {**NEW, "Name": "d", "AssociatedAcceptedDomains": ["contoso.example"]},
            "ManagementObjectNotFoundException",
            "contoso",
        ),
        (
            "New-InboundConnector",
            {
                **NEW,
                "Name": "d",
                "ConnectorType": "OnPremises",
                "RestrictDomainsToIPAddresses": True,
            },
            "ValidationException",
            "Partner",
        ),
        (
            "New-InboundConnector",
            {**NEW, "Name": "d", "RestrictDomainsToIPAddresses": True},
            "ValidationException",
            "SenderIPAddresses",
        ),
        (
            "Set-InboundConnector",
            {"Identity": "c", "EFSkipIPs": ["10.1.2.3"]},
            "ValidationException",
            "private",
        ),
        (
            "Set-InboundConnector",
            {"Identity": "c", "EFSkipIPs": ["40.92.1.1"]},
            "ValidationException",
            "Microsoft",
        ),
        (
            "Set-HostedConnectionFilterPolicy",
            {"Identity": "Default", "IPAllowList": ["134.195.26.0/23"]},
            "DataValidationException",
            "/23",
        ),
        (
            "Set-HostedConnectionFilterPolicy",
            {"Identity": "Default", "IPAllowList": ["192.0.2.0-192.0.3.0"]},
            "DataValidationException",
            "192.0.3.0",
        ),
        (
            "Set-HostedConnectionFilterPolicy",
            {
                "Identity": "Default",
                "IPAllowList": [f"10.{i}.{j}.1" for i in range(13) for j in range(98)],
            },
            "ValidationException",
            "1273",
        ),
        (
            "Set-HostedContentFilterPolicy",
            {"Identity": "Default", "MarkAsSpamSpfRecordHardFail": "Test"},
            "ArgumentException",
            "Off, On",
        ),
        (
            "Set-HostedContentFilterPolicy",
            {"Identity": "Default", "QuarantineRetentionPeriod": 31},
            "InvalidParameterException",
            "30",
        ),
        (
            "Set-HostedContentFilterPolicy",
            {"Identity": "Default", "IntraOrgFilterState": "Default"},
            "ArgumentException",
            "IntraOrgFilterState",
        ),
        (
            "Set-HostedContentFilterPolicy",
            {"Identity": "Default", "SpamQuarantineTag": "Nobody"},
            "ManagementObjectNotFoundException",
            "Nobody",
        ),
        (
            "Set-HostedContentFilterPolicy",
            {"Identity": "Default", "SpamAction": "NoAction"},
            "ArgumentException",
            "NoAction",
        ),
        ("Enable-OrganizationCustomization", {}, "InvalidOperationException", "already enabled"),
        ("New-TransportRule", {"Name": "r" * 65, "SetSCL": -1}, "ParameterBindingException", "64"),
        (
            "New-TransportRule",
            {"Name": "r", "SetSCL": 10},
            "ParameterTransformationException",
            "SCL",
        ),
        (
            "New-TransportRule",
            {"Name": "r", "SetSCL": 5, "HeaderContainsMessageHeader": "X"},
            "ArgumentException",
            "together",
        ),
    ],
)
def test_refusals(
    lab: Lab, tenant: Tenant, cmdlet: str, parameters: dict[str, Any], kind: str, text: str
) -> None:
    tenant.ok("New-InboundConnector", **NEW)
    before = lab.state()["tenant"]
    reply = tenant.invoke(cmdlet, **parameters)
    assert reply.status_code in (400, 404)
    assert refusal(reply)[0] == kind and text in refusal(reply)[1]
    after = lab.state()["tenant"]
    assert {**after, "serial": 0} == {**before, "serial": 0}


def test_the_three_shapes_of_an_error(lab: Lab, tenant: Tenant) -> None:
    seen = set()
    for shape in ("pipe", "ex_pipe", "json"):
        lab.setting("error_shape", shape)
        reply = tenant.invoke("Set-InboundConnector", Identity="nobody")
        assert refusal(reply)[0] == "ManagementObjectNotFoundException"
        seen.add(reply.json()["error"]["details"][0]["message"][:1])
    assert seen == {"|", "E", "{"}


def test_enum_text_is_matched_by_prefix(tenant: Tenant) -> None:
    tenant.ok("New-InboundConnector", **{**NEW, "ConnectorType": "onp", "RequireTls": False})
    assert tenant.connector("c")["ConnectorType"] == "OnPremises"


def test_a_hidden_parameter_looks_unknown(lab: Lab, tenant: Tenant) -> None:
    tenant.ok("New-InboundConnector", **NEW)
    lab.mutate(
        [*tenant.app_path, "hidden_parameters"], value={"Set-InboundConnector": ["EFSkipLastIP"]}
    )
    assert (
        refusal(tenant.invoke("Set-InboundConnector", Identity="c", EFSkipLastIP=True))[0]
        == "AmbiguousParameterSetException"
    )


# --- lists ---


@pytest.mark.parametrize("keys", [("add", "remove"), ("Add", "Remove"), ("ADD", "REMOVE")])
@pytest.mark.parametrize("kind", [HASH, "#Exchange.StringFieldDeltaUpdateData"])
def test_deltas_leave_the_rest_alone(
    lab: Lab, tenant: Tenant, keys: tuple[str, str], kind: str
) -> None:
    lab.reset("busy")
    before = allow_list(tenant)
    change = {"@odata.type": kind, keys[0]: ["192.0.2.99", "104.30.32.0/24"], keys[1]: [before[0]]}
    tenant.ok("Set-HostedConnectionFilterPolicy", Identity="Default", IPAllowList=change)
    assert allow_list(tenant) == [*before[1:], "192.0.2.99", "104.30.32.0/24"]


@pytest.mark.parametrize(("clears", "left"), [(True, []), (False, ["192.0.2.1"])])
def test_an_empty_array_clears_or_not(
    lab: Lab, tenant: Tenant, clears: bool, left: list[str]
) -> None:
    lab.setting("empty_array_clears", clears)
    tenant.ok("Set-HostedConnectionFilterPolicy", Identity="Default", IPAllowList=["192.0.2.1"])
    tenant.ok("Set-HostedConnectionFilterPolicy", Identity="Default", IPAllowList=[])
    assert allow_list(tenant) == left
    tenant.ok("Set-HostedConnectionFilterPolicy", Identity="Default", IPAllowList=None)
    assert allow_list(tenant) == []


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({}, ["203.0.113.9/32", "192.0.2.1", "198.51.100.7/25"]),
        (
            {"ip_spelling": "bare_32", "ip_order": "reversed"},
            ["198.51.100.7/25", "192.0.2.1", "203.0.113.9"],
        ),
        (
            {"ip_spelling": "cidr_32", "ip_order": "sorted", "mask_host_bits": True},
            ["192.0.2.1/32", "198.51.100.0/25", "203.0.113.9/32"],
        ),
    ],
)
def test_spelling_and_order_are_the_world_s(
    lab: Lab, tenant: Tenant, settings: dict[str, Any], kept: list[str]
) -> None:
    for name, value in settings.items():
        lab.setting(name, value)
    tenant.ok(
        "Set-HostedConnectionFilterPolicy",
        Identity="Default",
        IPAllowList=["203.0.113.9/32", "192.0.2.1", "192.0.2.1", "198.51.100.7/25"],
    )
    assert allow_list(tenant) == kept


def test_sender_domains_are_kept_as_smtp(tenant: Tenant) -> None:
    tenant.ok("New-InboundConnector", **{**NEW, "SenderDomains": ["*", "smtp:*.contoso.example;2"]})
    assert tenant.connector("c")["SenderDomains"] == ["smtp:*;1", "smtp:*.contoso.example;2"]
    tenant.ok(
        "Set-InboundConnector", Identity="c", SenderDomains={"@odata.type": HASH, "remove": ["*"]}
    )
    assert tenant.connector("c")["SenderDomains"] == ["smtp:*.contoso.example;2"]


# --- writing ---


def test_success_of_a_set_and_a_set_of_nothing(lab: Lab, tenant: Tenant) -> None:
    created = tenant.ok("New-InboundConnector", **NEW)
    assert created["value"][0]["Name"] == "c"
    lab.advance(minutes=5)
    old = tenant.connector("c")
    nothing = tenant.ok("Set-InboundConnector", Identity="c", RequireTls=True)
    assert "no settings of 'c' have been modified" in nothing["@adminapi.warnings"][0]
    assert tenant.connector("c")["WhenChangedUTC"] == old["WhenChangedUTC"]
    forms = [
        tenant.ok("Set-InboundConnector", Identity=old["Guid"], EFSkipLastIP=bool(n % 2)).get(
            "value", "absent"
        )
        for n in range(1, 4)
    ]
    assert sorted(map(str, forms)) == ["None", "[]", "absent"]
    new = tenant.connector("c")
    assert (
        new["EFSkipLastIP"] is True
        and new["WhenChangedUTC"] > old["WhenChangedUTC"]
        and new["WhenCreatedUTC"] == old["WhenCreatedUTC"]
    )
    tenant.ok("Set-InboundConnector", Identity="c", Name="d")
    assert tenant.connector("d")["Identity"] == "d" and tenant.connector("d")["Guid"] == old["Guid"]


def test_confirmation_and_what_if(tenant: Tenant) -> None:
    tenant.ok("New-InboundConnector", **NEW)
    assert "@adminapi.confirmationmessage" in tenant.ok("Remove-InboundConnector", Identity="c")
    assert "@adminapi.confirmationmessage" in tenant.ok(
        "Set-InboundConnector", Identity="c", Enabled=False, Confirm=True
    )
    tenant.ok("Set-InboundConnector", Identity="c", Enabled=False, WhatIf=True)
    assert tenant.connector("c")["Enabled"] is True
    tenant.ok("Remove-InboundConnector", Identity="c", Confirm=False)
    assert tenant.values("Get-InboundConnector") == []


def test_reads_may_lag_behind_writes(lab: Lab, tenant: Tenant) -> None:
    lab.setting("read_lag_seconds", 60)
    tenant.ok("Set-HostedConnectionFilterPolicy", Identity="Default", IPAllowList=["192.0.2.1"])
    assert allow_list(tenant) == []
    lab.advance(seconds=30)
    tenant.ok("Set-HostedConnectionFilterPolicy", Identity="Default", IPAllowList=["192.0.2.2"])
    lab.advance(seconds=31)
    assert allow_list(tenant) == ["192.0.2.1"]
    lab.advance(seconds=30)
    assert allow_list(tenant) == ["192.0.2.2"]
    lab.faults([{"service": "exchange", "match": "Get-Hosted", "kind": "stale"}])
    lab.setting("read_lag_seconds", 0)
    assert [allow_list(tenant), allow_list(tenant)] == [["192.0.2.1"], ["192.0.2.2"]]


def test_a_write_may_be_lost_or_fail_late(lab: Lab, tenant: Tenant) -> None:
    lab.faults(
        [
            {"service": "exchange", "match": "Set-Hosted", "kind": "ignore_write"},
            {
                "service": "exchange",
                "match": "Set-Hosted",
                "kind": "cmdlet_error_after",
                "type": "System.TimeoutException",
                "message": "late",
            },
        ]
    )
    tenant.ok("Set-HostedConnectionFilterPolicy", Identity="Default", IPAllowList=["192.0.2.1"])
    assert allow_list(tenant) == []
    assert refusal(
        tenant.invoke(
            "Set-HostedConnectionFilterPolicy", Identity="Default", IPAllowList=["192.0.2.1"]
        )
    ) == ("TimeoutException", "late")
    assert allow_list(tenant) == ["192.0.2.1"]


# --- organization ---


def dehydrated(tenant: Tenant) -> bool:
    return bool(tenant.values("Get-OrganizationConfig")[0]["IsDehydrated"])


def test_a_dehydrated_tenant_until_it_is_not(lab: Lab, tenant: Tenant) -> None:
    lab.reset("dehydrated")
    lab.setting("token_lifetime_seconds", 86400)
    lab.setting("hydration_minutes", 45)
    lab.setting("hydration_lag_minutes", 15)
    lab.setting("enable_throws", True)
    for _ in range(2):
        kind, text = refusal(
            tenant.invoke(
                "Set-HostedConnectionFilterPolicy", Identity="Default", EnableSafeList=True
            )
        )
        assert (
            kind == "InvalidOperationInDehydratedContextException"
            and "Enable-OrganizationCustomization" in text
        )
    assert (
        "Default Role Assignment Policy"
        in refusal(tenant.invoke("Enable-OrganizationCustomization"))[1]
    )
    assert "in progress" in refusal(tenant.invoke("Enable-OrganizationCustomization"))[1]
    lab.advance(minutes=44)
    assert dehydrated(tenant)
    lab.advance(minutes=1)
    assert not dehydrated(tenant)
    assert (
        tenant.invoke(
            "Set-HostedConnectionFilterPolicy", Identity="Default", EnableSafeList=True
        ).status_code
        == 400
    )
    lab.advance(minutes=15)
    tenant.ok("Set-HostedConnectionFilterPolicy", Identity="Default", EnableSafeList=True)
    assert "not required" in refusal(tenant.invoke("Enable-OrganizationCustomization"))[1]


def test_reject_direct_send_is_a_parameter_alone(tenant: Tenant) -> None:
    tenant.ok("Set-OrganizationConfig", RejectDirectSend=True)
    assert tenant.values("Get-OrganizationConfig")[0]["RejectDirectSend"] is True


# --- policies and rules ---


def test_a_preset_policy_and_the_default_one_are_guarded(lab: Lab, tenant: Tenant) -> None:
    lab.reset("busy")
    preset = next(
        item["Name"]
        for item in tenant.values("Get-HostedContentFilterPolicy")
        if item["RecommendedPolicyType"] == "Standard"
    )
    assert (
        tenant.invoke("Set-HostedContentFilterPolicy", Identity=preset, BulkThreshold=5).status_code
        == 400
    )
    assert (
        tenant.invoke(
            "Set-HostedContentFilterPolicy", Identity="Default", MarkAsSpamSpfRecordHardFail="Off"
        ).status_code
        == 200
    )
    assert (
        tenant.invoke(
            "Remove-HostedContentFilterPolicy", Identity="Default", Confirm=False
        ).status_code
        == 400
    )
    assert tenant.values("Get-EOPProtectionPolicyRule")[0]["HostedContentFilterPolicy"] == preset
    assert [
        item["Name"] for item in tenant.values("Get-HostedContentFilterRule", State="Enabled")
    ] == ["Finance strict"]


def test_transport_rules_keep_their_order(lab: Lab, tenant: Tenant) -> None:
    lab.reset("busy")

    def order() -> list[tuple[str, int]]:
        return [(item["Name"], item["Priority"]) for item in tenant.values("Get-TransportRule")]

    tenant.ok(
        "New-TransportRule",
        Name="Area 1",
        Priority=1,
        SetSCL=9,
        HeaderContainsMessageHeader="X-Disposition",
        HeaderContainsWords=["MALICIOUS"],
    )
    assert order() == [("Disclaimer", 0), ("Area 1", 1), ("Scanner in Lyon", 2), ("Invoices", 3)]
    rule = tenant.values("Get-TransportRule", Identity="Area 1")[0]
    assert (
        rule["State"] == "Enabled"
        and rule["SetSCL"] == "9"
        and rule["Actions"]
        and "HeaderContains" in rule["Conditions"][0]
    )
    assert "Enabled" not in rule
    assert "@adminapi.confirmationmessage" in tenant.ok("Disable-TransportRule", Identity="Area 1")
    tenant.ok("Disable-TransportRule", Identity="Area 1", Confirm=False)
    assert tenant.values("Get-TransportRule", State="Disabled")[0]["Name"] == "Area 1"
    tenant.ok("Enable-TransportRule", Identity="Area 1")
    half = tenant.invoke("Set-TransportRule", Identity="Area 1", HeaderContainsWords=["BULK"])
    assert refusal(half)[0] == "ArgumentException" and "together" in refusal(half)[1]
    tenant.ok(
        "Set-TransportRule",
        Identity="Area 1",
        Priority=0,
        HeaderContainsMessageHeader=None,
        HeaderContainsWords=None,
    )
    assert order()[0] == ("Area 1", 0)
    assert tenant.values("Get-TransportRule", Identity="Area 1")[0]["Conditions"] is None
    tenant.ok("Remove-TransportRule", Identity="Area 1", Confirm=False)
    assert order() == [("Disclaimer", 0), ("Scanner in Lyon", 1), ("Invoices", 2)]


def test_the_busy_world_has_a_customer_s_own_things(lab: Lab, tenant: Tenant) -> None:
    lab.reset("busy")
    state = lab.state()
    assert any("-" in entry for entry in state["tenant"]["connection_filter"]["IPAllowList"])
    assert {item["ConnectorType"] for item in state["tenant"]["inbound_connectors"]} == {
        "OnPremises",
        "Partner",
    }
    assert {
        record["ttl"]
        for zone in state["cloudflare"]["zones"].values()
        for record in zone["records"]
        if record["type"] == "MX"
    } == {86400}
    on = {
        item["Name"]
        for item in tenant.values("Get-HostedContentFilterPolicy")
        if item["MarkAsSpamSpfRecordHardFail"] == "On"
    }
    assert on == {"Default", "Finance strict", "Retired 2022"}
