# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The o365_* modules on a tenant that others use too: check, apply, read back, again, and back to
where it was.

Judged by the lab's state and by what crossed the wire. Several modules share a playbook run,
because a run costs seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.client import Lab
from tests.module.plays import Played, exchange_defaults, play, psrp_defaults, written

OURS, OTHER, THEIRS = "Area 1 Inbound Connector", "By certificate", "Contoso with TLS"
NETWORKS = ["52.11.209.211", "158.51.64.0/26"]

APPLY: dict[str, dict[str, Any]] = {
    "organization": {"o365_organization": {"reject_direct_send": True}},
    "connection filter": {
        "o365_connection_filter": {
            "ip_allow_list": {
                "add": [*NETWORKS, "203.0.113.20"],
                "remove": ["203.0.113.10/32", "192.0.2.99"],
            },
            "ip_block_list": {"set": ["203.0.113.128-203.0.113.143", "198.51.100.250"]},
            "enable_safe_list": False,
            "admin_display_name": 'Grüße, it\'s "ours"',
        }
    },
    "content filter": {
        "o365_content_filter": {"scope": "applying", "mark_as_spam_spf_record_hard_fail": False}
    },
    "connector": {
        "o365_connector": {
            "name": OURS,
            "comment": "Inbound connector for Enhanced Filtering",
            "connector_type": "Partner",
            "sender_domains": {"set": ["*"]},
            "sender_ip_addresses": {"set": NETWORKS},
            "require_tls": True,
            "restrict_domains_to_ip_addresses": False,
            "associated_accepted_domains": {"set": ["northwind.example"]},
        }
    },
    "connector by certificate": {
        "o365_connector": {
            "name": OTHER,
            "sender_domains": {"set": ["fabrikam.example", "contoso.example"]},
            "enabled": False,
            "require_tls": True,
            "restrict_domains_to_certificate": True,
            "tls_sender_certificate_name": "*.fabrikam.example",
        }
    },
    "their connector": {
        "o365_connector": {"name": THEIRS.upper(), "sender_domains": {"add": ["fabrikam.example"]}}
    },
    "enhanced filtering": {
        "o365_enhanced_filtering": {"connector": OURS, "skip_last_ip": True, "users": []}
    },
    "enhanced filtering by list": {
        "o365_enhanced_filtering": {
            "connector": OTHER,
            "skip_last_ip": False,
            "skip_ips": ["52.11.209.211"],
            "users": ["ceo@northwind.example"],
        }
    },
}

AFTER_APPLY = [
    ("Set-OrganizationConfig", ""),
    ("Set-HostedConnectionFilterPolicy", "Default"),
    ("Set-HostedContentFilterPolicy", "Default"),
    ("Set-HostedContentFilterPolicy", "Finance strict"),
    ("New-InboundConnector", OURS),
    ("New-InboundConnector", OTHER),
    ("Set-InboundConnector", THEIRS),
    ("Set-InboundConnector", OURS),
    ("Set-InboundConnector", OTHER),
]

REVERT: dict[str, dict[str, Any]] = {
    "organization": {"o365_organization": {"reject_direct_send": False}},
    "connection filter": {
        "o365_connection_filter": {
            "ip_allow_list": {"remove": [NETWORKS[1]], "add": ["203.0.113.10"]},
            "ip_block_list": {"set": ["192.0.2.200", "203.0.113.128/28"]},
            "enable_safe_list": True,
            "admin_display_name": "",
        }
    },
    "content filter": {"o365_content_filter": {"mark_as_spam_spf_record_hard_fail": True}},
    "custom content filter": {
        "o365_content_filter": {
            "identity": "Finance strict",
            "mark_as_spam_spf_record_hard_fail": True,
        }
    },
    "enhanced filtering": {"o365_enhanced_filtering": {"connector": OURS, "state": "absent"}},
    "enhanced filtering by list": {
        "o365_enhanced_filtering": {"connector": OTHER, "state": "absent"}
    },
    "connector": {"o365_connector": {"name": OURS.lower(), "state": "absent"}},
    "connector by certificate": {"o365_connector": {"name": OTHER, "state": "absent"}},
    "their connector": {
        "o365_connector": {
            "name": THEIRS,
            "sender_domains": {"remove": ["smtp:fabrikam.example;1"]},
        }
    },
}


def tasks(given: dict[str, dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            **{"mailflow.area1." + module: {**options, **more} for module, options in task.items()},
        }
        for name, task in given.items()
    ]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab.start(world="busy", directory=tmp_path_factory.mktemp("lab"), max_seconds=900) as lab:
        yield lab


def managed(tenant: dict[str, Any]) -> dict[str, Any]:
    """The tenant without what the server and the lab make of a write, and lists as sets: that
    entries came back in another order is no loss.
    """

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: plain(item)
                for name, item in value.items()
                if name != "serial" and not name.startswith("WhenChanged")
            }
        if isinstance(value, list):
            items = [plain(item) for item in value]
            return sorted(items, key=str) if all(isinstance(item, str) for item in items) else items
        return value

    found: dict[str, Any] = plain(tenant)
    return found


def named(tenant: dict[str, Any], section: str) -> dict[str, dict[str, Any]]:
    return {item["Name"]: item for item in tenant[section]}


@pytest.mark.parametrize("transport", ["rest", "psrp"])
def test_check_apply_again_and_back(running: Lab, tmp_path: Path, transport: str) -> None:
    lab = running
    lab.reset("busy")
    made = psrp_defaults(lab) if transport == "psrp" else exchange_defaults(lab, signed_in=True)
    defaults = {"exchange": made}
    before = managed(lab.state()["tenant"])

    # check mode: hands a predicted world on, so that enhanced filtering of a connector that is not
    # there yet can be planned
    observation = str(tmp_path / "run" / "observation.json")
    since = lab.mark()
    checked = play(tmp_path, tasks(APPLY, observation_path=observation), defaults, check=True)
    assert checked.rc == 0, checked.stdout
    assert checked.changed == list(APPLY) and lab.writes(since) == []
    assert managed(lab.state()["tenant"]) == before
    reads = [entry["cmdlet"] for entry in lab.requests("exchange", since)]
    assert len(reads) == len(set(reads)) == 5, "each section is read once and handed on: %s" % reads

    # apply: exactly these writes, one each
    since = lab.mark()
    applied = play(tmp_path, tasks(APPLY), defaults)
    assert applied.rc == 0, applied.stdout
    assert applied.changed == list(APPLY) and written(lab, since) == AFTER_APPLY
    check_state(before, lab.state()["tenant"])
    check_wire(lab, since)
    for name in APPLY:
        assert diff(checked, name) == diff(applied, name), name
    check_values(applied)

    # again: nothing on the wire but reads
    since = lab.mark()
    again = play(tmp_path, tasks(APPLY), defaults)
    assert again.rc == 0 and again.changed == [] and lab.writes(since) == [], again.stdout
    assert not any("plan" in again[name] or again[name].get("diff") for name in APPLY)

    # back
    since = lab.mark()
    reverted = play(tmp_path, tasks(REVERT), defaults)
    assert reverted.rc == 0, reverted.stdout
    assert reverted.changed == list(REVERT) and len(written(lab, since)) == len(REVERT)
    assert managed(lab.state()["tenant"]) == before
    assert reverted["connector"]["connector"] is None
    assert (
        diff(reverted, "connector")[0][0]["Comment"] == "Inbound connector for Enhanced Filtering"
    )
    assert secrets_in(lab, checked.stdout, applied.stdout, again.stdout, reverted.stdout) == []


def diff(played: Played, task: str) -> list[tuple[Any, Any]]:
    return [(item["before"], item["after"]) for item in played[task]["diff"]]


def secrets_in(lab: Lab, *texts: str) -> list[str]:
    return [secret for secret in lab.secrets if any(secret in text for text in texts)]


def check_state(before: dict[str, Any], tenant: dict[str, Any]) -> None:
    """The lab's state: what was asked for is there, and what was not is as it was."""
    after = managed(tenant)
    assert after["organization"]["RejectDirectSend"] is True
    filtering = after["connection_filter"]
    # a network that was in place in another spelling is not written again; theirs stay
    assert filtering["IPAllowList"] == sorted(
        [
            "52.11.209.211",
            "158.51.64.0/26",
            "203.0.113.20/32",
            "198.51.100.0/25",
            "198.51.100.130/26",
            "192.0.2.1-192.0.2.50",
        ]
    )
    assert len(filtering["IPBlockList"]) == 2 and "192.0.2.200" not in filtering["IPBlockList"]
    assert (
        filtering["EnableSafeList"] is False
        and filtering["AdminDisplayName"] == 'Grüße, it\'s "ours"'
    )
    policies = named(after, "content_filter_policies")
    assert {
        name: policy["MarkAsSpamSpfRecordHardFail"]
        for name, policy in policies.items()
        if not name.startswith("Standard")
    } == {
        "Default": "Off",
        "Finance strict": "Off",
        "Retired 2022": "On",
    }
    for name, policy in named(before, "content_filter_policies").items():
        assert {**policy, "MarkAsSpamSpfRecordHardFail": ""} == {
            **policies[name],
            "MarkAsSpamSpfRecordHardFail": "",
        }
    connectors, previously = named(after, "inbound_connectors"), named(before, "inbound_connectors")
    ours, other = connectors.pop(OURS), connectors.pop(OTHER)
    assert sorted(connectors[THEIRS]["SenderDomains"]) == [
        "smtp:contoso.example;1",
        "smtp:fabrikam.example;1",
    ]
    connectors[THEIRS]["SenderDomains"] = previously[THEIRS]["SenderDomains"]
    assert connectors == previously
    expected = {
        "ConnectorType": "Partner",
        "Enabled": True,
        "Comment": "Inbound connector for Enhanced Filtering",
        "SenderDomains": ["smtp:*;1"],
        "SenderIPAddresses": sorted(NETWORKS),
        "RequireTls": True,
        "RestrictDomainsToIPAddresses": False,
        "EFSkipLastIP": True,
        "EFUsers": [],
        "AssociatedAcceptedDomains": ["northwind.example"],
    }
    assert {name: ours[name] for name in expected} == expected
    assert (
        other["Enabled"] is False
        and other["TlsSenderCertificateName"] == "*.fabrikam.example"
        and other["RestrictDomainsToCertificate"] is True
    )
    assert (
        other["EFSkipIPs"] == ["52.11.209.211"]
        and other["EFUsers"] == ["ceo@northwind.example"]
        and other["EFSkipLastIP"] is False
    )


def check_wire(lab: Lab, since: int) -> None:
    """Only what differs is sent, and shared lists as a difference."""
    sent = {
        (entry["cmdlet"], str(entry["parameters"].get("Identity"))): {
            name: value for name, value in entry["parameters"].items() if name != "Confirm"
        }
        for entry in lab.writes(since)
    }
    filtering = sent["Set-HostedConnectionFilterPolicy", "Default"]
    assert set(filtering) == {
        "Identity",
        "IPAllowList",
        "IPBlockList",
        "EnableSafeList",
        "AdminDisplayName",
    }
    assert sorted(filtering["IPAllowList"]["add"]) == ["158.51.64.0/26"] and filtering[
        "IPAllowList"
    ]["remove"] == ["203.0.113.10"]
    assert set(sent["Set-HostedContentFilterPolicy", "Default"]) == {
        "Identity",
        "MarkAsSpamSpfRecordHardFail",
    }
    assert set(sent["Set-InboundConnector", THEIRS]) == {"Identity", "SenderDomains"}
    assert set(sent["Set-InboundConnector", OURS]) == {
        "Identity",
        "EFSkipLastIP",
    }, "no users before, none wanted"


def check_values(applied: Played) -> None:
    """Return values are what a next task can go on with."""
    assert (
        applied["organization"]["reject_direct_send"] is True
        and applied["organization"]["is_dehydrated"] is False
    )
    assert applied["organization"]["pending"] is False
    assert "158.51.64.0/26" in applied["connection filter"]["policy"]["ip_allow_list"]
    assert [policy["name"] for policy in applied["content filter"]["policies"]] == [
        "Default",
        "Finance strict",
    ]
    assert (
        applied["connector"]["connector"]["name"] == OURS
        and applied["connector"]["plan"][0]["action"] == "create"
    )
    assert (
        applied["enhanced filtering"]["connector"]["skip_last_ip"] is True
        and applied["enhanced filtering"]["date"]
    )
    (change,) = applied["their connector"]["plan"][0]["changes"]
    assert change["add"] == ["fabrikam.example"] and change["remove"] == []


PRESET = "Standard Preset Security Policy1784144691483"
WRONG: dict[str, tuple[dict[str, dict[str, Any]], str]] = {
    "IPv6 in a connector": (
        {"o365_connector": {"name": OURS, "sender_ip_addresses": {"set": ["2405:8100:c400::/38"]}}},
        "no IPv6",
    ),
    "a /19 in a connector": (
        {"o365_connector": {"name": OURS, "sender_ip_addresses": {"set": ["104.30.32.0/19"]}}},
        "104.30.32.0/24 ... 104.30.63.0/24 (32 networks)",
    ),
    "a range in a connector": (
        {"o365_connector": {"name": OURS, "sender_ip_addresses": {"add": ["192.0.2.1-192.0.2.9"]}}},
        "takes no ranges",
    ),
    "no address at all": (
        {"o365_connector": {"name": OURS, "sender_ip_addresses": {"set": ["mail.example.com"]}}},
        "is not an IP address",
    ),
    "restricting to nobody": (
        {
            "o365_connector": {
                "name": OURS,
                "restrict_domains_to_ip_addresses": True,
                "sender_ip_addresses": {"set": []},
            }
        },
        "would refuse all mail",
    ),
    "address and certificate": (
        {
            "o365_connector": {
                "name": OURS,
                "tls_sender_certificate_name": "*.a.example",
                "sender_ip_addresses": {"add": ["52.11.209.211"]},
            }
        },
        "not by both",
    ),
    "on premises with partner's options": (
        {"o365_connector": {"name": OURS, "connector_type": "OnPremises", "require_tls": True}},
        "only to connector_type Partner",
    ),
    "added and removed": (
        {
            "o365_connection_filter": {
                "ip_allow_list": {"add": ["192.0.2.9"], "remove": ["192.0.2.9/32"]}
            }
        },
        "both added to and removed",
    ),
    "IPv6 in the allow list": (
        {"o365_connection_filter": {"ip_allow_list": {"add": ["2001:db8::1"]}}},
        "no IPv6",
    ),
    "a wide range": (
        {"o365_connection_filter": {"ip_block_list": {"add": ["192.0.2.0-192.0.3.0"]}}},
        "wider than /24",
    ),
    "a policy that is not there": (
        {"o365_connection_filter": {"identity": "Defualt", "enable_safe_list": True}},
        "There is no HostedConnectionFilterPolicy named 'Defualt'",
    ),
    "a preset's policy": (
        {"o365_content_filter": {"identity": PRESET, "mark_as_spam_spf_record_hard_fail": False}},
        "preset security policy",
    ),
    "an unknown policy": (
        {
            "o365_content_filter": {
                "identity": "None such",
                "mark_as_spam_spf_record_hard_fail": False,
            }
        },
        "named 'None such'",
    ),
    "filtering without a connector": (
        {"o365_enhanced_filtering": {"connector": "None such", "skip_last_ip": True}},
        "create it first with mailflow.area1.o365_connector",
    ),
    "both ways to skip": (
        {
            "o365_enhanced_filtering": {
                "connector": THEIRS,
                "skip_last_ip": True,
                "skip_ips": ["52.11.209.211"],
            }
        },
        "exclude each other",
    ),
    "a private address to skip": (
        {"o365_enhanced_filtering": {"connector": THEIRS, "skip_ips": ["10.0.0.1"]}},
        "is refused by Exchange Online",
    ),
    "an unknown section": ({"o365_mail_flow_info": {"sections": ["mailboxes"]}}, "mailboxes"),
    "an open directory": (
        {"o365_mail_flow_info": {"observation_path": "{{ open_directory }}/observation.json"}},
        "only this user can enter",
    ),
}


def test_refused_before_anything_is_written(running: Lab, tmp_path: Path) -> None:
    lab = running
    lab.reset("busy")
    since = lab.mark()
    given = [
        {**task, "ignore_errors": True}
        for task in tasks({name: options for name, (options, _) in WRONG.items()})
    ]
    (tmp_path / "open").mkdir(mode=0o755)
    variables = {"open_directory": str(tmp_path / "open")}
    played = play(tmp_path, given, {"exchange": exchange_defaults(lab, signed_in=True)}, variables)
    assert played.rc == 0, played.stdout
    assert played.failed == list(WRONG)
    for name, (_, words) in WRONG.items():
        assert words in played[name]["msg"], name
    assert lab.writes(since) == [] and secrets_in(lab, played.stdout) == []


def test_a_dehydrated_tenant_is_customized_once(running: Lab, tmp_path: Path) -> None:
    lab = running
    lab.reset("dehydrated")
    enable: dict[str, Any] = {"mailflow.area1.o365_organization": {}}
    since = lab.mark()
    exchange = exchange_defaults(lab, signed_in=True)
    checked = play(tmp_path, [{"name": "enable", **enable}], {"exchange": exchange}, check=True)
    assert (
        checked["enable"]["changed"]
        and checked["enable"]["is_dehydrated"] is False
        and lab.writes(since) == []
    )
    refused = {
        "name": "too early",
        "mailflow.area1.o365_connection_filter": {"ip_allow_list": {"add": NETWORKS}},
        "ignore_errors": True,
    }
    played = play(tmp_path, [refused, {"name": "enable", **enable}], {"exchange": exchange})
    assert played.failed == ["too early"] and "customiz" in played["too early"]["msg"].lower()
    assert played["enable"]["changed"] and played["enable"]["pending"] is True
    lab.advance(hours=25)
    since = lab.mark()
    later = play(
        tmp_path,
        [{"name": "enable", **enable}, {**refused, "name": "now"}],
        {"exchange": exchange_defaults(lab, signed_in=True)},
    )
    assert later.rc == 0 and later.changed == ["now"] and later["enable"]["pending"] is False, (
        later.stdout
    )
    assert [cmdlet for cmdlet, _ in written(lab, since)] == ["Set-HostedConnectionFilterPolicy"]


def test_a_bad_day(running: Lab, tmp_path: Path) -> None:
    """Throttled, broken off after the commit, and reads that lag: one write each, and the truth in
    the end.
    """
    lab = running
    lab.reset("busy")
    exchange = exchange_defaults(lab, signed_in=True)
    lab.faults(
        [
            {
                "service": "exchange",
                "match": "Set-HostedConnectionFilterPolicy",
                "kind": "throttle",
                "seconds": 1,
            },
            {"service": "exchange", "match": "New-InboundConnector", "kind": "drop_after_commit"},
            {
                "service": "exchange",
                "match": "Get-InboundConnector",
                "kind": "unavailable",
                "times": 1,
            },
        ]
    )
    since = lab.mark()
    given = {name: APPLY[name] for name in ("connection filter", "connector")}
    played = play(tmp_path, tasks(given), {"exchange": exchange})
    lab.faults([])
    assert played.rc == 0 and played.changed == list(given), played.stdout
    assert [item["Name"] for item in lab.state()["tenant"]["inbound_connectors"]].count(OURS) == 1
    done = [cmdlet for cmdlet, _ in written(lab, since)]
    assert done.count("New-InboundConnector") == 1, done
    assert "158.51.64.0/26" in lab.state()["tenant"]["connection_filter"]["IPAllowList"]
