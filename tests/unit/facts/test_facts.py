# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The published facts: MX presets, egress networks, names, dispositions."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings, strategies as st

from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from ansible_collections.mailflow.area1.plugins.module_utils._facts import (
    connector_names as names,
    dispositions,
    egress_networks as networks,
    mail_hosts,
)

# As [CF-3] derives it.
EXCHANGE_ENTRIES = [
    "52.11.209.211",
    "52.89.255.11",
    "52.0.67.109",
    "54.173.50.115",
    *("104.30.%d.0/24" % number for number in range(32, 64)),
    "158.51.64.0/26",
    "158.51.65.0/26",
    "134.195.26.0/24",
    "134.195.27.0/24",
    "35.157.195.63",
    "52.58.35.43",
]


def public(address: int, prefix: int) -> str | None:
    """A network as an operator could give it, None where it is refused for good reason."""
    text = "%s/%d" % (ipaddress.ip_network((address, prefix), strict=False).network_address, prefix)
    try:
        networks.for_exchange([text])
    except InputError:
        return None
    return text


PUBLIC_NETWORKS = st.builds(
    public, st.integers(0x01000000, 0xDFFFFFFF), st.integers(16, 32)
).filter(bool)
LISTS = st.lists(PUBLIC_NETWORKS, min_size=1, max_size=6)


def union(entries: list[str]) -> list[ipaddress.IPv4Network]:
    return list(ipaddress.collapse_addresses(ipaddress.IPv4Network(entry) for entry in entries))


def test_published_list_becomes_the_42_entries() -> None:
    split = networks.for_exchange(networks.PUBLISHED)
    assert split.entries == EXCHANGE_ENTRIES and len(split.entries) == 42
    assert split.dropped == ["2405:8100:c400::/38"]
    assert split.split == ["104.30.32.0/19", "134.195.26.0/23"]
    assert "IPv6" in split.notice() and "104.30.32.0/19" in split.notice()


def test_digest_belongs_to_the_published_list() -> None:
    assert networks.digest(networks.PUBLISHED) == networks.PUBLISHED_DIGEST
    assert (
        networks.digest([*reversed(networks.PUBLISHED), "52.11.209.211/32"])
        == networks.PUBLISHED_DIGEST
    )
    assert networks.digest(networks.PUBLISHED[:-1]) != networks.PUBLISHED_DIGEST


@settings(max_examples=60, deadline=None)
@given(LISTS)
def test_split_covers_exactly_what_was_given(given_networks: list[str]) -> None:
    split = networks.for_exchange(given_networks)
    assert union(split.entries) == union(given_networks)
    assert all(ipaddress.IPv4Network(entry).prefixlen >= 24 for entry in split.entries)
    assert len(set(split.entries)) == len(split.entries)


@settings(max_examples=60, deadline=None)
@given(LISTS)
def test_split_is_idempotent_and_repetition_changes_nothing(given_networks: list[str]) -> None:
    once = networks.for_exchange(given_networks)
    again = networks.for_exchange(once.entries)
    assert again.entries == once.entries and again.split == [] and again.notice() == ""
    assert networks.for_exchange([*given_networks, *given_networks]).entries == once.entries


@settings(max_examples=60, deadline=None)
@given(LISTS, LISTS)
def test_superset_is_what_covers(left: list[str], right: list[str]) -> None:
    assert networks.is_superset([*left, *right], right)
    missing = networks.missing(left, right)
    assert networks.is_superset([*left, *missing], right)
    assert networks.is_superset(left, right) == (union([*left, *right]) == union(left))


def test_override_is_compared_with_the_published_ipv4_only() -> None:
    assert networks.is_superset([*EXCHANGE_ENTRIES, "192.0.2.0/24"])
    assert networks.missing(EXCHANGE_ENTRIES[1:]) == ["52.11.209.211"]
    assert networks.missing([entry for entry in EXCHANGE_ENTRIES if entry != "104.30.40.0/24"]) == [
        "104.30.32.0/19"
    ]


@pytest.mark.parametrize(
    "refused",
    [
        "10.1.2.0/24",
        "192.168.0.1",
        "127.0.0.1",
        "169.254.1.1",
        "100.64.0.0/16",
        "224.0.0.5",
        "0.0.0.0/0",
        "172.0.0.0/15",
        "8.0.0.0/8",
        "fd00::/48",
        "fe80::1",
        "rubbish",
        "10.0.0.0-10.0.0.9",
    ],
)
def test_private_reserved_and_absurd_networks_are_refused(refused: str) -> None:
    with pytest.raises(InputError) as caught:
        networks.for_exchange([refused, "52.11.209.211"])
    assert caught.value.hint


def test_ranges_masks_and_host_bits_are_understood() -> None:
    split = networks.for_exchange(
        ["52.11.209.211/32", "158.51.64.9/26", "198.51.100.0-198.51.100.3"]
    )
    assert split.entries == ["52.11.209.211", "158.51.64.0/26", "198.51.100.0/30"]


def test_only_ipv6_is_no_list_for_exchange() -> None:
    with pytest.raises(InputError, match="no IPv4"):
        networks.for_exchange(["2405:8100:c400::/38"])


def test_presets_as_printed() -> None:
    assert [tuple(record.values()) for record in mail_hosts.records_for("us")] == [
        (5, "mailstream-central.mxrecord.mx"),
        (10, "mailstream-east.mxrecord.io"),
        (10, "mailstream-west.mxrecord.io"),
    ]
    assert mail_hosts.records_for("EU") == [
        {"priority": 5, "host": "mailstream-eu1.mxrecord.io"},
        {"priority": 10, "host": "mailstream-central.mxrecord.mx"},
        {"priority": 20, "host": "mailstream-east.mxrecord.io"},
        {"priority": 20, "host": "mailstream-west.mxrecord.io"},
    ]
    assert mail_hosts.records_for("global") == [
        {"priority": 10, "host": "mxa.global.inbound.cf-emailsecurity.net"},
        {"priority": 10, "host": "mxb.global.inbound.cf-emailsecurity.net"},
    ]
    single = {
        "india": "mailstream-bom.mxrecord.mx",
        "india_primary": "mailstream-india-primary.mxrecord.mx",
        "asia": "mailstream-asia.mxrecord.mx",
        "australia": "mailstream-syd.area1.cloudflare.net",
        "australia_primary": "mailstream-australia-primary.area1.cloudflare.net",
    }
    for location, host in single.items():
        assert mail_hosts.records_for(location) == [{"priority": 5, "host": host}]
    assert set(mail_hosts.LOCATIONS) == {"us", "eu", "global", *single}


def test_every_host_of_the_tutorial_is_in_a_preset_and_described() -> None:
    used = {host for preset in mail_hosts.PRESETS.values() for _priority, host in preset.records}
    assert used == set(mail_hosts.HOSTS) | set(mail_hosts.CURRENT_HOSTS)
    assert len(mail_hosts.HOSTS) == 9
    assert all(entry.location and entry.note for entry in mail_hosts.HOSTS.values())
    assert "no redundancy" in mail_hosts.HOSTS["mailstream-bom.mxrecord.mx"].note


@pytest.mark.parametrize("location", mail_hosts.LOCATIONS)
def test_default_regions_are_allowed(location: str) -> None:
    regions = mail_hosts.regions_for(location)
    assert regions and mail_hosts.regions_for(location, regions) == regions
    assert set(regions) <= set(mail_hosts.REGIONS)


@pytest.mark.parametrize(
    ("location", "given_regions"),
    [
        ("us", ["DE"]),
        ("us", ["GLOBAL"]),
        ("india", ["IN", "US"]),
        ("australia", ["GLOBAL"]),
        ("eu", ["US"]),
        ("eu", ["AU", "DE"]),
        ("global", ["DE"]),
    ],
)
def test_regions_that_contradict_the_location_are_refused(
    location: str, given_regions: list[str]
) -> None:
    with pytest.raises(InputError, match="contradicts") as caught:
        mail_hosts.regions_for(location, given_regions)
    assert mail_hosts.PRESETS[location].regions[0] in caught.value.hint


def test_regions_given_by_hand() -> None:
    assert mail_hosts.regions_for("eu", ["de"]) == ["DE"]
    assert mail_hosts.regions_for(None, ["au", "AU"]) == ["AU"]
    assert mail_hosts.regions_for(None) == ["GLOBAL"]
    with pytest.raises(InputError, match="MARS"):
        mail_hosts.regions_for("eu", ["MARS"])


def test_unknown_location_names_the_known_ones() -> None:
    with pytest.raises(InputError) as caught:
        mail_hosts.records_for("mars")
    assert "australia_primary" in caught.value.hint


@pytest.mark.parametrize(
    "host", [*mail_hosts.HOSTS, *mail_hosts.CURRENT_HOSTS, "MXA.DE.inbound.cf-emailsecurity.net."]
)
def test_hosts_of_area1_are_recognised(host: str) -> None:
    assert mail_hosts.is_area1_host(host) and not mail_hosts.is_microsoft_host(host)


@pytest.mark.parametrize(
    "host",
    ["route1.mx.cloudflare.net", "mxrecord.io", "x.mxrecord.io.example.com", "contoso.com", ""],
)
def test_other_hosts_are_not_area1(host: str) -> None:
    assert not mail_hosts.is_area1_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "contoso-com.mail.protection.outlook.com",
        "Contoso-com.a-v1.MX.Microsoft.",
        "x.mail.protection.office365.us",
        "x.mail.protection.partner.outlook.cn",
    ],
)
def test_hosts_of_microsoft_are_recognised(host: str) -> None:
    assert mail_hosts.is_microsoft_host(host) and not mail_hosts.is_area1_host(host)


def test_names_of_the_tutorial_and_of_today_are_recognised() -> None:
    assert (names.CONNECTOR_NAME, names.CONNECTOR_COMMENT) == (
        "Area 1 Inbound Connector",
        "Inbound connector for Enhanced Filtering",
    )
    assert (names.LOCKDOWN_NAME, names.LOCKDOWN_COMMENT) == (
        "Secure O365 Inbound",
        "Only accept inbound email from Area 1",
    )
    assert names.purpose_of("email security inbound connector") == names.ENHANCED_FILTERING
    assert names.purpose_of("Secure M365 Inbound") == names.LOCKDOWN
    assert names.purpose_of("Mimecast") is None and names.purpose_of(None) is None
    assert (
        names.purpose_of_comment(
            "Only accept inbound email from Area 1. [mailflow.area1: staged ...]"
        )
        == names.LOCKDOWN
    )
    assert (
        names.purpose_of_comment("Inbound connector for Enhanced Filtering")
        == names.ENHANCED_FILTERING
    )
    assert names.purpose_of_comment("") is None
    assert names.known_names(names.LOCKDOWN) == ["Secure O365 Inbound", "Secure M365 Inbound"]


def test_spam_is_uce_in_the_header() -> None:
    assert dispositions.header_word("spam") == "UCE" and dispositions.api_word("UCE") == "SPAM"
    assert dispositions.check_dispositions(["uce", "SPAM", "bulk"]) == ["SPAM", "BULK"]
    with pytest.raises(InputError) as caught:
        dispositions.check_dispositions(["RUBBISH"])
    assert "MALICIOUS-BEC" in caught.value.hint
