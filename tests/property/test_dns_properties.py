# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Laws of the record-set planner and of Cloudflare's batch."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.cloudflare import (
    batch,
    record_set,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.contract import (
    Capabilities,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.planner import (
    WantedSet,
    plan_set,
    target_of,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.rrset import (
    RecordSet,
    mx_wanted,
    txt_strings,
    txt_value,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError

NAME = "contoso.example"
HOSTS = ["a.example", "b.example", "c.example", "mx1.example", "mx2.example", "mail.example"]

values = st.builds("{} {}".format, st.integers(0, 20), st.sampled_from(HOSTS))
value_sets = st.sets(values, min_size=1, max_size=5)
ttls = st.integers(1, 200000)
capabilities = st.sampled_from(
    [
        Capabilities(),
        Capabilities(lowest_ttl=60, highest_ttl=86400, auto_ttl=True),
        Capabilities(lowest_ttl=600),
    ]
)
sets = st.builds(
    lambda found, ttl, auto: RecordSet.of(NAME, "MX", found, 300 if auto else ttl, auto),
    value_sets,
    ttls,
    st.booleans(),
)
maybe_sets = st.none() | sets
one_host_each = st.dictionaries(st.sampled_from(HOSTS), st.integers(0, 20), min_size=1, max_size=5)
wanted_values = one_host_each.map(
    lambda found: tuple("%d %s" % (priority, host) for host, priority in found.items())
)
ttl_wishes = st.fixed_dictionaries({}, optional={"ttl": ttls}) | st.fixed_dictionaries(
    {}, optional={"max_ttl": ttls}
)
wishes = st.builds(
    lambda found, ttl: WantedSet(values=found, **ttl), st.none() | wanted_values, ttl_wishes
)


@given(maybe_sets, wishes, capabilities)
def test_the_plan_after_its_own_target_is_empty(
    observed: RecordSet | None, wanted: WantedSet, can: Capabilities
) -> None:
    target = target_of(NAME, "MX", observed, wanted, can)
    assert not plan_set(target, target_of(NAME, "MX", target, wanted, can), NAME)


@given(maybe_sets, wishes, capabilities)
def test_no_target_is_ever_empty(
    observed: RecordSet | None, wanted: WantedSet, can: Capabilities
) -> None:
    target = target_of(NAME, "MX", observed, wanted, can)
    assert (target is None) == (observed is None and wanted.values is None)
    assert target is None or target.values


@given(sets, ttls, capabilities)
def test_max_ttl_never_raises_and_touches_no_record(
    observed: RecordSet, limit: int, can: Capabilities
) -> None:
    target = target_of(NAME, "MX", observed, WantedSet(max_ttl=limit), can)
    assert (
        target is not None
        and target.values == observed.values
        and target.auto_ttl == observed.auto_ttl
    )
    assert observed.ttl is not None and target.ttl is not None and target.ttl <= observed.ttl


def _respell(value: str, data: st.DataObject) -> str:
    priority, host = value.split(" ")
    host = "".join(letter.upper() if data.draw(st.booleans()) else letter for letter in host)
    return "%s %s%s" % (priority, host, data.draw(st.sampled_from(["", "."])))


@given(value_sets, st.data())
def test_order_case_and_dot_make_no_difference(found: set[str], data: st.DataObject) -> None:
    spelled = [_respell(value, data) for value in data.draw(st.permutations(sorted(found)))]
    assert RecordSet.of(NAME, "MX", spelled, 300) == RecordSet.of(
        NAME.upper() + ".", "MX", found, 300
    )


@given(one_host_each, st.sampled_from(HOSTS))
def test_a_host_named_twice_is_refused(found: dict[str, int], host: str) -> None:
    records = [{"priority": priority, "host": name} for name, priority in found.items()]
    twice = [*records, {"priority": 99, "host": host.upper() + "."}]
    if host in found:
        with pytest.raises(InputError):
            mx_wanted(twice, NAME)
    else:
        assert len(mx_wanted(twice, NAME)) == len(found) + 1


@given(
    st.text(max_size=700)
    .filter(lambda text: "\0" not in text)
    .map(lambda text: text.encode("utf-8", "ignore").decode())
)
def test_a_text_survives_its_zone_file_form(text: str) -> None:
    assert txt_value(txt_strings(text)) == text


def _records(observed: RecordSet) -> list[dict[str, Any]]:
    return [
        {
            "id": "r%d" % index,
            "type": "MX",
            "name": NAME,
            "content": value.split()[1],
            "priority": int(value.split()[0]),
            "ttl": observed.ttl,
        }
        for index, value in enumerate(observed.values)
    ]


def _moments(
    records: list[dict[str, Any]], body: dict[str, list[dict[str, Any]]]
) -> list[list[dict[str, Any]]]:
    """The record sets that follow each other while Cloudflare carries a batch out: deletes,
    patches, puts, posts.
    """
    current = {record["id"]: dict(record) for record in records}
    moments = [list(current.values())]
    for gone in body["deletes"]:
        del current[gone["id"]]
        moments.append(list(current.values()))
    for patch in body["patches"]:
        current[patch["id"]] = {**current[patch["id"]], **patch}
        moments.append(list(current.values()))
    for number, record in enumerate(body["posts"]):
        current["new%d" % number] = {"id": "new%d" % number, **record}
        moments.append(list(current.values()))
    return moments


@given(value_sets, wanted_values, st.integers(60, 86400), st.integers(60, 86400))
def test_a_batch_ends_at_its_target_and_is_never_thin(
    old: set[str], new: tuple[str, ...], old_ttl: int, new_ttl: int
) -> None:
    observed = RecordSet.of(NAME, "MX", old, old_ttl)
    wanted = RecordSet.of(NAME, "MX", new, new_ttl)
    records = _records(observed)
    body = batch(records, wanted)
    moments = _moments(records, body)
    assert record_set(NAME, "MX", moments[-1], None) == wanted
    assert min(len(moment) for moment in moments) == min(len(old), len(wanted.values))
    assert not any(batch(moments[-1], wanted).values())


@given(value_sets, wanted_values)
def test_a_record_whose_value_stays_is_left_alone(old: set[str], new: tuple[str, ...]) -> None:
    observed = RecordSet.of(NAME, "MX", old, 300)
    records = _records(observed)
    body = batch(records, RecordSet.of(NAME, "MX", new, 300))
    touched = {change["id"] for key in ("deletes", "patches") for change in body[key]}
    stays = set(observed.values) & set(new)
    assert not [
        record
        for record in records
        if "%d %s" % (record["priority"], record["content"]) in stays and record["id"] in touched
    ]
