# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restore after apply is the identity, merged with what others did in between: random tenants,
random deployments, random edits.
"""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings, strategies as st

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import record_set
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.rollback import (
    plan as rollback,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.values import as_list
from tests.unit.cutover.past_worlds import HARD, after, before, held, undone
from tests.unit.cutover.worlds import NEW, OLD, ONE, TWO, connector, records, wanted

EGRESS = wanted().egress
FOREIGN = ["198.51.100.%d" % number for number in range(1, 6)]
addresses = st.lists(st.sampled_from([*EGRESS[:4], *FOREIGN]), unique=True)
sets = st.sampled_from(
    [
        OLD[ONE],
        [(10, "mx.one.example"), (20, "mx.two.example")],
        [(5, "mailstream-bom.mxrecord.mx")],
    ]
)
ttls = st.sampled_from([60, 300, 600, 3600, 86400])


@settings(deadline=None, max_examples=40)
@given(before_us=addresses, added=addresses, removed=addresses)
def test_the_allow_list(before_us: list[str], added: list[str], removed: list[str]) -> None:
    """Entries that others added or took away since stay so; of ours none is left that was not there
    before.
    """
    past, found = before(), after()
    past["connection_filter"][0]["IPAllowList"] = list(before_us)
    applied = [*before_us, *(item for item in EGRESS if item not in before_us)]
    theirs = [item for item in added if item in FOREIGN]
    now = [
        *(item for item in applied if item not in removed),
        *(item for item in theirs if item not in applied),
    ]
    found["connection_filter"][0]["IPAllowList"] = now
    undoing = rollback.plan(undone(found, past))
    ended = [item for item in now if item not in undoing.allow_list]
    kept = {item for item in before_us if item not in removed}
    assert set(ended) == kept | {
        item for item in theirs if item not in removed or item not in applied
    }
    found["connection_filter"][0]["IPAllowList"] = ended
    assert rollback.plan(undone(found, past)).allow_list == [], "once is enough"


@settings(deadline=None, max_examples=40)
@given(then=sets, ttl=ttls, edit=st.none() | sets, moved=st.booleans(), auto=st.booleans())
def test_mx_sets(
    then: list[tuple[int, str]],
    ttl: int,
    edit: list[tuple[int, str]] | None,
    moved: bool,
    auto: bool,
) -> None:
    """Back to the baseline's set where ours stands there; never to an empty one; never over
    somebody's.
    """
    past, found = before(), after(moved=moved)
    past["dns_provider"][ONE] = held(then, ttl, auto=auto)
    present = edit if edit is not None else (NEW if moved else then)
    found["dns_provider"][ONE] = held(present, ttl if auto else min(ttl, 300), auto=auto)
    undoing = rollback.plan(undone(found, past))
    (state,) = [item for item in undoing.mx if item.name == ONE]
    assert all(item.records for item in undoing.away())
    if record_set(records(present)) == record_set(records(then)):
        assert state.state == "back" and (state.ttl is None or state.ttl == ttl > 300)
    elif record_set(records(present)) == record_set(records(NEW)):
        assert (
            state.state == "away"
            and list(state.records) == records(then)
            and (state.ttl or 0) <= min(300, ttl)
        )
    else:
        assert state.state == "left" and any(item.object == ONE for item in undoing.left)


PROPERTIES = {
    "Comment": st.sampled_from([None, "", "Gateway 2019", "Mine"]),
    "ConnectorType": st.sampled_from(["Partner", "OnPremises"]),
    "Enabled": st.booleans(),
    "SenderDomains": st.sampled_from(
        [["smtp:*;1"], ["contoso.example"], ["smtp:contoso.example;1", "fabrikam.example"]]
    ),
    "RequireTls": st.sampled_from([None, False, True]),
    "EFSkipLastIP": st.booleans(),
    "EFUsers": st.sampled_from([[], None, ["ceo@northwind.example"]]),
}
OPTIONS = {
    "comment": "Comment",
    "connector_type": "ConnectorType",
    "enabled": "Enabled",
    "sender_domains": "SenderDomains",
    "require_tls": "RequireTls",
    "restrict_domains_to_ip_addresses": "RestrictDomainsToIPAddresses",
    "skip_last_ip": "EFSkipLastIP",
    "users": "EFUsers",
}
OURS: dict[str, Any] = {
    "Comment": "Inbound connector for Enhanced Filtering",
    "ConnectorType": "Partner",
    "Enabled": True,
    "SenderDomains": ["smtp:*;1"],
    "RequireTls": True,
    "EFSkipLastIP": True,
    "EFUsers": [],
}


@settings(deadline=None, max_examples=40)
@given(
    then=st.fixed_dictionaries(PROPERTIES),
    edits=st.fixed_dictionaries({}, optional=PROPERTIES),
    mine=addresses,
)
def test_an_adopted_connector(then: dict[str, Any], edits: dict[str, Any], mine: list[str]) -> None:
    past, found = before(), after()
    past["inbound_connectors"] = [connector(mine, **then)]
    applied = connector([*mine, *(item for item in EGRESS if item not in mine)], **OURS)
    now = {**applied, **edits}
    found["inbound_connectors"] = [now]
    undoing = rollback.plan(undone(found, past))
    ended = copy.deepcopy(now)
    for item in undoing.connectors:
        for option, value in {**item["connector"], **item["filtering"]}.items():
            if option == "sender_ip_addresses":
                ended["SenderIPAddresses"] = [
                    entry for entry in ended["SenderIPAddresses"] if entry not in value["remove"]
                ]
            else:
                ended[OPTIONS[option]] = value
    for name, value in then.items():
        wanted_value = (
            edits[name] if name in edits and not _same(name, edits[name], OURS[name]) else value
        )
        assert _same(name, ended[name], wanted_value), name
    assert set(ended["SenderIPAddresses"]) == set(mine)
    found["inbound_connectors"] = [ended]
    assert rollback.plan(undone(found, past)).connectors == [], "once is enough"


def _same(name: str, left: Any, right: Any) -> bool:
    if name in ("SenderDomains", "EFUsers"):
        return {_domain(item) for item in as_list(left)} == {
            _domain(item) for item in as_list(right)
        }
    if name in ("RequireTls", "Enabled", "EFSkipLastIP"):
        return bool(left) is bool(right)
    return (left or "") == (right or "")


def _domain(value: str) -> str:
    return value.removeprefix("smtp:").split(";")[0]


@settings(deadline=None, max_examples=40)
@given(then=st.sampled_from(["On", "Off", None]), now=st.sampled_from(["On", "Off", None]))
def test_hard_fail(then: str | None, now: str | None) -> None:
    past, found = before(), after()
    past["content_filter"][0][HARD], found["content_filter"][0][HARD] = then, now
    touched = [
        item
        for item in rollback.plan(undone(found, past)).policies
        if item["identity"] == "Default"
    ]
    assert bool(touched) is (then == "On" and now == "Off")
    assert TWO and all(item["mark_as_spam_spf_record_hard_fail"] is True for item in touched)
