# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record sets and their planner: canonical values, targets, TTL rules, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.contract import (
    Capabilities,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.planner import (
    WantedSet,
    check_expected,
    plan_set,
    target_of,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.rrset import (
    RecordSet,
    ancestors,
    mx_value,
    mx_wanted,
    txt_strings,
    txt_value,
    wanted_host,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.zone_file import zone_lines
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    Conflict,
    InputError,
)

ANY = Capabilities()
CLOUDFLARE = Capabilities(lowest_ttl=60, highest_ttl=86400, auto_ttl=True, auto_seconds=300)
OLD = RecordSet.of("a.example", "MX", ["0 old.example"], 3600)


def test_order_case_and_dot_are_of_no_account() -> None:
    left = RecordSet.of("A.Example.", "MX", ["20 B.example.", "5 a.EXAMPLE"], 300)
    assert left == RecordSet.of("a.example", "MX", ["5 a.example", "20 b.example"], 300)
    assert left.values == ("5 a.example", "20 b.example")


def test_priorities_sort_as_numbers() -> None:
    assert RecordSet.of("a.example", "MX", ["100 a.example", "20 b.example"]).values == (
        "20 b.example",
        "100 a.example",
    )


@pytest.mark.parametrize(
    "value", ["mail.example", "70000 mail.example", "-1 mail.example", "x mail.example", "1 a b"]
)
def test_a_malformed_value_is_refused(value: str) -> None:
    with pytest.raises(InputError):
        mx_value(value)


def test_the_null_mx_is_a_value() -> None:
    assert mx_value("0 .") == "0 ."


@pytest.mark.parametrize(
    ("records", "text"),
    [
        ([], "empty list"),
        (
            [{"priority": 5, "host": "a.example"}, {"priority": 9, "host": "A.example."}],
            "more than once",
        ),
        ([{"priority": 5, "host": "192.0.2.1"}], "not a full host name"),
        ([{"priority": 5, "host": "."}], "not a full host name"),
        ([{"priority": True, "host": "a.example"}], "not an MX priority"),
        ([{"priority": 65536, "host": "a.example"}], "not an MX priority"),
        ([{"preference": 5, "host": "a.example"}], "exactly priority and host"),
        ("5 a.example", "not a list"),
    ],
)
def test_bad_records_are_refused(records: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        mx_wanted(records, "contoso.example")


def test_priorities_may_be_strings() -> None:
    assert mx_wanted([{"priority": "5", "host": "A.example."}], "x") == ("5 a.example",)


@pytest.mark.parametrize(
    "name", ["", "localhost", "a..example", "-a.example", "a b.example", "ex*mple.com", "1.2.3.4"]
)
def test_what_is_no_host_name_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        wanted_host(name, "domain")


def test_ancestors_stop_above_the_top_level() -> None:
    assert ancestors("a.b.example") == ["a.b.example", "b.example"]
    assert ancestors("example") == ["example"]


@pytest.mark.parametrize("text", ["plain", 'with "quotes" and \\', "ü" * 200, "", "a" * 600])
def test_txt_survives_zone_file_form(text: str) -> None:
    assert txt_value(txt_strings(text)) == text


def test_replacing_keeps_the_ttl_unless_told() -> None:
    target = target_of("a.example", "MX", OLD, WantedSet(values=("5 new.example",)), ANY)
    assert target is not None and target.values == ("5 new.example",) and target.ttl == 3600


@pytest.mark.parametrize(
    ("ttl", "wanted", "can", "after"),
    [
        (3600, WantedSet(max_ttl=300), ANY, 300),
        (60, WantedSet(max_ttl=300), ANY, 60),
        (60, WantedSet(max_ttl=300), Capabilities(lowest_ttl=600), 60),
        (3600, WantedSet(max_ttl=300), Capabilities(lowest_ttl=600), 600),
        (600, WantedSet(max_ttl=300), Capabilities(lowest_ttl=600), 600),
        (60, WantedSet(ttl=300), ANY, 300),
        (3600, WantedSet(ttl=30), CLOUDFLARE, 60),
        (3600, WantedSet(ttl=604800), CLOUDFLARE, 86400),
        (3600, WantedSet(), ANY, 3600),
    ],
)
def test_ttl(ttl: int, wanted: WantedSet, can: Capabilities, after: int) -> None:
    observed = RecordSet.of("a.example", "MX", ["0 old.example"], ttl)
    target = target_of("a.example", "MX", observed, wanted, can)
    assert target is not None and target.ttl == after
    assert bool(plan_set(observed, target, "a.example")) == (after != ttl)


@pytest.mark.parametrize(
    "wanted",
    [WantedSet(ttl=60), WantedSet(max_ttl=60), WantedSet(values=("5 new.example",), ttl=600)],
)
def test_auto_is_left_as_auto(wanted: WantedSet) -> None:
    observed = RecordSet.of("a.example", "MX", ["0 old.example"], 300, True)
    target = target_of("a.example", "MX", observed, wanted, CLOUDFLARE)
    assert target is not None and target.auto_ttl and target.ttl == 300


def test_a_ttl_of_one_is_auto_where_there_is_such_a_thing() -> None:
    target = target_of("a.example", "MX", OLD, WantedSet(ttl=1), CLOUDFLARE)
    assert target is not None and target.auto_ttl
    plain = target_of("a.example", "MX", OLD, WantedSet(ttl=1), ANY)
    assert plain is not None and not plain.auto_ttl and plain.ttl == 1


def test_a_new_set_gets_a_low_ttl() -> None:
    target = target_of("a.example", "MX", None, WantedSet(values=("5 new.example",)), ANY)
    assert target is not None and target.ttl == 300
    plan = plan_set(None, target, "a.example")
    assert plan.action == "create" and plan.after() == {"records": ["5 new.example"], "ttl": 300}


def test_nothing_there_and_only_a_ttl_asked_for_is_nothing_to_do() -> None:
    assert target_of("a.example", "MX", None, WantedSet(max_ttl=300), ANY) is None
    assert not plan_set(None, None, "a.example")


def test_the_plan_tells_what_comes_and_goes() -> None:
    target = target_of("a.example", "MX", OLD, WantedSet(values=("5 new.example",), ttl=300), ANY)
    plan = plan_set(OLD, target, "a.example")
    assert plan.before() == {"records": ["0 old.example"], "ttl": 3600}
    assert plan.after() == {"records": ["5 new.example"], "ttl": 300}
    assert plan.changes[0].add == ("5 new.example",) and plan.changes[0].remove == (
        "0 old.example",
    )


def test_added_texts_join_what_is_there() -> None:
    observed = RecordSet.of("_x.a.example", "TXT", ["one"], 3600)
    target = target_of("_x.a.example", "TXT", observed, WantedSet(add=("two",)), ANY)
    assert target is not None and set(target.values) == {"one", "two"}


def test_expect() -> None:
    target = RecordSet.of("a.example", "MX", ["5 new.example"], 300)
    wanted = WantedSet(values=target.values, expect=("0 old.example",))
    check_expected("a.example", OLD, target, wanted)
    check_expected("a.example", target, target, wanted)
    with pytest.raises(Conflict, match="0 old.example"):
        check_expected(
            "a.example", RecordSet.of("a.example", "MX", ["9 foreign.example"], 60), target, wanted
        )
    with pytest.raises(Conflict):
        check_expected("a.example", OLD, target, WantedSet(values=target.values, expect=()))


def test_zone_lines() -> None:
    assert zone_lines(RecordSet.of("a.example", "MX", ["5 new.example", "10 b.example"], 300)) == [
        "a.example. 300 IN MX 5 new.example.",
        "a.example. 300 IN MX 10 b.example.",
    ]
    assert zone_lines(RecordSet.of("_x.a.example", "TXT", ['say "x"'], 300)) == [
        '_x.a.example. 300 IN TXT "say \\"x\\""'
    ]
