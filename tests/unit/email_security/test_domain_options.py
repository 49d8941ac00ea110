# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wanted of a domain, and the plan: pure."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given, settings, strategies as st

from ansible_collections.mailflow.area1.plugins.module_utils._email_security import (
    domain_options as subject,
)
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.domain_options import (
    Rules,
    Wish,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from ansible_collections.mailflow.area1.plugins.module_utils._facts.dispositions import (
    API_WORDS,
    check_dispositions,
)
from ansible_collections.mailflow.area1.plugins.module_utils._facts.mail_hosts import (
    REGIONS,
    check_regions,
    is_area1_host,
)

RULES = Rules(check_regions, check_dispositions, is_area1_host)
HOST = "contoso-com.mail.protection.outlook.com"


def wishes(domains: t.Any, **params: t.Any) -> list[Wish]:
    given_params = {
        "lookback_hops": 1,
        "require_tls_outbound": True,
        "ip_restrictions": [],
        "domains": domains,
        **params,
    }
    return subject.wishes(given_params, RULES)


def in_place(**fields: t.Any) -> dict[str, t.Any]:
    return {
        "id": "1",
        "domain": "contoso.com",
        "allowed_delivery_modes": ["DIRECT"],
        "lookback_hops": 1,
        "transport": HOST,
        "require_tls_outbound": True,
        "ip_restrictions": [],
        "regions": ["GLOBAL"],
        "drop_dispositions": ["SPAM"],
        **fields,
    }


def test_names_maps_and_text_are_domains() -> None:
    names = [
        wish.name
        for wish in wishes(
            ["Contoso.COM.", {"name": "b.example"}, "c.example\nd.example, e.example"],
            forward_to=HOST,
        )
    ]
    assert names == ["contoso.com", "b.example", "c.example", "d.example", "e.example"]


def test_a_domains_own_settings_win() -> None:
    (wish,) = wishes(
        [
            {
                "name": "contoso.com",
                "forward_to": "Own.mx.microsoft.",
                "regions": "de,us",
                "drop_dispositions": [],
                "dns_provider": "RFC2136",
            }
        ],
        forward_to=HOST,
        regions=["AU"],
        drop_dispositions=["SPAM"],
        dns_provider="cloudflare",
    )
    assert (wish.forward_to, wish.regions, wish.drop_dispositions, wish.dns_provider) == (
        "own.mx.microsoft",
        ("DE", "US"),
        (),
        "rfc2136",
    )


def test_keys_of_other_modules_pass_and_misspelt_ones_do_not() -> None:
    assert wishes([{"name": "contoso.com", "canary": True, "records": []}], forward_to=HOST)
    with pytest.raises(InputError, match="foward_to") as caught:
        wishes([{"name": "contoso.com", "foward_to": HOST}])
    assert "forward_to" in caught.value.hint


@pytest.mark.parametrize(
    ("domains", "params", "said"),
    [
        ([], {}, "empty"),
        (["contoso"], {}, "not a name"),
        (["https://contoso.com"], {}, "not a name"),
        ([{"forward_to": HOST}], {}, "not a name"),
        ([{"name": "a.example", "regions": ["DE"]}, "a.example"], {}, "twice"),
        (["a.example"], {"forward_to": "203.0.113.9"}, "not a name"),
        (["a.example"], {"forward_to": "mx:25"}, "not a name"),
        (["a.example"], {"forward_to": "A.Example."}, "own name"),
        (["a.example"], {"forward_to": "mailstream-syd.area1.cloudflare.net"}, "circle"),
        (["a.example"], {"forward_to": "mxa.de.inbound.cf-emailsecurity.net."}, "circle"),
        (["a.example"], {"regions": ["EU"]}, "EU"),
        (["a.example"], {"drop_dispositions": ["EVIL"]}, "EVIL"),
        (["a.example"], {"lookback_hops": 21}, "1 to 20"),
        (["a.example"], {"ip_restrictions": ["nonsense"]}, "nonsense"),
        (["a.example"], {"ip_restrictions": ["192.0.2.1-192.0.2.9"]}, "range"),
    ],
)
def test_what_cannot_be_right_is_refused_with_a_way_out(
    domains: t.Any, params: dict[str, t.Any], said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        wishes(domains, **params)
    assert caught.value.hint


def test_a_name_given_twice_alike_counts_once() -> None:
    assert len(wishes(["a.example", "A.example."], forward_to=HOST)) == 1


def test_a_new_domain_has_all_that_the_api_requires() -> None:
    (wish,) = wishes(["contoso.com"], forward_to=HOST)
    plan = subject.plan_domain(wish, None, is_area1_host)
    assert plan.action == "create"
    assert subject.create_body(wish, plan) == {
        "domain": "contoso.com",
        "allowed_delivery_modes": ["DIRECT"],
        "lookback_hops": 1,
        "transport": HOST,
        "require_tls_outbound": True,
        "ip_restrictions": [],
        "regions": ["GLOBAL"],
        "drop_dispositions": [],
    }


def test_update_holds_the_changed_fields_and_the_restrictions() -> None:
    (wish,) = wishes(["contoso.com"], drop_dispositions=["MALICIOUS"])
    observed = in_place(ip_restrictions=None)
    plan = subject.plan_domain(wish, observed, is_area1_host)
    assert subject.update_body(observed, plan) == {
        "ip_restrictions": [],
        "drop_dispositions": ["MALICIOUS"],
    }


@pytest.mark.parametrize(
    "same",
    [
        {"transport": HOST.upper() + "."},
        {"drop_dispositions": ["spam"]},
        {"lookback_hops": "1"},
        {"ip_restrictions": None},
        {"allowed_delivery_modes": ["API", "DIRECT"]},
        {"unknown_field": {"of": "tomorrow"}},
    ],
)
def test_the_same_in_other_words_is_no_change(same: dict[str, t.Any]) -> None:
    (wish,) = wishes(
        ["contoso.com"], forward_to=HOST, drop_dispositions=["SPAM"], regions=["global"]
    )
    assert not subject.plan_domain(wish, in_place(**same), is_area1_host)


@pytest.mark.parametrize(
    ("observed", "changed"),
    [
        (in_place(drop_dispositions=["MALICIOUS", "SPOOF", "SPAM"]), False),
        # one without the other: the service forces neither
        (in_place(drop_dispositions=["MALICIOUS", "SPOOF"]), True),
        (in_place(drop_dispositions=["SPAM", "SPOOF"]), True),
        (in_place(drop_dispositions=["SPOOF", "BULK"]), True),
        (in_place(drop_dispositions=["MALICIOUS", "SPAM"]), True),
        (in_place(drop_dispositions=["SPOOF", "SPAM"], allowed_delivery_modes=["API"]), True),
    ],
)
def test_only_what_the_service_may_force_is_left_to_it(observed: t.Any, changed: bool) -> None:
    (wish,) = wishes(["contoso.com"], drop_dispositions=["SPOOF"])
    assert (
        "drop_dispositions" in subject.plan_domain(wish, observed, is_area1_host).after()
    ) is changed


@pytest.mark.parametrize("field", ["lookback_hops", "require_tls_outbound"])
def test_absent_is_not_told_but_null_is_a_value(field: str) -> None:
    (wish,) = wishes(["contoso.com"])
    without = {key: value for key, value in in_place().items() if key != field}
    assert not subject.plan_domain(wish, without, is_area1_host) and subject.untold(
        wish, without
    ) == [field]
    assert set(subject.plan_domain(wish, in_place(**{field: None}), is_area1_host).after()) == {
        field
    }
    assert set(
        subject.plan_domain(
            wish, {**without, "ip_restrictions": ["192.0.2.0/24"]}, is_area1_host
        ).after()
    ) == {field, "ip_restrictions"}


@pytest.mark.parametrize("observed", [None, in_place(transport=None), in_place(transport="")])
def test_a_domain_without_a_forwarding_host_is_refused(observed: t.Any) -> None:
    (wish,) = wishes(["contoso.com"])
    with pytest.raises(InputError, match="no forwarding host"):
        subject.plan_domain(wish, observed, is_area1_host)


def test_a_loop_that_is_in_place_already_is_refused() -> None:
    (wish,) = wishes(["contoso.com"])
    with pytest.raises(InputError, match="circle"):
        subject.plan_domain(wish, in_place(transport="mailstream-eu1.mxrecord.io"), is_area1_host)


OBSERVED = st.one_of(
    st.none(),
    st.builds(
        in_place,
        transport=st.sampled_from([HOST, "old.example.net", None]),
        regions=st.lists(st.sampled_from(REGIONS), unique=True),
        drop_dispositions=st.lists(st.sampled_from(API_WORDS), unique=True),
        allowed_delivery_modes=st.lists(st.sampled_from(["DIRECT", "API", "BCC"]), unique=True),
        ip_restrictions=st.sampled_from([None, [], ["192.0.2.0/24"]]),
        require_tls_outbound=st.sampled_from([True, False, None]),
    ),
)


@settings(max_examples=80, deadline=None)
@given(
    OBSERVED,
    st.one_of(st.none(), st.lists(st.sampled_from(REGIONS), min_size=1)),
    st.one_of(st.none(), st.lists(st.sampled_from(API_WORDS))),
)
def test_plan_after_apply_is_empty(observed: t.Any, regions: t.Any, words: t.Any) -> None:
    (wish,) = wishes(["contoso.com"], forward_to=HOST, regions=regions, drop_dispositions=words)
    plan = subject.plan_domain(wish, observed, is_area1_host)
    after = subject.predicted(wish, observed, plan)
    assert not subject.plan_domain(wish, after, is_area1_host)
    if observed is None:
        assert "id" not in after and set(after) == set(subject.create_body(wish, plan))
    else:
        assert set(observed["allowed_delivery_modes"]) <= set(after["allowed_delivery_modes"])
        assert regions is not None or after["regions"] == observed["regions"]
        assert words is not None or after["drop_dispositions"] == observed["drop_dispositions"]
