# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's mail path: Area 1's MX hosts, Microsoft's edge, and what each does with a message."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from lab.client import Lab
from lab.mail.message import DISPOSITION_HEADER, LEGACY_DISPOSITION_HEADER
from lab.mail.state import EGRESS
from tests.lab.conftest import Tenant

DOMAIN = "northwind.example"
EDGE = "northwind-example.mail.protection.outlook.com"
AREA1 = "mailstream-eu1.mxrecord.io"
SENDER = "anna@s001.senders.example"
RECIPIENT = "bert@northwind.example"
# [CF-3]: the Microsoft form of the networks that the lab's Area 1 sends
# from
NETWORKS = [
    "52.11.209.211",
    "104.30.32.0/24",
    "104.30.63.0/24",
    "134.195.27.0/24",
    "158.51.64.0/26",
    "35.157.195.63",
]


@pytest.fixture
def onboarded(lab: Lab) -> Lab:
    """The domain is Area 1's to scan; connectors act at once."""
    lab.mutate(
        ["cloudflare", "email_security", "domains"],
        append={
            "domain": DOMAIN,
            "transport": EDGE,
            "require_tls_outbound": True,
            "drop_dispositions": ["MALICIOUS", "SPAM"],
        },
    )
    lab.setting("connector_delay_minutes", 0)
    return lab


@pytest.fixture
def connector(tenant: Tenant) -> Callable[..., None]:
    def make(name: str, **parameters: Any) -> None:
        given = {
            "SenderDomains": ["*"],
            "ConnectorType": "Partner",
            "SenderIPAddresses": NETWORKS,
            "RequireTls": True,
            **parameters,
        }
        tenant.ok("New-InboundConnector", Name=name, **given)

    return make


def _through(lab: Lab, **more: Any) -> dict[str, Any]:
    """Send by Area 1; what Microsoft holds of it."""
    reply = lab.send(AREA1, SENDER, RECIPIENT, **more)
    assert reply["code"] == 250, reply
    return next(entry for entry in lab.messages() if entry["message_id"] == reply["message_id"])


def _headers(message: dict[str, Any], name: str) -> list[str]:
    return [value for key, value in message["headers"] if key == name]


def test_area1_takes_an_onboarded_domain_and_relays_from_an_egress_network_over_tls(
    onboarded: Lab,
) -> None:
    message = _through(onboarded)
    assert message["connecting_ip"] in EGRESS.values() and message["tls"] is True
    assert message["source_ip"] == "203.0.113.41", "who sent it first"
    assert _headers(message, DISPOSITION_HEADER) == []
    refused = onboarded.send(AREA1, SENDER, "x@northwind-group.example")
    assert refused["code"] == 554 and "Relay access denied" in refused["text"]
    shown = onboarded.state()["cloudflare"]["email_security"]["domains"][0]
    assert shown["lab"]["mail"]["count"] == 1


def test_the_null_sender_is_relayed_as_any_other(onboarded: Lab) -> None:
    reply = onboarded.send(AREA1, "", RECIPIENT)
    assert reply["code"] == 250, reply
    onboarded.settle()
    [message] = onboarded.messages()
    assert message["envelope_from"] == "" and onboarded.messages("bounces") == []


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ("current", [DISPOSITION_HEADER]),
        ("legacy", [LEGACY_DISPOSITION_HEADER]),
        ("both", [DISPOSITION_HEADER, LEGACY_DISPOSITION_HEADER]),
    ],
)
def test_a_disposition_is_stamped_once_under_the_worlds_names(
    onboarded: Lab, setting: str, names: list[str]
) -> None:
    onboarded.setting("disposition_header", setting)
    onboarded.mutate(
        ["cloudflare", "email_security", "domains", DOMAIN, "drop_dispositions"], value=[]
    )
    message = _through(onboarded, headers={"X-Lab-Disposition": "SPAM", DISPOSITION_HEADER: "NONE"})
    assert {
        name: _headers(message, name)
        for name in (DISPOSITION_HEADER, LEGACY_DISPOSITION_HEADER)
        if _headers(message, name)
    } == {name: ["UCE"] for name in names}


def test_dropped_dispositions_lie_in_area1s_quarantine_until_released(onboarded: Lab) -> None:
    reply = onboarded.send(AREA1, SENDER, RECIPIENT, subject="[lab:MALICIOUS] Invoice")
    assert reply["code"] == 250 and onboarded.messages() == []
    (held,) = onboarded.messages("held")
    assert (held["disposition"], held["recipient"], held["message_id"]) == (
        "MALICIOUS",
        RECIPIENT,
        reply["message_id"],
    )
    assert onboarded.release(held["id"]) is True
    onboarded.settle()
    (message,) = onboarded.messages()
    assert (
        _headers(message, DISPOSITION_HEADER) == ["MALICIOUS"] and onboarded.messages("held") == []
    )
    assert onboarded.release(held["id"]) is True and len(onboarded.messages()) == 1, "twice is once"
    assert onboarded.release("nothing") is False


def test_a_deferred_mail_waits_for_its_time_and_a_refused_one_is_a_loss(onboarded: Lab) -> None:
    onboarded.mutate(["mail", "hosts", "*.mail.protection.outlook.com"], value={"mode": "down"})
    assert onboarded.send(AREA1, SENDER, RECIPIENT)["code"] == 250
    left = onboarded.settle()
    assert left["waiting"] == 1 and "no connection" in left["reasons"][0]
    onboarded.mutate(["mail", "hosts"], value={})
    assert onboarded.settle()["waiting"] == 0 and len(onboarded.messages()) == 1

    onboarded.mutate(["cloudflare", "email_security", "domains", DOMAIN, "transport"], value=AREA1)
    assert onboarded.send(AREA1, SENDER, RECIPIENT)["code"] == 250
    onboarded.settle()
    (bounce,) = onboarded.messages("bounces")
    assert bounce["by"] == "area1" and "hops" in bounce["reason"], (
        "a transport that points back at the MX loops"
    )


def test_mail_that_nobody_takes_is_given_back_after_five_days(onboarded: Lab) -> None:
    onboarded.mutate(["mail", "hosts", "*.mail.protection.outlook.com"], value={"mode": "defer"})
    onboarded.send(AREA1, SENDER, RECIPIENT)
    onboarded.advance(days=5, hours=1)
    onboarded.settle()
    (bounce,) = onboarded.messages("bounces")
    assert "five days" in bounce["reason"] and "4.7.500" in bounce["reason"]


@pytest.mark.parametrize("stage", ["rcpt", "data"])
def test_a_lockdown_refuses_whoever_is_not_area1_at_either_stage(
    onboarded: Lab, connector: Callable[..., None], stage: str
) -> None:
    onboarded.setting("edge_refuses_at", stage)
    connector("Secure O365 Inbound", RestrictDomainsToIPAddresses=True)
    refused = onboarded.send(EDGE, SENDER, RECIPIENT)
    assert refused["code"] == 550 and refused["text"].startswith("5.7.51 TenantInboundAttribution")
    (seen,) = onboarded.messages("refusals")
    assert seen["stage"] == stage
    assert _through(onboarded)["connector"] == "Secure O365 Inbound"
    assert len(onboarded.messages()) == 1, "what was refused is nowhere"


def test_a_change_of_connectors_acts_after_the_worlds_delay(
    onboarded: Lab, connector: Callable[..., None]
) -> None:
    onboarded.setting("connector_delay_minutes", 40)
    connector("Secure O365 Inbound", RestrictDomainsToIPAddresses=True)
    onboarded.advance(minutes=39)
    assert onboarded.send(EDGE, SENDER, RECIPIENT)["code"] == 250
    onboarded.advance(minutes=2)
    assert onboarded.send(EDGE, SENDER, RECIPIENT)["code"] == 550


def test_a_lockdown_of_some_domains_leaves_the_others_open(
    onboarded: Lab, connector: Callable[..., None]
) -> None:
    connector(
        "Secure O365 Inbound", RestrictDomainsToIPAddresses=True, AssociatedAcceptedDomains=[DOMAIN]
    )
    assert onboarded.send(EDGE, SENDER, RECIPIENT)["code"] == 550
    assert onboarded.send(EDGE, SENDER, "x@northwind-group.example")["code"] == 250


@pytest.mark.parametrize(("rule", "name"), [("oldest", "A"), ("newest", "B")])
def test_two_equal_connectors_in_either_order(
    onboarded: Lab, connector: Callable[..., None], rule: str, name: str
) -> None:
    onboarded.setting("equal_connectors", rule)
    connector("A")
    onboarded.advance(minutes=1)
    connector("B", RestrictDomainsToIPAddresses=True)
    assert _through(onboarded)["connector"] == name


def test_enhanced_filtering_decides_whose_spf_is_looked_at(
    onboarded: Lab, connector: Callable[..., None], tenant: Tenant
) -> None:
    connector("Area 1 Inbound Connector")
    without = _through(onboarded)
    assert (without["skip_listed"], without["spf"]) == (
        False,
        "fail",
    ), "the gateway is not in the sender's SPF"
    tenant.ok("Set-InboundConnector", Identity="Area 1 Inbound Connector", EFSkipLastIP=True)
    behind = _through(onboarded)
    assert (behind["skip_listed"], behind["spf"]) == (True, "pass")
    assert _headers(behind, "X-MS-Exchange-SkipListedInternetSender") == [
        "ip=[203.0.113.41];domain=s001.senders.example"
    ]


@pytest.mark.parametrize(("reading", "code"), [("matches", 250), ("restricts_only", 451)])
def test_an_address_list_without_restriction_is_read_both_ways(
    onboarded: Lab,
    connector: Callable[..., None],
    reading: str,
    code: int,
) -> None:
    onboarded.setting("partner_ip_list", reading)
    connector("Area 1 Inbound Connector")
    direct = onboarded.send(EDGE, SENDER, RECIPIENT, tls="none")
    assert direct["code"] == code, "found by sender domain, the connector asks TLS of everyone"


def test_a_former_gateways_lockdown_refuses_area1_unless_its_connector_is_found_by_address(
    onboarded: Lab, connector: Callable[..., None]
) -> None:
    connector("Old gateway", SenderIPAddresses=["203.0.113.200"], RestrictDomainsToIPAddresses=True)
    onboarded.send(AREA1, SENDER, RECIPIENT)
    (bounce,) = onboarded.messages("bounces")
    assert "5.7.51" in bounce["reason"], "taken by Area 1, refused by Microsoft: lost"
    connector("Area 1 Inbound Connector")
    assert _through(onboarded)["connector"] == "Area 1 Inbound Connector"


def test_direct_send_relay_and_block_list_have_their_own_codes(
    onboarded: Lab, connector: Callable[..., None], tenant: Tenant
) -> None:
    assert "5.7.64" in onboarded.send(EDGE, SENDER, "x@elsewhere.example")["text"]
    tenant.ok("Set-OrganizationConfig", RejectDirectSend=True)
    assert "5.7.68" in onboarded.send(EDGE, "scanner@northwind.example", RECIPIENT)["text"]
    assert onboarded.send(EDGE, SENDER, RECIPIENT)["code"] == 250, (
        "other senders are let in all the same"
    )
    tenant.ok(
        "Set-HostedConnectionFilterPolicy",
        Identity="Default",
        IPBlockList=["203.0.113.41"],
        Confirm=False,
    )
    assert "5.7.606" in onboarded.send(EDGE, SENDER, RECIPIENT)["text"]
    tenant.ok(
        "Set-HostedConnectionFilterPolicy",
        Identity="Default",
        IPAllowList=["203.0.113.0/24"],
        Confirm=False,
    )
    assert onboarded.send(EDGE, SENDER, RECIPIENT)["code"] == 250, "in both lists, allow wins"


def test_an_internal_relay_domain_without_a_smart_host_loops(onboarded: Lab) -> None:
    onboarded.mutate(["mail", "elsewhere"], value=[RECIPIENT])
    onboarded.mutate(["tenant", "accepted_domains", DOMAIN, "DomainType"], value="InternalRelay")
    onboarded.send(EDGE, SENDER, RECIPIENT)
    (bounce,) = onboarded.messages("bounces")
    assert bounce["by"] == "microsoft" and "5.4.14" in bounce["reason"]


# --- hosts as they break ---


def test_hosts_have_certificates_of_their_names_and_break_as_told(lab: Lab) -> None:
    context = ssl.create_default_context(cafile=lab.ca_path)
    for host, address in (
        (AREA1, "127.0.1.4"),
        (EDGE, "127.0.2.1"),
        ("nw-labs-example.k-v1.mx.microsoft", "127.0.2.2"),
    ):
        assert _handshake(lab, host, address, context) == "TLS"
    hosts = ["mail", "hosts", AREA1]
    lab.mutate(hosts, value={"mode": "wrong_certificate"})
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(lab, AREA1, "127.0.1.4", context)
    lab.mutate(hosts, value={"mode": "no_starttls"})
    with pytest.raises(smtplib.SMTPNotSupportedError):
        _handshake(lab, AREA1, "127.0.1.4", context)
    lab.mutate(hosts, value={"banner": "554 5.3.2 no service here"})
    with pytest.raises(smtplib.SMTPConnectError):
        _handshake(lab, AREA1, "127.0.1.4", context)
    lab.mutate(hosts, value={"mode": "down"})
    with pytest.raises(ConnectionRefusedError):
        _handshake(lab, AREA1, "127.0.1.4", context)
    lab.mutate(hosts, value={})
    assert _handshake(lab, AREA1, "127.0.1.4", context) == "TLS"


def _handshake(lab: Lab, host: str, address: str, context: ssl.SSLContext) -> str:
    client = smtplib.SMTP(timeout=10)
    client._host = host  # type: ignore[attr-defined]  # the name that STARTTLS checks
    try:
        code, text = client.connect(address, lab.extra_vars["area1_smtp_port"])
        if code != 220:
            raise smtplib.SMTPConnectError(code, text)
        client._host = host  # type: ignore[attr-defined]
        client.starttls(context=context)
        client.ehlo()
        return "TLS"
    finally:
        client.close()
